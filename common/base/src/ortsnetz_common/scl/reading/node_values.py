"""Reads what a file says of single attributes of a node (DOI, SDI, DAI; IEC 61850-6, 9.3.6)."""

from __future__ import annotations

from collections.abc import Iterator

from ortsnetz_common.scl.devices import InstanceValue
from ortsnetz_common.scl.lookup import part_at
from ortsnetz_common.scl.reading.notes import Notes, quoted
from ortsnetz_common.scl.reading.tree import Element
from ortsnetz_common.scl.reading.type_parts import presets_in
from ortsnetz_common.scl.types import Attribute, DataObject, NodeType


def values_in(node: Element, kind: NodeType | None, notes: Notes) -> Iterator[InstanceValue]:
    """Values of a node; those of attributes that its type does not have are findings as well."""
    for element in node.each("DOI"):
        yield from _within(element, (), kind, notes)


def _within(
    element: Element, above: tuple[str, ...], kind: NodeType | None, notes: Notes
) -> Iterator[InstanceValue]:
    path = (*above, _step(element, notes))
    for unused in ("accessControl", "sAddr"):
        element.get(unused)
    description = element.get("desc") or ""
    if kind is not None and not isinstance(part_at(kind, path), DataObject | Attribute):
        notes.add(element, f"'{quoted('.'.join(path))}' is not in its type '{quoted(kind.id)}'")
        kind = None  # said once, not for all that lies within
    if description and element.name == "DOI":
        yield InstanceValue(path, element.line, description=description)
    for inner in element.each("SDI", "DAI"):
        if inner.name == "SDI":
            yield from _within(inner, path, kind, notes)
        else:
            yield _value(inner, path, kind, notes)


def _value(
    element: Element, above: tuple[str, ...], kind: NodeType | None, notes: Notes
) -> InstanceValue:
    path = (*above, _step(element, notes))
    if kind is not None and not isinstance(part_at(kind, path), Attribute):
        notes.add(element, f"'{quoted('.'.join(path))}' is not in its type '{quoted(kind.id)}'")
    for unused in ("valKind", "valImport"):
        element.get(unused)
    return InstanceValue(
        path=path,
        line=element.line,
        presets=presets_in(element, notes),
        address=element.get("sAddr") or "",
        description=element.get("desc") or "",
    )


def _step(element: Element, notes: Notes) -> str:
    name, index = notes.required(element, "name"), notes.whole(element, "ix")
    return name if index is None else f"{name}({index})"
