"""What limiting computes of a whole instant in C is what the numpy beside it computes."""

from __future__ import annotations

import numpy as np
import pytest
from limiting_flows_of import flows_of, random_feeder

from ortsnetz_grid.functions.congestion.checks import _is_sound
from ortsnetz_grid.functions.congestion.constraints import Constraints
from ortsnetz_grid.functions.congestion.controls import Asked
from ortsnetz_grid.functions.congestion.problem import LimitSet

DICE = np.random.default_rng(5)


@pytest.fixture(autouse=True)
def _compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORTSNETZ_KERNELS", "required")


def _bounds(feeder: object, flows: object) -> Constraints:
    limits = LimitSet((0.96, 1.02), 0.5, unbalance=0.01)
    return Constraints.of(feeder.network(), flows.layout, limits)  # type: ignore[attr-defined]


@pytest.mark.parametrize("points", [1, 3, 8, 11])
@pytest.mark.parametrize("seed", range(4))
def test_the_worst_excess_is_the_largest_of_the_rows(seed: int, points: int) -> None:
    feeder = random_feeder(seed)
    flows = flows_of(feeder, unbalance=True)
    bounds = _bounds(feeder, flows)
    found = flows.at(DICE.uniform(size=(points, len(feeder.devices))))
    size = np.abs(found.phasors)
    excess = np.maximum(size - bounds.upper, bounds.lower - size) * bounds.weight
    assert found.converged.all()
    assert found.worst(bounds) == pytest.approx(excess.max(axis=1), rel=1e-12)


@pytest.mark.parametrize("value", [np.nan, np.inf, complex(0, np.nan), complex(0, -np.inf)])
@pytest.mark.parametrize("node", [1, 2])
def test_a_point_with_a_voltage_that_is_no_number_keeps_nothing(node: int, value: complex) -> None:
    feeder = random_feeder(1)
    flows = flows_of(feeder, unbalance=True)
    found = flows.at(np.full((3, len(feeder.devices)), 0.01))
    assert found.voltage is not None
    found.voltage[1, node, 2] = value
    worst = found.worst(_bounds(feeder, flows))
    assert np.isfinite(worst).tolist() == [True, False, True]
    assert worst[1] == np.inf


@pytest.mark.parametrize("seed", range(8))
def test_numpy_finds_the_same_voltages_and_slopes(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    feeder = random_feeder(seed)
    controls = DICE.uniform(size=(3, len(feeder.devices)))
    compiled = flows_of(feeder, unbalance=True)
    points = compiled.at(controls)
    rows = np.arange(compiled.layout.count)
    slopes = compiled.slopes(points[1], rows)
    monkeypatch.setenv("ORTSNETZ_KERNELS", "none")
    plain = flows_of(feeder, unbalance=True)
    wanted = plain.at(controls)
    assert points.voltage == pytest.approx(wanted.voltage, abs=1e-9)
    other = plain.slopes(wanted[1], rows)
    assert slopes is not None
    assert other is not None
    assert slopes == pytest.approx(other, abs=2e-5 * np.abs(other).max())


def _table(count: int) -> np.ndarray:
    """Devices that draw or feed in, some with steps, some that ask for nothing."""
    found = np.abs(DICE.normal(size=(count, 13))) * 1e3
    found[:, :6] *= np.where(DICE.uniform(size=(count, 1)) < 0.4, -1, 1)
    found[:, :6] *= DICE.uniform(size=(count, 6)) < 0.7
    found[:, 6:8] *= DICE.uniform(size=(count, 2)) < 0.5
    found[: count // 4, :3] = 0.0
    found[::3, 11] = np.inf
    return found


def test_devices_ask_for_what_numpy_says(monkeypatch: pytest.MonkeyPatch) -> None:
    table = _table(200)
    found = Asked.of(table)
    monkeypatch.setenv("ORTSNETZ_KERNELS", "none")
    wanted = Asked.of(table)
    for name in ("total_w", "lowest", "step", "smallest", "held"):
        assert (getattr(found, name) == getattr(wanted, name)).all(), name


@pytest.mark.parametrize("column", range(13))
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -1.0, 0.0])
def test_no_device_with_something_wrong_counts_as_sound(
    column: int, value: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = _table(40)
    assert _is_sound(table)
    for row in (0, 17, 39):
        table = _table(40)
        table[row, column] = value
        found = _is_sound(table)
        with monkeypatch.context() as numpy_alone:
            numpy_alone.setenv("ORTSNETZ_KERNELS", "none")
            assert found == _is_sound(table)
