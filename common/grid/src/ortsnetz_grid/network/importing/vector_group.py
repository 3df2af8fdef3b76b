"""Vector groups: from the table's text, the type's name, or the usual assumption."""

from __future__ import annotations

import re

from power_grid_model import WindingType

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.importing.elements import Elements, Row

_GROUP = re.compile(r"\b(YN|Y|D|ZN|Z)(yn|y|d|zn|z)(\d{1,2})?\b")
_WINDINGS = {
    "y": WindingType.wye,
    "yn": WindingType.wye_n,
    "d": WindingType.delta,
    "z": WindingType.zigzag,
    "zn": WindingType.zigzag_n,
}


def windings_of(row: Row, elements: Elements) -> dict[str, int]:
    """Windings and clock of a transformer.

    The clock is that of `shift_degree`. Windings come from the column `vector_group`, else from a
    vector group in the name of the type, else Dyn (odd clock) or YNyn (even clock) is assumed.

    Raises:
        InputError: the shift is no clock number, or contradicts the vector group.
    """
    shift = row.number("shift_degree", 0.0)
    clock = round(shift / 30)
    if abs(shift - 30 * clock) > 1e-6:
        raise InputError(f"{row.place}: shift_degree {shift:g} is no multiple of 30")
    clock %= 12
    high, low = _named(row, clock, elements) or _assumed(row, clock, elements)
    if clock % 2 != (("y" in high) != ("y" in low)):
        raise InputError(
            f"{row.place}: shift_degree {shift:g} is impossible for windings {high.upper()}{low}"
        )
    return {
        "winding_from": int(_WINDINGS[high]),
        "winding_to": int(_WINDINGS[low]),
        "clock": clock,
    }


def _named(row: Row, clock: int, elements: Elements) -> tuple[str, str] | None:
    for column in ("vector_group", "std_type"):
        found = _GROUP.search(row.text(column) or "")
        if not found:
            continue
        high, low, number = found.group(1).lower(), found.group(2), found.group(3)
        stated = clock if number is None else int(number) % 12
        if stated == clock:
            elements.assume(
                f"trafo {row.index}: vector group {high.upper()}{low}{clock} from its {column}"
            )
            return high, low
        elements.assume(
            f"trafo {row.index}: the vector group '{found.group(0)}' in {column} contradicts "
            f"shift_degree; the shift (clock {clock}) holds"
        )
    return None


def _assumed(row: Row, clock: int, elements: Elements) -> tuple[str, str]:
    high, low = ("d", "yn") if clock % 2 else ("yn", "yn")
    elements.assume(
        f"trafo {row.index}: vector group {high.upper()}{low}{clock} "
        "(the clock from shift_degree, the windings as is usual)"
    )
    return high, low
