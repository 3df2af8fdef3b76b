"""What is shared by all sources (bays) behind one outstation: its points, and the polls for them.

IEEE 1815-2012, 5.1.1: after each connection an integrity poll, then events. What the protocol asks
of a master by itself (clearing the restart indication, the time, unsolicited reporting) is done
here; no output is operated but by `operate`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from py1815.application import FunctionCode, IINBit, Response
from py1815.decode import DecodedObject
from py1815.master import requests
from py1815.master.association import Exchange, Unsolicited
from py1815.master.controls import Command, Mode, Plan, PointStatus

from ortsnetz_edge.clock import Clock
from ortsnetz_edge.drivers.contract import DriverError, FailureKind
from ortsnetz_edge.drivers.dnp3.connection import Endpoint
from ortsnetz_edge.drivers.dnp3.objects import MalformedError, reports
from ortsnetz_edge.drivers.dnp3.outputs import OUTPUTS, WatchedOutputs
from ortsnetz_edge.drivers.dnp3.station import Station, refusals
from ortsnetz_edge.drivers.dnp3.table import Circumstances, PointTable
from ortsnetz_edge.drivers.dnp3.timing import Timekeeper
from ortsnetz_edge.profiles.references.dnp3 import PointKind, PointReference
from ortsnetz_edge.profiles.schema import Dnp3Options

FOLLOW_UPS = 8
"""Polls in a row while the outstation says that it has more events."""


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
        users: who needs the connection; the last one that leaves closes it.
    """

    def __init__(
        self, endpoint: Endpoint, clock: Clock, *, name: str = "", observing: bool = False
    ) -> None:
        """Args: `name`: of the first source behind it; `observing`: reads, nothing else."""
        self.table = PointTable()
        self.listeners: list[Callable[[Polled], None]] = []
        self.users: set[object] = set()
        self._clock = clock
        self._station = Station(endpoint, clock, name)
        self._integrity_s = float("inf")
        self._observing = observing
        self._unsolicited = False
        self._timekeeper = Timekeeper(self._station, clock)
        self._outputs = WatchedOutputs()
        self._attributes: dict[int, str | None] = {}
        self._life = 0
        self._ready = False
        self._polling: asyncio.Task[Polled] | None = None
        self._integrity_at = float("-inf")
        self._drained_ns: int | None = None

    def attach(self, references: Iterable[PointReference], options: Dnp3Options) -> None:
        """Look at these points as well; outputs among them are read with each poll."""
        self._outputs.add(references)
        self._integrity_s = min(self._integrity_s, options.integrity_s)
        if not self._observing:
            self._unsolicited |= options.unsolicited and not self._clock.stepped
            self._timekeeper.wanted |= options.synchronise

    @property
    def reports(self) -> bool:
        """Whether the outstation is asked to report by itself."""
        return self._unsolicited

    @property
    def where(self) -> str:
        """The outstation, for people."""
        return self._station.where

    @property
    def counters(self) -> Counter[str]:
        """What has been counted."""
        return self._station.counters

    @property
    def connected(self) -> bool:
        """Whether there is a connection over which everything has been read once."""
        return self._ready and self._station.connected

    async def polled(self) -> Polled:
        """Ask for what is new; callers of the same time share one request.

        Raises:
            DriverError: there is no answer that fits.
        """
        if self._polling is None or self._polling.done():
            self._polling = asyncio.create_task(self._poll())
            self._polling.add_done_callback(_looked_at)
        polling = self._polling
        try:
            return await asyncio.shield(polling)
        except asyncio.CancelledError:
            if not polling.cancelled():
                raise  # the caller has given up; others may still wait for the same answer
            raise DriverError(
                FailureKind.DISCONNECTED, f"{self.where}: closed by the agent"
            ) from None

    async def ready(self) -> int:
        """A connection over which everything has been read once; number of this life.

        Raises:
            DriverError: there is none.
        """
        if not self.connected or self._station.restarted:
            await self.polled()
        return self._life

    async def attribute(self, variation: int) -> str | None:
        """A text of group 0; None where the outstation does not know it. Asked once a life.

        Raises:
            DriverError: there is no answer.
        """
        await self.ready()
        if variation not in self._attributes:
            reference = PointReference(PointKind.ATTRIBUTE, variation)
            exchange = await self._read(bytes([0, variation, 0, 0, 0]))
            refused = refusals(exchange.iin)
            self._attributes[variation] = None if refused else self.table.text(reference)
        return self._attributes[variation]

    async def look_for_outputs(self) -> None:
        """Read all outputs that there are, also those that class 0 leaves out.

        Raises:
            DriverError: there is no answer.
        """
        await self.ready()
        for kind in OUTPUTS.values():
            await self._read(requests.read_points({kind: None}))

    async def operate(self, command: Command, *, select: bool, life: int) -> PointStatus:
        """Operate one output, once; what the outstation says of it.

        Args:
            command: what is operated.
            select: whether it is selected before.
            life: in which it was asked who is there; in another one somebody else may be.

        Raises:
            DriverError: there is no answer: nobody knows whether it was operated. Or it is another
                life by now: nothing was sent.
        """
        if life != self._life or self._station.restarted:
            raise DriverError(
                FailureKind.DISCONNECTED, f"{self.where}: a new life, and nobody knows who is there"
            )
        plan = Plan([command], Mode.SELECT if select else Mode.DIRECT)
        return plan.result(await self._station.carry_out(plan)).statuses[0]

    async def leave(self, user: object) -> None:
        """Need the connection no longer."""
        self.users.discard(user)
        if self.users:
            return
        self._ready = False
        await self._station.close()
        if self._polling is not None and not self._polling.done():
            self._polling.cancel()
            await asyncio.wait([self._polling])

    async def _poll(self) -> Polled:
        if not self.connected:
            return await self._connect()
        due = self._clock.monotonic() - self._integrity_at >= self._integrity_s
        for number in range(FOLLOW_UPS):
            if self._station.restarted:
                return await self._begin(connecting=False)
            lost = self._station.events_lost
            if number and not (lost or self._station.more_events):
                break
            await self._read_classes(integrity=lost or (due and number == 0))
        await self._timekeeper.give()
        return self._now()

    async def _connect(self) -> Polled:
        self._ready = False
        self._drained_ns, self._outputs.readable = None, True
        await self._station.connect(self._heard)
        try:
            polled = await self._begin(connecting=True)
        except DriverError as error:
            if error.kind is FailureKind.REFUSED:  # the connection stands, and is of no use
                self._station.lose(error)
            raise
        self._ready = True
        self._station.recovered()
        return polled

    async def _begin(self, *, connecting: bool) -> Polled:
        """A new life: nothing that was known holds any more (IEEE 1815-2012, 5.1.1.1.2)."""
        self._life += 1
        self._attributes.clear()
        self.table.expire()
        if connecting and self._unsolicited:
            await self._station.ask(FunctionCode.DISABLE_UNSOLICITED, requests.class_scan(1, 2, 3))
        for _ in range(2):
            self._station.restarted = False
            if self._station.indicates(IINBit.DEVICE_RESTART) and not self._observing:
                await self._station.ask(FunctionCode.WRITE, requests.clear_restart())
            await self._read_classes(integrity=True)
            if not self._station.restarted:
                break  # else first said in that answer: cleared, and everything read once more
        await self._timekeeper.give()
        if self._unsolicited:
            await self._station.ask(FunctionCode.ENABLE_UNSOLICITED, requests.class_scan(1, 2, 3))
        self._station.restarted = False
        return self._now()

    async def _read_classes(self, *, integrity: bool) -> None:
        """One poll; with the outputs that somebody looks at, where the outstation can do that."""
        kind = "integrity" if integrity else "events"
        body, outputs = requests.scan(kind), self._outputs.headers()
        exchange = await self._read(body + outputs)
        if outputs and refusals(exchange.iin):
            # its outputs come as events, or with class 0, or cannot be read back
            self._outputs.readable = False
            exchange = await self._read(body)
        if refusals(exchange.iin) and not exchange.objects:
            words = f"{self.where}: {kind} poll: {refusals(exchange.iin)}"
            raise DriverError(FailureKind.REFUSED, words)
        if integrity:
            self.counters["integrity_polls"] += 1
            self.table.complete()
            self._integrity_at, self._station.events_lost = self._clock.monotonic(), False
        if not self._station.more_events:
            self._drained_ns = self._clock.now_ns()

    async def _read(self, body: bytes) -> Exchange:
        """Read, and take what comes, also of an answer that refuses a part."""
        exchange = await self._station.ask(FunctionCode.READ, body)
        self._take(exchange.fragments, exchange.objects, whole=not exchange.undecoded)
        return exchange

    def _take(
        self, fragments: tuple[Response, ...], objects: tuple[DecodedObject, ...], *, whole: bool
    ) -> None:
        try:
            found = reports(fragments, objects, whole=whole)
        except MalformedError as error:
            raise self._station.wrong(str(error)) from None
        if found.unknown is not None:
            self.counters["unknown_objects"] += 1
            self._station.events_lost = True  # those behind it are read: an integrity poll follows
        if self._station.restarted:
            self.table.expire()  # what was said before the restart holds no longer
        unset = self._station.indicates(IINBit.NEED_TIME)
        self.table.take(found.points, Circumstances(self._clock.now_ns(), self._drained_ns, unset))

    def _heard(self, unsolicited: Unsolicited) -> None:
        """A report that nobody asked for."""
        self._station.saw(unsolicited.iin)
        whole = unsolicited.undecoded is None
        try:
            self._take((unsolicited.response,), unsolicited.objects, whole=whole)
        except DriverError:
            return  # noted; the connection is closed
        if self.connected and not self._station.restarted and not unsolicited.null:
            polled = self._now()
            for listener in self.listeners:
                listener(polled)

    def _now(self) -> Polled:
        return Polled(self._life, self._clock.now_ns())


def _looked_at(task: asyncio.Task[Polled]) -> None:
    """Nobody may be waiting any more; a failure is noted all the same."""
    if not task.cancelled():
        task.exception()
