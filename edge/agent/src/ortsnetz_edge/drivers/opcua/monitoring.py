"""Monitored items: a source's nodes in a subscription (part 4, 5.12)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from asyncua import ua
from asyncua.ua.status_codes import StatusCodes

from ortsnetz_edge.drivers.opcua import status
from ortsnetz_edge.drivers.opcua.channel import Channel
from ortsnetz_edge.drivers.opcua.reading import node_id
from ortsnetz_edge.drivers.opcua.values import UNKNOWN, Sample
from ortsnetz_edge.profiles.references.opcua import NodeReference

_NO_DEADBAND = {
    StatusCodes.BadFilterNotAllowed,
    StatusCodes.BadMonitoredItemFilterInvalid,
    StatusCodes.BadMonitoredItemFilterUnsupported,
    StatusCodes.BadDeadbandFilterInvalid,
}


@dataclass(slots=True)
class Member:
    """The nodes of one source in the subscription.

    Attributes:
        nodes: what is watched.
        deadbands: absolute deadband of each node; 0 for every change.
        sampling_s: how often the server looks at each node.
        held: last sample of each node.
        report: called after each report that has changed something.
        first: number of its first item.
    """

    nodes: Sequence[NodeReference]
    deadbands: Sequence[float]
    sampling_s: Sequence[float]
    report: Callable[[], None] = lambda: None
    held: list[Sample] = field(default_factory=list)
    first: int = 0


class Monitor:
    """Creates monitored items of one subscription over one connection.

    Attributes:
        most: items a request.
        counters: `items_refused`.
    """

    def __init__(
        self, channel: Channel, subscription: int, most: int, counters: Counter[str]
    ) -> None:
        self.most, self.counters = most, counters
        self._channel, self._id = channel, subscription

    async def watch(self, member: Member) -> bool:
        """Create a member's items; whether the server watches all of them.

        One that is not watched would keep the value that was read first, as good as the others.

        Raises:
            DriverError: there is no answer that fits.
        """
        items: list[tuple[int, ua.NodeId]] = []
        for place, node in enumerate(member.nodes):
            member.held[place] = UNKNOWN
            found = node_id(node, self._channel.namespaces)
            if found is not None:
                items.append((place, found))
        for first in range(0, len(items), self.most):
            part = items[first : first + self.most]
            codes = await self._create(member, part, with_deadband=True)
            refused = sum(map(status.is_bad, codes))
            again = [
                item
                for item, code in zip(part, codes, strict=True)
                if code in _NO_DEADBAND and member.deadbands[item[0]]
            ]
            if again:
                codes = await self._create(member, again, with_deadband=False)
                refused += sum(map(status.is_bad, codes)) - len(again)
            if refused:
                self.counters["items_refused"] += refused
                return False
        return True

    async def _create(
        self, member: Member, items: Sequence[tuple[int, ua.NodeId]], *, with_deadband: bool
    ) -> list[int]:
        request = ua.CreateMonitoredItemsRequest()
        request.Parameters.SubscriptionId = self._id
        request.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Source
        request.Parameters.ItemsToCreate = [
            _item(
                node,
                member.first + place,
                member.sampling_s[place],
                member.deadbands[place] if with_deadband else 0.0,
            )
            for place, node in items
        ]
        answer = await self._channel.request(request, ua.CreateMonitoredItemsResponse)
        results: Sequence[Any] = answer.Results or ()
        if len(results) != len(items):
            raise self._channel.wrong(f"{len(results)} items instead of {len(items)}")
        return [int(result.StatusCode.value) for result in results]


def _item(
    node: ua.NodeId, handle: int, sampling_s: float, deadband: float
) -> ua.MonitoredItemCreateRequest:
    item = ua.MonitoredItemCreateRequest()
    item.ItemToMonitor.NodeId = node
    item.ItemToMonitor.AttributeId = ua.AttributeIds.Value
    item.MonitoringMode = ua.MonitoringMode.Reporting
    wanted = item.RequestedParameters
    wanted.ClientHandle = handle
    wanted.SamplingInterval = sampling_s * 1000
    wanted.QueueSize = 1  # the newest counts
    wanted.DiscardOldest = True
    if deadband:
        wanted.Filter = ua.DataChangeFilter(
            Trigger=ua.DataChangeTrigger.StatusValue,
            DeadbandType=ua.DeadbandType.Absolute,
            DeadbandValue=deadband,
        )
    return item
