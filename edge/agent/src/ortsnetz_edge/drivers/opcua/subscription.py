"""A subscription of a session: values as the server reports them, held until the next report.

Part 4, 5.13 and 5.14. Every publishing interval without a change brings a keep-alive: it proves
that the server lives and that what is held still holds.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

from asyncua import ua
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaStatusCodeError

from ortsnetz_edge.drivers.contract import DriverError, FailureKind
from ortsnetz_edge.drivers.opcua import status
from ortsnetz_edge.drivers.opcua.channel import Channel
from ortsnetz_edge.drivers.opcua.connecting import SESSION_S
from ortsnetz_edge.drivers.opcua.failures import explained
from ortsnetz_edge.drivers.opcua.monitoring import Member, Monitor
from ortsnetz_edge.drivers.opcua.reading import MOST_AT_ONCE, node_id, read_values, server_clock
from ortsnetz_edge.drivers.opcua.session import Session
from ortsnetz_edge.drivers.opcua.values import UNKNOWN, sample

FRESH = 2.0
"""Values are believed for so many intervals in which a report or a keep-alive has to come."""
CLOSE_AFTER = 4.0
"""After so many silent intervals the connection is taken for half-open and closed."""
OUTSTANDING = 2
"""Publish requests waiting at the server: one is always there while the other is answered."""
SLOWEST, SLOWEST_S = 3.0, 3.0
"""A server may take so many of the intervals it is asked for, or so many seconds, to prove that
it lives. One that wants longer is read instead: its values would outlive their device."""
MOST_ACKNOWLEDGEMENTS = 100
MOST_MISSED = 20
"""Most missed messages that are asked for again; whoever missed more reads everything."""
_LAST_SEQUENCE = 2**32 - 1


class Subscription:
    """Watches the nodes of all members over whatever connection there is.

    Attributes:
        server_ns: the server's clock when it last published; None where it says none.
        received_ns: the agent's clock when that arrived.
        refused: the server of this connection makes no subscription: it has to be read.
    """

    def __init__(self, session: Session) -> None:
        self.refused = False
        self.server_ns: int | None = None
        self.received_ns = 0
        self._session = session
        self._members: list[Member] = []
        self._owners: list[Member] = []  # by number of the item
        self._publishing_s = SESSION_S
        self._id = 0  # 0 is no subscription (part 4, 5.13.5)
        self._proof_s = 0.0  # within so long a report or a keep-alive has to come
        self._next = 1
        self._heard: float | None = None
        self._spoke = False
        self._attached: Channel | None = None
        self._attaching = asyncio.Lock()
        self._taking = asyncio.Lock()
        self._acknowledgements: deque[int] = deque(maxlen=MOST_ACKNOWLEDGEMENTS)
        self._publishers: set[asyncio.Task[None]] = set()

    def join(self, member: Member, publishing_s: float) -> None:
        """Watch one more source's nodes, from the next connection on."""
        member.first = len(self._owners)
        self._owners += [member] * len(member.nodes)
        member.held = [UNKNOWN] * len(member.nodes)
        self._members.append(member)
        self._publishing_s = min(self._publishing_s, publishing_s)

    async def ready(self) -> None:
        """Make sure that what members hold holds.

        Raises:
            DriverError: there is no connection, or the server has been silent for too long.
        """
        channel = await self._session.opened()
        async with self._attaching:
            await self._attach(channel)
        if self.refused:
            return
        silent_s = self._session.clock.monotonic() - (self._heard or 0.0)
        if silent_s <= self._proof_s * FRESH:
            return
        where = self._session.endpoint
        error = DriverError(
            FailureKind.TIMEOUT, f"{where}: has reported nothing for {silent_s:.1f} s"
        )
        if silent_s > self._proof_s * CLOSE_AFTER:
            self._session.counters["subscriptions_silent"] += 1
            channel.fail(error)
        raise error

    def stop(self) -> None:
        """Ask for no more reports."""
        for publisher in self._publishers:
            publisher.cancel()

    async def _attach(self, channel: Channel) -> None:
        """Take the old subscription over, or make a new one and read everything; once."""
        if self._attached is channel:
            return
        self.stop()
        self._acknowledgements.clear()
        counters = self._session.counters
        if self._id and self._spoke and channel.resumed:
            await self._read_all(channel)  # what was missed shows in the number of what comes next
        elif self._id and self._spoke and await self._transferred(channel):
            counters["subscriptions_transferred"] += 1
        else:
            if self._id:
                counters["subscriptions_renewed"] += 1
                await self._delete(channel)
            self.refused = not await self._created(channel)
        self._spoke = False
        self._attached = channel
        if not self.refused:
            self._publish_more(channel)

    async def _transferred(self, channel: Channel) -> bool:
        """Take over the subscription of the session before; whether the server lets us."""
        request = ua.TransferSubscriptionsRequest()
        request.Parameters.SubscriptionIds = [self._id]
        request.Parameters.SendInitialValues = True
        try:
            answer = await channel.request(request, ua.TransferSubscriptionsResponse)
        except DriverError as error:
            if error.kind is FailureKind.REFUSED:
                return False
            raise
        results: Sequence[Any] = answer.Parameters.Results or ()
        if len(results) != 1 or status.is_bad(results[0].StatusCode.value):
            return False
        async with self._taking:
            for number in sorted(results[0].AvailableSequenceNumbers or ())[-MOST_MISSED:]:
                if number >= self._next:
                    await self._republish(channel, number)
                else:
                    self._acknowledgements.append(number)
        await self._read_all(channel)
        return True

    async def _delete(self, channel: Channel) -> None:
        """Take leave of a subscription that is of no use, if the server still has it."""
        request = ua.DeleteSubscriptionsRequest()
        request.Parameters.SubscriptionIds = [self._id]
        try:
            await channel.request(request, ua.DeleteSubscriptionsResponse)
        except DriverError as error:
            if error.kind is not FailureKind.REFUSED:
                raise

    async def _created(self, channel: Channel) -> bool:
        """Make a new one; False where the server makes none that can be relied upon."""
        request = ua.CreateSubscriptionRequest()
        wanted = request.Parameters
        wanted.RequestedPublishingInterval = self._publishing_s * 1000
        wanted.RequestedMaxKeepAliveCount = 1
        wanted.RequestedLifetimeCount = max(3, round(SESSION_S / self._publishing_s))
        wanted.MaxNotificationsPerPublish = MOST_AT_ONCE
        wanted.PublishingEnabled = True
        try:
            answer = await channel.request(request, ua.CreateSubscriptionResponse)
        except DriverError as error:
            if error.kind is not FailureKind.REFUSED:
                raise
            self._id = 0
            self._session.counters["subscriptions_refused"] += 1
            return False
        made = answer.Parameters
        self._id, self._next = made.SubscriptionId, 1
        keep_alives = max(1, made.RevisedMaxKeepAliveCount)
        self._proof_s = max(made.RevisedPublishingInterval, 1.0) / 1000 * keep_alives
        monitor = Monitor(channel, self._id, self._session.limits.monitor, self._session.counters)
        relied = self._proof_s <= max(SLOWEST * self._publishing_s, SLOWEST_S)  # NaN is not
        for member in self._members:
            relied = relied and await monitor.watch(member)
        if relied:
            await self._read_all(channel)
            return True
        self._session.counters["subscriptions_refused"] += 1
        await self._delete(channel)
        self._id = 0
        return False

    async def _read_all(self, channel: Channel) -> None:
        """Read what is watched: nobody waits for the first report, nothing stays unknown."""
        wanted: list[tuple[Member, int]] = []
        nodes: list[ua.NodeId] = []
        for member in self._members:
            for place, node in enumerate(member.nodes):
                found = node_id(node, channel.namespaces)
                if found is not None:
                    wanted.append((member, place))
                    nodes.append(found)
        values, server_ns = await read_values(channel, nodes, self._session.limits.read)
        for (member, place), value in zip(wanted, values, strict=True):
            member.held[place] = sample(value)
        self._hear(server_ns)

    def _publish_more(self, channel: Channel) -> None:
        for _ in range(OUTSTANDING):
            task = asyncio.create_task(self._publish(channel))
            self._publishers.add(task)
            task.add_done_callback(self._publishers.discard)

    async def _publish(self, channel: Channel) -> None:
        """Keep a publish request at the server."""
        while channel.alive:
            request = ua.PublishRequest()
            request.Parameters.SubscriptionAcknowledgements = [
                ua.SubscriptionAcknowledgement(self._id, number)
                for number in self._acknowledgements
            ]
            self._acknowledgements.clear()
            try:
                answer = await channel.request(request, ua.PublishResponse, 0)
                async with self._taking:
                    await self._take(channel, answer.Parameters)
            except DriverError as error:
                cause = error.__cause__
                code = cause.code if isinstance(cause, UaStatusCodeError) else 0
                if code == StatusCodes.BadTooManyPublishRequests and len(self._publishers) > 1:
                    return
                self._session.counters["publish_failures"] += 1
                channel.fail(error)  # without reports the connection is of no use
                return
            except Exception as error:  # noqa: BLE001 - or nobody would hear that reports have ended
                channel.fail(explained(error, str(self._session.endpoint)))
                return

    async def _take(self, channel: Channel, result: Any) -> None:
        """Take a publish response; ask again for what came before it and never arrived."""
        if result.SubscriptionId != self._id or self._attached is not channel:
            self._session.counters["reports_of_others"] += 1
            return
        message = result.NotificationMessage
        number, data = int(message.SequenceNumber), message.NotificationData or ()
        missed = (number - self._next) % _LAST_SEQUENCE
        if 0 < missed <= MOST_MISSED:
            for _ in range(missed):
                await self._republish(channel, self._next)
        elif missed:
            self._session.counters["reports_lost"] += 1
            await self._read_all(channel)
        self._spoke = True
        self._next = number
        self._hear(server_clock(message.PublishTime))
        self._session.answered()
        if data:
            self._next = number % _LAST_SEQUENCE + 1
            self._acknowledgements.append(number)
            self._apply(channel, data)

    async def _republish(self, channel: Channel, number: int) -> None:
        """Ask for a message again; if the server has it no more, read everything."""
        request = ua.RepublishRequest()
        request.Parameters.SubscriptionId = self._id
        request.Parameters.RetransmitSequenceNumber = number
        data: Sequence[Any] = ()
        try:
            answer = await channel.request(request, ua.RepublishResponse)
        except DriverError as error:
            if error.kind is not FailureKind.REFUSED:
                raise
        else:
            data = answer.NotificationMessage.NotificationData or ()
        self._next = number % _LAST_SEQUENCE + 1
        if not data:
            self._session.counters["reports_lost"] += 1
            await self._read_all(channel)
            return
        self._session.counters["reports_republished"] += 1
        self._acknowledgements.append(number)
        self._apply(channel, data)

    def _apply(self, channel: Channel, data: Sequence[Any]) -> None:
        touched: dict[int, Member] = {}
        for notification in data:
            if isinstance(notification, ua.DataChangeNotification):
                for item in notification.MonitoredItems or ():
                    handle = int(item.ClientHandle)
                    if handle >= len(self._owners):
                        self._session.counters["reports_of_others"] += 1
                        continue
                    member = self._owners[handle]
                    member.held[handle - member.first] = sample(item.Value)
                    touched[member.first] = member
            elif isinstance(notification, ua.StatusChangeNotification):
                code = int(notification.Status.value)
                if code == StatusCodes.GoodSubscriptionTransferred:
                    continue  # to us: node-opcua keeps it among what can be asked for again
                self._spoke = False  # it is gone: it cannot be taken over
                channel.fail(
                    DriverError(
                        FailureKind.DISCONNECTED,
                        f"{self._session.endpoint}: the subscription has ended: "
                        f"{status.words(code)}",
                    )
                )
        for member in touched.values():
            member.report()

    @property
    def held_s(self) -> float:
        """How long ago the server proved that it holds what it has reported; see `Scan.held_s`.

        In intervals of the subscription where these are longer than a second: two that are missed
        are as old as two missed scans.
        """
        silent_s = self._session.clock.monotonic() - (self._heard or 0.0)
        return silent_s / max(1.0, self._proof_s)

    def _hear(self, server_ns: int | None) -> None:
        self._heard = self._session.clock.monotonic()
        self.server_ns, self.received_ns = server_ns, self._session.clock.now_ns()
