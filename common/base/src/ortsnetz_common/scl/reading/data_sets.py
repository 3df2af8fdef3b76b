"""Reads data sets and puts their members together from the types (IEC 61850-6, 9.3.7)."""

from __future__ import annotations

from collections.abc import Iterator

from ortsnetz_common.scl.blocks import DataSet, Member
from ortsnetz_common.scl.lookup import part_at
from ortsnetz_common.scl.reading.node_index import NodeIndex
from ortsnetz_common.scl.reading.notes import Notes, quoted
from ortsnetz_common.scl.reading.tree import Element
from ortsnetz_common.scl.types import (
    Attribute,
    DataObject,
    FunctionalConstraint,
    NodeType,
    attribute_leaves,
    leaves_of,
)

MOST_LEAVES = 100_000
"""Values of all data sets of a file: more would be a mistake, or made to fill the memory."""
_CONSTRAINTS = {str(each): each for each in FunctionalConstraint}
Leaves = tuple[tuple[str, ...], ...]


class DataSets:
    """Reads the data sets of a file.

    Args:
        index: of its logical nodes.
        notes: takes what does not fit.
    """

    def __init__(self, index: NodeIndex, notes: Notes) -> None:
        self._index, self._notes = index, notes
        self._leaves = 0

    def read(self, node: Element, ied: str) -> tuple[DataSet, ...]:
        """The data sets of a logical node."""
        found: dict[str, DataSet] = {}
        for element in node.each("DataSet"):
            name = self._notes.required(element, "name")
            if name in found:
                self._notes.add(element, f"data set '{quoted(name)}' is there twice")
            members = tuple(self._members(element, ied))
            if not members:
                self._notes.add(element, "has no member")
            found.setdefault(name, DataSet(name, element.line, element.get("desc") or "", members))
        return tuple(found.values())

    def _members(self, element: Element, ied: str) -> Iterator[Member]:
        for each in element.each("FCDA", "FCCB"):
            if each.name == "FCCB":
                each.is_read = False  # only of logs: listed as not read
                continue
            member = self._member(each, ied)
            if member is not None:
                yield member

    def _member(self, element: Element, ied: str) -> Member | None:
        notes = self._notes
        device, text = notes.required(element, "ldInst"), notes.required(element, "fc")
        node_class = notes.required(element, "lnClass")
        node = f"{element.get('prefix') or ''}{node_class}{element.get('lnInst') or ''}"
        path = _steps(element.get("doName")) + _steps(element.get("daName"))
        index = notes.whole(element, "ix")
        constraint = _CONSTRAINTS.get(text)
        if constraint is None:
            notes.add(element, f"fc: '{quoted(text)}' is no functional constraint")
            return None
        kind = self._index.type_of(ied, device, node)
        if kind is not None:
            path = with_element(kind, path, index)
        said = [step for step in path if step.endswith(")")]
        if index is not None and not any(step.endswith(f"({index})") for step in said):
            notes.add(element, f"ix: {index} fits no array in '{quoted('.'.join(path))}'")
        leaves = self._resolved(element, (ied, device, node), path, constraint)
        return Member(device, node, path, constraint, element.line, leaves)

    def _resolved(
        self,
        element: Element,
        node: tuple[str, str, str],
        path: tuple[str, ...],
        constraint: FunctionalConstraint,
    ) -> Leaves | None:
        missing = self._index.missing(*node)
        if missing:
            self._notes.add(element, quoted(missing))
            return None
        kind = self._index.type_of(*node)
        if kind is None:
            return None  # the node's missing type is a finding of its own
        found = tuple(self._bounded(member_leaves(kind, path, constraint)))
        if found and self._leaves < MOST_LEAVES:
            return found
        where = f"{node[2]}.{'.'.join(path)}"
        words = f"'{quoted(where)}' has no values with {constraint}"
        if self._leaves >= MOST_LEAVES:
            words = f"the data sets stand for more than {MOST_LEAVES} values: left out from here"
        self._notes.add(element, words)
        return None

    def _bounded(self, leaves: Iterator[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
        for leaf in leaves:
            if self._leaves >= MOST_LEAVES:
                return
            self._leaves += 1
            yield leaf


def with_element(kind: NodeType, path: tuple[str, ...], index: int | None) -> tuple[str, ...]:
    """The path with the number of the element where its array is.

    The same where there is no array, or where the path names the element by itself (some tools
    write `phsAHar(3)` beside `ix`).
    """
    if index is None or any(step.endswith(")") for step in path):
        return path
    for length in range(1, len(path) + 1):
        part = part_at(kind, path[:length])
        if part is not None and part.count != 0:
            step = f"{path[length - 1]}({index})"
            return (*path[: length - 1], step, *path[length:])
    return path


def member_leaves(
    kind: NodeType, path: tuple[str, ...], constraint: FunctionalConstraint
) -> Iterator[tuple[str, ...]]:
    """Paths of the values that travel for a member, in their order.

    Args:
        kind: of the node.
        path: as in `Member`.
        constraint: only values with it travel.
    """
    if not path:
        for whole in kind.objects:
            yield from (leaf.path for leaf in leaves_of(whole) if leaf.constraint is constraint)
        return
    if _goes_through_an_array(kind, path):
        return
    part = part_at(kind, path)
    is_element = path[-1].endswith(")")
    if isinstance(part, DataObject):
        for leaf in leaves_of(part, whole_array=not is_element):
            if leaf.constraint is constraint:
                yield _joined(path, leaf.path)
    elif isinstance(part, Attribute) and _constraint_of(kind, path) is constraint:
        for steps, _ in attribute_leaves(part, whole_array=not is_element):
            yield _joined(path, steps)


def _goes_through_an_array(kind: NodeType, path: tuple[str, ...]) -> bool:
    """Whether an array lies in the path of which the element is not said."""
    above = (part_at(kind, path[:n]) for n in range(1, len(path)) if not path[n - 1].endswith(")"))
    return any(part is not None and part.count != 0 for part in above)


def _joined(path: tuple[str, ...], leaf: tuple[str, ...]) -> tuple[str, ...]:
    """The leaf begins with the last step of the path, perhaps as an element of an array."""
    if path[-1].endswith(")"):
        return (*path, *leaf[1:])
    return (*path[:-1], *leaf)


def _constraint_of(kind: NodeType, path: tuple[str, ...]) -> FunctionalConstraint | None:
    """The constraint of the attribute (DA) that a path goes through."""
    for length in range(1, len(path) + 1):
        part = part_at(kind, path[:length])
        if isinstance(part, Attribute):
            return part.constraint
    return None


def _steps(text: str | None) -> tuple[str, ...]:
    return tuple(text.split(".")) if text else ()
