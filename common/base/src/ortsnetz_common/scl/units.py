"""Units and multipliers of measured values, as far as the file says them (IEC 61850-7-3)."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from ortsnetz_common.scl.devices import LogicalNode
from ortsnetz_common.scl.lookup import Lookup
from ortsnetz_common.scl.reading.measures import number_of, power_of
from ortsnetz_common.scl.types import Attribute

SI_UNITS = {
    1: "",
    4: "s",
    5: "A",
    9: "deg",
    23: "°C",
    29: "V",
    30: "ohm",
    33: "Hz",
    61: "VA",
    62: "W",
    63: "VAr",
    71: "VAh",
    72: "Wh",
    73: "VArh",
}
"""Numbers of the units that distribution needs (IEC 61850-7-3, annex A: SIUnit)."""


class Units(Struct, frozen=True, forbid_unknown_fields=True):
    """What one count of a value is.

    Attributes:
        unit: as the file says it, without multiplier; None for that of the data object by
            IEC 61850-7-4.
        power: of ten that the value is multiplied with.
    """

    unit: str | None
    power: int


def units_of(lookup: Lookup, node: LogicalNode, path: Sequence[str]) -> Units:
    """Unit and multiplier of a data object (its attribute `units`).

    Without `units`, values are in the SI unit of the data object; without `units.multiplier` they
    are not multiplied (IEC 61850-7-3, table of the Unit type: the default is 0).

    Args:
        lookup: of the file.
        node: that has the object.
        path: of the object, `("PhV", "phsA")`.

    Raises:
        ValueError: the device has it and the file does not say it; says what to ask the device.
    """
    at = (*path, "units")
    if lookup.part(node, at) is None:
        return Units(None, 0)
    unit = _said(lookup, node, (*at, "SIUnit"))
    power = 0
    if lookup.part(node, (*at, "multiplier")) is not None:
        power = _power(_said(lookup, node, (*at, "multiplier")), lookup, node, at)
    number = _number(lookup, node, (*at, "SIUnit"), unit)
    return Units(SI_UNITS.get(number, unit) if number is not None else unit, power)


def counts_of(lookup: Lookup, node: LogicalNode, path: Sequence[str]) -> tuple[float, float]:
    """Factor and offset of whole numbers (`sVC`, `magSVC`): value = count * factor + offset.

    Raises:
        ValueError: the file does not say them.
    """
    for name in ("sVC", "magSVC"):
        if lookup.part(node, (*path, name)) is None:
            continue
        found = [
            number_of(_said(lookup, node, (*path, name, part)))
            for part in ("scaleFactor", "offset")
        ]
        if found[0] is None or found[1] is None:
            raise ValueError(f"{_name(node, (*path, name))} is no number")
        return found[0], found[1]
    raise ValueError(f"{_name(node, path)} is counted in whole numbers, and no sVC says in which")


def _said(lookup: Lookup, node: LogicalNode, path: tuple[str, ...]) -> str:
    text = lookup.preset(node, path)
    if text is None:
        raise ValueError(f"the file does not say {_name(node, path)}[CF]: ask the device")
    return text


def _number(lookup: Lookup, node: LogicalNode, path: tuple[str, ...], text: str) -> int | None:
    """The number of an enumeration's word."""
    part = lookup.part(node, path)
    kind = lookup.enumeration(part.type_id) if isinstance(part, Attribute) else None
    return None if kind is None else kind.number(text)


def _power(text: str, lookup: Lookup, node: LogicalNode, at: tuple[str, ...]) -> int:
    """The enumeration's numbers are the powers of ten (IEC 61850-7-3, annex A: multiplier)."""
    number = _number(lookup, node, (*at, "multiplier"), text)
    power = power_of(text) if number is None else number
    if power is None:
        raise ValueError(f"{_name(node, at)}.multiplier: '{text}' is no multiplier")
    return power


def _name(node: LogicalNode, path: Sequence[str]) -> str:
    return f"{node.name}.{'.'.join(path)}"
