"""Which requests read a set of references: the fewest that limit and gap allow. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ortsnetz_edge.profiles.references.modbus import Block, RegisterReference, Table

MOST_BITS = 2000
"""Coils or discrete inputs a request (MODBUS application protocol 1.1b3, 6.1 and 6.2)."""


@dataclass(frozen=True, slots=True)
class Request:
    """One read.

    Attributes:
        address, count: registers or bits, protocol address.
        places: of the references that it serves, ascending.
        whole: it is a block of the profile that is never split.
    """

    table: Table
    address: int
    count: int
    places: tuple[int, ...]
    whole: bool = False

    @property
    def end(self) -> int:
        """First address after it."""
        return self.address + self.count

    def holds(self, reference: RegisterReference) -> bool:
        """Whether a reference lies in it from end to end."""
        return (
            reference.table is self.table
            and self.address <= reference.address
            and reference.address + reference.width <= self.end
        )


def plan(
    references: Sequence[RegisterReference],
    places: Iterable[int],
    *,
    limit: int,
    gap: int,
    whole: Sequence[Block] = (),
) -> tuple[Request, ...]:
    """The fewest requests for some of the references.

    What lies in a whole block is read with it; the rest is covered from its lowest address on,
    each request as far as limit and gap allow. No other choice needs fewer: some request has to
    hold the lowest reference, none that does reaches further than the one that begins there, and
    what a shorter one covers the longest covers too.

    Args:
        references: all of a source; none wider than `limit`.
        places: of those that have to be read.
        limit: most registers a request.
        gap: most registers in a row that nobody asked for, within a request.
        whole: blocks that are read as they are.
    """
    left = dict.fromkeys(sorted(set(places)))
    requests: list[Request] = []
    for block in whole:
        request = Request(block.table, block.address, block.count, (), whole=True)
        served = tuple(place for place in left if request.holds(references[place]))
        if served:
            requests.append(Request(block.table, block.address, block.count, served, whole=True))
            for place in served:
                del left[place]
    for table in (Table.HOLDING, Table.INPUT, Table.COIL, Table.DISCRETE):
        of_table = [place for place in left if references[place].table is table]
        most = limit if table in {Table.HOLDING, Table.INPUT} else MOST_BITS
        requests += _covered(references, of_table, table, most, gap)
    return tuple(requests)


def _covered(
    references: Sequence[RegisterReference], places: list[int], table: Table, limit: int, gap: int
) -> list[Request]:
    order = sorted(places, key=lambda place: _ends(references[place]))
    requests: list[Request] = []
    while order:
        start = references[order[0]].address
        end = _reach((_ends(references[place]) for place in order), start, limit, gap)
        request = Request(table, start, end - start, ())
        served = [place for place in order if request.holds(references[place])]
        requests.append(Request(table, start, end - start, tuple(sorted(served))))
        order = [place for place in order if not request.holds(references[place])]
    return requests


def _reach(ends: Iterable[tuple[int, int]], start: int, limit: int, gap: int) -> int:
    """How far a request that begins at the lowest address can go: an end of a reference."""
    reach = asked = start
    for first, after in ends:
        if first - asked > gap:
            break
        if after - start <= limit:
            reach = max(reach, after)
        asked = max(asked, after)
    return reach


def _ends(reference: RegisterReference) -> tuple[int, int]:
    return reference.address, reference.address + reference.width
