"""What travels in the sampled values of an IED, as far as an SCL file says it."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from ortsnetz_common.scl.blocks import DataSet, Member, SampledValueControl
from ortsnetz_common.scl.devices import Ied, LogicalDevice, LogicalNode
from ortsnetz_common.scl.document import Document
from ortsnetz_common.scl.lookup import Lookup
from ortsnetz_common.scl.multicasting import UNKNOWN_DATA_SET, multicasting_of
from ortsnetz_common.scl.network import Multicast
from ortsnetz_common.scl.types import Attribute
from ortsnetz_common.scl.units import counts_of, units_of

OCTETS = {
    "INT8": 1, "INT8U": 1, "BOOLEAN": 1, "INT16": 2, "INT16U": 2, "INT32": 4, "INT32U": 4,
    "FLOAT32": 4, "Quality": 4, "INT64": 8, "FLOAT64": 8, "Timestamp": 8,
}  # fmt: skip
"""Octets of basic types among sampled values (IEC 61850-9-2, table 15: fixed lengths, no tags)."""
_MEASURES = {"TCTR": ("i", "A"), "TVTR": ("u", "V")}
_PHASES = "abcn"


class StreamChannel(Struct, frozen=True):
    """A sampled value of 32 bits among those of an ASDU.

    Attributes:
        name: `i_a` to `u_n`, of a transformer's node (TCTR, TVTR) whose prefix ends with the letter
            of its phase; `-` for others.
        node: that it comes from, `I01ATCTR1`.
        value_at, quality_at: first octet of it and of its quality; None for none.
        scale: A or V of one count; None where the file does not say.
    """

    name: str
    node: str
    value_at: int
    quality_at: int | None
    scale: float | None


class SampledStream(Struct, frozen=True):
    """The messages of one control block.

    Attributes:
        device: the logical device that the block lies in.
        control: the block.
        multicast: where its messages go; None where the file does not say.
        channels: values with samples in them, in their order.
        octets: of an ASDU's values.
        unclear: why nothing can be read from the messages, in words; "" where it can.
        doubts: what of it the file does not say.
    """

    ied: str
    device: LogicalDevice
    control: SampledValueControl
    multicast: Multicast | None
    channels: tuple[StreamChannel, ...] = ()
    octets: int = 0
    unclear: str = ""
    doubts: tuple[str, ...] = ()

    def samples_per_s(self, nominal_hz: float) -> int | None:
        """Samples a second; None where the file does not say, or there are less than one."""
        rate = self.control.rate
        if rate is None or self.control.mode == "SecPerSmp":
            return None
        return rate if self.control.mode == "SmpPerSec" else round(rate * nominal_hz)


def sampled_streams_of(document: Document, ied: Ied) -> Iterator[SampledStream]:
    """The control blocks of sampled values of an IED, in the order of the file."""
    lookup = Lookup(document)
    for block in multicasting_of(
        document, ied, lambda n: n.sampled_values, lambda p: p.sampled_values
    ):
        bare = SampledStream(ied.name, block.device, block.control, block.multicast)
        yield _stream(lookup, ied, bare, block.data_set)


def _stream(
    lookup: Lookup, ied: Ied, bare: SampledStream, data_set: DataSet | None
) -> SampledStream:
    """With what its data set says."""
    given = (bare.ied, bare.device, bare.control, bare.multicast)
    if data_set is None:
        return SampledStream(*given, unclear=UNKNOWN_DATA_SET)
    channels: list[StreamChannel] = []
    doubts: list[str] = []
    at = 0
    try:
        for member in data_set.members:
            at = _member(lookup, ied, member, (at, channels, doubts))
    except ValueError as error:
        return SampledStream(*given, unclear=str(error))
    return SampledStream(*given, channels=_once(channels), octets=at, doubts=tuple(doubts))


def _member(
    lookup: Lookup, ied: Ied, member: Member, so_far: tuple[int, list[StreamChannel], list[str]]
) -> int:
    """Take up the values of a member that begins at an octet; where the next one begins."""
    at, channels, doubts = so_far
    node = lookup.node(ied.name, member.device, member.node)
    where = f"{member.device}/{member.node}.{'.'.join(member.path)}"
    if node is None or member.leaves is None:
        raise ValueError(f"{where}: the file does not say which values travel for it")
    for leaf in member.leaves:
        part = lookup.part(node, leaf)
        size = OCTETS.get(part.basic_type) if isinstance(part, Attribute) else None
        if not isinstance(part, Attribute) or size is None:
            raise ValueError(f"{where}: the file does not say how long {'.'.join(leaf)} is")
        if leaf[-2:] == ("instMag", "i") and part.basic_type == "INT32":
            scale = _scale(lookup, node, leaf[:-2], doubts)
            channels.append(StreamChannel(_name(node), node.name, at, None, scale))
        elif part.basic_type == "Quality" and channels and channels[-1].node == node.name:
            last = channels[-1]
            channels[-1] = StreamChannel(last.name, last.node, last.value_at, at, last.scale)
        at += size
    return at


def _name(node: LogicalNode) -> str:
    """Of a channel: 9-2LE has the prefixes InnA and UnnA, IEC 61869-9 I01A and U01A."""
    kind = _MEASURES.get(node.node_class)
    phase = node.prefix[-1:].lower()
    return f"{kind[0]}_{phase}" if kind is not None and phase and phase in _PHASES else "-"


def _scale(
    lookup: Lookup, node: LogicalNode, path: tuple[str, ...], doubts: list[str]
) -> float | None:
    kind = _MEASURES.get(node.node_class)
    if kind is None:
        return None
    try:
        factor, offset = counts_of(lookup, node, path)
        units = units_of(lookup, node, path)
    except ValueError as error:
        doubts.append(str(error))
        return None
    if offset or units.unit not in {None, kind[1]}:
        doubts.append(f"{node.name}.{'.'.join(path)}: an offset, or another unit than {kind[1]}")
        return None
    return factor * float(f"1e{units.power}")


def _once(channels: list[StreamChannel]) -> tuple[StreamChannel, ...]:
    """The second set of transformers has no names: the first counts."""
    seen: set[str] = set()
    found = []
    for each in channels:
        name = "-" if each.name in seen else each.name
        seen.add(name)
        found.append(StreamChannel(name, each.node, each.value_at, each.quality_at, each.scale))
    return tuple(found)
