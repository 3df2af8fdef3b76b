"""Which data sets bring which values, and through which control blocks. Pure.

A data set's members are variables: whole objects (`MMXU1$MX$PhV`) or single attributes
(`MMXU1$MX$TotW$mag$f`, with `MMXU1$MX$TotW$q` beside it). A value counts as reported if its data
set brings its quality along, where it has one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ortsnetz_common.scl.object_reference import ObjectReference
from ortsnetz_iec61850.library.connection import Member
from ortsnetz_iec61850.library.types import VariableType
from ortsnetz_iec61850.mms.places import Place

_BLOCK = re.compile(r"([A-Za-z0-9_]+)\$(BR|RP)\$([A-Za-z0-9_]+)")


@dataclass(frozen=True, slots=True)
class Block:
    """A report control block of a device: `B1LD0`, `LLN0`, `brcbA01`."""

    domain: str
    node: str
    name: str
    buffered: bool

    @property
    def reference(self) -> str:
        """As the library wants it: `B1LD0/LLN0.BR.brcbA01`."""
        return f"{self.domain}/{self.node}.{'BR' if self.buffered else 'RP'}.{self.name}"

    def item(self, attribute: str) -> str:
        """The variable of one of its attributes."""
        return f"{self.node}${'BR' if self.buffered else 'RP'}${self.name}${attribute}"


@dataclass(frozen=True, slots=True)
class Way:
    """A part of a member's value: place of the member in the data set, and parts below."""

    member: int
    parts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """Where a report brings a value.

    Attributes:
        quality, time: None where the value has none, or (time) the data set does not bring it.
    """

    value: Way
    quality: Way | None
    time: Way | None

    @property
    def members(self) -> frozenset[int]:
        """Members it rests on."""
        ways = (self.value, self.quality, self.time)
        return frozenset(way.member for way in ways if way is not None)


def blocks_of(domain: str, variables: Sequence[str]) -> tuple[Block, ...]:
    """Report control blocks among the variables of a logical device, buffered ones first."""
    found = {
        Block(domain, match[1], match[3], match[2] == "BR")
        for match in map(_BLOCK.fullmatch, variables)
        if match is not None
    }
    return tuple(sorted(found, key=lambda block: (not block.buffered, block.node, block.name)))


def cells_of(
    places: Mapping[ObjectReference, Place],
    types: Mapping[ObjectReference, VariableType],
    members: Sequence[Member],
) -> dict[ObjectReference, Cell]:
    """Which of some values the members of a data set bring, and where.

    Args:
        places: of the values.
        types: of the variable in which each stands.
        members: of the data set.
    """
    named = {
        (member.domain, member.item): place for place, member in enumerate(members) if member.whole
    }
    found = {}
    for reference, place in places.items():
        cell = _cell(place, types[reference], named)
        if cell is not None:
            found[reference] = cell
    return found


def _cell(place: Place, kind: VariableType, named: Mapping[tuple[str, str], int]) -> Cell | None:
    value = _way(place, place.value, kind, named)
    quality = None if place.quality is None else _way(place, place.quality, kind, named)
    if value is None or (place.quality is not None and quality is None):
        return None
    time = None if place.time is None else _way(place, place.time, kind, named)
    return Cell(value, quality, time)


def _way(
    place: Place,
    parts: tuple[int, ...],
    kind: VariableType,
    named: Mapping[tuple[str, str], int],
) -> Way | None:
    """The way to a part from the member that holds it: the object, or something below it."""
    node_of, constraint, _ = place.variable.item.split("$")
    for name in (f"{node_of}${constraint}", node_of):  # a member may be a whole node
        if (place.variable.domain, name) in named:
            return None  # the order of its objects is not known here: polled
    name, here = place.variable.item, kind
    for depth in range(len(parts) + 1):
        member = named.get((place.variable.domain, name))
        if member is not None:
            return Way(member, parts[depth:])
        if depth == len(parts):
            break
        if not here.parts:
            return None  # members below elements of arrays are not followed
        here = here.parts[parts[depth]]
        name = f"{name}${here.name}"
    return None
