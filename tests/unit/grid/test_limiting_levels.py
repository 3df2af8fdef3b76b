"""The largest common level of devices is the one that a linear programme finds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

from ortsnetz_grid.functions.congestion.objective import Box
from ortsnetz_grid.functions.congestion.problem import Objective
from ortsnetz_grid.functions.congestion.programme import Planes, _highest_level
from ortsnetz_grid.kernels.limiting_levels import Descent


def _case(seed: int) -> tuple[Planes, Box, np.ndarray, np.ndarray]:
    """A trunk and its branches that many devices load, some the other way; a few are held."""
    dice = np.random.default_rng(seed)
    count = int(dice.integers(2, 30))
    gradient = dice.uniform(0.02, 0.1, (4, count)) * (dice.uniform(size=(4, count)) < 0.6)
    gradient[0] = dice.uniform(0.02, 0.1, count)
    gradient[:, dice.uniform(size=count) < 0.2] *= -1
    lowest = np.where(dice.uniform(size=count) < 0.3, dice.uniform(0, 0.5, count), 0.0)
    least = np.where(gradient > 0, gradient * lowest, gradient).sum(axis=1)
    most = np.where(gradient > 0, gradient, gradient * lowest).sum(axis=1)
    room = least + dice.uniform(0.2, 0.9, 4) * (most - least) + 1e-3
    free = dice.uniform(size=count) < 0.8
    free[0] = True
    ones, shares = np.ones(count), np.full(count, 1 / count)
    box = Box(lowest, ones, ones, ones, shares, shares, count, Objective.MAX_MIN)
    return Planes(gradient, room), box, lowest, free


def _by_linear_programme(planes: Planes, lowest: np.ndarray, free: np.ndarray) -> float:
    count = len(lowest)
    above = np.column_stack([planes.gradient, np.zeros(len(planes.room))])
    tied = np.column_stack([-np.eye(count)[free], np.ones(free.sum())])
    # a device whose floor is above the level is not tied to it, nor does it hold it down
    found = linprog(
        -np.eye(count + 1)[-1],
        A_ub=np.vstack([above, tied]),
        b_ub=np.concatenate([planes.room, np.zeros(free.sum())]),
        bounds=[*((low, 1.0) for low in lowest), (0.0, 1.0)],
    )
    assert found.status == 0
    return float(found.x[-1])


@pytest.mark.parametrize("kernels", ["required", "none"])
@pytest.mark.parametrize("seed", range(40))
def test_the_level_is_that_of_a_linear_programme(
    seed: int, kernels: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORTSNETZ_KERNELS", kernels)
    planes, box, lowest, free = _case(seed)
    found = _highest_level(planes, box, lowest, free)
    wanted = _by_linear_programme(planes, lowest, free)
    assert found is not None
    assert found.height == pytest.approx(wanted, abs=2e-4)
    if found.height < 1:
        assert found.price.max() > 0
        assert (found.by_device[~free] == 0).all()


def test_a_single_plane_decides_most_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the formula would be of no use, and the test above would not see it."""
    monkeypatch.setenv("ORTSNETZ_KERNELS", "required")
    decided = 0
    for seed in range(40):
        planes, box, lowest, free = _case(seed)
        soft = np.ones(len(planes.room))
        fixed = (planes.gradient, planes.room, soft, box.weight, box.wish, lowest, box.highest)
        fixed = tuple(map(np.ascontiguousarray, (*fixed, free.astype(float))))
        decided += Descent(len(soft), len(lowest)).run(15, fixed, 1e5, 2e-6) == 1
    assert decided >= 20


def test_no_level_is_found_where_the_lowest_factors_are_too_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for kernels in ("required", "none"):
        monkeypatch.setenv("ORTSNETZ_KERNELS", kernels)
        planes, box, lowest, free = _case(3)
        lowest = lowest + 0.2
        beyond = Planes(np.abs(planes.gradient), np.abs(planes.gradient) @ lowest - 0.01)
        assert _highest_level(beyond, box, lowest, free) is None
