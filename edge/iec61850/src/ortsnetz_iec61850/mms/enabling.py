"""Finds the control blocks that bring what is wanted, and enables them. Blocks.

What the device has is used: no data set is made, and of a buffered block nothing is changed that
would empty its buffer unless it could not report otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ortsnetz_common.scl.object_reference import ObjectReference
from ortsnetz_iec61850.library.connection import Member
from ortsnetz_iec61850.library.errors import LibraryError
from ortsnetz_iec61850.library.reports import (
    BlockState,
    Changes,
    Handler,
    Option,
    Report,
    Trigger,
    read_block,
    write_block,
)
from ortsnetz_iec61850.mms.covering import Block, Cell, blocks_of, cells_of
from ortsnetz_iec61850.mms.failures import ends_connection
from ortsnetz_iec61850.mms.life import Life
from ortsnetz_iec61850.mms.places import Place, Variable

MOST_BLOCKS = 256
"""Control blocks of a device that are looked at."""
RESERVED_S = 60
"""So long a buffered block is kept for this node after a break (7-2, 17.2.2.2.17)."""
OPTIONS = (
    Option.SEQUENCE_NUMBER
    | Option.TIME_STAMP
    | Option.REASON
    | Option.BUFFER_OVERFLOW
    | Option.ENTRY_ID
    | Option.CONFIGURATION_REVISION
)
TRIGGERS = Trigger.DATA_CHANGE | Trigger.QUALITY_CHANGE | Trigger.GENERAL_INTERROGATION


@dataclass(frozen=True)
class Enabled:
    """A block that reports.

    Attributes:
        cells: what it brings, and where.
        places: where the same values stand when they are read.
        resumed: whether a buffered block goes on after the last entry that arrived here.
        revision: of its configuration (confRev), when its data set was asked for; 0 if not said.
    """

    block: Block
    generation: int
    cells: Mapping[ObjectReference, Cell]
    places: Mapping[ObjectReference, Place]
    resumed: bool = False
    revision: int = 0

    def interrogate(self, life: Life) -> None:
        """Ask for everything once more; a device that refuses is polled."""
        _tolerated(life, self.block, Changes(interrogate=True))


@dataclass(frozen=True)
class Wish:
    """What is to be reported.

    Attributes:
        entries: last entry that arrived of each buffered block.
        taken: blocks that report already.
        arrived: takes reports.
        failed: told of each that could not be taken.
        enabled: told of each block, before its first report.
        patient: whether a block whose buffer was being read, and which the device still keeps for
            the connection before, is waited for.
    """

    references: frozenset[ObjectReference]
    entries: Mapping[str, bytes]
    taken: frozenset[str]
    integrity_ms: int
    arrived: Callable[[Report], None]
    failed: Callable[[], None]
    enabled: Callable[[Enabled], object]
    patient: bool = True


@dataclass
class Outcome:
    """What came of it.

    Attributes:
        gaps: what is lost, in words.
        enabled: blocks that report now.
        held_by_others: whether blocks that would serve are taken.
    """

    gaps: list[str] = field(default_factory=list)
    enabled: set[str] = field(default_factory=set)
    held_by_others: bool = False


def enable_all(life: Life, wish: Wish, outcome: Outcome) -> None:
    """Enable the fewest blocks that bring what is wanted.

    Args:
        life: the connection.
        wish: what is wanted.
        outcome: takes what came of it, also where the connection is lost on the way.

    Raises:
        LibraryError: the connection is lost.
    """
    places = {
        reference: place
        for reference, place in life.directory.places(wish.references).items()
        if isinstance(place, Place)
    }
    if not places:
        return
    left = set(places)
    for data_set, blocks in _by_coverage(life, places):
        if life.over:
            return  # given up meanwhile: what is enabled now is kept from the next connection
        cells = {one: cell for one, cell in data_set.items() if one in left}
        if not cells:
            continue
        wanted = {one: places[one] for one in cells}
        if _enable_one(life, blocks, (cells, wanted), wish, outcome):
            left -= cells.keys()
        else:
            outcome.held_by_others = True


def _enable_one(
    life: Life,
    blocks: Sequence[Block],
    brings: tuple[Mapping[ObjectReference, Cell], Mapping[ObjectReference, Place]],
    wish: Wish,
    outcome: Outcome,
) -> bool:
    """Enable one of the blocks that send the same data set; whether one reports now."""
    for block in sorted(blocks, key=lambda one: one.reference not in wish.entries):
        if block.reference in wish.taken or block.reference in outcome.enabled:
            continue
        if _enable(life, Enabled(block, life.generation, *brings), wish, outcome):
            outcome.enabled.add(block.reference)
            return True
        if block.reference in wish.entries:
            if wish.patient:
                return False
            outcome.gaps.append(f"{block.reference} is held by another client")
    return False


def _by_coverage(
    life: Life, places: Mapping[ObjectReference, Place]
) -> list[tuple[dict[ObjectReference, Cell], list[Block]]]:
    """Data sets by how much of what is wanted they bring, each with its blocks."""
    types = {}
    for reference, place in places.items():
        kind = life.directory.type_of(place.variable)
        if kind is not None:
            types[reference] = kind
    found = []
    for name, blocks in _data_sets(life, {place.variable.domain for place in places.values()}):
        cells = cells_of(places, types, _members(life, name))
        if cells:
            found.append((cells, blocks))
    return sorted(found, key=lambda one: (-len(one[0]), not one[1][0].buffered))


def _data_sets(life: Life, domains: set[str]) -> list[tuple[str, list[Block]]]:
    """Data sets that control blocks of these logical devices send, with the blocks."""
    blocks: list[Block] = []
    for domain in sorted(domains):
        blocks += blocks_of(domain, life.association.variables(domain))
    blocks = blocks[:MOST_BLOCKS]
    said = life.read(Variable(block.domain, block.item("DatSet")) for block in blocks)
    named: dict[str, list[Block]] = {}
    for block in blocks:
        name = said[Variable(block.domain, block.item("DatSet"))]
        if isinstance(name, str) and "/" in name:
            named.setdefault(name, []).append(block)
    return list(named.items())


def _members(life: Life, data_set: str) -> tuple[Member, ...]:
    domain, _, name = data_set.partition("/")
    try:
        return life.association.members(domain, name.replace(".", "$"))
    except LibraryError as error:
        if ends_connection(error):
            raise
        return ()


def _enable(life: Life, wanted: Enabled, wish: Wish, outcome: Outcome) -> bool:
    """Enable one block; whether it reports now."""
    block = wanted.block
    try:
        state = read_block(life.association, block.reference)
        if state.enabled or (state.reserved and not block.buffered) or state.reserved_s == -1:
            return False
        resumed = False
        if block.buffered:
            resumed = _prepare_buffered(life, block, state, wish, outcome)
        else:
            _prepare_unbuffered(life, block, state, wish.integrity_ms)
        handler = Handler(block.reference, wish.arrived, wish.failed)
        life.handlers.append(handler)
        handler.install(life.association, state.report_id)
        wish.enabled(replace(wanted, resumed=resumed, revision=state.revision))
        write_block(life.association, block.reference, Changes(enabled=True))
    except LibraryError as error:
        if ends_connection(error):
            raise
        return False
    return True


def _prepare_buffered(
    life: Life, block: Block, state: BlockState, wish: Wish, outcome: Outcome
) -> bool:
    """Whether the block goes on after the last entry that arrived here."""
    entry = wish.entries.get(block.reference)
    if state.reserved_s is not None:  # edition 2.1 enables nothing that nobody has reserved
        _tolerated(life, block, Changes(reserved_s=RESERVED_S))
    if state.options & OPTIONS != OPTIONS:
        _tolerated(life, block, Changes(options=state.options | OPTIONS))
    if state.triggers & TRIGGERS != TRIGGERS:
        # empties the buffer (7-2, 17.2.2.2.7); without it changes would not be reported
        _tolerated(life, block, Changes(triggers=state.triggers | TRIGGERS))
        if entry is not None:
            outcome.gaps.append(f"{block.reference} had to be set up anew")
        return False
    if entry is None:
        return False
    if _tolerated(life, block, Changes(entry_id=entry)):
        return True
    outcome.gaps.append(f"{block.reference}: the device's buffer does not reach back to the break")
    _tolerated(life, block, Changes(entry_id=bytes(len(entry))))  # all that it has (17.2.3.2.2)
    return False


def _prepare_unbuffered(life: Life, block: Block, state: BlockState, integrity_ms: int) -> None:
    write_block(life.association, block.reference, Changes(reserved=True))
    triggers = state.triggers | TRIGGERS | Trigger.INTEGRITY
    for changes in (
        Changes(options=state.options | OPTIONS),
        Changes(triggers=triggers),
        Changes(integrity_ms=integrity_ms),
    ):
        _tolerated(life, block, changes)


def _tolerated(life: Life, block: Block, changes: Changes) -> bool:
    """Write what a device may refuse; whether it took it. Raises LibraryError without answer."""
    try:
        write_block(life.association, block.reference, changes)
    except LibraryError as error:
        if ends_connection(error):
            raise
        return False
    return True
