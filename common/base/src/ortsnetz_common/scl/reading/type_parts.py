"""Reads data attributes and the structures they consist of (IEC 61850-6, 9.5.4 and 9.5.5)."""

from __future__ import annotations

from collections.abc import Mapping

from ortsnetz_common.scl.reading.notes import Notes, quoted
from ortsnetz_common.scl.reading.presets import Presets
from ortsnetz_common.scl.reading.tree import Element
from ortsnetz_common.scl.types import Attribute, FunctionalConstraint

DEEPEST = 12
LONGEST_ARRAY = 10_000
MOST_PARTS = 2000
"""Of a type. Large nodes that are in use (GGIO with all its inputs) have some hundreds."""
_BASIC_TYPES = (
    "BOOLEAN INT8 INT16 INT24 INT32 INT64 INT128 INT8U INT16U INT24U INT32U FLOAT32 FLOAT64 Enum "
    "Dbpos Tcmd Quality Timestamp VisString32 VisString64 VisString65 VisString129 VisString255 "
    "Octet64 Unicode255 Struct EntryTime Check ObjRef Currency PhyComAddr TrgOps OptFlds SvOptFlds "
    "LogOptFlds EntryID Octet6 Octet16"
)
BASIC_TYPES = frozenset(_BASIC_TYPES.split())
_CONSTRAINTS = {str(each): each for each in FunctionalConstraint}
_CHANGES = ("dchg", "qchg", "dupd")
_Sized = tuple[tuple[Attribute, ...], int]


class AttributeTypes:
    """Structures of a file (DAType), put together when they are asked for.

    Args:
        types: their elements by id.
        presets: reads values, and knows the file's enumerations.
        notes: takes what does not fit.
    """

    def __init__(self, types: Mapping[str, Element], presets: Presets, notes: Notes) -> None:
        self._types, self._presets, self._notes = types, presets, notes
        self._made: dict[str, _Sized] = {}
        self._pending: list[str] = []

    def check_all(self) -> None:
        """Read those that no object uses, too."""
        for identifier in self._types:
            self._structure(identifier)

    def attributes_in(self, element: Element, name: str) -> _Sized:
        """The attributes (DA) or parts (BDA) in an element, and how many values they stand for."""
        found: dict[str, Attribute] = {}
        size = 0
        for child in bounded_parts(element, name, self._notes):
            label = self._notes.required(child, "name")
            attribute, of_it = self._attribute(child, label)
            if label in found:
                self._notes.add(child, f"'{quoted(label)}' is there twice")
            else:
                found[label] = attribute
                size += of_it * max(attribute.count or 0, 1)
        return tuple(found.values()), size

    def _attribute(self, element: Element, name: str) -> tuple[Attribute, int]:
        basic = self._notes.required(element, "bType")
        if basic and basic not in BASIC_TYPES:
            self._notes.add(element, f"bType: '{quoted(basic)}' is no type of IEC 61850-6")
        identifier = element.get("type") or ""
        parts, size = self._kind(element, basic, identifier)
        for unused in ("sAddr", "valKind", "valImport"):
            element.get(unused)
        attribute = Attribute(
            name=name,
            basic_type=basic,
            constraint=self._constraint(element) if element.name == "DA" else None,
            line=element.line,
            type_id=identifier,
            count=element_count(element, self._notes),
            presets=self._presets.read(element, basic, identifier),
            changes=tuple(
                c for c in _CHANGES if self._notes.truth(element, c, default=False) is True
            ),
            description=element.get("desc") or "",
            parts=parts,
        )
        return attribute, size

    def _kind(self, element: Element, basic: str, identifier: str) -> _Sized:
        """Parts of a structure, with how many values they stand for; 1 for what has none."""
        if basic == "Enum" and not self._presets.has(identifier):
            self._notes.add(element, f"there is no EnumType '{quoted(identifier)}'")
        if basic != "Struct":
            return (), 1
        made = self._structure(identifier)
        if made is None:
            if not identifier:
                self._notes.required(element, "type")
                return (), 0
            self._notes.add(element, f"there is no usable DAType '{quoted(identifier)}'")
            return (), 0
        return made

    def _structure(self, identifier: str) -> _Sized | None:
        if identifier in self._made:
            return self._made[identifier]
        element = self._types.get(identifier)
        if element is None:
            return None
        if identifier in self._pending or len(self._pending) >= DEEPEST:
            self._notes.add(element, "contains itself, or lies too deep")
            return None
        self._pending.append(identifier)
        for protocol in element.each("ProtNs"):
            protocol.get("type")
        self._made[identifier] = made = self.attributes_in(element, "BDA")
        self._pending.pop()
        return made

    def _constraint(self, element: Element) -> FunctionalConstraint | None:
        text = self._notes.required(element, "fc")
        if text and text not in _CONSTRAINTS:
            self._notes.add(element, f"fc: '{quoted(text)}' is no functional constraint")
        return _CONSTRAINTS.get(text)


def bounded_parts(element: Element, name: str, notes: Notes) -> list[Element]:
    """Parts of a type, as many as can be; more are a finding and are not read."""
    found = element.each(name)
    if len(found) > MOST_PARTS:
        notes.add(element, f"has {len(found)} parts: more than {MOST_PARTS} are not read")
        for beyond in found[MOST_PARTS:]:
            beyond.is_read = False
    return found[:MOST_PARTS]


def element_count(element: Element, notes: Notes) -> int | None:
    """Elements of an array; 0 for none, None where another attribute says it in the device."""
    text = element.get("count")
    if text is None:
        return 0
    if text and not text[0].isdigit():
        notes.add(element, f"count: as many as '{quoted(text)}' says, which the file does not")
        return None
    count = notes.number(element, "count", text)
    if count is not None and count > LONGEST_ARRAY:
        notes.add(element, f"count: {count} is more than can be")
        return None
    return count
