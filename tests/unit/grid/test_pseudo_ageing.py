"""Last values become expectations: against a simulated process and SimBench's households."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from studies.simbench_year import QUARTER_S, simbench_year

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.reading import Reading
from ortsnetz_grid.functions.state_estimation.beliefs import Belief
from ortsnetz_grid.functions.state_estimation.pseudo.ageing import (
    CUSTOMER_S,
    FORGOTTEN_S,
    LastKnown,
    aged,
    aged_belief,
    flow_growth_va,
    voltage_growth_v,
    within_limit,
)
from ortsnetz_grid.functions.state_estimation.pseudo.standard_profiles import standard_profile

Real = NDArray[np.float64]
HOUSEHOLDS = ("H0-A", "H0-B", "H0-C", "H0-G", "H0-L")


def belief(p_w: float, p_sigma_w: float) -> Belief:
    three = np.ones(3)
    return Belief(
        p_w * three, 0.2 * p_w * three, p_sigma_w * three, 0.3 * p_sigma_w * three, assumed=True
    )


def test_a_deviation_fades_as_a_simulated_process_does() -> None:
    rng = np.random.default_rng(4)
    mean, sigma, seen_sigma, steps, constant = 500.0, 300.0, 40.0, 30, 20.0
    kept = np.exp(-1 / constant)
    start = mean + sigma * rng.normal(size=200_000)
    near = np.abs(start + seen_sigma * rng.normal(size=start.size) - 1000.0) < 5
    process = start[near]  # all those that a meter saw at a kilowatt
    for _ in range(steps):
        noise = sigma * np.sqrt(1 - kept**2) * rng.normal(size=process.size)
        process = mean + kept * (process - mean) + noise
    found_mean, found_sigma = aged(
        np.array(1000.0), np.array(seen_sigma), np.array(mean), np.array(sigma), steps / constant
    )
    assert process.mean() == pytest.approx(float(found_mean), abs=4 * sigma / near.sum() ** 0.5)
    assert process.std() == pytest.approx(float(found_sigma), rel=0.05)


def household_errors(quarters: int) -> tuple[Real, Real, Real, Real]:
    """Errors of belief, of the value held and of the profile, and the belief's deviation."""
    year, profile = simbench_year(), standard_profile("household")
    places = np.arange(7, len(year.local) - quarters, 24)
    believed = np.array([profile.at(year.utc_s(int(each) + quarters)) for each in places])
    mean, sigma = believed[:, 0], np.hypot(believed[:, 1], believed[:, 2])
    found = []
    for each in HOUSEHOLDS:
        power = year.active[each] / year.active[each].mean()
        last, true = power[places], power[places + quarters]
        estimate, doubt = aged(
            last, np.full_like(last, 0.02), mean, sigma, quarters * QUARTER_S / CUSTOMER_S
        )
        found.append([estimate - true, last - true, mean - true, doubt])
    errors = np.concatenate(found, axis=1)
    return errors[0], errors[1], errors[2], errors[3]


@pytest.mark.parametrize("quarters", [1, 2, 4, 12, 48])
def test_a_silent_household_draws_what_is_believed_19_times_out_of_20(quarters: int) -> None:
    error, _, _, doubt = household_errors(quarters)
    assert 0.90 <= (np.abs(error) <= 1.96 * doubt).mean() <= 0.99


@pytest.mark.parametrize("quarters", [1, 2, 4, 12])
def test_remembering_beats_holding_the_value_and_forgetting_it(quarters: int) -> None:
    error, held, forgotten, _ = household_errors(quarters)
    size = np.sqrt(np.mean(error**2))
    assert size < np.sqrt(np.mean(held**2))
    assert size < np.sqrt(np.mean(forgotten**2))


@given(st.floats(0, 1e5), st.floats(1, 1e5))
def test_doubt_only_grows_with_age_and_never_beyond_the_expectation(
    age_s: float, longer: float
) -> None:
    last, otherwise = belief(2000.0, 20.0), belief(300.0, 250.0)
    young = aged_belief(last, otherwise, age_s, CUSTOMER_S)
    old = aged_belief(last, otherwise, age_s + longer, CUSTOMER_S)
    assert (old.p_sigma_w >= young.p_sigma_w).all()
    assert (old.q_sigma_var >= young.q_sigma_var).all()
    assert (old.p_sigma_w <= otherwise.p_sigma_w * (1 + 1e-9)).all()
    assert (old.p_w <= young.p_w).all()
    assert young.assumed
    assert young.age_s == age_s


def test_at_once_the_last_value_counts_and_after_a_day_it_does_not() -> None:
    last, otherwise = belief(2000.0, 20.0), belief(300.0, 250.0)
    fresh = aged_belief(last, otherwise, 0.0, CUSTOMER_S)
    assert fresh.p_w == pytest.approx(last.p_w)
    assert fresh.p_sigma_w == pytest.approx(last.p_sigma_w)
    stale = aged_belief(last, otherwise, 86_400.0, CUSTOMER_S)
    assert stale.p_w == pytest.approx(otherwise.p_w)
    assert stale.p_sigma_w == pytest.approx(otherwise.p_sigma_w)


def test_a_device_is_not_believed_to_draw_more_than_its_limit() -> None:
    assert within_limit(belief(4000.0, 20.0), 6000.0).p_w.sum() == pytest.approx(6000.0)
    assert within_limit(belief(-4000.0, 20.0), 6000.0).p_w.sum() == pytest.approx(-6000.0)
    assert within_limit(belief(1000.0, 20.0), 6000.0).p_w.sum() == pytest.approx(3000.0)


def test_voltages_and_flows_are_forgotten_after_a_quarter_of_an_hour() -> None:
    flow = np.array([30e3, 0.0, 10e3])
    assert voltage_growth_v(0.0, 230.0) == (0.0, 0.0)
    minute, ten = voltage_growth_v(60.0, 230.0), voltage_growth_v(600.0, 230.0)
    assert minute is not None
    assert ten is not None
    assert 0.1 < minute[0] < ten[0] < 1.0
    assert 0.2 < minute[1] < ten[1] < 2.0
    growth = flow_growth_va(600.0, flow)
    assert growth is not None
    assert (growth > 1000).all()  # also where nothing flowed
    assert voltage_growth_v(FORGOTTEN_S + 1, 230.0) is None
    assert flow_growth_va(FORGOTTEN_S + 1, flow) is None


@pytest.mark.parametrize("age", [-1.0, float("nan"), float("inf")])
def test_an_age_is_not_negative_and_a_number(age: float) -> None:
    with pytest.raises(InputError, match="a last reading is"):
        LastKnown(Reading(), age)
