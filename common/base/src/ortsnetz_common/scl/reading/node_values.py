"""Reads what a file says of single attributes of a node (DOI, SDI, DAI; IEC 61850-6, 9.3.6)."""

from __future__ import annotations

from collections.abc import Iterator

from ortsnetz_common.scl.devices import InstanceValue
from ortsnetz_common.scl.lookup import part_at
from ortsnetz_common.scl.reading.notes import Notes, quoted
from ortsnetz_common.scl.reading.presets import Presets
from ortsnetz_common.scl.reading.tree import Element
from ortsnetz_common.scl.types import Attribute, DataObject, NodeType


class NodeValues:
    """Reads the values of nodes.

    Args:
        presets: reads single values.
        notes: takes what does not fit.
    """

    def __init__(self, presets: Presets, notes: Notes) -> None:
        self._presets, self._notes = presets, notes

    def read(self, node: Element, kind: NodeType | None) -> Iterator[InstanceValue]:
        """Values of a node; those of attributes that its type does not have are findings, too."""
        for element in node.each("DOI"):
            yield from self._within(element, (), kind)

    def _within(
        self, element: Element, above: tuple[str, ...], kind: NodeType | None
    ) -> Iterator[InstanceValue]:
        path = (*above, _step(element, self._notes))
        for unused in ("accessControl", "sAddr"):
            element.get(unused)
        description = element.get("desc") or ""
        if kind is not None and not isinstance(part_at(kind, path), DataObject | Attribute):
            self._notes.add(
                element, f"'{quoted('.'.join(path))}' is not in its type '{quoted(kind.id)}'"
            )
            kind = None  # said once, not for all that lies within
        if description and element.name == "DOI":
            yield InstanceValue(path, element.line, description=description)
        for inner in element.each("SDI", "DAI"):
            if inner.name == "SDI":
                yield from self._within(inner, path, kind)
            else:
                yield self._value(inner, path, kind)

    def _value(
        self, element: Element, above: tuple[str, ...], kind: NodeType | None
    ) -> InstanceValue:
        path = (*above, _step(element, self._notes))
        part = None if kind is None else part_at(kind, path)
        attribute = part if isinstance(part, Attribute) else None
        if kind is not None and attribute is None:
            self._notes.add(
                element, f"'{quoted('.'.join(path))}' is not in its type '{quoted(kind.id)}'"
            )
        for unused in ("valKind", "valImport"):
            element.get(unused)
        return InstanceValue(
            path=path,
            line=element.line,
            presets=self._presets.read(
                element,
                "" if attribute is None else attribute.basic_type,
                "" if attribute is None else attribute.type_id,
            ),
            address=element.get("sAddr") or "",
            description=element.get("desc") or "",
        )


def _step(element: Element, notes: Notes) -> str:
    name, index = notes.required(element, "name"), notes.whole(element, "ix")
    return name if index is None else f"{name}({index})"
