"""Where a value stands among the variables of a device, with its quality and its time. Pure.

A variable of IEC 61850-8-1 is named `MMXU1$MX$PhV$phsA`: node, functional constraint, and the path.
Values are read as whole data objects, `MMXU1$MX$PhV`, which bring quality and time along.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ortsnetz_common.scl.object_reference import ObjectReference
from ortsnetz_iec61850.library.types import VariableType
from ortsnetz_iec61850.library.values import AccessError, Bits, Stamp, Value

_ELEMENT = re.compile(r"([A-Za-z0-9_]+)\(([0-9]+)\)")


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable that is read or reported as a whole.

    Attributes:
        domain: logical device, as on the wire.
        item: `MMXU1$MX$PhV`.
    """

    domain: str
    item: str

    def __str__(self) -> str:
        return f"{self.domain}/{self.item}"


@dataclass(frozen=True, slots=True)
class Place:
    """A value, its quality and its time, as ways down from whole variables.

    Attributes:
        value: parts to be taken, one after the other.
        quality, time: None where the variable has none.
        kind: type of the value.
    """

    variable: Variable
    value: tuple[int, ...]
    quality: tuple[int, ...] | None
    time: tuple[int, ...] | None
    kind: VariableType


def domain_of(reference: ObjectReference, domains: Sequence[str]) -> str | None:
    """Name on the wire of a reference's logical device: the same, or IED name and instance.

    None if there is none, or more than one.
    """
    return domain_named(reference.device, domains)


def domain_named(device: str, domains: Sequence[str]) -> str | None:
    """The same of a logical device's name."""
    if device in domains:
        return device
    found = [name for name in domains if name.endswith(device)]
    if len(found) != 1:
        return None
    ied = found[0].removesuffix(device)  # the IED's name, with which all begin
    return found[0] if all(name.startswith(ied) for name in domains) else None


def variable_of(reference: ObjectReference, domain: str) -> Variable:
    """The variable in which a value is read: its data object under its functional constraint."""
    first = _ELEMENT.sub(r"\1", reference.path[0])
    return Variable(domain, f"{reference.node}${reference.constraint}${first}")


def place_of(reference: ObjectReference, variable: Variable, kind: VariableType) -> Place | None:
    """Where a value stands in its variable; None if the device has no such part.

    Args:
        reference: the value.
        variable: of `variable_of`.
        kind: type of the variable.
    """
    wanted = _names(reference.path)
    way: list[int] = []
    quality = time = None
    # an element of an array may be the object itself
    here: VariableType | None = kind
    if wanted and wanted[0].isdigit():
        here, step = _down(kind, wanted.pop(0))
        way.append(step)
    for name in wanted:
        if here is None:
            return None
        quality = _beside(here, way, "q") or quality
        time = _beside(here, way, "t") or time
        here, step = _down(here, name)
        way.append(step)
    if here is None:
        return None
    return Place(variable, tuple(way), quality, time, here)


def _names(path: tuple[str, ...]) -> list[str]:
    """Names and indices below the data object: `('HA', 'phsAHar(3)', 'mag')` is phsAHar, 3, mag."""
    names: list[str] = []
    for place, step in enumerate(path):
        element = _ELEMENT.fullmatch(step)
        name, index = (step, None) if element is None else (element[1], element[2])
        if place:
            names.append(name)
        if index is not None:
            names.append(index)
    return names


def _beside(kind: VariableType, way: list[int], name: str) -> tuple[int, ...] | None:
    place = kind.part(name)
    return None if place is None else (*way, place)


def _down(kind: VariableType, name: str) -> tuple[VariableType | None, int]:
    if name.isdigit():
        index = int(name)
        return (kind.element, index) if index < kind.size else (None, 0)
    place = kind.part(name)
    return (None, 0) if place is None else (kind.parts[place], place)


def at(value: Value, way: Sequence[int]) -> Value:
    """The part of a value at the end of a way; an access error stands for all its parts."""
    for step in way:
        if not isinstance(value, tuple):
            return value if isinstance(value, AccessError) else AccessError(7)
        if step >= len(value):
            return AccessError(7)
        value = value[step]
    return value


__all__ = [
    "Bits",
    "Place",
    "Stamp",
    "Variable",
    "at",
    "domain_named",
    "domain_of",
    "place_of",
    "variable_of",
]
