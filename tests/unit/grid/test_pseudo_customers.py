"""What is believed about unmetered customers, against SimBench's individual ones."""

from __future__ import annotations

import json
import runpy
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from studies.simbench_year import BERLIN, QUARTER_S, START_S, Year, simbench_year

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.state_estimation.pseudo import standard_profiles as module
from ortsnetz_grid.functions.state_estimation.pseudo.customers import (
    Customer,
    beliefs_about,
    expected,
    pseudo_measurements,
    spreads,
)
from ortsnetz_grid.functions.state_estimation.pseudo.standard_profiles import (
    standard_profile,
    standard_profiles,
)

SCRIPT = Path(__file__).parents[3] / "common/grid/scripts/standard_profiles.py"
EVENING_S = datetime(2026, 1, 20, 18, 30, tzinfo=UTC).timestamp()
EVERY_EIGHTH = slice(3, None, 8)
"""Of a year's quarter hours: the others lie beside one of them."""


@pytest.fixture(scope="module")
def year() -> Year:
    return simbench_year()


def believed(year: Year, kind: str) -> NDArray[np.float64]:
    """(t, 3) mean, own and common deviation at every eighth quarter hour of the year."""
    profile = standard_profile(kind)
    quarters = range(len(year.local))[EVERY_EIGHTH]
    return np.array([profile.at(year.utc_s(quarter)) for quarter in quarters])


def drawn(year: Year, profile: str) -> NDArray[np.float64]:
    """(t,) over the mean of the year."""
    powers = year.active[profile]
    return (powers / powers.mean())[EVERY_EIGHTH]


@pytest.mark.parametrize("kind", sorted(standard_profiles()))
def test_a_year_of_a_class_has_the_energy_of_a_year(kind: str) -> None:
    profile = standard_profile(kind)
    quarters = START_S + QUARTER_S * (np.arange(0, 35_136, 5) + 0.5)
    assert np.mean([profile.at(utc_s)[0] for utc_s in quarters]) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize(
    ("kind", "profiles"),
    [
        ("household", ("H0-A", "H0-B", "H0-C", "H0-G", "H0-L")),
        ("business", ("G1-A", "G2-A", "G3-A", "G4-A", "G5-A", "G6-A")),
        ("business_workdays", ("G1-A", "G1-B", "G1-C")),
        ("farm", ("L0-A", "L1-A", "L2-A")),
        ("pv", ("PV1", "PV4", "PV7")),
    ],
)
def test_customers_of_a_class_draw_what_is_believed_19_times_out_of_20(
    year: Year, kind: str, profiles: tuple[str, ...]
) -> None:
    mean, own, common = believed(year, kind).T
    sigma = np.hypot(own, common)
    day = sigma > 0  # nobody doubts that PV sleeps at night
    inside = [(np.abs(drawn(year, each) - mean) <= 1.96 * sigma)[day].mean() for each in profiles]
    assert 0.90 <= np.mean(inside) <= 0.99, inside


def test_a_business_that_the_class_was_not_made_of_is_inside_too(year: Year) -> None:
    mean, own, common = believed(year, "business").T
    for stranger in ("G0-A", "G0-M"):
        inside = np.abs(drawn(year, stranger) - mean) <= 1.96 * np.hypot(own, common)
        assert inside.mean() >= 0.90, stranger


def test_all_roofs_together_deviate_as_much_as_believed(year: Year) -> None:
    roofs = [f"PV{number}" for number in range(1, 9)]
    customers = [Customer(place, "pv", 8766.0) for place, _ in enumerate(roofs)]  # 1 kW on average
    quarters = range(len(year.local))[EVERY_EIGHTH]
    total = sum(drawn(year, each) for each in roofs)
    scores = []
    for place, quarter in enumerate(quarters):
        found = spreads(customers, year.utc_s(quarter))
        mean = sum(each for each, _ in found.values()) / 1e3
        sigma = np.sqrt(sum(each**2 for _, each in found.values())) / 1e3
        if sigma > 0.5:
            scores.append((-total[place] - mean) / sigma)
    # as if each had a cloud of its own, the total would deviate by more than twice the belief
    assert np.sqrt(np.mean(np.square(scores))) == pytest.approx(1.0, abs=0.15)


