"""When a tap changer is told another set point; each rule alone, with a clock of the test."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from ortsnetz_common.parameters.voltage import TapControl
from ortsnetz_grid.functions.voltage import tap_control
from ortsnetz_grid.functions.voltage.tap_control import Seen, Tap, TapState

TAP = Tap(TapControl(operations_per_day=8), step_pu=0.02, band_pu=(0.95, 1.05), setpoint_pu=1.0)
NOON = Seen(
    busbar_pu=1.01,
    lowest_pu=1.0,
    highest_pu=1.045,
    reactive_var=3000.0,
    capability_var=9000.0,
    position=0,
    day=1,
)
"""The middle is 2.25 % too high: beyond the dead band, no voltage beyond the allowed band yet."""


def lived(
    seen: Seen, seconds: int, state: TapState | None = None, *, tap: Tap = TAP, begin: int = 0
) -> tuple[TapState, list[tuple[int, float]]]:
    """What is told within so many seconds of the same voltages, and when."""
    state, told = state or TapState(), []
    for now in range(begin, begin + seconds):
        state, setpoint = tap_control.step(tap, state, seen, float(now))
        if setpoint is not None:
            told.append((now, setpoint))
    return state, told


def test_a_high_middle_lowers_the_set_point_by_as_much_after_the_delay() -> None:
    _, told = lived(NOON, 40)
    assert told == [(30, pytest.approx(1.01 - 0.0225))]


def test_a_low_middle_raises_it() -> None:
    evening = replace(NOON, busbar_pu=0.995, lowest_pu=0.955, highest_pu=1.0)
    _, told = lived(evening, 40)
    assert told == [(30, pytest.approx(0.995 + 0.0225))]


def test_inside_the_dead_band_nothing_is_told() -> None:
    assert lived(replace(NOON, lowest_pu=0.98, highest_pu=1.04), 600)[1] == []


def test_a_voltage_that_comes_back_within_the_delay_is_no_reason() -> None:
    state, _ = lived(NOON, 25)
    state, _ = lived(replace(NOON, highest_pu=1.01), 1, state, begin=25)
    assert lived(NOON, 29, state, begin=26)[1] == []


def test_the_dead_band_is_wider_than_a_step_whatever_the_parameters_say() -> None:
    coarse = replace(TAP, step_pu=0.025)
    assert 2 * coarse.deadband_pu > coarse.step_pu
    # 1.4 % too high: more than the 1.2 % of the parameters, less than 0.6 steps of 2.5 %
    assert lived(replace(NOON, lowest_pu=0.985, highest_pu=1.043), 200, tap=coarse)[1] == []


def test_it_waits_while_the_inverters_still_move() -> None:
    state, told = TapState(), []
    for now in range(120):
        moving = replace(NOON, reactive_var=3000.0 + 100.0 * min(now, 60))
        state, setpoint = tap_control.step(TAP, state, moving, float(now))
        told += [now] * (setpoint is not None)
    assert told == [70]  # ten seconds after their last movement


def test_inverters_that_never_settle_are_not_waited_for_for_ever_beyond_the_band() -> None:
    for highest, expected in ((1.045, []), (1.06, [150])):
        state, told = TapState(), []
        for now in range(170):
            moving = replace(NOON, highest_pu=highest, reactive_var=1000.0 * (now % 2))
            state, setpoint = tap_control.step(TAP, state, moving, float(now))
            told += [now] * (setpoint is not None)
        assert told == expected


def test_the_next_step_waits_for_the_tap_and_for_the_delay_anew() -> None:
    state, _ = lived(NOON, 31)
    assert lived(NOON, 110, state, begin=31)[1] == []  # it has not moved yet
    moved = replace(NOON, position=1, busbar_pu=0.99)
    assert lived(moved, 40, state, begin=50)[1] == [(80, pytest.approx(0.99 - 0.0225))]


def test_a_set_point_that_is_told_is_beyond_the_regulator_s_own_band() -> None:
    hardly = replace(NOON, highest_pu=1.0242)  # 1.21 % too high: dead band 1.2 %
    _, told = lived(hardly, 40)
    assert told == [(30, pytest.approx(1.01 - 1.2 * 0.012))]


def test_a_set_point_never_asks_for_more_than_one_step() -> None:
    far = replace(NOON, highest_pu=1.12)
    _, told = lived(far, 40)
    assert told == [(30, pytest.approx(1.01 - 1.4 * 0.02))]


def test_a_regulator_whose_band_is_wider_than_a_step_is_told_more() -> None:
    state, _ = lived(NOON, 31)
    assert lived(NOON, 200, state, begin=31)[1][0] == (150, pytest.approx(0.9675))


def test_the_set_point_stays_in_its_band() -> None:
    state, told = lived(NOON, 2000)
    assert min(setpoint for _, setpoint in told) == TAP.control.lowest_pu
    assert lived(NOON, 500, state, begin=2000)[1] == []


def used_up(operations: int) -> TapState:
    """So many operations were made today."""
    return TapState(position=0, day=1, operations_today=operations)


def test_the_last_quarter_of_the_day_is_for_voltages_beyond_the_band() -> None:
    assert len(lived(NOON, 40, used_up(5))[1]) == 1
    assert lived(NOON, 600, used_up(6))[1] == []
    assert len(lived(replace(NOON, highest_pu=1.06), 40, used_up(6))[1]) == 1


def test_after_the_last_operation_of_the_day_nothing_is_told_until_the_next() -> None:
    beyond = replace(NOON, highest_pu=1.08)
    state, told = lived(beyond, 600, used_up(8))
    assert told == []
    assert tap_control.exhausted(TAP, state)
    state, told = lived(replace(beyond, day=2), 40, state, begin=600)
    assert len(told) == 1
    assert not tap_control.exhausted(TAP, state)


def test_operations_that_the_regulator_makes_by_itself_count() -> None:
    state, _ = lived(NOON, 1)
    for now, position in enumerate((1, 2, 1, 3), start=1):
        state, _ = tap_control.step(TAP, state, replace(NOON, position=position), float(now))
    assert state.operations_today == 5


def test_without_a_position_what_is_told_counts() -> None:
    state, told = lived(replace(NOON, position=None, highest_pu=1.06), 3000)
    assert len(told) == state.operations_today > 0


@pytest.mark.parametrize("missing", ["busbar_pu", "lowest_pu", "highest_pu", "reactive_var"])
def test_nothing_is_decided_on_what_is_no_number(missing: str) -> None:
    with pytest.raises(ValueError, match="no number"):
        tap_control.step(TAP, TapState(), replace(NOON, **{missing: math.nan}), 0.0)
