"""What travels in the GOOSE messages of an IED, as far as an SCL file says it."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from ortsnetz_common.scl.blocks import DataSet, GooseControl, Member
from ortsnetz_common.scl.devices import Ied, LogicalDevice
from ortsnetz_common.scl.document import Document
from ortsnetz_common.scl.lookup import Lookup
from ortsnetz_common.scl.multicasting import UNKNOWN_DATA_SET, multicasting_of
from ortsnetz_common.scl.network import Multicast
from ortsnetz_common.scl.object_reference import ObjectReference
from ortsnetz_common.scl.types import DataObject


class StreamValue(Struct, frozen=True):
    """One value of a data set: its reference, and its basic type in SCL's words."""

    at: ObjectReference
    basic_type: str


Members = tuple[tuple[StreamValue, ...], ...]


class GooseStream(Struct, frozen=True):
    """The messages of one control block.

    Attributes:
        ied: name of the device.
        device: the logical device that the block lies in; its node is LLN0.
        control: the control block.
        multicast: where its messages go; None where the file does not say.
        members: of the data set, and of each the values that travel for it, in their order.
        depths: of each member, how many steps of its values' paths are its own; what lies deeper
            travels in structures.
        unclear: why nothing can be read from the messages, in words; "" where it can.
    """

    ied: str
    device: LogicalDevice
    node: str
    control: GooseControl
    multicast: Multicast | None
    members: Members
    depths: tuple[int, ...] = ()
    unclear: str = ""

    @property
    def block(self) -> str:
        """Reference of the control block on the wire, `B1LD0/LLN0$GO$gcbStates`."""
        return f"{self.device.domain}/{self.node}$GO${self.control.name}"

    @property
    def data_set(self) -> str:
        """Reference of the data set on the wire, `B1LD0/LLN0$States`."""
        return f"{self.device.domain}/{self.node}${self.control.data_set}"


def goose_streams_of(document: Document, ied: Ied) -> Iterator[GooseStream]:
    """The GOOSE control blocks of an IED, in the order of the file."""
    lookup = Lookup(document)
    for block in multicasting_of(document, ied, lambda n: n.goose, lambda p: p.goose):
        if block.control.kind != "GOOSE":
            continue  # GSSE, of edition 1
        members, unclear = _understood(lookup, ied, block.data_set)
        yield GooseStream(
            ied=ied.name,
            device=block.device,
            node=block.node.name,
            control=block.control,
            multicast=block.multicast,
            members=members,
            depths=() if block.data_set is None else tuple(map(_depth, block.data_set.members)),
            unclear=unclear,
        )


def _depth(member: Member) -> int:
    return len(member.path)


def _understood(lookup: Lookup, ied: Ied, data_set: DataSet | None) -> tuple[Members, str]:
    """The members of a control block's data set; else none, and why."""
    try:
        return _members(lookup, ied, data_set), ""
    except ValueError as error:
        return (), str(error)


def _members(lookup: Lookup, ied: Ied, data_set: DataSet | None) -> Members:
    if data_set is None:
        raise ValueError(UNKNOWN_DATA_SET)
    return tuple(tuple(_values(lookup, ied, member)) for member in data_set.members)


def _values(lookup: Lookup, ied: Ied, member: Member) -> Iterator[StreamValue]:
    """The values of a member. Raises ValueError: the file does not say which they are."""
    node = lookup.node(ied.name, member.device, member.node)
    if node is None or member.leaves is None:
        where = f"{member.device}/{member.node}.{'.'.join(member.path)}[{member.constraint}]"
        raise ValueError(f"{where}: the file does not say which values travel for it")
    for leaf in member.leaves:
        part = lookup.part(node, leaf)
        at = ObjectReference(member.device, member.node, leaf, member.constraint)
        if part is None or isinstance(part, DataObject):
            raise ValueError(f"{at}: the file does not say of which type it is")
        yield StreamValue(at, part.basic_type)
