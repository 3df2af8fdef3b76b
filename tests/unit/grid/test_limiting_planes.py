"""Rows near their bounds and the planes through them: in C what the numpy beside it finds."""

from __future__ import annotations

import numpy as np
import pytest
from limiting_flows_of import Held

from ortsnetz_grid.functions.congestion.constraints import Constraints
from ortsnetz_grid.functions.congestion.curtailment import Cuts, least_curtailment
from ortsnetz_grid.functions.congestion.linear_model import LinearModel
from ortsnetz_grid.functions.congestion.near import rows_near
from ortsnetz_grid.functions.congestion.objective import Box
from ortsnetz_grid.functions.congestion.operating_points import Point


def _bounds(dice: np.random.Generator, rows: int) -> Constraints:
    zeros, weight = np.zeros(rows), np.where(dice.uniform(size=rows) < 0.5, 1.0, 10.0)
    low = np.where(dice.uniform(size=rows) < 0.3, 0.9, 0.0)
    high = np.where(dice.uniform(size=rows) < 0.1, np.inf, dice.uniform(1.0, 1.2, rows))
    return Constraints(low, high, zeros, zeros, weight, np.where(low > 0, low, -np.inf), high)


@pytest.mark.parametrize("beyond", [0.2, 0.7, 1.0])
@pytest.mark.parametrize("rows", [5, 24, 400])
@pytest.mark.parametrize("seed", range(4))
def test_the_rows_that_matter_are_the_same(
    seed: int, rows: int, beyond: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = np.random.default_rng(seed)
    bounds = _bounds(dice, rows)
    phasors = beyond * dice.normal(1.0, 0.1, rows) * np.exp(1j * dice.uniform(0, 6, rows))
    point = Point(np.zeros(0), None, Held(phasors), 0)
    ends = rows // 3 * 2
    partner = np.arange(ends)
    partner[0::2], partner[1::2] = np.arange(1, ends, 2), np.arange(0, ends, 2)
    always = np.sort(dice.choice(rows, 3, replace=False))
    found = []
    for kernels in ("required", "none"):
        monkeypatch.setenv("ORTSNETZ_KERNELS", kernels)
        found.append(rows_near(point, bounds, partner, always).tolist())
    assert found[0] == found[1]
    assert set(always.tolist()) <= set(found[0])


@pytest.mark.parametrize("seed", range(12))
def test_the_best_controls_are_the_same(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    dice = np.random.default_rng(seed)
    rows, controls = 24, 12
    slopes = dice.normal(size=(rows, controls)) + 1j * dice.normal(size=(rows, controls))
    slopes *= 0.05 * (dice.uniform(size=(rows, 1)) < 0.9)
    phasors = dice.normal(1.0, 0.1, rows) * np.exp(1j * dice.uniform(0, 6, rows))
    ones = np.ones(controls)
    model = LinearModel(np.arange(3, 3 + rows), ones, phasors, slopes)
    box = Box(0.2 * ones, ones, ones, ones, ones / controls, ones / controls, controls)
    bounds = _bounds(dice, rows + 5)
    cuts = Cuts().with_planes(np.array([4, 9]), phasors[[1, 6]], below=False)
    found = []
    for kernels in ("required", "none"):
        monkeypatch.setenv("ORTSNETZ_KERNELS", kernels)
        found.append(least_curtailment(model, bounds, box, cuts, 2e-5))
    compiled, plain = found
    assert compiled is not None
    assert plain is not None
    assert compiled.controls == pytest.approx(plain.controls, abs=1e-5)
    assert compiled.excess == pytest.approx(plain.excess, abs=1e-5)
