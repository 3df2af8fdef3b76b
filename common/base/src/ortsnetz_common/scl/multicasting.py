"""The control blocks of an IED that multicast, with their data sets and addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from ortsnetz_common.scl.blocks import DataSet, GooseControl, SampledValueControl
from ortsnetz_common.scl.devices import Ied, LogicalDevice, LogicalNode
from ortsnetz_common.scl.document import Document
from ortsnetz_common.scl.network import ConnectedAccessPoint, Multicast

Control = TypeVar("Control", GooseControl, SampledValueControl)
UNKNOWN_DATA_SET = "the control block has no data set that the file knows"


@dataclass(frozen=True, slots=True)
class Multicasting(Generic[Control]):
    """A control block where it lies.

    Attributes:
        data_set: what it sends; None where the file does not know it.
        multicast: where its messages go; None where the file does not say.
    """

    device: LogicalDevice
    node: LogicalNode
    control: Control
    data_set: DataSet | None
    multicast: Multicast | None


def multicasting_of(
    document: Document,
    ied: Ied,
    controls: Callable[[LogicalNode], Iterable[Control]],
    addresses: Callable[[ConnectedAccessPoint], Iterable[Multicast]],
) -> Iterator[Multicasting[Control]]:
    """The control blocks of one kind, in the order of the file.

    Args:
        document: the file.
        ied: one of its devices.
        controls: those of the kind in a node.
        addresses: those of the kind at an access point.
    """
    known = {
        (each.device, each.block): each
        for network in document.networks
        for point in network.access_points
        if point.ied == ied.name
        for each in addresses(point)
    }
    for device in ied.devices():
        for node in device.nodes:
            for control in controls(node):
                found = next((s for s in node.data_sets if s.name == control.data_set), None)
                to = known.get((device.instance, control.name))
                yield Multicasting(device, node, control, found, to)
