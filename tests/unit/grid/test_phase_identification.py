"""The phase of a meter from its history; truth from power-grid-model's power flows."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from studies.voltage_histories import QUARTERS, Histories, histories
from studies.wiring_cases import grid_with_ties

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.topology_check import (
    IdentificationSettings,
    Kind,
    check_connection,
    identify_order,
    identify_phase,
)

TOWN, VILLAGE = "1-LV-rural2--0-sw", "1-LV-rural1--0-sw"
NOISE_V = 0.46
"""Two thousandths of 230 V, of meter and reference alike."""
KNOWN_NOISE = IdentificationSettings(reference_noise=NOISE_V)


@cache
def week(grid: str, seed: int) -> Histories:
    return histories(grid_with_ties(grid), 7 * QUARTERS, seed, mean_w=500.0)


def noisy(history: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return history + NOISE_V * random.normal(size=history.shape)


def answers(grid: str, seeds: range, *, with_supply: bool) -> list[str]:
    """`right`, `wrong` or `undecided` for ten customers' three terminals in each history."""
    found = []
    for seed in seeds:
        truth, random = week(grid, seed), np.random.default_rng([seed, 3])
        busbar = noisy(truth.busbar, random)
        supply = truth.supply if with_supply else None
        for customer in random.permutation(truth.power.shape[1])[:10]:
            for phase in range(3):
                voltage = noisy(truth.voltage[:, customer, phase], random) + 1.5
                voltage[random.random(len(voltage)) < 0.1] = np.nan
                power = truth.power[:, customer, phase]
                got = identify_phase(voltage, busbar, power, supply, KNOWN_NOISE)
                right = got.phases == "abc"[phase]
                found.append("undecided" if got.phases is None else "right" if right else "wrong")
    return found


def test_a_week_tells_the_phases_of_a_village_with_long_feeders() -> None:
    found = answers(TOWN, range(4), with_supply=False)
    assert found.count("right") >= 0.95 * len(found)
    assert found.count("wrong") <= 0.01 * len(found)


def test_near_the_transformer_it_is_undecided_rather_than_wrong() -> None:
    """In the hamlet customers differ from the busbar by less than the meters' noise."""
    found = answers(VILLAGE, range(4), with_supply=False)
    assert found.count("wrong") <= 0.01 * len(found)


def test_powers_tell_the_phase_where_voltages_do_not() -> None:
    found = answers(VILLAGE, range(4), with_supply=True)
    assert found.count("right") >= 0.95 * len(found)
    assert found.count("wrong") <= 0.01 * len(found)


@pytest.mark.parametrize("order", ["abc", "bac", "bca", "cab"])
def test_the_order_of_a_three_phase_meter(order: str) -> None:
    truth, random = week(TOWN, 1), np.random.default_rng(5)
    phases = ["abc".index(each) for each in order]
    busbar = noisy(truth.busbar, random)
    for customer in (5, 40, 80):
        voltage = noisy(truth.voltage[:, customer], random)[:, phases]
        assert identify_order(voltage, busbar, settings=KNOWN_NOISE).phases == order
        power = truth.power[:, customer][:, phases]
        by_power = identify_order(power=power, reference_power=truth.supply)
        assert by_power.phases in {order, None}


def test_missing_values_drop_out_and_are_counted() -> None:
    truth, random = week(TOWN, 0), np.random.default_rng(1)
    voltage = noisy(truth.voltage[:, 50, 2], random)
    busbar = noisy(truth.busbar, random)
    voltage[10:110] = np.nan
    busbar[300:350, 1] = np.nan
    found = identify_phase(voltage, busbar, settings=KNOWN_NOISE)
    assert found.missing == 150
    assert len(voltage) - 150 - 5 <= found.used <= len(voltage) - 150  # a few loads are outliers
    assert found.phases == "c"


def test_a_spike_that_nothing_explains_changes_nothing() -> None:
    truth, random = week(TOWN, 0), np.random.default_rng(1)
    voltage, busbar = noisy(truth.voltage[:, 50, 2], random), noisy(truth.busbar, random)
    voltage[77] = 100.0
    found = identify_phase(voltage, busbar, settings=KNOWN_NOISE)
    assert found.phases == "c"
    assert "nothing explains" in found.words


def test_the_offset_between_two_meters_does_not_matter() -> None:
    truth, random = week(TOWN, 2), np.random.default_rng(1)
    voltage, busbar = noisy(truth.voltage[:, 30, 1], random), noisy(truth.busbar, random)
    one = identify_phase(voltage, busbar, settings=KNOWN_NOISE)
    offsets = np.array([1.0, -2.0, 0.5])
    other = identify_phase(voltage - 4.0, busbar + offsets, settings=KNOWN_NOISE)
    assert one.phases == other.phases == "b"
    assert one.probability == pytest.approx(other.probability, abs=1e-6)


def test_too_little_history_is_no_answer() -> None:
    truth = week(TOWN, 0)
    found = identify_phase(truth.voltage[:12, 50, 2], truth.busbar[:12])
    assert found.phases is None
    assert set(found.probability.values()) == {1 / 3}
    assert "too little history: 12 usable instants, 24 are needed" in found.words


def test_equal_phases_are_no_answer() -> None:
    """Where the reference's phases move together, nothing tells them apart."""
    random = np.random.default_rng(2)
    common = 230 + random.normal(size=300)
    busbar = np.stack([common] * 3, axis=1)
    found = identify_phase(noisy(common, random), busbar)
    assert found.phases is None
    assert found.probability["a"] == pytest.approx(1 / 3, abs=0.01)


def test_a_meter_on_another_phase_than_stated_is_named() -> None:
    truth, random = week(TOWN, 3), np.random.default_rng(1)
    voltage, busbar = noisy(truth.voltage[:, 60, 0], random), noisy(truth.busbar, random)
    found = identify_phase(voltage, busbar, settings=KNOWN_NOISE)
    assert check_connection("meter 60", "a", found).kind is Kind.OK
    wrong = check_connection("meter 60", "c", found)
    assert wrong.kind is Kind.WRONG_PHASE
    assert wrong.words.startswith("meter 60: stated on c, but its history says phase a (")
    short = identify_phase(voltage[:20], busbar[:20])
    assert check_connection("meter 60", "c", short).kind is Kind.UNDECIDED
    with pytest.raises(InputError, match="meter 60: stated phases 'n' are none of a, b, c"):
        check_connection("meter 60", "n", found)


def test_histories_of_different_length_are_refused() -> None:
    with pytest.raises(InputError, match=r"reference: has the shape \(4, 3\), \(5, 3\) is needed"):
        identify_phase(np.ones(5), np.ones((4, 3)))
    with pytest.raises(InputError, match="needs voltages, or powers"):
        identify_order(voltage=np.ones((5, 3)))
