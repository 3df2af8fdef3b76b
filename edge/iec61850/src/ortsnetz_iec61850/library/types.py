"""Types of a device's variables, as the device describes them."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

from ortsnetz_iec61850.library.loading import function
from ortsnetz_iec61850.library.values import DEEPEST, MOST_ELEMENTS, MmsType

_Handle = ctypes.c_void_p
_type = function("MmsVariableSpecification_getType", ctypes.c_int, _Handle)
_size = function("MmsVariableSpecification_getSize", ctypes.c_int, _Handle)
_name = function("MmsVariableSpecification_getName", ctypes.c_char_p, _Handle)
_child = function(
    "MmsVariableSpecification_getChildSpecificationByIndex", _Handle, _Handle, ctypes.c_int
)
_element = function("MmsVariableSpecification_getArrayElementSpecification", _Handle, _Handle)
destroy = function("MmsVariableSpecification_destroy", None, _Handle)


@dataclass(frozen=True, slots=True)
class VariableType:
    """A type.

    Attributes:
        size: bits of a number or bit string; most characters of a text; elements of an array.
        parts: of a structure, by name, in the order in which they travel.
        element: of an array.
    """

    name: str
    kind: MmsType
    size: int = 0
    parts: tuple[VariableType, ...] = ()
    element: VariableType | None = None

    def part(self, name: str) -> int | None:
        """Place of a part of this name."""
        for place, part in enumerate(self.parts):
            if part.name == name:
                return place
        return None


def type_of(handle: int, depth: int = 0) -> VariableType:
    """A specification of the library as a value; the library keeps its own."""
    kind, name = MmsType(_type(handle)), (_name(handle) or b"").decode("ascii", "replace")
    size = abs(_size(handle))
    if depth > DEEPEST:
        return VariableType(name, MmsType.DATA_ACCESS_ERROR)
    if kind is MmsType.STRUCTURE:
        count = min(size, MOST_ELEMENTS)
        parts = tuple(type_of(_child(handle, place), depth + 1) for place in range(count))
        return VariableType(name, kind, size, parts)
    if kind is MmsType.ARRAY:
        element = _element(handle)
        return VariableType(
            name, kind, size, element=type_of(element, depth + 1) if element else None
        )
    return VariableType(name, kind, size)
