"""Which sensor contradicts the others: largest normalised residuals.

After Monticelli, State Estimation in Electric Power Systems (1999), chapter 7. The threshold grows
with the number of residuals, so that a clean case stays untouched: of a thousand independent normal
deviates one lies beyond 4 in six cases of a hundred.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from ortsnetz_grid.functions.state_estimation.linearisation import Residuals
from ortsnetz_grid.functions.state_estimation.places import Kind, Places
from ortsnetz_grid.functions.state_estimation.quantities import Quantities
from ortsnetz_grid.functions.state_estimation.result import Settings
from ortsnetz_grid.functions.state_estimation.sensors import Sensors

Real = NDArray[np.float64]

_CHECKED = 1e-5
"""Share of a residual's variance in its sensor's from which something else checks the sensor. Below
it (0.3 % of the deviation) the residual is rounding and curvature, and the sensor is critical."""
_CLOSE = 0.95
"""Relative size of a normalised residual from which a sensor is suspected beside the worst: large
errors bend the problem, so that the order of close residuals says nothing."""
_MOST_SUSPECTS = 8
_LIKELIER = 0.5
"""Logarithm of the likelihood ratio from which an error in one sensor explains the case better than
an error in another."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Normalised residuals of `k` sensors.

    Attributes:
        ids: (k,).
        largest: (k,) of the sensor's components; 0 where nothing checks it.
        tested: number of components that are checked.
        nodes: (k,) row of the node whose appliance is measured, else -1.
        appliances: (k,) index of that appliance, else -1.
        components: (k,) how many values the sensor measures.
    """

    ids: NDArray[np.int64]
    largest: Real
    tested: int
    nodes: NDArray[np.intp]
    appliances: NDArray[np.intp]
    components: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Suspects:
    """Sensors of which at least one is wrong.

    Attributes:
        ids: the worst first.
        normalised_residual: of the worst.
    """

    ids: tuple[int, ...]
    normalised_residual: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Who is wrong.

    Attributes:
        likely: sensors of which one is wrong; the first is the one to remove.
        identified: whether removing it cures the state.
    """

    likely: tuple[int, ...]
    identified: bool


def score(sensors: Sensors, quantities: Quantities, residuals: Residuals, places: Places) -> Scores:
    """Normalised residuals of all sensors that count."""
    voltage, flow = sensors.voltage, sensors.flow
    at = voltage.nodes
    own = np.repeat(voltage.sigma[:, None], 3, axis=1) ** 2
    magnitudes = _normalised(
        voltage.magnitude - quantities.magnitude.value[at] + residuals.magnitude[at],
        own - quantities.magnitude.variance[at] + residuals.magnitude_variance[at],
        own,
    )
    angles = _angle_scores(sensors, quantities, residuals)
    flow_residual, flow_variance = _flow_residuals(sensors, quantities, residuals, places)
    flows = _normalised(flow_residual, flow_variance, flow.variances).reshape(len(flow.ids), 6)
    parts = [np.concatenate([magnitudes, angles], axis=1), flows]
    appliance = flow.kinds == Kind.APPLIANCE
    none = np.full(len(voltage.ids), -1, dtype=np.intp)
    return Scores(
        ids=np.concatenate([voltage.ids, flow.ids]),
        largest=np.concatenate([part.max(axis=1, initial=0.0) for part in parts]),
        tested=int(sum((part > 0).sum() for part in parts)),
        nodes=np.concatenate([none, _where(appliance, places.appliance_nodes, flow.places)]),
        appliances=np.concatenate([none, np.where(appliance, flow.places, -1)]),
        components=np.concatenate(
            [3 + 3 * np.isfinite(voltage.angle).all(axis=1), np.full(len(flow.ids), 6)]
        ),
    )


def threshold(tested: int, settings: Settings) -> float:
    """Threshold for a number of components, after Bonferroni."""
    tail = settings.false_alarm / (2 * max(tested, 1))
    return max(settings.lowest_threshold, float(-ndtri(tail)))


def suspects(scores: Scores, settings: Settings) -> Suspects | None:
    """The sensors of which one contradicts the others, if any does.

    Sensors whose residuals depend on each other have similar normalised residuals: an error in one
    explains the case nearly as well as an error in another. Which of them is wrong is then a
    question for `verdict`.
    """
    if not len(scores.ids):
        return None
    worst = float(scores.largest.max())
    if worst <= threshold(scores.tested, settings):
        return None
    close = np.flatnonzero(scores.largest >= _CLOSE * worst)
    order = close[np.argsort(-scores.largest[close], kind="stable")][:_MOST_SUSPECTS]
    return Suspects(tuple(int(each) for each in scores.ids[order]), worst)


