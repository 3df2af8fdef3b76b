"""A DNP3 outstation (RTU) that serves several devices of the plant as bays.

py1815 on the wire: analog inputs of 32 bits with flags, changes as events with the device's time,
analog outputs with read-back, device attributes. docs/register-maps.md has the map.
"""

from __future__ import annotations

import math
import ssl
from collections.abc import Sequence

from py1815.events import EventBuffers, EventClass

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_hil.servers.dnp3_bay import LIMIT, Bay, Owner
from ortsnetz_hil.servers.dnp3_points import MAKER, MODEL, SERIAL, StationPoints
from ortsnetz_hil.servers.dnp3_server import StationServer, StationSession

ADDRESS = 1024
MAKER_TEXT, MODEL_TEXT = "Ortsnetz bench", "RTU"
CAPACITY = 2000
"""Events a class holds; older ones are lost, and the outstation says so."""
_ROUNDING_S = 1e-6  # of the plant's clock
_NS_PER_MS = 1_000_000


class Dnp3Station:
    """A station of several devices behind one port.

    Attributes:
        bays: its devices, in the order of their bays.
        times_set: instants that masters have written, UTC ms.
    """

    def __init__(
        self,
        owners: Sequence[Owner],
        *,
        name: str = "rtu",
        address: int = ADDRESS,
        unsolicited: bool = True,
        asks_for_time: bool = False,
        capacity: int = CAPACITY,
        model: str = MODEL_TEXT,
        period_s: float = 0.0,
    ) -> None:
        """Prepare a station; nothing listens before `start`.

        Args:
            owners: its devices with their counters, commands and faults.
            name: its serial number.
            address: its link address.
            unsolicited: whether it reports by itself to masters that want it; not in stepped time,
                which has to repeat itself.
            asks_for_time: whether it wants its clock set after each restart.
            capacity: events a class holds.
            model: what it says of itself.
            period_s: how often it looks at its devices for changes; 0 at every step of the plant.
        """
        self._period_s = period_s
        self._looks_at_s = -math.inf
        self.bays = tuple(Bay(owner, number) for number, owner in enumerate(owners))
        self.times_set: list[int] = []
        self._events = EventBuffers(capacity=capacity)
        self._points = StationPoints(self.bays, {MAKER: MAKER_TEXT, MODEL: model, SERIAL: name})
        self._session = StationSession(
            self,
            provider=self._points,
            control_provider=self._points,
            events=self._events,
            outstation_address=address,
            unsolicited=unsolicited,
            time_sink=self._set_time,
            need_time=asks_for_time,
        )
        self._server: StationServer | None = None
        self._bind: tuple[str, int] | None = None
        self._tls: tuple[ssl.SSLContext, frozenset[str]] | None = None
        self.silent = False

    @property
    def port(self) -> int | None:
        """The port at which it listens; None while it does not."""
        return None if self._server is None else self._server.port

    @property
    def connected(self) -> bool:
        """Whether a master is connected."""
        return self._server is not None and self._server.connected

    async def start(
        self,
        host: str,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
        masters: frozenset[str] = frozenset(),
    ) -> None:
        """Listen.

        Args:
            host: address at which it is reached.
            port: 0 takes a free one.
            tls: context of a server that asks for certificates; None for plain TCP.
            masters: names in certificates that may connect, with `tls`.

        Raises:
            OrtsnetzError: the port cannot be had.
        """
        self._tls = None if tls is None else (tls, masters)
        for bay in self.bays:
            bay.look()
            for place, point in enumerate(bay.inputs):
                self._events.prime_analog(bay.first + place, point)
        await self._listen(host, port)

    async def stop(self) -> None:
        """Close the port and reset what is still connected."""
        server, self._server = self._server, None
        if server is not None:
            await server.go_down()

    def tick(self, now_s: float) -> None:
        """Live through a step of the plant with all devices, and push what has changed.

        Restarts and delayed commands of the devices are let happen here: a device lives behind its
        station or behind a server of its own, not behind both.

        Args:
            now_s: instant of the step, plant seconds.
        """
        for bay in self.bays:
            bay.live(now_s)
        if now_s >= self._looks_at_s:
            self._looks_at_s = now_s + self._period_s - _ROUNDING_S
            self.push()

    def push(self) -> None:
        """Make events of what has changed since the last time."""
        changed = [bay for bay in self.bays if bay.changed]
        if not changed:
            return
        for bay in changed:
            bay.changed = False
            for place, point in enumerate(bay.inputs):
                self._events.record_analog(
                    bay.first + place,
                    point,
                    event_class=EventClass.CLASS_1 if place >= LIMIT else EventClass.CLASS_2,
                    timestamp_ms=bay.time_ns // _NS_PER_MS,
                )
        if self._server is not None:
            self._server.notify()

    def fall_silent(self, *, silent: bool = True) -> None:
        """Answer nothing any more, with the connection open; or answer again."""
        self.silent = silent

    def reset_connections(self) -> None:
        """Reset what is connected (RST); it may come back at once."""
        if self._server is not None:
            self._server.reset_connection()

    def announce_restart(self) -> None:
        """The outstation has restarted while its gateway kept the connection."""
        self._session.restart()

    async def restart(self, *, down: bool = False) -> None:
        """Be as after power-up: connections are reset, events lost, the restart is announced.

        Args:
            down: stay away until `come_back`.
        """
        await self.stop()
        self._session.restart()
        if not down:
            await self.come_back()

    async def come_back(self) -> None:
        """Listen again where it has listened before.

        Raises:
            OrtsnetzError: the port cannot be had.
        """
        if self._bind is None:
            raise OrtsnetzError("a DNP3 station comes back that was never started")
        await self._listen(*self._bind)

    async def _listen(self, host: str, port: int) -> None:
        context, masters = self._tls or (None, None)
        server = StationServer(
            self._session, bind=f"{host}:{port}", ssl_context=context, authorized_peers=masters
        )
        try:
            await server.start()
        except OSError as error:
            raise OrtsnetzError(
                f"port {port}, wanted for a DNP3 station, cannot be used: {error}"
            ) from error
        self._server, self._bind = server, (host, server.port)

    def _set_time(self, milliseconds: int) -> None:
        """The devices stamp their values themselves; what a master writes is only kept."""
        self.times_set = [*self.times_set[-99:], milliseconds]

    def served(self) -> None:
        """A poll has been answered."""
        for bay in self.bays:
            bay.served()
