"""Inverters against VDE-AR-N 4105: Q(U), P(U), protection, reconnection.

Expected values are computed from the clauses' own numbers (cos phi 0.90; U>> 1.25, U> 1.10 as a
ten-minute mean, U< 0.8 after 3 s, U<< 0.45 after 0.3 s; back after 60 s with 10 % a minute), not
taken from the presets.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ortsnetz_common.errors import InputError
from ortsnetz_hil.plant.devices.characteristics import UNITY, preset
from ortsnetz_hil.plant.devices.inverter import InverterModel
from ortsnetz_hil.plant.devices.limited import FULL
from ortsnetz_hil.plant.devices.sliding_mean import SlidingMean
from ortsnetz_hil.plant.devices.specs import Inverter, InverterControl, Point, Trip

RATED_W = 10_000.0
STEP_S = 0.2
UNDER = math.sin(math.acos(0.90))  # share of apparent power at cos phi 0.90


@dataclass
class _Roof:
    """An inverter in full sun without a limit; its time passes in steps."""

    control: InverterControl = UNITY
    phases: str = "abc"
    step_s: float = STEP_S
    model: InverterModel = field(init=False)
    now_s: float = 0.0
    _steps: int = 0

    def __post_init__(self) -> None:
        spec = Inverter(
            "pv", 1, 0, 1, "PV3", RATED_W, reaction_s=0.5, phases=self.phases, control=self.control
        )
        self.model = InverterModel(spec)

    def live(self, seconds: float, *u_pu: float, sun: float = 1.0) -> None:
        volts = 230.0 * np.array(u_pu * (len(self.phases) if len(u_pu) == 1 else 1))
        for _ in range(round(seconds / self.step_s)):
            self.model.write_limit(FULL, self.now_s)
            self.model.advance(self.now_s, self.step_s, sun, volts)
            self._steps += 1
            self.now_s = self._steps * self.step_s

    def live_until_it_leaves(self, u_pu: float, longest_s: float) -> float:
        """Seconds that it stayed."""
        before = self.now_s
        while not self.model.tripped and self.now_s - before < longest_s:
            self.live(self.step_s, u_pu)
        assert self.model.tripped
        return self.now_s - before


@pytest.mark.parametrize(
    ("u_pu", "share"),
    [
        (0.90, -UNDER),
        (0.93, -UNDER),
        (0.95, -UNDER / 2),
        (0.97, 0.0),
        (1.00, 0.0),
        (1.03, 0.0),
        (1.05, UNDER / 2),
        (1.07, UNDER),
    ],
)
def test_reactive_power_follows_the_corners_of_q_of_u(u_pu: float, share: float) -> None:
    roof = _Roof(preset("vde-ar-n-4105"))
    roof.live(60.0, u_pu)
    assert roof.model.reactive_var.sum() == pytest.approx(share * RATED_W, abs=1.0)


def test_high_voltage_is_answered_by_taking_reactive_power_as_a_coil_does() -> None:
    roof = _Roof(preset("vde-ar-n-4105"))
    roof.live(60.0, 1.06)
    assert (roof.model.reactive_var > 0.0).all()  # load convention: inductive
    assert (roof.model.active_w < 0.0).all()  # and still feeds in


def test_full_reactive_power_leaves_the_plant_at_cos_phi_090_and_active_power_gives_way() -> None:
    roof = _Roof(preset("vde-ar-n-4105"))
    roof.live(120.0, 1.07)
    apparent = math.hypot(roof.model.active_w.sum(), roof.model.reactive_var.sum())
    assert apparent == pytest.approx(RATED_W, rel=1e-4)
    assert roof.model.power_w / apparent == pytest.approx(0.90, rel=1e-4)


def test_reactive_power_shrinks_with_the_sun_at_cos_phi_090() -> None:
    roof = _Roof(preset("vde-ar-n-4105"))
    roof.live(60.0, 1.07, sun=0.2)
    expected = 0.2 * RATED_W * math.tan(math.acos(0.90))
    assert roof.model.reactive_var.sum() == pytest.approx(expected)
    roof.live(STEP_S, 1.07, sun=0.0)
    assert not roof.model.reactive_var.any()


def test_reactive_power_settles_within_ten_seconds_like_a_first_order_lag() -> None:
    roof = _Roof(preset("vde-ar-n-4105"), step_s=0.1)
    roof.live(10.0, 1.0, sun=0.5)
    roof.live(10.0, 1.05, sun=0.5)
    after_three_time_constants = UNDER / 2 * RATED_W * (1.0 - math.exp(-3.0))
    assert roof.model.reactive_var.sum() == pytest.approx(after_three_time_constants, rel=1e-6)


def test_the_lag_does_not_depend_on_how_time_is_cut() -> None:
    control = InverterControl(q_of_u=(Point(1.0, 0.0), Point(1.1, 0.5)), time_constant_s=4.0)
    fine, coarse = _Roof(control, step_s=0.1), _Roof(control, step_s=2.0)
    for roof in (fine, coarse):
        roof.live(roof.step_s, 1.05, sun=0.5)  # the first look has no time behind it
        roof.live(12.0, 1.05, sun=0.5)
    assert fine.model.reactive_var == pytest.approx(coarse.model.reactive_var)


def test_active_power_droops_between_the_corners_of_p_of_u_at_the_highest_phase() -> None:
    control = InverterControl(p_of_u=(Point(1.06, 1.0), Point(1.10, 0.2)), time_constant_s=2.0)
    roof = _Roof(control)
    roof.live(40.0, 1.0, 1.0, 1.08)
    assert roof.model.power_w == pytest.approx(0.6 * RATED_W, rel=1e-6)
    roof.live(40.0, 1.0, 1.0, 1.2)
    assert roof.model.power_w == pytest.approx(0.2 * RATED_W, rel=1e-6)


@pytest.mark.parametrize("step_s", [0.2, 1.0])
def test_behind_a_weak_line_the_droop_settles_where_line_and_curve_meet(step_s: float) -> None:
    control = InverterControl(
        p_of_u=preset("vde-ar-n-4105").p_of_u, trips=preset("vde-ar-n-4105").trips
    )
    roof, u_pu = _Roof(control, step_s=step_s), 1.02
    for _ in range(round(900.0 / step_s)):
        roof.live(step_s, u_pu)
        u_pu = 1.02 + 0.09 * roof.model.power_w / RATED_W
    # curve 1 at 1.08, 0 at 1.10; line 1.02 + 0.09 p: p = 0.08 / (0.09 + 0.02)
    assert roof.model.power_w / RATED_W == pytest.approx(0.08 / 0.11, rel=1e-6)
    assert not roof.model.tripped  # which is what the droop is for


@given(
    u_pu=st.floats(0.85, 1.10),
    sun=st.floats(0.0, 1.0),
    limit=st.integers(0, FULL),
    phases=st.sampled_from(["abc", "b"]),
)
def test_no_operating_point_exceeds_the_rated_apparent_power(
    u_pu: float, sun: float, limit: int, phases: str
) -> None:
    spec = Inverter(
        "pv", 1, 0, 1, "PV3", RATED_W, 0.5, phases=phases, control=preset("vde-ar-n-4105")
    )
    model = InverterModel(spec)
    volts = np.full(len(phases), 230.0 * u_pu)
    model.write_limit(limit, 0.0)
    for step in range(60):
        model.advance(float(step), 1.0, sun, volts)
        apparent = math.hypot(model.active_w.sum(), model.reactive_var.sum())
        assert apparent <= RATED_W * (1.0 + 1e-9)
        assert model.power_w == pytest.approx(-model.active_w.sum())
        assert np.count_nonzero(model.active_w) in {0, len(phases)}
    assert model.power_w <= min(sun, limit / FULL) * RATED_W + 1e-9


@pytest.mark.parametrize(
    ("u_pu", "stays_s", "reason"),
    [(1.26, 0.1, "U > 1.25 pu"), (0.79, 3.0, "U < 0.8 pu"), (0.44, 0.3, "U < 0.45 pu")],
)
def test_each_stage_trips_after_its_time_and_says_why(
    u_pu: float, stays_s: float, reason: str
) -> None:
    roof = _Roof(preset("vde-ar-n-4105"), step_s=0.05)
    roof.live(5.0, 1.0)
    assert roof.live_until_it_leaves(u_pu, 10.0) == pytest.approx(stays_s, abs=0.051)
    assert roof.model.trip_reason == reason
    assert roof.model.power_w == 0.0
    assert not roof.model.active_w.any()
    assert not roof.model.reactive_var.any()


def test_a_dip_that_ends_in_time_is_ridden_through() -> None:
    roof = _Roof(preset("vde-ar-n-4105"))
    roof.live(5.0, 1.0)
    for _ in range(5):
        roof.live(2.6, 0.7)
        roof.live(0.2, 0.9)
    assert not roof.model.tripped


def test_a_stage_counts_the_time_that_a_voltage_held_before_it_was_looked_at() -> None:
    roof = _Roof(preset("vde-ar-n-4105"), step_s=1.0)
    roof.live(5.0, 1.0)
    roof.live(2.0, 0.7)
    assert not roof.model.tripped
    roof.live(1.0, 0.7)
    assert roof.model.tripped


def test_one_phase_beyond_the_setting_is_enough() -> None:
    roof = _Roof(preset("vde-ar-n-4105"))
    roof.live(4.0, 1.0, 0.75, 1.0)
    assert roof.model.trip_reason == "U < 0.8 pu"


def test_overvoltage_trips_on_its_mean_of_ten_minutes_and_not_on_its_present_value() -> None:
    only = InverterControl(trips=(Trip(1.10, over=True, after_s=0.1, mean_s=600.0),))
    roof = _Roof(only, step_s=1.0)
    roof.live(600.0, 1.00)
    # mean = 1.00 + 0.12 t/600 s passes 1.10 after 500 s
    assert roof.live_until_it_leaves(1.12, 600.0) == pytest.approx(501.0, abs=1.0)
    assert roof.model.trip_reason == "U > 1.1 pu (600 s mean)"


def test_a_voltage_just_inside_the_mean_never_trips() -> None:
    only = InverterControl(trips=(Trip(1.10, over=True, after_s=0.1, mean_s=600.0),))
    roof = _Roof(only, step_s=1.0)
    roof.live(2000.0, 1.099)
    assert not roof.model.tripped


def test_it_comes_back_after_a_minute_in_the_band_and_ramps_ten_per_cent_a_minute() -> None:
    roof = _Roof(preset("vde-ar-n-4105"), step_s=0.5)
    roof.live(5.0, 1.0)
    roof.live(5.0, 0.5)
    assert roof.model.tripped
    roof.live(30.0, 1.0)
    roof.live(0.5, 0.84)  # outside 0.85 to 1.10: the minute begins again
    roof.live(59.5, 1.0)
    assert roof.model.tripped
    roof.live(1.5, 1.0)
    assert not roof.model.tripped
    assert roof.model.trip_reason is None
    roof.live(120.0, 1.0)
    assert roof.model.power_w == pytest.approx(0.2 * RATED_W, abs=0.005 * RATED_W)
    roof.live(600.0, 1.0)
    assert roof.model.power_w == RATED_W


def test_a_mean_that_is_still_too_high_keeps_it_off_instead_of_letting_it_hunt() -> None:
    only = InverterControl(
        trips=(Trip(1.10, over=True, after_s=0.1, mean_s=600.0),), reconnect_after_s=10.0
    )
    roof = _Roof(only, step_s=1.0)
    roof.live(600.0, 1.12)
    assert roof.model.tripped
    comings = 0
    for _ in range(600):
        before = roof.model.tripped
        roof.live(1.0, 1.09)
        comings += before and not roof.model.tripped
    assert comings == 1
    assert not roof.model.tripped


def test_a_lost_phase_disconnects_every_inverter_also_one_without_protection() -> None:
    roof = _Roof(UNITY)
    roof.live(2.0, 1.0)
    assert roof.model.power_w == RATED_W
    roof.live(STEP_S, 1.0, 0.0, 1.0)
    assert roof.model.tripped
    assert roof.model.trip_reason == "grid lost"
    assert not roof.model.active_w.any()


def test_off_the_grid_there_is_no_reactive_power_either() -> None:
    roof = _Roof(InverterControl(q_of_u=(Point(1.0, 0.3), Point(1.1, 0.5))))
    roof.live(30.0, 1.0)
    assert roof.model.reactive_var.sum() == pytest.approx(0.3 * RATED_W, rel=1e-3)
    roof.live(STEP_S, 0.0)
    assert not roof.model.reactive_var.any()


def test_each_trip_waits_its_own_minute() -> None:
    roof = _Roof(UNITY, step_s=1.0)
    for _ in range(3):
        roof.live(100.0, 1.0)
        assert not roof.model.tripped
        roof.live(1.0, 0.0)
        roof.live(55.0, 1.0)
        assert roof.model.tripped


@given(
    seen=st.lists(
        st.tuples(
            st.floats(0.0, 5.0),
            st.sampled_from([math.nan, 0.0, 0.3, 0.7, 0.95, 1.0, 1.08, 1.3]),
            st.floats(0.0, 1.0),
        ),
        max_size=60,
    )
)
def test_whatever_the_grid_does_no_inverter_says_nan(
    seen: list[tuple[float, float, float]],
) -> None:
    spec = Inverter("pv", 1, 0, 1, "PV3", RATED_W, 0.5, control=preset("vde-ar-n-4105"))
    model, now_s = InverterModel(spec), 0.0
    for passed_s, u_pu, sun in seen:
        now_s += passed_s
        model.advance(now_s, passed_s, sun, np.array([230.0, 230.0 * u_pu, 231.0]))
        shown = [*model.active_w, *model.reactive_var, model.power_w, model.served_wh]
        assert np.isfinite(shown).all()
        assert model.tripped == (model.trip_reason is not None)


def test_missing_sun_is_an_error_and_not_night() -> None:
    with pytest.raises(InputError, match="sun"):
        _Roof().live(STEP_S, 1.0, sun=math.nan)


def test_a_single_phase_inverter_feeds_its_one_terminal_with_everything() -> None:
    roof = _Roof(phases="c")
    roof.live(2.0, 1.0)
    assert list(roof.model.active_w) == [-RATED_W, 0.0, 0.0]


@pytest.mark.parametrize("u_pu", [0.5, 0.9, 1.0, 1.2])
def test_without_characteristics_power_is_sun_or_limit_whatever_the_voltage(u_pu: float) -> None:
    spec = Inverter("pv", 1, 0, 1, "PV3", 15_000.0, reaction_s=1.0)
    model = InverterModel(spec)
    model.write_limit(505, 0.0)
    for step in range(12):
        model.advance(step * STEP_S, 72.0, 0.9, np.full(3, 230.0 * u_pu))
    assert model.power_w == 15_000.0 * 505 / 1000
    assert not model.reactive_var.any()


def test_an_unknown_preset_is_answered_with_the_names_that_exist() -> None:
    with pytest.raises(InputError, match="unity, vde-ar-n-4105"):
        preset("vde-ar-n-4110")
    assert preset("unity") == InverterControl()


@pytest.mark.parametrize(
    "control",
    [
        InverterControl(q_of_u=(Point(1.03, 0.0), Point(1.0, 0.4))),
        InverterControl(q_of_u=(Point(1.03, 0.0), Point(1.1, 1.4))),
        InverterControl(p_of_u=(Point(1.03, 1.0), Point(1.1, -0.1))),
        InverterControl(reconnect_u_pu=(1.1, 0.85)),
    ],
)
def test_a_characteristic_that_cannot_be_followed_is_refused(control: InverterControl) -> None:
    with pytest.raises(InputError, match="'pv'"):
        _Roof(control)


@given(
    parts=st.lists(st.tuples(st.floats(0.01, 40.0), st.floats(0.0, 1.4)), min_size=1, max_size=50)
)
def test_the_sliding_mean_is_the_mean_of_the_last_seconds(parts: list[tuple[float, float]]) -> None:
    window_s = 60.0
    mean = SlidingMean(window_s)
    first = parts[0][1]
    found = mean.add(np.array([first]), 0.0)
    for passed_s, u in parts:
        found = mean.add(np.array([u]), passed_s)
    # by definition: integrate backwards from now, the first value before the beginning
    left_s, integral = window_s, 0.0
    for passed_s, u in reversed(parts):
        taken_s = min(left_s, passed_s)
        integral += taken_s * u
        left_s -= taken_s
    integral += left_s * first
    assert found[0] == pytest.approx(integral / window_s, abs=1e-9)
