"""Setting an outstation's clock (IEEE 1815-2012, 10.3.3)."""

from __future__ import annotations

from py1815.application import FunctionCode, IINBit
from py1815.master import requests
from py1815.master.timesync import LAN, TimeSync

from ortsnetz_edge.clock import Clock
from ortsnetz_edge.drivers.dnp3.station import Station

CLOCK_AGAIN_S = 60.0
"""An outstation that goes on needing the time gets it this often."""
_NS_PER_MS = 1_000_000


class Timekeeper:
    """Gives an outstation the time when it asks for it (IIN1.4).

    Attributes:
        wanted: whether somebody wants its clock to be set.
    """

    def __init__(self, station: Station, clock: Clock) -> None:
        self.wanted = False
        self._station, self._clock = station, clock
        self._set_at = float("-inf")

    async def give(self) -> None:
        """Set the clock if that is wanted and asked for, and was not done lately.

        Raises:
            DriverError: there is no answer.
        """
        now = self._clock.monotonic()
        asked = self.wanted and self._station.indicates(IINBit.NEED_TIME)
        if asked and now - self._set_at >= CLOCK_AGAIN_S:
            self._set_at = now
            await set_clock(self._station, self._clock)
            self._station.counters["clocks_set"] += 1


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
