"""Setting an outstation's clock (IEEE 1815-2012, 10.3.3)."""

from __future__ import annotations

from py1815.application import FunctionCode
from py1815.master import requests
from py1815.master.timesync import LAN, TimeSync

from ortsnetz_edge.clock import Clock
from ortsnetz_edge.drivers.dnp3.station import Station

_NS_PER_MS = 1_000_000


async def set_clock(station: Station, clock: Clock) -> None:
    """Set the clock by the procedure for local networks; by a plain write where that is refused.

    Raises:
        DriverError: there is no answer.
    """

    def now_ms() -> int:
        return clock.now_ns() // _NS_PER_MS

    plan = TimeSync(LAN, clock_ms=now_ms)
    done = await station.carry_out(plan)
    if not plan.result(done).accepted:
        await station.ask(FunctionCode.WRITE, requests.write_time(now_ms()))
