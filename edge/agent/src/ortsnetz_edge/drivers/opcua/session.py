"""One session with a server, shared by all sources behind it: back-off, names, reads together."""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from asyncua import Client, ua
from asyncua.ua.object_ids import ObjectIds

from ortsnetz_edge.clock import Clock
from ortsnetz_edge.drivers.backoff import Backoff
from ortsnetz_edge.drivers.contract import DriverError, FailureKind
from ortsnetz_edge.drivers.opcua.channel import Channel, Endpoint
from ortsnetz_edge.drivers.opcua.connecting import connect
from ortsnetz_edge.drivers.opcua.failures import explained
from ortsnetz_edge.drivers.opcua.reading import (
    Limits,
    Plan,
    Reading,
    limit_of,
    planned,
    read_part,
    read_values,
)
from ortsnetz_edge.drivers.opcua.security import Security
from ortsnetz_edge.profiles.references.opcua import NodeReference

log = logging.getLogger(__name__)
BACKOFF_FIRST_S = 0.5
BACKOFF_CAP_S = 15.0
MOST_PLANS = 32


@dataclass(slots=True)
class _Batch:
    """Reads of one instant, sent together."""

    channel: Channel
    nodes: dict[NodeReference, int] = field(default_factory=dict)
    answer: asyncio.Future[Reading] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Session:
    """Opens the connection when somebody asks, and again after a back-off.

    Attributes:
        counters: connections, and what subscriptions count.
        generation: number of the connection; grows with each new one.
        limits: what the server takes at once.
        last_failure: why the last connection ended, or was none.
    """

    def __init__(
        self, endpoint: Endpoint, security: Security | None, clock: Clock, name: str
    ) -> None:
        self.counters: Counter[str] = Counter()
        self.generation = 0
        self.limits = Limits()
        self.last_failure: DriverError | None = None
        self.clock = clock
        self.endpoint = endpoint
        self._security = security
        # stepped time is repeatable wherever it runs: there the jitter comes from the source's name
        seed = zlib.crc32(name.encode()) if clock.stepped else None
        self._backoff = Backoff(BACKOFF_FIRST_S, BACKOFF_CAP_S, seed)
        self._not_before = 0.0
        self._channel: Channel | None = None
        self._former: Client | None = None
        self._opening: asyncio.Task[Channel] | None = None
        self._batch: _Batch | None = None
        self._plans: dict[tuple[NodeReference, ...], Plan] = {}
        self._plans_of: Channel | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._lost = False
        self._sources: set[str] = set()

    @property
    def connected(self) -> bool:
        """Whether the connection stands."""
        return self._channel is not None and self._channel.alive

    async def opened(self) -> Channel:
        """The connection; made if need be, once for all who ask.

        Raises:
            DriverError: there is none.
        """
        channel = self._channel
        if channel is not None and channel.alive:
            return channel
        if self._opening is None:
            wait = self._not_before - self.clock.monotonic()
            if wait > 0:
                raise DriverError(
                    FailureKind.WAITING, f"{self.endpoint}: next attempt in {wait:.1f} s"
                )
            self._opening = asyncio.create_task(self._open())
            self._opening.add_done_callback(self._opened)
        try:
            return await asyncio.shield(self._opening)
        except DriverError as error:
            raise DriverError(error.kind, str(error)) from None

    async def read(self, nodes: Sequence[NodeReference]) -> Reading:
        """Read values; whatever is asked in the same instant goes out in the same requests.

        Raises:
            DriverError: there is no answer.
        """
        channel = await self.opened()
        batch = self._batch
        if batch is None or batch.channel is not channel:
            batch = self._batch = _Batch(channel)
            task = asyncio.create_task(self._send(batch))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        places = [batch.nodes.setdefault(node, len(batch.nodes)) for node in nodes]
        try:
            whole = await asyncio.shield(batch.answer)
        except DriverError as error:
            raise DriverError(error.kind, str(error)) from None
        return Reading(
            tuple(whole.values[place] for place in places),
            whole.server_ns,
            whole.received_ns,
            whole.generation,
        )

    def answered(self) -> None:
        """A whole answer has come: the server is well."""
        self._backoff.succeeded()
        if self._lost:
            self._lost = False
            log.info("%s answers again", self.endpoint)

    def enter(self, name: str) -> None:
        """A source is behind this session."""
        self._sources.add(name)

    async def leave(self, name: str) -> bool:
        """A source is not any more; the last one closes the connection. Whether it was the last."""
        self._sources.discard(name)
        if self._sources:
            return False
        await self.close()
        return True

    async def close(self) -> None:
        """Close the connection; requests under way fail."""
        if self._opening is not None:
            self._opening.cancel()
        channel, self._channel = self._channel, None
        self._former = None
        if channel is not None:
            await channel.close()

    async def _open(self) -> Channel:
        """Connect and ask for what may have changed since the last time."""
        channel = None
        former, self._former = self._former, None
        now_ns = self.clock.now_ns()
        try:
            channel = await connect(self.endpoint, self._security, now_ns, self._failed, former)
            await self._ask_names(channel)
        except DriverError as error:
            if channel is not None:
                channel.fail(error)
            self._back_off(error)
            raise
        except asyncio.CancelledError:
            if channel is not None:
                await channel.close()
            raise
        self._channel = channel
        self.generation += 1
        channel.generation = self.generation
        self.counters["connections"] += 1
        self.counters["sessions_resumed"] += channel.resumed
        return channel

    def _opened(self, task: asyncio.Task[Channel]) -> None:
        self._opening = None
        if not task.cancelled():
            task.exception()  # whoever waited has heard of it; nobody may have

    async def _ask_names(self, channel: Channel) -> None:
        """Namespaces and limits, anew with each connection: the server may have restarted."""
        asked = (
            ObjectIds.Server_NamespaceArray,
            ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
            ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerWrite,
            ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall,
        )
        values, _ = await read_values(channel, [ua.NodeId(number) for number in asked])
        names = values[0].Value.Value if values[0].Value is not None else None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise channel.wrong("says no namespaces")
        channel.namespaces = tuple(names)
        self.limits = Limits(*(limit_of(value) for value in values[1:]))

    def _failed(self) -> None:
        """The channel has failed."""
        channel, self._channel = self._channel, None
        if channel is not None and channel.failure is not None:
            self._former = channel.client
            self._back_off(channel.failure)

    def _back_off(self, error: DriverError) -> None:
        self._not_before = self.clock.monotonic() + self._backoff.failed()
        self.last_failure = error
        if not self._lost:
            self._lost = True
            log.warning("%s does not answer: %s", self.endpoint, error)

    async def _send(self, batch: _Batch) -> None:
        """Send a batch once everybody who runs in this instant has joined it."""
        self._batch = None
        try:
            reading = await self._read(batch)
        except Exception as error:  # noqa: BLE001 - whoever waits has to hear of it, whatever it is
            failure = explained(error, str(self.endpoint))
            if failure is not error:
                batch.channel.fail(failure)
            batch.answer.set_exception(failure)
            batch.answer.exception()  # whoever waited has heard of it; nobody may have
            return
        self.answered()
        batch.answer.set_result(reading)

    async def _read(self, batch: _Batch) -> Reading:
        plan = self._plan(batch)
        values: list[ua.DataValue] = []
        server_ns: int | None = None
        for part in plan.parts:
            found, server_ns = await read_part(batch.channel, part)
            values += found
        found_values = tuple(None if place is None else values[place] for place in plan.places)
        return Reading(found_values, server_ns, self.clock.now_ns(), batch.channel.generation)

    def _plan(self, batch: _Batch) -> Plan:
        """How the nodes of a batch are asked for; a cycle asks for the same ones each time."""
        if self._plans_of is not batch.channel:
            self._plans_of = batch.channel
            self._plans.clear()
        key = tuple(batch.nodes)
        plan = self._plans.get(key)
        if plan is None:
            if len(self._plans) >= MOST_PLANS:
                self._plans.clear()
            plan = self._plans[key] = planned(key, batch.channel.namespaces, self.limits.read)
        return plan
