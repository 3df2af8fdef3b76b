"""A customer's own past says what to expect, against SimBench's following weeks."""

from __future__ import annotations

import numpy as np
import pytest
from studies.simbench_year import simbench_year

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.state_estimation.beliefs import pseudo_belief
from ortsnetz_grid.functions.state_estimation.pseudo.own_past import FEWEST_DAYS, from_own_past

DAY_S, QUARTERS = 86_400.0, 96


def past(days: int, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Quarter hours of some days: a kilowatt in the first hour, three in the others."""
    rng = np.random.default_rng(seed)
    times = (np.arange(days * QUARTERS) + 0.5) * 900.0
    mean = np.where(times % DAY_S < 3600, 1000.0, 3000.0)
    return times, mean + 100.0 * rng.normal(size=times.size)


def test_hours_have_the_mean_and_the_deviation_that_they_had() -> None:
    times, powers = past(40)
    found = from_own_past(9, times, powers)
    assert found.element == 9
    assert found.hourly_w[0] == pytest.approx(1000, abs=40)
    assert found.hourly_w[1:] == pytest.approx([3000] * 23, abs=40)
    assert np.mean(found.sigma_w) == pytest.approx(100, rel=0.1)


def test_this_year_s_energy_scales_last_year_s_shape() -> None:
    times, powers = past(10)
    once, twice = (from_own_past(9, times, powers, scale) for scale in (1.0, 2.0))
    assert twice.hourly_w == pytest.approx([2 * each for each in once.hourly_w], abs=0.2)
    assert twice.sigma_w == pytest.approx([2 * each for each in once.sigma_w], abs=0.2)


def test_missing_values_do_not_count_and_are_not_zero() -> None:
    times, powers = past(20)
    powers[::3] = np.nan
    assert from_own_past(9, times, powers).hourly_w[1:] == pytest.approx([3000] * 23, abs=60)


def test_few_days_are_more_doubtful_than_many() -> None:
    seeds = range(30)
    few = np.mean([from_own_past(9, *past(FEWEST_DAYS, seed)).sigma_w for seed in seeds])
    assert few == pytest.approx(100 * (1 + 1 / FEWEST_DAYS) ** 0.5, rel=0.03)


def test_hours_that_are_hardly_known_are_refused_by_name() -> None:
    times, powers = past(12)
    powers[(times % DAY_S // 3600 == 7) & (times > 4 * DAY_S)] = np.nan
    with pytest.raises(InputError, match=r"element 9: fewer than 5 days .* hours \[7\]"):
        from_own_past(9, times, powers)


def test_many_values_of_one_day_are_one_day() -> None:
    times, powers = past(1)
    with pytest.raises(InputError, match="fewer than 5 days"):
        from_own_past(9, np.tile(times, 10), np.tile(powers, 10))


@pytest.mark.parametrize("scale", [float("nan"), -0.5])
def test_a_scale_that_is_none_is_refused(scale: float) -> None:
    with pytest.raises(InputError, match="element 9: scale"):
        from_own_past(9, *past(10), scale)


def test_times_and_powers_belong_together() -> None:
    times, powers = past(10)
    with pytest.raises(InputError, match="element 9"):
        from_own_past(9, times[1:], powers)


def test_the_next_weeks_lie_within_what_the_last_ones_say() -> None:
    year = simbench_year()
    inside = []
    for profile in ("H0-A", "H0-B", "H0-C", "G1-A", "G4-A", "G5-A", "L1-A"):
        power = year.active[profile] * 1e4
        for start in range(10, 300, 60):
            quarters = np.arange(start * QUARTERS, (start + 42) * QUARTERS)
            work = np.array([year.local[each].weekday() < 5 for each in quarters])
            before = quarters[work & (quarters < (start + 28) * QUARTERS)]
            after = quarters[work & (quarters >= (start + 28) * QUARTERS)][::5]
            times = np.array([year.utc_s(int(each)) for each in before])
            found = from_own_past(1, times, power[before])
            for each in after:
                hour = year.utc_s(int(each)) % DAY_S / 3600
                belief = pseudo_belief(found, hour, np.array([1.0, 0.0, 0.0]))
                inside.append(abs(power[each] - belief.p_w[0]) <= 1.96 * belief.p_sigma_w[0])
    assert 0.88 <= np.mean(inside) <= 0.99
