"""Cars at charge points: fewer phases, the falling current at the end, pauses, lost phases."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ortsnetz_common.errors import InputError
from ortsnetz_hil.plant.calendar import Instant
from ortsnetz_hil.plant.devices.charge_point import ChargePointModel, ControlPilot
from ortsnetz_hil.plant.devices.specs import ChargePoint, Session

STEP_S = 0.2
HEALTHY_V = 230.0


class _Street:
    """A charge point with one car that is there all day."""

    def __init__(
        self,
        phases: str = "abc",
        *,
        car_phases: int = 3,
        tail_share: float = 0.0,
        energy_wh: float = 20_000.0,
        max_a: float = 32.0,
        reaction_s: float = 3.0,
        factor: float = 360.0,
    ) -> None:
        session = Session(0.0, 86_400.0, energy_wh, max_a, phases=car_phases, tail_share=tail_share)
        self.model = ChargePointModel(
            ChargePoint("ev", 1, 0, 1, phases, 32, 7, reaction_s, (session,))
        )
        self.now_s = 0.0
        self.volts = np.full(len(phases), HEALTHY_V)
        self.limit = 32
        self.factor = factor
        self.calendar_s = 0.0
        self._steps = 0

    def live(self, seconds: float) -> list[float]:
        """Current after each step; the limit is commanded again each step."""
        seen = []
        for _ in range(round(seconds / STEP_S)):
            self._steps += 1
            self.now_s = self._steps * STEP_S
            self.calendar_s += STEP_S * self.factor
            self.model.write_limit(self.limit, self.now_s)
            instant = Instant(0, min(self.calendar_s, 86_000.0), 0)
            self.model.advance(self.now_s, STEP_S * self.factor, instant, self.volts)
            seen.append(self.model.current_a)
        return seen

    def seconds_until(self, current_a: float) -> float:
        """How long after a command the car draws a current."""
        seen = self.live(10.0)
        # the first step is the one in which the command came
        return STEP_S * seen.index(current_a)


@pytest.mark.parametrize(
    ("phases", "car_phases", "loaded"),
    [("abc", 1, 1), ("abc", 2, 2), ("abc", 3, 3), ("c", 3, 1), ("b", 1, 1)],
)
def test_a_car_loads_only_the_phases_that_it_uses_and_that_are_there(
    phases: str, car_phases: int, loaded: int
) -> None:
    street = _Street(phases, car_phases=car_phases)
    street.live(8.0)
    per_phase = 32.0 * HEALTHY_V * 0.99
    assert list(street.model.active_w) == pytest.approx([per_phase] * loaded + [0.0] * (3 - loaded))
    assert street.model.used_terminals == loaded
    assert street.model.active_w.shape == street.model.reactive_var.shape == (3,)


def test_a_single_phase_car_at_a_rotated_charge_point_sees_the_voltage_of_the_first_letter() -> (
    None
):
    street = _Street("bca", car_phases=1)
    street.volts = np.array([220.0, 240.0, 245.0])  # at terminals: network phases b, c, a
    street.live(8.0)
    assert street.model.active_w == pytest.approx([32.0 * 220.0 * 0.99, 0.0, 0.0])


@given(
    tail_share=st.floats(0.0, 1.0),
    energy_wh=st.floats(500.0, 60_000.0),
    car_phases=st.integers(1, 3),
    limit=st.integers(6, 32),
    factor=st.sampled_from([60.0, 360.0, 1200.0]),
)
def test_a_battery_takes_its_energy_to_one_watt_hour_with_any_tail(
    tail_share: float, energy_wh: float, car_phases: int, limit: int, factor: float
) -> None:
    street = _Street(
        car_phases=car_phases, tail_share=tail_share, energy_wh=energy_wh, factor=factor
    )
    street.limit = limit
    for _ in range(400):
        street.live(20.0)
        if street.model.wanted_a == 0.0:
            break
    assert street.model.wanted_a == 0.0
    assert energy_wh - 1.0 <= street.model.served_wh <= energy_wh + 1e-6
    street.live(4.0)
    assert street.model.state is ControlPilot.B
    assert not street.model.active_w.any()


def test_in_the_tail_the_current_falls_exponentially_from_its_own_to_one_ampere() -> None:
    street = _Street(tail_share=0.25, energy_wh=20_000.0, factor=5.0)
    while street.model.wanted_a == 32.0 or street.model.served_wh == 0.0:
        street.live(STEP_S)
    begun_s, first_a = street.calendar_s, street.model.wanted_a
    # dI/dt = -I (32 A - 1 A) / tail energy x power per ampere
    rate_per_h = (32.0 - 1.0) / 5_000.0 * 3 * HEALTHY_V * 0.99
    for minutes in (10, 20, 30, 45):
        while street.calendar_s < begun_s + 60.0 * minutes:
            street.live(STEP_S)
        expected = first_a * math.exp(-rate_per_h * minutes / 60.0)
        assert street.model.current_a == pytest.approx(expected, rel=0.01)


def test_a_limit_below_the_tail_current_still_holds() -> None:
    street = _Street(tail_share=1.0)
    street.limit = 10
    assert max(street.live(20.0)) == 10.0


@pytest.mark.parametrize("reaction_s", [0.2, 1.0, 3.0, 5.0])
def test_a_reduction_is_followed_within_five_seconds(reaction_s: float) -> None:
    street = _Street(reaction_s=reaction_s, factor=1.0)
    street.live(10.0)
    street.limit = 6
    assert street.seconds_until(6.0) <= 5.0 + STEP_S


@pytest.mark.parametrize("reaction_s", [1.0, 3.0, 5.0])
def test_a_pause_stops_the_car_within_three_seconds_and_it_starts_again_later(
    reaction_s: float,
) -> None:
    street = _Street(reaction_s=reaction_s, factor=1.0)
    street.live(10.0)
    assert street.model.state is ControlPilot.C
    street.limit = 0
    assert street.seconds_until(0.0) <= 3.0 + STEP_S
    assert street.model.state is ControlPilot.B
    assert street.model.wanted_a == 32.0
    street.limit = 16
    assert street.seconds_until(16.0) == pytest.approx(reaction_s, abs=1.01 * STEP_S)
    assert street.model.state is ControlPilot.C


def test_a_pause_after_a_reduction_does_not_wait_for_the_reduction() -> None:
    street = _Street(reaction_s=5.0, factor=1.0)
    street.live(10.0)
    street.limit = 20
    street.live(1.0)
    street.limit = 0
    assert street.seconds_until(0.0) <= 3.0 + STEP_S


@pytest.mark.parametrize("dead", [0.0, math.nan])
def test_without_its_first_phase_the_contactor_drops_and_nothing_is_drawn(dead: float) -> None:
    street = _Street()
    street.live(8.0)
    street.volts = np.array([dead, HEALTHY_V, HEALTHY_V])
    street.live(STEP_S)
    assert not street.model.active_w.any()
    assert not street.model.reactive_var.any()
    assert street.model.current_a == 0.0
    assert street.model.state is ControlPilot.B


def test_when_the_first_phase_is_back_the_car_starts_again_after_its_time() -> None:
    street = _Street(reaction_s=3.0, factor=1.0)
    street.live(8.0)
    street.volts[0] = 0.0
    street.live(2.0)
    street.volts[0] = HEALTHY_V
    assert street.seconds_until(32.0) == pytest.approx(3.0, abs=1.01 * STEP_S)


def test_a_car_that_loses_another_phase_goes_on_with_the_rest() -> None:
    street = _Street()
    street.live(8.0)
    street.volts[2] = 0.0
    street.live(STEP_S)
    per_phase = 32.0 * HEALTHY_V * 0.99
    assert street.model.active_w == pytest.approx([per_phase, per_phase, 0.0])


def test_a_charge_point_without_any_voltage_draws_nothing_for_ever() -> None:
    street = _Street()
    street.volts[:] = 0.0
    assert not any(street.live(20.0))
    assert street.model.served_wh == 0.0


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from([0.0, 0.2, 72.0, 900.0]),
            st.sampled_from([0, 6, 16, 32]),
            st.lists(
                st.sampled_from([math.nan, 0.0, 100.0, 200.0, 230.0, 260.0]),
                min_size=3,
                max_size=3,
            ),
            st.integers(0, 2),
        ),
        max_size=60,
    ),
    tail_share=st.sampled_from([0.0, 0.3, 1.0]),
)
def test_whatever_happens_no_charge_point_says_nan_or_feeds_in(
    steps: list[tuple[float, int, list[float], int]], tail_share: float
) -> None:
    session = Session(100.0, 40_000.0, 15_000.0, 20.0, phases=2, tail_share=tail_share)
    model = ChargePointModel(ChargePoint("ev", 1, 0, 1, "cab", 32, 7, 1.0, (session,)))
    second = now_s = 0.0
    for passed_s, limit, volts, day in steps:  # days go back and forth: the calendar jumps
        now_s += 0.2
        second += passed_s
        model.write_limit(limit, now_s)
        model.advance(now_s, passed_s, Instant(day, second % 43_200.0, 0), np.array(volts))
        shown = [*model.active_w, *model.reactive_var, model.current_a, model.wanted_a]
        assert np.isfinite(shown).all()
        assert min(shown) >= 0.0
        assert model.active_w[2] == 0.0
        assert model.current_a <= 20.0


def test_a_car_slower_than_the_standard_is_refused() -> None:
    with pytest.raises(InputError, match="5 s"):
        _Street(reaction_s=5.1)


@pytest.mark.parametrize(("car_phases", "tail_share"), [(0, 0.0), (4, 0.0), (3, -0.1), (3, 1.1)])
def test_a_car_that_cannot_be_is_refused(car_phases: int, tail_share: float) -> None:
    with pytest.raises(InputError, match="'ev'"):
        _Street(car_phases=car_phases, tail_share=tail_share)
