"""Batteries: self-consumption to zero, conserved energy, limits in both directions, reserve."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ortsnetz_common.errors import InputError
from ortsnetz_hil.plant.devices.battery import FULL, BatteryModel
from ortsnetz_hil.plant.devices.specs import Battery
from ortsnetz_hil.plant.devices.watchdog import RefusedValueError

HEALTHY = np.full(3, 230.0)
STEP_S = 0.2
FACTOR = 360.0
SETTLED_S = 12.0  # far beyond the reaction time


def _battery(**changes: float) -> BatteryModel:
    return BatteryModel(_spec(**changes))


def _spec(**changes: float) -> Battery:
    return Battery(
        name="bat",
        element=1,
        node=0,
        port=1,
        phases="abc",
        rated_w=5_000.0,
        capacity_wh=10_000.0,
        start_share=changes.get("start_share", 0.5),
        efficiency=changes.get("efficiency", 0.95),
        reserve_share=changes.get("reserve_share", 0.1),
        reaction_s=changes.get("reaction_s", 1.0),
    )


class _House:
    def __init__(self, model: BatteryModel) -> None:
        self.model = model
        self.now_s = 0.0
        self._steps = 0

    def live(self, seconds: float, household_w: float, factor: float = FACTOR) -> None:
        for _ in range(round(seconds / STEP_S)):
            self._steps += 1
            self.now_s = self._steps * STEP_S
            self.model.advance(self.now_s, STEP_S * factor, household_w, HEALTHY)

    @property
    def power_w(self) -> float:
        return float(self.model.active_w.sum())


@pytest.mark.parametrize("household_w", [-4_000.0, -10.0, 0.0, 10.0, 4_000.0])
def test_it_brings_its_customer_to_zero(household_w: float) -> None:
    house = _House(_battery())
    house.live(SETTLED_S, household_w, factor=1.0)
    assert house.power_w + household_w == pytest.approx(0.0, abs=1e-6 * 5_000.0)


def test_it_is_within_five_per_cent_after_its_reaction_time() -> None:
    house = _House(_battery(reaction_s=3.0))
    house.live(0.4, 0.0, factor=1.0)
    house.live(3.0, 4_000.0, factor=1.0)
    assert house.power_w == pytest.approx(-4_000.0 * (1.0 - math.exp(-3.0)))


@given(household_w=st.floats(-20_000.0, 20_000.0), start=st.floats(0.0, 1.0))
def test_it_never_makes_larger_what_the_grid_sees(household_w: float, start: float) -> None:
    house = _House(_battery(start_share=start))
    house.live(6.0, household_w)
    assert abs(household_w + house.power_w) <= abs(household_w) + 1e-6
    assert house.power_w * household_w <= 0.0


def test_a_round_trip_gives_back_the_square_of_the_efficiency() -> None:
    house = _House(_battery(start_share=0.1, efficiency=0.9))
    start_wh = house.model.soc_wh
    house.live(40.0, -3_000.0)
    taken_wh = house.model.charged_wh
    assert taken_wh > 1_000.0
    house.live(200.0, 3_000.0)
    assert house.model.soc_wh == pytest.approx(start_wh, abs=1e-6)
    assert house.model.discharged_wh == pytest.approx(taken_wh * 0.9**2, abs=1e-6)


@given(
    days=st.lists(
        st.tuples(
            st.floats(-8_000.0, 8_000.0) | st.just(math.nan),
            st.floats(0.0, 600.0),
            st.integers(0, FULL),
        ),
        max_size=80,
    )
)
def test_energy_is_conserved_and_power_within_rating_and_limit(
    days: list[tuple[float, float, int]],
) -> None:
    model, now_s = _battery(reaction_s=0.0), 0.0
    start_wh, eta = model.soc_wh, 0.95
    drawn_wh = given_wh = power_w = 0.0
    for household_w, passed_s, limit in days:
        now_s += 1.0
        model.write_limit(limit, now_s)
        # what a meter at its terminals would count
        drawn_wh += max(power_w, 0.0) * passed_s / 3600.0
        given_wh += max(-power_w, 0.0) * passed_s / 3600.0
        model.advance(now_s, passed_s, household_w, HEALTHY)
        power_w = float(model.active_w.sum())
        assert math.isfinite(power_w)
        assert abs(model.wanted_w) <= 5_000.0
    assert model.soc_wh == pytest.approx(start_wh + drawn_wh * eta - given_wh / eta, abs=1e-6)
    assert (model.charged_wh, model.discharged_wh) == pytest.approx((drawn_wh, given_wh))


@given(
    household=st.lists(st.floats(-8_000.0, 8_000.0), max_size=100),
    start=st.floats(0.1, 1.0),
    passed_s=st.floats(0.1, 900.0),
)
def test_with_even_steps_it_stays_between_reserve_and_full(
    household: list[float], start: float, passed_s: float
) -> None:
    model = _battery(start_share=start, reserve_share=0.1)
    model.advance(0.0, passed_s, 0.0, HEALTHY)
    for i, household_w in enumerate(household, start=1):
        model.advance(float(i), passed_s, household_w, HEALTHY)
        assert 1_000.0 - 1e-6 <= model.soc_wh <= 10_000.0 + 1e-6


def test_below_its_reserve_it_charges_but_does_not_discharge() -> None:
    house = _House(_battery(start_share=0.05, reserve_share=0.1))
    house.live(SETTLED_S, 2_000.0)
    assert house.power_w == 0.0
    house.live(SETTLED_S, -2_000.0)
    assert house.power_w == pytest.approx(2_000.0, rel=1e-3)


@pytest.mark.parametrize("household_w", [-20_000.0, 20_000.0])
def test_a_limit_holds_for_both_directions_after_the_reaction_time(household_w: float) -> None:
    house = _House(_battery(reaction_s=1.0))
    house.live(SETTLED_S, household_w, factor=1.0)
    assert abs(house.power_w) == pytest.approx(5_000.0, rel=1e-3)
    house.model.write_limit(250, house.now_s)
    house.live(1.0, household_w, factor=1.0)
    assert abs(house.power_w) > 4_900.0
    house.live(0.4, household_w, factor=1.0)
    assert abs(house.power_w) == 0.250 * 5_000.0
    assert abs(house.model.wanted_w) == pytest.approx(5_000.0, rel=1e-3)


def test_without_commands_it_returns_to_full_power() -> None:
    house = _House(_battery())
    assert house.model.limit == FULL
    house.model.write_limit(0, 0.0)
    house.live(59.8, 4_000.0, factor=1.0)
    assert house.power_w == 0.0
    house.live(2.0, 4_000.0, factor=1.0)
    assert house.model.limit == FULL
    assert house.power_w == pytest.approx(-4_000.0, rel=1e-2)


def test_another_fall_back_can_be_written_and_is_what_it_returns_to() -> None:
    house = _House(_battery())
    house.model.write_fallback(100)
    house.live(4.0, 4_000.0, factor=1.0)
    assert house.model.limit == 100
    assert house.power_w == -500.0


@pytest.mark.parametrize("permille", [-1, 1001, 65_535])
def test_it_refuses_what_is_beyond_its_rating(permille: int) -> None:
    model = _battery()
    with pytest.raises(RefusedValueError):
        model.write_limit(permille, 1.0)
    with pytest.raises(RefusedValueError):
        model.write_fallback(permille)
    assert (model.limit, model.watchdog.fallback) == (FULL, FULL)


def test_without_a_meter_value_it_stands_still() -> None:
    house = _House(_battery())
    house.live(4.0, 4_000.0, factor=1.0)
    house.live(SETTLED_S, math.nan, factor=1.0)
    assert house.power_w == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize("dead", [0.0, math.nan])
def test_it_leaves_a_grid_that_lost_a_phase_and_comes_back_after_a_minute(dead: float) -> None:
    model = _battery()
    volts = HEALTHY.copy()
    for i in range(200):
        volts[1] = dead if 50 <= i < 60 else 230.0
        model.advance(float(i), 1.0, 1_000.0, volts)
        if 50 <= i < 119:
            assert not model.active_w.any()
            assert model.tripped
    assert not model.tripped
    assert float(model.active_w.sum()) < 0.0


def test_a_jump_of_the_calendar_moves_no_energy() -> None:
    house = _House(_battery())
    house.live(4.0, -4_000.0)
    before_wh = house.model.soc_wh
    house.live(4.0, -4_000.0, factor=0.0)
    assert house.model.soc_wh == before_wh


@pytest.mark.parametrize(
    "changes", [{"efficiency": 0.0}, {"efficiency": 1.1}, {"start_share": 1.5}]
)
def test_a_battery_that_cannot_be_is_refused(changes: dict[str, float]) -> None:
    with pytest.raises(InputError, match="'bat'"):
        _battery(**changes)
