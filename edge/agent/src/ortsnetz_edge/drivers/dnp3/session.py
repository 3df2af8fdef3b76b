"""The association with one outstation, shared by all sources (bays) behind it.

IEEE 1815-2012, 5.1.1: after each connection an integrity poll, then events. What the protocol asks
of a master by itself (clearing the restart indication, the time, unsolicited reporting) is done
here; no output is operated but by `operate`.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from py1815.application import IIN, FunctionCode, IIN2Bit, IINBit, Response
from py1815.decode import DecodedObject, PointType
from py1815.master import requests
from py1815.master.association import Exchange, Unsolicited
from py1815.master.controls import Command, Mode, Plan, PointStatus

from ortsnetz_edge.clock import Clock
from ortsnetz_edge.drivers.backoff import Backoff
from ortsnetz_edge.drivers.contract import DriverError, FailureKind
from ortsnetz_edge.drivers.dnp3.connection import Dnp3Connection, Endpoint
from ortsnetz_edge.drivers.dnp3.objects import MalformedError, reports
from ortsnetz_edge.drivers.dnp3.table import Circumstances, PointTable
from ortsnetz_edge.drivers.dnp3.timing import set_clock
from ortsnetz_edge.profiles.references.dnp3 import PointKind, PointReference
from ortsnetz_edge.profiles.schema import Dnp3Options

logger = logging.getLogger(__name__)

BACKOFF_FIRST_S = 0.5
BACKOFF_CAP_S = 15.0
FOLLOW_UPS = 8
"""Event polls in a row while the outstation says that it has more."""
CLOCK_AGAIN_S = 60.0
"""An outstation that goes on needing the time gets it this often."""
EVENT_BITS = (IINBit.CLASS_1_EVENTS, IINBit.CLASS_2_EVENTS, IINBit.CLASS_3_EVENTS)
REFUSALS = (IIN2Bit.FUNC_NOT_SUPPORTED, IIN2Bit.OBJECT_UNKNOWN, IIN2Bit.PARAM_ERROR)
_OUTPUTS = {
    PointKind.ANALOG_OUTPUT: PointType.ANALOG_OUTPUT,
    PointKind.BINARY_OUTPUT: PointType.BINARY_OUTPUT,
}


@dataclass(frozen=True, slots=True)
class Polled:
    """One answer of the outstation.

    Attributes:
        life: number of the connection or of the outstation's life on it; grows with each new one.
        received_ns: when it was complete, UTC ns.
    """

    life: int
    received_ns: int


class Dnp3Session:
    """Everything that is shared by those who look at one outstation.

    Attributes:
        table: what it has said of its points.
        counters: `integrity_polls`, `restarts`, `overflows`, `clocks_set`, `unknown_objects`.
        listeners: called after a report that nobody asked for.
    """

    def __init__(self, endpoint: Endpoint, clock: Clock, *, name: str = "") -> None:
        self.table = PointTable()
        self.counters: Counter[str] = Counter()
        self.listeners: list[Callable[[Polled], None]] = []
        self._endpoint, self._clock = endpoint, clock
        # stepped time is repeatable wherever it runs: there the jitter comes from the source's name
        seed = zlib.crc32(name.encode()) if clock.stepped else None
        self._backoff = Backoff(BACKOFF_FIRST_S, BACKOFF_CAP_S, seed)
        self._not_before = 0.0
        self._lost = False
        self._integrity_s = float("inf")
        self._unsolicited = self._synchronise = False
        self._outputs: dict[PointType, set[int]] = {}
        self._outputs_alone = True  # whether outputs can be asked for with the events
        self._attributes: dict[int, str | None] = {}
        self._life = 0
        self._ready = False
        self._connection: Dnp3Connection | None = None
        self._polling: asyncio.Task[Polled] | None = None
        self._indications = IIN()
        self._restarted = self._restart_seen = self._integrity_wanted = False
        self._integrity_at = self._clock_set_at = float("-inf")
        self._drained_ns: int | None = None

    def attach(self, references: Iterable[PointReference], options: Dnp3Options) -> None:
        """Look at these points as well; outputs among them are read with each poll."""
        for reference in references:
            kind = _OUTPUTS.get(reference.kind)
            if kind is not None:
                self._outputs.setdefault(kind, set()).add(reference.index)
        self._integrity_s = min(self._integrity_s, options.integrity_s)
        self._unsolicited |= options.unsolicited and not self._clock.stepped
        self._synchronise |= options.synchronise

    @property
    def reports(self) -> bool:
        """Whether the outstation is asked to report by itself."""
        return self._unsolicited

    @property
    def where(self) -> str:
        """The outstation, for people."""
        return self._endpoint.where

    @property
    def connected(self) -> bool:
        """Whether there is a connection over which everything has been read once."""
        return self._ready and self._connection is not None and self._connection.broken is None

    async def polled(self) -> Polled:
        """Ask for what is new; callers of the same time share one request.

        Raises:
            DriverError: there is no answer that fits.
        """
        if self._polling is None or self._polling.done():
            self._polling = asyncio.create_task(self._poll())
            self._polling.add_done_callback(_looked_at)
        return await asyncio.shield(self._polling)

    async def ready(self) -> int:
        """A connection over which everything has been read once; number of this life.

        Raises:
            DriverError: there is none.
        """
        if not self.connected or self._restarted:
            await self.polled()
        return self._life

    async def attribute(self, variation: int) -> str | None:
        """A text of group 0; None where the outstation does not know it. Asked once a life.

        Raises:
            DriverError: there is no answer.
        """
        await self.ready()
        if variation not in self._attributes:
            body = bytes([0, variation, 0, 0, 0])
            exchange = await self._asked(FunctionCode.READ, body)
            self._take(exchange.fragments, exchange.objects, whole=not exchange.undecoded)
            self._attributes[variation] = (
                None
                if _refused(exchange.iin)
                else self.table.text(PointReference(PointKind.ATTRIBUTE, variation))
            )
        return self._attributes[variation]

    async def look_for_outputs(self) -> None:
        """Read all outputs that there are, also those that class 0 leaves out.

        Raises:
            DriverError: there is no answer.
        """
        await self.ready()
        for kind in _OUTPUTS.values():
            body = requests.read_points({kind: None})
            exchange = await self._asked(FunctionCode.READ, body)
            if not _refused(exchange.iin):
                self._take(exchange.fragments, exchange.objects, whole=not exchange.undecoded)

    async def operate(self, command: Command, *, select: bool) -> PointStatus:
        """Operate one output, once; what the outstation says of it.

        Raises:
            DriverError: there is no answer: nobody knows whether it was operated.
        """
        plan = Plan([command], Mode.SELECT if select else Mode.DIRECT)
        connection = self._standing()
        try:
            done = await connection.carry_out(plan)
        except DriverError as error:
            raise self._lose(error) from None
        for exchange in done:
            self._saw(exchange.iin)
        return plan.result(done).statuses[0]

    async def close(self) -> None:
        """Close the connection."""
        connection, self._connection, self._ready = self._connection, None, False
        if connection is not None:
            await connection.close()
        if self._polling is not None and not self._polling.done():
            self._polling.cancel()
            await asyncio.wait([self._polling])

    async def _poll(self) -> Polled:
        if not self.connected:
            return await self._connect()
        due = self._clock.monotonic() - self._integrity_at >= self._integrity_s
        if self._new_life():
            return await self._begin(connecting=False)
        polled = await self._read(integrity=due or self._lost_events())
        for _ in range(FOLLOW_UPS):
            if self._new_life():
                return await self._begin(connecting=False)
            if not (self._lost_events() or self._more_events()):
                break
            polled = await self._read(integrity=self._lost_events())
        await self._give_time()
        return polled

    def _new_life(self) -> bool:
        return self._restarted

    def _lost_events(self) -> bool:
        return self._integrity_wanted

    async def _connect(self) -> Polled:
        wait = self._not_before - self._clock.monotonic()
        if wait > 0:
            raise DriverError(FailureKind.WAITING, f"{self.where}: next attempt in {wait:.1f} s")
        if self._connection is not None and self._connection.broken is not None:
            self._note_lost(self._connection.broken)
        self._ready, self._restarted, self._restart_seen = False, False, False
        self._drained_ns, self._indications, self._outputs_alone = None, IIN(), True
        try:
            self._connection = await Dnp3Connection.open(self._endpoint, self._heard)
        except DriverError as error:
            raise self._lose(error) from None
        polled = await self._begin(connecting=True)
        self._ready = True
        self._backoff.succeeded()
        if self._lost:
            logger.info("%s: answers again", self.where)
            self._lost = False
        return polled

    async def _begin(self, *, connecting: bool) -> Polled:
        """A new life: nothing that was known holds any more (IEEE 1815-2012, 5.1.1.1.2)."""
        self._life += 1
        self._restarted = False
        self._attributes.clear()
        self.table.expire()
        if connecting and self._unsolicited:
            await self._asked(FunctionCode.DISABLE_UNSOLICITED, requests.class_scan(1, 2, 3))
        await self._clear_restart()
        polled = await self._read(integrity=True)
        if self._new_life():  # first seen in that answer: cleared, and everything read once more
            self._restarted = False
            await self._clear_restart()
            polled = await self._read(integrity=True)
        await self._give_time()
        if self._unsolicited:
            await self._asked(FunctionCode.ENABLE_UNSOLICITED, requests.class_scan(1, 2, 3))
        self._restarted = False
        return polled

    async def _clear_restart(self) -> None:
        if self._indications.is_set(IINBit.DEVICE_RESTART):
            await self._asked(FunctionCode.WRITE, requests.clear_restart())

    async def _give_time(self) -> None:
        now = self._clock.monotonic()
        if not self._synchronise or not self._indications.is_set(IINBit.NEED_TIME):
            return
        if now - self._clock_set_at < CLOCK_AGAIN_S:
            return
        self._clock_set_at = now
        connection = self._standing()
        try:
            for exchange in await set_clock(connection, self._clock):
                self._saw(exchange.iin)
        except DriverError as error:
            raise self._lose(error) from None
        self.counters["clocks_set"] += 1

    async def _read(self, *, integrity: bool) -> Polled:
        """One poll; with the outputs that somebody looks at, where the outstation can do that."""
        kind = "integrity" if integrity else "events"
        body = requests.scan(kind)
        outputs = self._output_headers()
        exchange = await self._asked(FunctionCode.READ, body + outputs)
        if outputs and _refused(exchange.iin):
            # outputs are reported as events, or with class 0, or not at all
            self._outputs_alone = False
            exchange = await self._asked(FunctionCode.READ, body)
        if _refused(exchange.iin):
            raise self._refusal(f"{kind} poll", exchange)
        self._take(exchange.fragments, exchange.objects, whole=not exchange.undecoded)
        received_ns = self._clock.now_ns()
        if integrity:
            self.counters["integrity_polls"] += 1
            self.table.complete()
            self._integrity_at, self._integrity_wanted = self._clock.monotonic(), False
        if not self._more_events():
            self._drained_ns = received_ns
        return Polled(self._life, received_ns)

    def _output_headers(self) -> bytes:
        if not self._outputs or not self._outputs_alone:
            return b""
        return requests.read_points({kind: sorted(of) for kind, of in self._outputs.items()})

    def _more_events(self) -> bool:
        return any(self._indications.is_set(bit) for bit in EVENT_BITS)

    def _take(
        self, fragments: tuple[Response, ...], objects: tuple[DecodedObject, ...], *, whole: bool
    ) -> None:
        try:
            found = reports(fragments, objects, whole=whole)
        except MalformedError as error:
            raise self._lose(
                DriverError(FailureKind.WRONG_ANSWER, f"{self.where}: {error}")
            ) from None
        if found.unknown is not None:
            self.counters["unknown_objects"] += 1
        around = Circumstances(
            self._clock.now_ns(), self._drained_ns, self._indications.is_set(IINBit.NEED_TIME)
        )
        self.table.take(found.points, around)

    def _heard(self, unsolicited: Unsolicited) -> None:
        """A report that nobody asked for."""
        self._saw(unsolicited.iin)
        whole = unsolicited.undecoded is None
        try:
            self._take((unsolicited.response,), unsolicited.objects, whole=whole)
        except DriverError:
            return  # noted; the connection is closed
        if self._ready and not self._restarted and not unsolicited.null:
            polled = Polled(self._life, self._clock.now_ns())
            for listener in self.listeners:
                listener(polled)

    async def _asked(self, function: FunctionCode, body: bytes) -> Exchange:
        connection = self._connection
        if connection is None:
            raise DriverError(FailureKind.DISCONNECTED, f"{self.where}: closed by the agent")
        try:
            exchange = await connection.request(function, body)
        except DriverError as error:
            raise self._lose(error) from None
        self._saw(exchange.iin)
        return exchange

    def _saw(self, indications: IIN | None) -> None:
        if indications is None:
            return
        self._indications = indications
        restart = indications.is_set(IINBit.DEVICE_RESTART)
        if restart and not self._restart_seen:
            self._restarted = True
            self.table.expire()
            self.counters["restarts"] += 1
        self._restart_seen = restart
        if indications.is_set(IIN2Bit.EVENT_BUFFER_OVERFLOW) and not self._integrity_wanted:
            self._integrity_wanted = True
            self.counters["overflows"] += 1

    def _standing(self) -> Dnp3Connection:
        if self._connection is None:
            raise DriverError(FailureKind.DISCONNECTED, f"{self.where}: not connected")
        return self._connection

    def _refusal(self, what: str, exchange: Exchange) -> DriverError:
        words = [
            bit.name.lower().replace("_", " ")
            for bit in REFUSALS
            if exchange.iin is not None and exchange.iin.is_set(bit)
        ]
        return DriverError(FailureKind.REFUSED, f"{self.where}: {what}: {', '.join(words)}")

    def _lose(self, error: DriverError) -> DriverError:
        """Note that the connection is gone, once, and when to try again."""
        self._ready = False
        if self._connection is not None:
            self._connection.abandon()
            self._connection = None
        self._not_before = self._clock.monotonic() + self._backoff.failed()
        self._note_lost(error)
        return error

    def _note_lost(self, error: DriverError) -> None:
        if not self._lost:
            self._lost = True
            logger.warning("%s", error)


def _refused(indications: IIN | None) -> bool:
    return indications is None or any(indications.is_set(bit) for bit in REFUSALS)


def _looked_at(task: asyncio.Task[Polled]) -> None:
    """Nobody may be waiting any more; a failure is noted all the same."""
    if not task.cancelled():
        task.exception()
