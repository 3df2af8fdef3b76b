"""What a branch may carry for a while: transformer temperatures and time-limited ratings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.ratings import ThermalRating, TimeLimitedRating, check_ratings
from ortsnetz_grid.functions.congestion import ratings, thermal
from ortsnetz_grid.functions.congestion.thermal import Temperatures

EXPECTED = json.loads((Path(__file__).parents[2] / "cases/thermal/expected.json").read_text())
KIOSK = ThermalRating(element=1, ambient_c=30.0, loss_ratio=6.5)
EVENING = TimeLimitedRating(element=1, loading=1.3, for_s=1_800.0, rest_s=3_600.0)


@pytest.mark.parametrize("name", EXPECTED["cases"])
def test_temperatures_are_those_of_an_independent_implementation(name: str) -> None:
    case: dict[str, Any] = EXPECTED["cases"][name]
    rating = ThermalRating(
        element=1,
        ambient_c=EXPECTED["ambient_c"],
        loss_ratio=EXPECTED["loss_ratio"],
        top_oil_rise_k=EXPECTED["top_oil_rise_k"],
        k11=case["k11"],
        k21=case["k21"],
    )
    now = Temperatures(EXPECTED["ambient_c"], 0.0, 0.0)
    for step, loading in enumerate(EXPECTED["loading"][1:], start=1):
        now = thermal.after(now, rating, loading, EXPECTED["step_s"])
        assert now.top_oil_c == pytest.approx(case["top_oil_c"][step], abs=1e-6)
        assert now.hot_spot_c == pytest.approx(case["hot_spot_c"][step], abs=1e-6)


@given(st.floats(0, 1.5), st.integers(1, 50))
def test_the_length_of_steps_does_not_matter(loading: float, steps: int) -> None:
    now = whole = thermal.steady(KIOSK, 0.4)
    for _ in range(steps):
        now = thermal.after(now, KIOSK, loading, 3_600 / steps)
    whole = thermal.after(whole, KIOSK, loading, 3_600)
    assert now.hot_spot_c == pytest.approx(whole.hot_spot_c, abs=1e-9)


def test_a_cold_transformer_may_carry_more_for_a_while_and_then_less() -> None:
    now = thermal.steady(KIOSK, 0.3)
    allowed = [thermal.admissible(now, KIOSK)]
    for _ in range(60):
        now = thermal.after(now, KIOSK, allowed[-1], 300.0)
        allowed.append(thermal.admissible(now, KIOSK))
        assert now.hot_spot_c <= KIOSK.hot_spot_c + 0.01
        assert now.top_oil_c <= KIOSK.top_oil_c + 0.01
    assert allowed[0] == KIOSK.most
    assert allowed[-1] < 1.1
    assert thermal.steady(KIOSK, allowed[-1]).hot_spot_c == pytest.approx(KIOSK.hot_spot_c, abs=4)


def test_on_its_way_to_a_hot_end_the_hot_spot_does_not_overshoot_unseen() -> None:
    rating = replace(KIOSK, k21=2.0, k11=0.5, horizon_s=7_200.0)
    now = thermal.steady(rating, 0.2)
    loading = thermal.admissible(now, rating)
    way = [thermal.after(now, rating, loading, share / 8 * 7_200.0) for share in range(9)]
    assert max(each.hot_spot_c for each in way) <= rating.hot_spot_c + 1.0


def test_what_is_too_hot_already_gets_a_limit_and_not_none() -> None:
    assert thermal.admissible(thermal.steady(KIOSK, 1.6), KIOSK) == thermal.LEAST


@pytest.mark.parametrize("loading", [float("nan"), float("inf"), -0.1])
def test_a_loading_that_is_no_number_is_refused(loading: float) -> None:
    with pytest.raises(ValueError, match="heats no transformer"):
        thermal.after(thermal.steady(KIOSK, 1.0), KIOSK, loading, 1.0)


def test_ageing_doubles_every_six_kelvin() -> None:
    assert thermal.ageing_rate(Temperatures(75.0, 23.0, 0.0)) == 1.0
    assert thermal.ageing_rate(Temperatures(75.0, 35.0, 0.0)) == 4.0


def allowed_over(loadings: list[float | None]) -> list[float]:
    use, seen = ratings.Use(), []
    for loading in loadings:
        use = ratings.used(use, EVENING, loading, 60.0)
        seen.append(ratings.admissible(use, EVENING, 1.0))
    return seen


def test_a_time_limited_rating_ends_before_its_time_is_over_and_comes_back_after_its_rest() -> None:
    seen = allowed_over([1.2] * 40 + [0.9] * 70)
    ended = seen.index(1.0)
    assert 60.0 * (ended + 1) <= EVENING.for_s
    assert seen[ended:99] == [1.0] * (99 - ended)
    assert seen[99:] == [1.3] * 11


def test_a_short_rest_is_none() -> None:
    seen = allowed_over(([1.2] * 5 + [0.9] * 5) * 8)
    assert seen[-1] == 1.0


def test_an_unknown_loading_uses_the_time_up() -> None:
    assert allowed_over([None] * 30)[-1] == 1.0
    assert allowed_over([float("nan")] * 30)[-1] == 1.0


@pytest.mark.parametrize(
    ("rating", "words"),
    [
        (replace(EVENING, for_s=0.0), "for_s is 0"),
        (replace(EVENING, loading=float("nan")), "loading is nan"),
        (replace(EVENING, loading=120.0), "loading is 120.*not in %"),
        (replace(KIOSK, most=150.0), "most is 150.*not in %"),
        (replace(KIOSK, hot_spot_c=-1.0), "hot_spot_c is -1"),
        (replace(KIOSK, k21=0.5), "k21"),
    ],
)
def test_ratings_without_meaning_are_refused(rating: Any, words: str) -> None:
    limited = [rating] if isinstance(rating, TimeLimitedRating) else []
    heated = [] if limited else [rating]
    with pytest.raises(InputError, match=f"element 1.*{words}"):
        check_ratings(limited, heated, "set.json")
    with pytest.raises(InputError, match="two ratings"):
        check_ratings([EVENING], [KIOSK], "set.json")
