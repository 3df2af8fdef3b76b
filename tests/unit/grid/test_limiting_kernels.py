"""The small compiled loops of limiting say what the sums in their definitions say."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from ortsnetz_grid.kernels.limiting import (
    Bounds,
    Drawing,
    Kernels,
    RowsOfVoltages,
    answers,
    kernels,
)

DICE = np.random.default_rng(11)


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> Kernels:
    monkeypatch.setenv("ORTSNETZ_KERNELS", "required")
    found = kernels()
    assert found is not None
    return found


def _random(*shape: int) -> np.ndarray:
    return DICE.normal(size=shape) + 1j * DICE.normal(size=shape)


def _of_single_voltages(
    compiled: Kernels, width: int, second: np.ndarray, products: np.ndarray, quotients: np.ndarray
) -> RowsOfVoltages:
    """Rows whose functionals are the single voltages."""
    return RowsOfVoltages(
        compiled,
        np.arange(width + 1),
        np.arange(width),
        np.ones(width, dtype=np.complex128),
        products=products,
        quotients=quotients,
        second=second,
    )


def test_without_kernels_numpy_does_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORTSNETZ_KERNELS", "none")
    assert kernels() is None


@pytest.mark.parametrize("points", [1, 3, 8])
def test_devices_at_one_node_draw_together_beside_what_stands_there(
    compiled: Kernels, points: int
) -> None:
    column, place = np.array([0, 2, 3]), np.array([4, 1, 4])
    controls, power, base = DICE.uniform(size=(points, 5)), _random(5, 3), _random(6, 3)
    found = Drawing(compiled, column, place).at(controls, power, base)
    for point in range(points):
        for node in range(6):
            drawn = base[node].copy()
            for control, where in zip(column.tolist(), place.tolist(), strict=True):
                if where == node:
                    drawn += controls[point, control] * power[control]
            assert found[point, node] == pytest.approx(drawn, rel=1e-14)


def test_functionals_are_sums_over_the_entries_of_their_row(compiled: Kernels) -> None:
    start, column = np.array([0, 2, 2, 5]), np.array([0, 8, 3, 4, 5], dtype=np.int32)
    weight, voltage = _random(5), _random(4, 3, 3)
    none = np.zeros(0, dtype=np.intp)
    rows = RowsOfVoltages(
        compiled, start, column, weight, products=none, quotients=none, second=np.full(3, -1)
    )
    found, phasors = rows.of(voltage)
    assert (phasors == found).all()
    for point in range(4):
        flat = voltage[point].ravel()
        for row, (first, last) in enumerate(pairwise(start.tolist())):
            total = sum((weight[e] * flat[column[e]] for e in range(first, last)), 0j)
            assert found[point, row] == pytest.approx(total, rel=1e-14, abs=1e-15)


def test_an_apparent_power_is_a_product_and_an_unbalance_a_quotient(compiled: Kernels) -> None:
    products, quotients = np.array([1]), np.array([3, 2])
    second = np.array([-1, 5, 4, 4])
    values = _random(3, 6)
    rows = _of_single_voltages(compiled, 6, second, products, quotients)
    _, found = rows.of(values.reshape(3, 2, 3))
    for point in range(3):
        z = values[point].tolist()
        wanted = [z[0], z[1] * z[5].conjugate(), z[2] / z[4], z[3] / z[4]]
        assert found[point] == pytest.approx(wanted, rel=1e-13)


@pytest.mark.parametrize("rows", [1, 7, 8, 9, 1061])
def test_excess_is_the_weighted_distance_beyond_the_nearer_bound(
    compiled: Kernels, rows: int
) -> None:
    lower = np.where(DICE.uniform(size=rows) < 0.5, -np.inf, DICE.uniform(0.5, 1.0, rows))
    upper = np.where(DICE.uniform(size=rows) < 0.2, np.inf, DICE.uniform(1.0, 1.5, rows))
    weight, phasors = DICE.uniform(1.0, 10.0, rows), _random(3, rows)
    bounds = Bounds(compiled, lower, upper, weight)
    wanted = np.array(
        [
            [
                max(abs(z) - b, a - abs(z)) * w
                for z, a, b, w in zip(point, lower, upper, weight, strict=True)
            ]
            for point in phasors.tolist()
        ]
    )
    assert bounds.excess(phasors) == pytest.approx(wanted, abs=1e-13)
    assert bounds.worst(phasors) == pytest.approx(wanted.max(axis=1), abs=1e-13)
    assert float(bounds.worst(phasors[1])) == pytest.approx(wanted[1].max(), abs=1e-13)


@pytest.mark.parametrize("row", [0, 8, 11])
def test_one_phasor_that_is_no_number_makes_the_worst_none(compiled: Kernels, row: int) -> None:
    bounds = Bounds(compiled, np.full(12, -np.inf), np.ones(12), np.ones(12))
    phasors = _random(2, 12)
    phasors[1, row] = complex(np.nan, 0.0)
    assert np.isnan(bounds.excess(phasors)[1, row])
    assert np.isnan(bounds.worst(phasors)).tolist() == [False, True]


def test_phasors_that_do_not_fit_the_bounds_are_refused(compiled: Kernels) -> None:
    bounds = Bounds(compiled, np.zeros(4), np.ones(4), np.ones(4))
    with pytest.raises(ValueError, match="5 phasors for 4 bounds"):
        bounds.worst(_random(2, 5))


def test_answers_to_currents_are_sums_over_three_phases(compiled: Kernels) -> None:
    weights, currents = DICE.integers(-9, 9, (2, 12)), DICE.integers(-9, 9, (3, 3))
    place = np.array([3, 0, 3])
    found = answers(
        compiled,
        (weights * (1 + 2j)).astype(np.complex64),
        place,
        (currents * (3 - 1j)).astype(np.complex64),
    )
    for row in range(2):
        for control, node in enumerate(place.tolist()):
            products = (
                Fraction(int(weights[row, 3 * node + phase])) * int(currents[control, phase])
                for phase in range(3)
            )
            assert found[row, control] == complex(sum(products)) * (1 + 2j) * (3 - 1j)