def verdict(scores: Scores, ids: Sequence[int], misfits: Sequence[float]) -> Verdict:
    """Which of several suspects to remove.

    If the likely ones are different appliances of one node, removing one frees the node's injection
    and cures the state, whichever was wrong. Else removing the wrong one would make the other's
    error law.

    Args:
        scores: of the case with all of them.
        ids: the suspects.
        misfits: what contradicts the rest without each of them, see `misfit`.
    """
    best = min(misfits)
    likely = [
        each for each, found in zip(ids, misfits, strict=True) if found <= best + 2 * _LIKELIER
    ]
    rows = [int(np.flatnonzero(scores.ids == each)[0]) for each in likely]
    nodes, appliances = scores.nodes[rows], scores.appliances[rows]
    one_node = bool(nodes[0] >= 0 and (nodes == nodes[0]).all())
    cured = one_node and len(np.unique(appliances)) == len(appliances)
    return Verdict(tuple(likely), len(likely) == 1 or cured)


def misfit(scores: Scores, sensor: int, objective: float) -> float:
    """What is left after a removal, with the usual price for each value that was given up.

    Args:
        scores: of the case with the sensor.
        sensor: the one that is left out.
        objective: sum of the squared deviations, in standard deviations, of all others.
    """
    return objective + 2 * int(scores.components[scores.ids == sensor][0])


def _where(
    mask: NDArray[np.bool_], table: NDArray[np.intp], index: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Entries (k,) of a table where the mask holds, else -1."""
    found = np.full(len(mask), -1, dtype=np.intp)
    found[mask] = table[index[mask]]
    return found


def _normalised(residual: Real, variance: Real, own: Real) -> Real:
    checked = variance > _CHECKED * own
    return np.where(checked, np.abs(residual) / np.sqrt(np.where(checked, variance, 1.0)), 0.0)


def _angle_scores(sensors: Sensors, quantities: Quantities, residuals: Residuals) -> Real:
    voltage = sensors.voltage
    variance = quantities.angle.variance[voltage.nodes]
    counts = np.isfinite(variance)
    mean = np.where(counts, quantities.angle.value[voltage.nodes], 0.0)
    away = np.angle(np.exp(1j * (np.where(counts, voltage.angle, 0.0) - mean)))
    own = (voltage.sigma[:, None] / voltage.magnitude) ** 2
    spread = own - np.where(counts, variance, own) + residuals.angle_variance[voltage.nodes]
    found = _normalised(away + residuals.angle[voltage.nodes], spread, own)
    return np.where(counts, found, 0.0)


def _flow_residuals(
    sensors: Sensors, quantities: Quantities, residuals: Residuals, places: Places
) -> tuple[Real, Real]:
    """Residuals (k, 2, 3) of the flow sensors and their variances."""
    flow = sensors.flow
    measured = np.stack([flow.values.real, flow.values.imag], axis=1)
    residual, variance = np.zeros_like(measured), np.zeros_like(measured)
    at_branch = quantities.branch_of_sensor >= 0
    branch = quantities.branch_of_sensor[at_branch]
    residual[at_branch] = (
        measured[at_branch] - quantities.branch.value[branch] + residuals.branch[branch]
    )
    variance[at_branch] = (
        flow.variances[at_branch]
        - quantities.branch.variance[branch]
        + residuals.branch_variance[branch]
    )
    at_node = flow.kinds == Kind.NODE
    node = flow.places[at_node]
    injection = quantities.injection
    residual[at_node] = measured[at_node] - injection.value[node] + residuals.injection[node]
    variance[at_node] = (
        flow.variances[at_node] - injection.variance[node] + residuals.injection_variance[node]
    )
    at_appliance = flow.kinds == Kind.APPLIANCE
    appliance = flow.places[at_appliance]
    own = quantities.appliance
    shared, shared_variance = _appliance_shares(quantities, residuals, places)
    residual[at_appliance] = measured[at_appliance] - own.value[appliance] + shared[appliance]
    variance[at_appliance] = (
        flow.variances[at_appliance] - own.variance[appliance] + shared_variance[appliance]
    )
    return residual, variance


def _appliance_shares(
    quantities: Quantities, residuals: Residuals, places: Places
) -> tuple[Real, Real]:
    """What an appliance's mean carries of its node's residual (a, 2, 3), and the variance of it.

    The sum of a node's appliances is corrected by least squares; each takes a part of the
    correction in proportion to its variance.
    """
    node = places.appliance_nodes
    counts = quantities.complete[node][:, None, None]
    counts = counts & np.isfinite(quantities.appliance.variance)
    total, injection = quantities.appliances, quantities.injection
    spread = np.where(counts, total.variance[node], 1.0)
    share = np.where(counts, quantities.appliance.variance, 0.0) / spread
    away = np.where(counts, total.value[node] - injection.value[node], 0.0)
    left = np.where(counts, spread - injection.variance[node], 0.0)
    residual = share * (away + np.where(counts, residuals.injection[node], 0.0))
    variance = share**2 * (left + np.where(counts, residuals.injection_variance[node], 0.0))
    return residual, variance
