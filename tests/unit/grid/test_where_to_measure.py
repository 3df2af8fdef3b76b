"""Advice about one more meter is true: a case with that meter has the deviations that it names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.state_estimation import (
    Estimator,
    Measurements,
    Settings,
    where_to_measure,
)
from ortsnetz_grid.network.taps import with_taps


@pytest.fixture
def vague(hamlet: Any, rng: np.random.Generator) -> Measurements:
    """The busbar is metered, one load is well known, the others are believed to 3 kW."""
    voltage = hamlet.voltage_sensors([hamlet.mv_node, hamlet.busbar], rng)
    power = hamlet.power_sensors(rng, sigma=3000.0)
    power["p_sigma"][0] = power["q_sigma"][0] = 30.0
    transformer = power["measured_terminal_type"] == 1
    power["p_sigma"][transformer] = power["q_sigma"][transformer] = 300.0
    measurements = hamlet.measurements(voltage, power)
    pseudo = frozenset(power["id"][1:][~transformer[1:]].tolist())
    return Measurements(measurements.sensors, pseudo=pseudo)


def test_the_best_place_lowers_the_deviations_more_than_any_other(
    hamlet: Any, vague: Measurements
) -> None:
    estimator = Estimator.of(hamlet.network)
    before = estimator.estimate(vague, Settings())
    every = where_to_measure(estimator, vague, Settings(), most=1000)
    gains = [each.gain for each in every]
    assert gains == sorted(gains, reverse=True)
    assert 0.05 < gains[0] < 1
    assert min(gains) > -1e-6
    assert every[0].u_sigma_pu < before.u_sigma_pu.mean()
    assert every[0].loading_sigma < before.loading_sigma.mean()
    assert where_to_measure(estimator, vague, Settings()) == every[:3]


def test_a_meter_at_a_well_known_load_gains_least_among_the_customers(
    hamlet: Any, vague: Measurements
) -> None:
    known = int(hamlet.network.data["asym_load"]["node"][0])
    every = where_to_measure(Estimator.of(hamlet.network), vague, Settings(), most=1000)
    customers = [each for each in every if hamlet.network.components[each.element] == "node"]
    assert known in [each.element for each in customers[len(customers) // 2 :]]
    assert "a customer's meter at node" in customers[0].words


def test_what_is_measured_is_no_candidate(hamlet: Any, vague: Measurements) -> None:
    every = where_to_measure(Estimator.of(hamlet.network), vague, Settings(), most=1000)
    transformer = int(hamlet.network.data["transformer"]["id"][0])
    assert transformer not in [each.element for each in every]
    assert hamlet.busbar not in [each.element for each in every]


def test_a_tap_that_is_read_moves_the_state(
    hamlet: Any, rng: np.random.Generator, vague: Measurements
) -> None:
    transformer = hamlet.network.data["transformer"]
    element, size = int(transformer["id"][0]), float(transformer["tap_size"][0])
    position = int(transformer["tap_pos"][0])
    sensors = {
        **vague.sensors,
        "asym_voltage_sensor": hamlet.voltage_sensors([hamlet.mv_node], rng, sigma=1e-4),
    }
    estimator = Estimator.of(hamlet.network)
    stated = estimator.estimate(Measurements(sensors), Settings())
    for step in (-1, 1):
        taps = {element: position + step}
        moved = estimator.estimate(Measurements(sensors, taps=taps), Settings())
        low = hamlet.row(hamlet.busbar)
        # more turns on the high side: less voltage on the low side
        expected = -step * size / float(transformer["u1"][0])
        change = (moved.u_pu[low] / stated.u_pu[low] - 1).mean()
        assert change == pytest.approx(expected, rel=0.1)
    with pytest.raises(InputError, match="has the positions"):
        with_taps(hamlet.network, {element: 99})
