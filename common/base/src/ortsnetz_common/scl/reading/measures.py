"""Reads measures: a number with unit and multiplier (IEC 61850-6, 8.4.2: tValueWithUnit)."""

from __future__ import annotations

import math
import re

from ortsnetz_common.scl.reading.notes import Notes, quoted
from ortsnetz_common.scl.reading.tree import Element

_NUMBER = re.compile(r"[-+]?[0-9]{1,30}(\.[0-9]{0,30})?([eE][-+]?[0-9]{1,3})?")
_POWERS = {
    "": 0,
    "y": -24,
    "z": -21,
    "a": -18,
    "f": -15,
    "p": -12,
    "n": -9,
    "µ": -6,
    "m": -3,
    "c": -2,
    "d": -1,
    "da": 1,
    "h": 2,
    "k": 3,
    "M": 6,
    "G": 9,
    "T": 12,
    "P": 15,
    "E": 18,
    "Z": 21,
    "Y": 24,
}
"""Multipliers as SCL writes them (IEC 61850-7-3, annex A: SIMultiplier)."""


def power_of(multiplier: str) -> int | None:
    """The power of ten of a multiplier's name, None where it is none."""
    return _POWERS.get(multiplier)


def number_of(text: str) -> float | None:
    """A number as SCL writes it; None where it is none that is finite."""
    if not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None


def measure(
    element: Element, name: str, unit: str, notes: Notes, *, multiplier: str = ""
) -> float | None:
    """The measure of a child in `unit`; None where there is none, or where it cannot be read.

    Args:
        element: that has the measure as a child.
        name: of the child.
        unit: without multiplier.
        notes: takes what does not fit.
        multiplier: that the schema fixes where the file has none: `m` for times, `M` for rates.
    """
    found = element.each(name)
    if not found:
        return None
    child = found[0]
    if len(found) > 1:
        notes.add(child, f"'{name}' is there more than once")
        return None
    said, written = child.get("unit") or unit, child.get("multiplier")
    multiplier = multiplier if written is None else written
    number, power = number_of(child.text), power_of(multiplier)
    if number is None or said != unit or power is None:
        words = f"'{quoted(child.text)}' {quoted(multiplier)}{quoted(said)}"
        notes.add(child, f"{words.strip()} cannot be read as {unit}")
        return None
    return number * 10.0**power if power >= 0 else number / 10.0**-power
