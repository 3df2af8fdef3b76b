"""Cars come, charge and leave as it was wished, in any window; the demonstration's stay its own."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ortsnetz_common.errors import InputError
from ortsnetz_hil.plant.devices.specs import Session
from ortsnetz_hil.plant.random_streams import stream
from ortsnetz_hil.plant.request import ChargePointWish
from ortsnetz_hil.plant.sessions import Point, Span, check, sessions

HOUR = 3600.0
AFTERNOON = Span(11 * HOUR, 12 * HOUR)
DAY = Span(0.0, 24 * HOUR)
FAST, USUAL, SINGLE = Point("ev-01", 32, 3), Point("ev-02", 16, 3), Point("ev-03", 20, 1)


def stays(
    point: Point = USUAL, span: Span = DAY, seed: int = 1, **wish: Any
) -> tuple[Session, ...]:
    wanted = ChargePointWish(**wish)
    return sessions(point, wanted, span, seed, stream(seed, f"charge point {point.name}"))


def many(span: Span = DAY, rated_a: int = 16, **wish: Any) -> list[Session]:
    points = [Point(f"ev-{i}", rated_a, 3) for i in range(300)]
    return [session for point in points for session in stays(point, span, **wish)]


@given(
    seed=st.integers(0, 10_000),
    window=st.tuples(st.floats(0, 86_399), st.floats(60, 3 * 86_400)),
    arrival_h=st.floats(0, 23.9),
    sigma_h=st.floats(0, 6),
    single=st.floats(0, 1),
)
@settings(max_examples=100, derandomize=True, deadline=None)
def test_stays_lie_in_the_window_one_after_another(
    seed: int, window: tuple[float, float], arrival_h: float, sigma_h: float, single: float
) -> None:
    length_s = window[1]
    found = stays(
        FAST,
        Span(*window),
        seed,
        arrival_h=arrival_h,
        arrival_sigma_h=sigma_h,
        single_phase_share=single,
        noon_share=0.5,
    )
    for one in found:
        assert 0.0 <= one.arrival_s < one.departure_s <= length_s + 0.05
        assert one.energy_wh > 0
        assert one.max_a in {16.0, 20.0, 32.0}
    for one, following in pairwise(found):
        assert one.departure_s <= following.arrival_s


def test_a_longer_window_keeps_the_days_before() -> None:
    one_day, three_days = stays(span=DAY), stays(span=Span(0.0, 72 * HOUR))
    first = [s for s in three_days if s.arrival_s < 24 * HOUR]
    assert [(s.arrival_s, s.energy_wh) for s in first] == [
        (s.arrival_s, s.energy_wh) for s in one_day
    ]
    assert len(three_days) >= len(one_day) + 2


def test_cars_come_home_about_the_mean_with_the_deviation_that_was_wished() -> None:
    evening = [s.arrival_s / HOUR for s in many(noon_share=0.0, arrival_h=17.0) if s.arrival_s > 0]
    assert np.mean(evening) == pytest.approx(17.0, abs=0.15)
    assert np.std(evening) == pytest.approx(0.6, abs=0.1)
    assert max(abs(hour - 17.0) for hour in evening) <= 2.5 * 0.6 + 1e-6


def test_without_deviation_everybody_comes_at_once() -> None:
    arrivals = {s.arrival_s for s in many(AFTERNOON, noon_share=0.0, arrival_sigma_h=0.0)}
    assert arrivals == {7 * HOUR}


def test_seven_of_ten_cars_stay_until_the_morning() -> None:
    night = Span(12 * HOUR, 24 * HOUR)
    found = many(night, noon_share=0.0)
    overnight = [s for s in found if s.departure_s == 19 * HOUR]
    assert len(overnight) / 300 == pytest.approx(0.7, abs=0.1)


def test_a_car_that_came_before_the_window_has_charged_since() -> None:
    come_at_six = {"noon_share": 0.0, "arrival_sigma_h": 0.0, "energy_kwh": (50.0, 50.0)}
    # two hours at 16 A on three phases of 230 V are 22.08 kWh
    eight = many(Span(20 * HOUR, 4 * HOUR), **come_at_six)
    assert {(s.arrival_s, s.energy_wh) for s in eight} == {(0.0, 27_920.0)}
    assert len(eight) == 300
    # at midnight, after 66 kWh, nothing is left to charge
    assert not many(Span(0.0, 10 * HOUR), **come_at_six)


def test_energy_is_in_the_range_that_was_wished() -> None:
    energies = [s.energy_wh for s in many(AFTERNOON, noon_share=0.0, energy_kwh=(5.0, 7.0))]
    assert 5_000 <= min(energies) < 5_200
    assert 6_800 < max(energies) <= 7_000


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_single_phase_cars_are_as_many_as_wished_and_keep_to_twenty_amperes(share: float) -> None:
    found = many(AFTERNOON, rated_a=32, noon_share=0.0, single_phase_share=share)
    single = [s for s in found if s.phases == 1]
    assert len(single) / len(found) == pytest.approx(share, abs=0.08)
    assert all(s.max_a <= 20.0 for s in single)


def test_at_a_single_phase_point_no_car_is_asked_for_its_phases() -> None:
    assert stays(SINGLE, AFTERNOON, single_phase_share=1.0) == stays(SINGLE, AFTERNOON)


def test_the_tail_is_that_of_the_wish() -> None:
    assert {s.tail_share for s in many(AFTERNOON, tail_share=0.25)} == {0.25}


def test_what_is_wished_of_phases_or_tails_does_not_move_arrivals() -> None:
    plain = many(AFTERNOON)
    other = many(AFTERNOON, single_phase_share=1.0, tail_share=0.3)
    assert [s.arrival_s for s in plain] == [s.arrival_s for s in other]
    assert [s.energy_wh for s in plain] == [s.energy_wh for s in other]


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"arrival_h": 24.0}, "arrivals"),
        ({"arrival_sigma_h": -1.0}, "arrivals"),
        ({"noon_share": 1.5}, "noon_share"),
        ({"tail_share": -0.1}, "tail_share"),
        ({"single_phase_share": 2.0}, "single_phase_share"),
        ({"energy_kwh": (9.0, 3.0)}, "energy_kwh"),
    ],
)
def test_a_wish_that_no_cars_can_fulfil_is_refused(wish: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError, match=field):
        check(ChargePointWish(**wish))
