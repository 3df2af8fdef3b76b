"""What a publisher sends for one control block: values put into the form of its data set. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from ortsnetz_common.scl.object_reference import ObjectReference
from ortsnetz_iec61850.goose.data import Bits, Datum, Kind, UtcTime
from ortsnetz_iec61850.goose.frames import Tag
from ortsnetz_iec61850.goose.retransmission import Curve
from ortsnetz_iec61850.goose.stream import quality_bits
from ortsnetz_iec61850.goose.subscription import KINDS, Expected, Subscription

Value = bool | int | float | str
Node = dict[str, "Node | Datum"]


@dataclass(frozen=True, slots=True)
class Publication:
    """One control block as it is published.

    Attributes:
        stream: what a subscriber expects of it.
        depths: of each member, how many steps of its values' paths are its own.
        tag: VLAN's, or None.
        curve: when messages are repeated.
    """

    stream: Subscription
    depths: tuple[int, ...]
    tag: Tag | None = None
    curve: Curve = field(default_factory=Curve)

    def data(self, values: dict[ObjectReference, Value]) -> tuple[Datum, ...]:
        """The data set's members; what has no value is zero, empty, or invalid.

        Raises:
            ValueError: a value that is not of its type; names it.
        """
        return tuple(
            _member(member, depth, values)
            for member, depth in zip(self.stream.members, self.depths, strict=True)
        )


def _member(
    member: tuple[Expected, ...], depth: int, values: dict[ObjectReference, Value]
) -> Datum:
    if len(member) == 1 and len(member[0].at.path) == depth:
        return datum_of(member[0], values.get(member[0].at))
    tree: Node = {}
    for each in member:
        node = tree
        *above, last = each.at.path[depth:]
        for step in above:
            inner = node.setdefault(step, {})
            if isinstance(inner, Datum):
                raise ValueError(f"{each.at}: '{step}' is a value already")  # noqa: TRY004
            node = inner
        node[last] = datum_of(each, values.get(each.at))
    return _structure(tree)


def _structure(tree: Node) -> Datum:
    parts = (each if isinstance(each, Datum) else _structure(each) for each in tree.values())
    return Datum(Kind.STRUCTURE, tuple(parts))


def datum_of(expected: Expected, value: Value | None) -> Datum:
    """A value in the form of its type: qualities in the project's bits, times in ns UTC.

    Raises:
        ValueError: it is not of that type.
    """
    kind, bits = KINDS[expected.basic_type]
    number = 0 if value is None else value
    if kind in (Kind.TEXT, Kind.UNICODE):
        return Datum(kind, "" if value is None else str(value))
    if kind in (Kind.OCTETS, Kind.BINARY_TIME):
        return Datum(kind, bytes(6))
    if isinstance(number, str):
        raise ValueError(f"{expected.at}: '{number}' is no {expected.basic_type}")  # noqa: TRY004
    if expected.basic_type == "Quality":
        return Datum(kind, quality_bits(1 if value is None else int(number)))
    return Datum(kind, _plain(kind, bits, number))


def _plain(kind: Kind, bits: int | None, number: float) -> bool | int | float | Bits | UtcTime:
    if kind is Kind.BOOLEAN:
        return bool(number)
    if kind is Kind.FLOAT:
        return float(number)
    if kind is Kind.BITS:
        return Bits(int(number), bits or 0)
    if kind is Kind.TIME:
        return UtcTime(int(number))
    return int(number)
