"""State estimation on published networks that nothing was tuned to, beside power-grid-model.

Truth is that library's power flow; what the sensors allow is what exact least squares, written
here and sharing only the admittances with the product, makes of them. `make study-estimation` does
the same on more networks and seeds, and its figures are in docs/figures.md.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from power_grid_model import DatasetType
from power_grid_model.utils import json_deserialize, json_serialize
from studies.estimation_cases import Case, Kind, make_case
from studies.estimation_table import (
    WORST_SINGLE_CASE,
    apart,
    covered,
    detection,
    false_alarm,
    ratios,
    worse_than_chance,
)
from studies.judging import Judged, judged
from studies.least_squares import fit

from ortsnetz_grid.commands.estimate import estimate as estimate_command

GRIDS = (
    "1-LV-rural1--0-sw",
    "1-LV-semiurb4--0-sw",
    "1-LV-urban6--0-sw",
    "1-MV-comm--0-sw",
    "cigre-lv",
    "cigre-mv",
    "kerber-landnetz",
    "kerber-dorfnetz",
    "voltage-control-lv",
    "oberrhein-mv",
    "ieee-european-lv",
)
SEEDS = range(6)
"""Two clean, two with impedances up to 20 % wrong, two with a meter that is 3 % wrong."""
NORMAL_SEEDS = range(100, 104)

OF_THE_SAME = 1.02
"""A ratio of means of a few cases that says "no worse"."""
TENTH_OF_A_DEVIATION = 0.1
SIGNIFICANCE = 0.05


@pytest.fixture(scope="module")
def cases() -> list[Judged]:
    return [judged(make_case(grid, seed)) for grid in GRIDS for seed in SEEDS]


@pytest.fixture(scope="module")
def clean() -> list[Judged]:
    return [
        judged(make_case(grid, seed, Kind(normal=True)), exact=False)
        for grid in GRIDS
        for seed in NORMAL_SEEDS
    ]


def on(cases: list[Judged], grid: str) -> list[Judged]:
    return [case for case in cases if case.grid == grid]


def test_every_case_is_answered(cases: list[Judged], clean: list[Judged]) -> None:
    failed = [
        (case.grid, case.seed, case.ours_failed) for case in cases + clean if case.ours is None
    ]
    assert not failed


@pytest.mark.parametrize("quantity", ["u_pu", "loading"])
def test_on_every_network_the_mean_error_is_no_larger_than_power_grid_models(
    cases: list[Judged], quantity: str
) -> None:
    found = {grid: ratios(on(cases, grid), quantity) for grid in GRIDS}
    worse = {
        grid: ratio.mean
        for grid, ratio in found.items()
        if ratio is not None and ratio.mean > OF_THE_SAME
    }
    assert not worse
    assert sum(ratio is not None for ratio in found.values()) >= 10


@pytest.mark.parametrize("quantity", ["u_pu", "loading"])
def test_with_the_same_sensors_and_weights_no_single_case_is_ten_per_cent_worse(
    cases: list[Judged], quantity: str
) -> None:
    found = {grid: ratios(on(cases, grid), quantity, equal=True) for grid in GRIDS}
    answered = {grid: ratio for grid, ratio in found.items() if ratio is not None}
    assert len(answered) >= 10
    assert not {grid: each for grid, each in answered.items() if each.beyond}
    assert not {grid: each for grid, each in answered.items() if each.mean > OF_THE_SAME}


@pytest.mark.parametrize("quantity", ["u_pu", "loading"])
def test_with_the_same_sensors_and_weights_no_network_is_worse_beyond_chance(
    cases: list[Judged], quantity: str
) -> None:
    chances = {grid: worse_than_chance(on(cases, grid), quantity) for grid in GRIDS}
    known = {grid: chance for grid, chance in chances.items() if chance is not None}
    bound = SIGNIFICANCE / max(len(known), 1)  # so many comparisons at once (Bonferroni)
    assert not {grid: chance for grid, chance in known.items() if chance < bound}


def test_with_the_same_sensors_and_weights_both_estimate_the_same_state(
    cases: list[Judged],
) -> None:
    """What is left is that library's way to make currents of powers.

    Without equal weights and equal angles they are a fifth of a deviation apart.
    """
    found = apart(cases)
    assert len(found) >= 0.9 * sum(case.equal is not None for case in cases)
    assert max(found) < TENTH_OF_A_DEVIATION
    assert np.mean(found) < TENTH_OF_A_DEVIATION / 3


@pytest.mark.parametrize("quantity", ["u_pu", "loading"])
def test_with_the_sensors_as_they_are_ours_is_what_exact_least_squares_make_of_them(
    cases: list[Judged], quantity: str
) -> None:
    """Or better than power-grid-model, which weighs the same file in its own way.

    Comparable only where no sensor was left out.
    """
    worse = {}
    for case in cases:
        if case.ours is None or case.theirs is None or case.optimum is None:
            continue
        if case.removed or case.doubted:
            continue
        allowed = max(getattr(case.theirs, quantity), getattr(case.optimum, quantity))
        ratio = getattr(case.ours, quantity) / allowed
        if ratio > WORST_SINGLE_CASE:
            worse[case.grid, case.seed] = ratio
    assert not worse
    without = [case for case in cases if not case.gross_error]
    assert sum(bool(case.removed or case.doubted) for case in without) <= 0.15 * len(without)


def test_a_meter_that_is_three_per_cent_wrong_is_found_where_it_can_be(
    cases: list[Judged],
) -> None:
    """And left out, unless nothing can replace it: then it is named, and the case says so."""
    found = detection(cases)
    assert found.due >= 15
    assert found.found + found.named >= 0.97 * found.due
    assert found.named <= 0.1 * found.due


def test_clean_cases_lose_no_meter(cases: list[Judged], clean: list[Judged]) -> None:
    judged_clean = [case for case in cases if case.clean] + clean
    assert sum(map(false_alarm, judged_clean)) <= 0.02 * len(judged_clean)


def test_intervals_hold_what_they_say(clean: list[Judged]) -> None:
    shares = covered(clean, normal=True)
    assert shares is not None
    assert 0.90 <= shares[0] <= 0.99
    assert 0.85 <= shares[1] <= 0.99  # the largest of three phases is more than each expects


def test_the_command_writes_the_same_state_and_names_the_bad_meter(tmp_path: Path) -> None:
    case = make_case("cigre-lv", 2)
    path, result, bad = (tmp_path / name for name in ("case.json", "result.json", "bad.json"))
    path.write_text(json_serialize(dict(case.network.data), DatasetType.input))
    done = CliRunner().invoke(
        estimate_command, [str(path), "-o", str(result), "--bad-data", str(bad)]
    )
    assert done.exit_code == 0, done.output
    assert [entry["sensor"] for entry in json.loads(bad.read_text())] == [case.wrong]
    output = json_deserialize(result.read_text())
    u = output["node"]["u_pu"]
    assert np.abs(u - case.truth["node"]["u_pu"]).mean() < 0.01


def test_exact_least_squares_find_the_truth_in_exact_measurements() -> None:
    """The judge is judged: without noise it has to come out at power-grid-model's power flow."""
    for grid in ("1-LV-rural1--0-sw", "cigre-lv", "cigre-mv", "ieee-european-lv"):
        case = _exact(make_case(grid, 0, Kind()))
        found = np.abs(fit(case.network).voltage)
        assert np.abs(found - case.truth["node"]["u_pu"]).max() < 2e-5


def _exact(case: Case) -> Case:
    """Every sensor says the truth."""
    data, truth = case.network.data, case.truth
    row = {int(node): place for place, node in enumerate(data["node"]["id"])}
    for sensor in data["asym_voltage_sensor"]:
        sensor["u_measured"] = truth["node"]["u"][row[int(sensor["measured_object"])]]
    for sensor in data["asym_power_sensor"]:
        element = int(sensor["measured_object"])
        component = case.network.components[element]
        side = "_to" if component == "transformer" else ""
        place = case.network.row(component, element)
        for name in ("p", "q"):
            sensor[f"{name}_measured"] = truth[component][f"{name}{side}"][place]
    return case
