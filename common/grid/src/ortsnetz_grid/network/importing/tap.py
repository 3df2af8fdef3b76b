"""Tap changers of a pandapower transformer: those that change the ratio."""

from __future__ import annotations

from power_grid_model import BranchSide

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.importing.elements import Elements, Row

_SIDES = {"hv": (BranchSide.from_side, "vn_hv_kv"), "lv": (BranchSide.to_side, "vn_lv_kv")}
_FIXED = {"tap_side": int(BranchSide.from_side), "tap_pos": 0, "tap_min": 0, "tap_max": 0}


def tap_of(row: Row, elements: Elements) -> dict[str, float]:
    """Tap changer as power-grid-model states it: the size of a step in V, and its positions.

    Raises:
        InputError: a second tap changer, a table of positions, a phase-shifting one off neutral, or
            a position outside its range (power-grid-model would clip it in silence).
    """
    _refuse(row)
    side = row.text("tap_side")
    if side is None:
        return {**_FIXED, "tap_nom": 0, "tap_size": 0.0}
    if side not in _SIDES:
        raise InputError(f"{row.place}: tap_side is '{side}'; hv and lv are covered")
    neutral = row.whole("tap_neutral", 0)
    position = row.whole("tap_pos", neutral)
    lowest, highest = row.whole("tap_min", position), row.whole("tap_max", position)
    if not lowest <= position <= highest or not lowest <= neutral <= highest:
        raise InputError(
            f"{row.place}: tap_pos {position} or tap_neutral {neutral} lies outside "
            f"{lowest} .. {highest}"
        )
    step = row.number("tap_step_percent", 0.0)
    _check_type(row, elements, moved=position != neutral)
    branch_side, rated = _SIDES[side]
    # a negative step is written as a tap changer whose voltage falls with its position
    ends = (lowest, highest) if step >= 0 else (highest, lowest)
    return {
        "tap_side": int(branch_side),
        "tap_pos": position,
        "tap_min": ends[0],
        "tap_max": ends[1],
        "tap_nom": neutral,
        "tap_size": abs(step) / 100 * row.number(rated) * 1e3,
    }


def _refuse(row: Row) -> None:
    if bool(row.values.get("tap_dependency_table", False) is True):
        raise InputError(f"{row.place}: impedances by tap position (a table) are not covered")
    if row.text("tap2_side") is not None and row.number("tap2_pos", 0.0) != row.number(
        "tap2_neutral", 0.0
    ):
        raise InputError(f"{row.place}: a second tap changer is not covered")


def _check_type(row: Row, elements: Elements, *, moved: bool) -> None:
    kind = row.text("tap_changer_type")
    turns = row.number("tap_step_degree", 0.0) != 0.0 or kind == "Ideal"
    if turns and moved:
        raise InputError(f"{row.place}: a phase-shifting tap changer off neutral is not covered")
    if kind is None and moved and "tap_changer_type" in row.values.index:
        elements.assume(f"trafo {row.index}: its tap changer, of no stated type, changes the ratio")
