"""Reads DataTypeTemplates (IEC 61850-6, 9.5) and puts types together, under bounds.

Types refer to types: a few lines of them could stand for billions of attributes, or for each other.
"""

from __future__ import annotations

from collections.abc import Iterator

from ortsnetz_common.scl.reading.notes import Notes, quoted
from ortsnetz_common.scl.reading.presets import Presets
from ortsnetz_common.scl.reading.tree import Element
from ortsnetz_common.scl.reading.type_parts import (
    AttributeTypes,
    bounded_parts,
    element_count,
)
from ortsnetz_common.scl.types import DataObject, EnumerationType, NodeType

MOST_LEAVES = 50_000
"""Values of one type; the largest logical nodes that are in use (MHAI) have some thousands."""
MOST_LEAVES_IN_ALL = 1_000_000
DEEPEST = 12


class Templates:
    """The types of a file.

    Attributes:
        node_types: in the order of the file.
        enumerations: likewise.
        presets: reads values, and knows the enumerations.
    """

    def __init__(self, section: Element | None, notes: Notes) -> None:
        self._notes = notes
        self._objects: dict[str, DataObject | None] = {}
        self._sizes: dict[str, int] = {}
        self._pending: list[str] = []
        self._in_all = 0
        self.enumerations: tuple[EnumerationType, ...] = ()
        self.presets = Presets({}, notes)
        self.node_types: tuple[NodeType, ...] = ()
        self._types: dict[str, Element] = {}
        if section is None:
            return
        enumerations = self._indexed(section, "EnumType")
        self.enumerations = tuple(self._enumeration(each) for each in enumerations.values())
        self.presets = Presets({each.id: each for each in self.enumerations}, notes)
        self._parts = AttributeTypes(self._indexed(section, "DAType"), self.presets, notes)
        self._types = self._indexed(section, "DOType")
        self.node_types = tuple(self._node_types(section))
        for identifier in self._types:  # what no node uses is checked all the same
            self._object_type(identifier)
        self._parts.check_all()

    def _indexed(self, section: Element, kind: str) -> dict[str, Element]:
        found: dict[str, Element] = {}
        for element in section.each(kind):
            first = found.setdefault(self._notes.required(element, "id"), element)
            if first is not element:
                self._notes.add(element, f"this {kind} is already in line {first.line}")
            for name in ("desc", "iedType"):
                element.get(name)
        return found

    def _enumeration(self, element: Element) -> EnumerationType:
        values = []
        for value in element.each("EnumVal"):
            value.get("desc")
            text = value.get("ord") or ""
            number = self._notes.number(value, "ord", text.removeprefix("-"))
            if number is not None:
                values.append((-number if text.startswith("-") else number, value.text))
        return EnumerationType(element.get("id") or "", element.line, tuple(values))

    def _node_types(self, section: Element) -> Iterator[NodeType]:
        seen: dict[tuple[str, str], int] = {}
        for element in section.each("LNodeType"):
            identifier = self._notes.required(element, "id")
            node_class = self._notes.required(element, "lnClass")
            element.get("iedType")
            line = seen.setdefault((identifier, node_class), element.line)
            if line != element.line:
                self._notes.add(element, f"this LNodeType is already in line {line}")
                continue
            objects = tuple(self._objects_in(element, "DO"))
            size = sum(self._size(part) for part in objects)
            self._in_all += size
            if size > MOST_LEAVES or self._in_all > MOST_LEAVES_IN_ALL:
                self._notes.add(element, f"stands for {size} values, more than can be: not read")
                objects = ()
                self._in_all -= size
            description = element.get("desc") or ""
            yield NodeType(identifier, node_class, element.line, description, objects)

    def _size(self, part: DataObject) -> int:
        return self._sizes.get(part.type_id, 0) * max(part.count or 0, 1)

    def _objects_in(self, element: Element, name: str) -> Iterator[DataObject]:
        seen: set[str] = set()
        for child in bounded_parts(element, name, self._notes):
            label = self._notes.required(child, "name")
            if label in seen:
                self._notes.add(child, f"'{quoted(label)}' is there twice")
                child.get("type")
                continue
            seen.add(label)
            yield self._object(child, label)

    def _object(self, element: Element, name: str) -> DataObject:
        identifier = self._notes.required(element, "type")
        kind = self._object_type(identifier)
        if kind is None and identifier:
            self._notes.add(element, f"there is no usable DOType '{quoted(identifier)}'")
        for unused in ("accessControl", "mandatory"):
            element.get(unused)
        known = kind or DataObject("", "", identifier, element.line)
        return DataObject(
            name=name,
            data_class=known.data_class,
            type_id=identifier,
            line=element.line,
            description=element.get("desc") or known.description,
            transient=self._notes.truth(element, "transient", default=False),
            count=element_count(element, self._notes),
            objects=known.objects,
            attributes=known.attributes,
            order=known.order,
        )

    def _object_type(self, identifier: str) -> DataObject | None:
        """A type as an object without a name; None where there is none that can be used."""
        if identifier in self._objects:
            return self._objects[identifier]
        element = self._types.get(identifier)
        if element is None:
            return None
        if identifier in self._pending or len(self._pending) >= DEEPEST:
            self._notes.add(element, "contains itself, or lies too deep")
            return None
        self._pending.append(identifier)
        objects = tuple(self._objects_in(element, "SDO"))
        attributes, size = self._parts.attributes_in(element, "DA")
        self._pending.pop()
        size += sum(self._size(part) for part in objects)
        made: DataObject | None = DataObject(
            name="",
            data_class=self._notes.required(element, "cdc"),
            type_id=identifier,
            line=element.line,
            description=element.get("desc") or "",
            objects=objects,
            attributes=attributes,
            order=self._order(element, objects, {part.name for part in attributes}),
        )
        if size > MOST_LEAVES:
            self._notes.add(element, f"stands for {size} values, more than can be: not read")
            made, size = None, 0
        self._objects[identifier], self._sizes[identifier] = made, size
        return made

    def _order(
        self, element: Element, objects: tuple[DataObject, ...], attributes: set[str]
    ) -> tuple[str, ...]:
        """Names of the parts as they follow each other in the file."""
        named = {part.name for part in objects}
        for name in sorted(named & attributes):
            self._notes.add(element, f"'{quoted(name)}' is an SDO and a DA: the order is unknown")
        parts = [c.attributes.get("name", "") for c in element.children if c.name in ("SDO", "DA")]
        return tuple(dict.fromkeys(name for name in parts if name in named | attributes))