@given(st.floats(100.0, 1e5), st.integers(2, 9), st.sampled_from(sorted(standard_profiles())))
def test_a_large_customer_is_like_several_that_sum_up_to_it(
    kwh: float, count: int, kind: str
) -> None:
    large = expected(Customer(1, kind, kwh * count), EVENING_S)
    small = expected(Customer(1, kind, kwh), EVENING_S)
    assert large.mean_w == pytest.approx(count * small.mean_w)
    assert large.own_sigma_w == pytest.approx(count**0.5 * small.own_sigma_w)
    assert large.common_sigma_w == pytest.approx(count * small.common_sigma_w)


@given(st.integers(0, 366 * 24), st.sampled_from(sorted(standard_profiles())))
def test_beliefs_do_not_jump_at_midnight_nor_when_the_clocks_change(hour: int, kind: str) -> None:
    utc_s = START_S + hour * 3600.0
    profile = standard_profile(kind)
    for edge in (utc_s, utc_s + 1800.0):
        before, after = np.array(profile.at(edge - 1e-3)), np.array(profile.at(edge + 1e-3))
        assert np.abs(after - before).max() < 1e-4


def test_supper_is_at_the_same_time_on_the_clock_all_year() -> None:
    household = standard_profile("household")
    for month, season in ((1, 0), (7, 2)):
        for day in range(4, 9):  # one week's workdays of both months, 2022: 4 to 8 July
            when = datetime(2022, month, day, 19, 30, tzinfo=BERLIN)
            if when.weekday() < 5:
                mean = household.at(when.timestamp())[0]
                assert mean == pytest.approx(household.mean[season, 0, 19])


def test_generators_feed_in_by_day_and_nothing_at_night() -> None:
    roof = Customer(1, "pv", 9000.0)
    noon = datetime(2026, 6, 20, 11, tzinfo=UTC).timestamp()
    night = datetime(2026, 6, 20, 0, 30, tzinfo=UTC).timestamp()
    assert expected(roof, noon).mean_w < -3000
    assert expected(roof, night).mean_w == 0


def test_beliefs_hold_for_the_phases_that_are_known() -> None:
    known = Customer(1, "household", 3000.0, share=(0.0, 1.0, 0.0))
    unknown = Customer(2, "household", 3000.0)
    found = beliefs_about([known, unknown], EVENING_S)
    total = spreads([known, unknown], EVENING_S)[1][0]
    assert found[1].p_w == pytest.approx([0, total, 0])
    assert found[2].p_w == pytest.approx([total / 3] * 3)
    assert found[2].p_sigma_w.min() > total / 3
    assert found[1].q_var[1] == pytest.approx(standard_profile("household").tan_phi * total)
    assert found[1].assumed
    assert found[2].assumed


def test_a_day_for_the_station_s_parameters_has_the_same_hours() -> None:
    customers = [Customer(7, "household", 3500.0), Customer(8, "pv", 9000.0)]
    day = pseudo_measurements(customers, EVENING_S)
    assert [each.element for each in day] == [7, 8]
    mean, sigma = spreads(customers, EVENING_S)[7]
    assert day[0].hourly_w[18] == pytest.approx(mean, abs=0.05)
    assert day[0].sigma_w[18] == pytest.approx(sigma, abs=0.05)
    assert min(day[1].hourly_w) < 0


@pytest.mark.parametrize(
    ("customers", "words"),
    [
        ([Customer(4, "castle", 1.0)], "no class of customers 'castle', only household, "),
        ([Customer(4, "household", float("nan"))], "element 4: annual energy nan kWh"),
        ([Customer(4, "household", -1.0)], "element 4: annual energy -1.0 kWh"),
        ([Customer(4, "farm", 1.0), Customer(4, "pv", 1.0)], "element 4: two customers"),
    ],
)
def test_what_cannot_be_believed_is_refused(customers: list[Customer], words: str) -> None:
    with pytest.raises(InputError) as error:
        spreads(customers, EVENING_S)
    assert words in str(error.value)


def test_the_file_is_what_its_script_derives_and_says_whose_data_they_are() -> None:
    script = runpy.run_path(str(SCRIPT))
    text = files(module.__package__).joinpath("standard_profiles.json").read_text()
    stored = json.loads(text)
    derived = script["document"](script["Year"].read())
    assert script["compact"](json.dumps(derived, indent=1)) + "\n" == text
    assert "Open Database License" in stored["licence"]
    assert "SimBench" in stored["source"]
