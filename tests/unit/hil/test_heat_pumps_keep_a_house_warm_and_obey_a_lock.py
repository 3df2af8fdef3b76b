"""Heat pumps: the building by its analytic solution, the compressor's minimum times, the lock."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from ortsnetz_common.errors import InputError
from ortsnetz_hil.plant.devices.building import temperature_after
from ortsnetz_hil.plant.devices.heat_pump import HeatPumpModel
from ortsnetz_hil.plant.devices.specs import HeatPump
from ortsnetz_hil.plant.devices.watchdog import RefusedValueError

RATED_W = 3_000.0
PERMITTED = 300  # in 10 W
HEALTHY = np.full(3, 230.0)
MIN_ON_S, MIN_OFF_S = 600.0, 900.0


def _spec(**changes: float) -> HeatPump:
    return HeatPump(
        name="hp",
        element=1,
        node=0,
        port=1,
        phases="abc",
        rated_w=changes.get("rated_w", RATED_W),
        floor_w=changes.get("floor_w", 4_200.0),
        cop=changes.get("cop", 3.5),
        loss_w_per_k=150.0,
        capacity_wh_per_k=changes.get("capacity_wh_per_k", 8_000.0),
        setpoint_c=20.0,
        band_k=changes.get("band_k", 0.5),
        start_c=changes.get("start_c", 19.0),
        min_on_s=MIN_ON_S,
        min_off_s=MIN_OFF_S,
        reaction_s=changes.get("reaction_s", 2.0),
    )


class _House:
    """A house whose plant time and calendar pass together, `factor` calendar seconds each."""

    def __init__(self, factor: float = 60.0, **changes: float) -> None:
        self.model = HeatPumpModel(_spec(**changes))
        self.now_s = 0.0
        self.factor = factor

    def live(
        self, seconds: float, outdoor_c: float = 0.0, volts: np.ndarray = HEALTHY
    ) -> list[bool]:
        """Whether it ran after each step of one plant second."""
        ran = []
        for _ in range(round(seconds)):
            self.now_s += 1.0
            self.model.advance(self.now_s, self.factor, outdoor_c, volts)
            ran.append(self.model.runs)
        return ran


@given(
    hours=st.lists(st.floats(0.0, 50.0), min_size=1, max_size=8),
    heat_w=st.floats(0.0, 15_000.0),
    outdoor_c=st.floats(-20.0, 35.0),
)
def test_the_building_follows_the_analytic_solution_however_time_is_cut(
    hours: list[float], heat_w: float, outdoor_c: float
) -> None:
    found = 18.0
    for part in hours:
        found = temperature_after(
            found, outdoor_c, heat_w, part, loss_w_per_k=150.0, capacity_wh_per_k=8_000.0
        )
    end = outdoor_c + heat_w / 150.0
    expected = end + (18.0 - end) * math.exp(-sum(hours) * 150.0 / 8_000.0)
    assert found == pytest.approx(expected, abs=1e-9)


def test_the_building_agrees_with_a_numerical_integration_of_its_heat_balance() -> None:
    solution = solve_ivp(
        lambda _, t: (7_000.0 - 150.0 * (t - 3.0)) / 8_000.0, (0.0, 30.0), [18.0], rtol=1e-10
    )
    found = temperature_after(18.0, 3.0, 7_000.0, 30.0, loss_w_per_k=150.0, capacity_wh_per_k=8e3)
    assert found == pytest.approx(float(solution.y[0, -1]), abs=1e-6)


def test_a_house_without_losses_keeps_all_heat() -> None:
    found = temperature_after(18.0, -5.0, 4_000.0, 2.0, loss_w_per_k=0.0, capacity_wh_per_k=8e3)
    assert found == 19.0


def test_heat_is_electricity_times_the_coefficient_of_performance_less_the_losses() -> None:
    house = _House(factor=10.0)
    losses_wh = 0.0
    for _ in range(3000):
        before_c = house.model.temperature_c
        house.live(1)
        losses_wh += 150.0 * ((before_c + house.model.temperature_c) / 2.0) * 10.0 / 3600.0
    electricity_wh = house.model.served_wh
    stored_wh = 8_000.0 * (house.model.temperature_c - 19.0)
    assert electricity_wh > 5_000.0
    assert electricity_wh * 3.5 - losses_wh == pytest.approx(stored_wh, abs=1.0)


def test_the_house_stays_in_its_band_but_for_one_step() -> None:
    house = _House(factor=30.0, start_c=20.0, capacity_wh_per_k=2_000.0)
    temperatures = []
    for _ in range(6000):
        house.live(1)
        temperatures.append(house.model.temperature_c)
    # at most 10.5 kW x 30 s into 2 kWh/K beyond the band, plus the minimum times' overshoot
    margin = 10_500.0 * (30.0 + MIN_ON_S) / 3600.0 / 2_000.0
    assert min(temperatures) > 19.5 - margin
    assert max(temperatures) < 20.5 + margin
    assert house.model.starts > 5


def test_it_runs_at_rated_power_with_an_inductive_share_or_not_at_all() -> None:
    house = _House()
    house.live(3)
    assert house.model.active_w == pytest.approx([1_000.0] * 3)
    apparent = math.hypot(house.model.active_w.sum(), house.model.reactive_var.sum())
    assert RATED_W / apparent == pytest.approx(0.9)
    assert (house.model.reactive_var > 0.0).all()
    assert house.model.starts == 1


@pytest.mark.parametrize(("limit", "runs"), [(300, True), (299, False), (0, False)])
def test_a_limit_below_rated_power_locks_it_and_one_at_rated_power_does_not(
    limit: int, runs: bool
) -> None:
    house = _House()
    house.model.write_limit(limit, 0.0)
    house.live(30)
    assert house.model.runs is runs


def test_a_lock_acts_after_its_reaction_time_although_the_compressor_has_just_started() -> None:
    house = _House(factor=1.0)
    house.model.write_limit(PERMITTED, 0.0)
    house.live(10)
    assert house.model.runs
    house.model.write_limit(0, house.now_s)
    assert house.live(2) == [True, True]
    assert house.live(5) == [False] * 5  # min_on_s is 600 s
    assert not house.model.active_w.any()
    assert house.model.wanted_w == 0.0  # it has to stand still first


def test_after_a_lock_it_stands_its_minimum_time_before_it_starts_again() -> None:
    house = _House(factor=10.0)
    house.live(5)
    house.model.write_limit(0, house.now_s)
    house.live(4)
    assert not house.model.runs
    house.model.write_limit(PERMITTED, house.now_s)
    ran = house.live(110)
    stood_s = 10.0 * (ran.index(True) + 2)
    assert MIN_OFF_S <= stood_s <= MIN_OFF_S + 30.0
    assert house.model.starts == 2


def test_a_locked_heat_pump_says_what_it_would_draw() -> None:
    house = _House()
    house.model.write_limit(0, 0.0)
    house.live(30)
    assert house.model.locked
    assert house.model.wanted_w == RATED_W
    assert not house.model.active_w.any()


def test_a_cold_house_behind_a_lock_cools_as_physics_wants() -> None:
    house = _House(factor=0.0)
    house.model.write_limit(0, 0.0)
    house.live(5)  # until the lock acts
    house.factor = 3600.0
    house.live(24, outdoor_c=-10.0)
    expected = -10.0 + 29.0 * math.exp(-24.0 * 150.0 / 8_000.0)
    assert house.model.temperature_c == pytest.approx(expected)


Life = list[tuple[float, float, float, int | None, float]]


@given(
    life=st.lists(
        st.tuples(
            st.floats(0.1, 5.0),
            st.sampled_from([0.0, 1.0, 30.0, 60.0, 300.0]),
            st.floats(-15.0, 10.0),
            st.sampled_from([None] * 9 + [0, 299, PERMITTED]),
            st.sampled_from([230.0] * 20 + [150.0, 0.0, math.nan]),
        ),
        min_size=20,
        max_size=80,
    )
)
def test_minimum_times_are_never_violated_but_by_a_lock_or_a_lost_phase(life: Life) -> None:
    model, now_s, calendar_s = HeatPumpModel(_spec(capacity_wh_per_k=300.0)), 0.0, 0.0
    changes: list[tuple[float, bool, bool]] = []
    for passed_s, calendar, outdoor_c, limit, volts in life:
        now_s += passed_s
        calendar_s += calendar
        if limit is not None:
            model.write_limit(limit, now_s)
        before = model.runs
        model.advance(now_s, calendar, outdoor_c, np.array([230.0, volts, 230.0]))
        assert np.isfinite([*model.active_w, *model.reactive_var, model.temperature_c]).all()
        assert not (model.runs and not volts >= 0.5 * 230.0)
        if model.runs is not before:
            changes.append((calendar_s, model.runs, model.locked or not volts >= 0.5 * 230.0))
    for (then_s, ran, _), (now, _, forced) in pairwise(changes):
        if ran:
            assert forced or now - then_s >= MIN_ON_S - 1e-6
        else:
            assert now - then_s >= MIN_OFF_S - 1e-6


def test_a_light_house_is_overheated_rather_than_the_compressor_stopped_early() -> None:
    house = _House(factor=10.0, capacity_wh_per_k=300.0)
    ran = house.live(100)
    lasted_s = 10.0 * (ran.index(False, ran.index(True)) - ran.index(True))
    assert lasted_s == MIN_ON_S


def test_a_lost_phase_stops_the_compressor_at_once_and_its_return_waits_the_minimum_time() -> None:
    house = _House(factor=10.0)
    house.live(5)
    assert house.model.runs
    assert house.live(1, volts=np.array([230.0, 230.0, 0.0])) == [False]
    ran = house.live(100)
    assert 10.0 * (ran.index(True) + 1) >= MIN_OFF_S


def test_a_sagging_voltage_that_held_the_contactor_cannot_close_it_again() -> None:
    house = _House(factor=1.0)
    house.live(5)
    assert house.live(3, volts=np.full(3, 0.7 * 230.0)) == [True] * 3
    house.live(1, volts=np.full(3, 0.4 * 230.0))
    house.factor = 600.0
    assert not any(house.live(10, volts=np.full(3, 0.7 * 230.0)))
    assert any(house.live(10, volts=np.full(3, 0.9 * 230.0)))


def test_it_begins_at_its_floor_and_returns_to_it_without_commands() -> None:
    house = _House(factor=1.0, rated_w=6_000.0)
    assert house.model.limit == 420
    house.live(5)
    assert not house.model.runs  # the floor is below what this one needs
    house.model.write_limit(600, house.now_s)
    house.live(58)
    assert house.model.runs
    house.live(6)
    assert house.model.limit == 420
    assert not house.model.runs


@pytest.mark.parametrize("value", [-1, 421, 65_535])
def test_it_refuses_what_is_beyond_rating_and_floor(value: int) -> None:
    model = HeatPumpModel(_spec())
    with pytest.raises(RefusedValueError):
        model.write_limit(value, 0.0)
    with pytest.raises(RefusedValueError):
        model.write_fallback(value)
    assert model.limit == model.watchdog.fallback == 420


def test_no_time_changes_nothing() -> None:
    house = _House()
    house.live(5)
    before = (house.model.temperature_c, house.model.served_wh)
    house.factor = 0.0  # the calendar jumped
    house.live(5, outdoor_c=-20.0)
    assert (house.model.temperature_c, house.model.served_wh) == before


def test_a_missing_outdoor_temperature_is_an_error_and_not_zero_degrees() -> None:
    with pytest.raises(InputError, match="outdoor temperature"):
        _House().live(1, outdoor_c=math.nan)


@pytest.mark.parametrize("rated_w", [-1.0, 0.0, math.nan])
def test_a_heat_pump_without_power_is_refused(rated_w: float) -> None:
    with pytest.raises(InputError, match="rated power"):
        HeatPumpModel(_spec(rated_w=rated_w))
