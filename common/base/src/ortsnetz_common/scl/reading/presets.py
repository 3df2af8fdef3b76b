"""Reads values (Val; IEC 61850-6, 9.5.4.2) and holds them against the types of their attributes."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ortsnetz_common.scl.reading.measures import number_of
from ortsnetz_common.scl.reading.notes import Notes, quoted
from ortsnetz_common.scl.reading.tree import Element
from ortsnetz_common.scl.types import EnumerationType, Preset

_WHOLE = re.compile(r"[-+]?[0-9]{1,39}")
_TRUTH = ("true", "false", "0", "1")


class Presets:
    """Reads the values of a file.

    Args:
        enumerations: of the file, by id.
        notes: takes values that do not fit.
    """

    def __init__(self, enumerations: Mapping[str, EnumerationType], notes: Notes) -> None:
        self._enumerations, self._notes = enumerations, notes

    def has(self, identifier: str) -> bool:
        """Whether the file has such an enumeration."""
        return identifier in self._enumerations

    def read(self, element: Element, basic_type: str, type_id: str) -> tuple[Preset, ...]:
        """The values in an element.

        Args:
            element: DA, BDA or DAI.
            basic_type: of the attribute; "" where its type is missing.
            type_id: of its enumeration.
        """
        found = []
        for each in element.each("Val"):
            found.append(Preset(each.text, self._notes.whole(each, "sGroup")))
            complaint = self._complaint(each.text, basic_type, type_id)
            if each.text and complaint:
                self._notes.add(element, f"'{quoted(each.text)}' {complaint}")
        return tuple(found)

    def _complaint(self, text: str, basic_type: str, type_id: str) -> str:
        kind = self._enumerations.get(type_id)
        if basic_type == "Enum" and kind is not None and kind.number(text) is None:
            return f"is not in EnumType '{quoted(type_id)}'"
        if basic_type.startswith("FLOAT") and number_of(text) is None:
            return "is no number"
        if basic_type.startswith("INT") and not _WHOLE.fullmatch(text):
            return "is no whole number"
        if basic_type == "BOOLEAN" and text not in _TRUTH:
            return "is neither true nor false"
        return ""
