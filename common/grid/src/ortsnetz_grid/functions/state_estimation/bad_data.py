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

from ortsnetz_grid.functions.state_estimation.places import Kind, Places
from ortsnetz_grid.functions.state_estimation.quantities import Quantities
from ortsnetz_grid.functions.state_estimation.residuals import Residual, Residuals
from ortsnetz_grid.functions.state_estimation.result import Settings
from ortsnetz_grid.functions.state_estimation.sensors import Sensors

Real = NDArray[np.float64]

_CHECKED = 1e-5
"""Share of a residual's variance in its sensor's from which something else checks the sensor. Below
it (0.3 % of the deviation) the residual is rounding and curvature, and the sensor is critical."""
_CLOSE = 0.9
"""Share of what the best removal explains from which a sensor is suspected beside it: large errors
bend the problem, so that the order of close suspects says nothing."""
_MOST_SUSPECTS = 8
_LIKELIER = 0.5
"""Logarithm of the likelihood ratio from which an error in one sensor explains the case better than
an error in another."""


@dataclass(frozen=True, slots=True)
class _Judged:
    """Residuals of `k` sensors with `d` values each.

    Attributes:
        residual: (k, d).
        covariance: (k, d, d).
        own: (k, d) the sensors' variances.
    """

    residual: Real
    covariance: Real
    own: Real

    def _share(self) -> Real:
        """Share of each residual's variance in its sensor's, (k, d)."""
        share = np.einsum("kdd->kd", self.covariance) / self.own
        # the size of a current below its deviation is weighed less than its sensor says
        return np.asarray(np.minimum(share, 1.0))

    def tested(self) -> NDArray[np.int64]:
        """How many values are checked, (k,)."""
        return np.asarray((self._share() > _CHECKED).sum(axis=1))

    def largest(self) -> Real:
        """Largest normalised residual, (k,); 0 where nothing checks the sensor."""
        share = self._share()
        checked = share > _CHECKED
        scaled = np.abs(self.residual) / np.sqrt(self.own * np.where(checked, share, 1.0))
        return np.asarray(np.where(checked, scaled, 0.0).max(axis=1, initial=0.0))

    def explained(self) -> Real:
        """What the removal of each sensor explains of the objective, (k,)."""
        sigma = np.sqrt(self.own)
        spread = self.covariance / (sigma[:, :, None] * sigma[:, None, :])
        values, vectors = np.linalg.eigh(spread)
        along = np.einsum("kdv,kd->kv", vectors, self.residual / sigma) ** 2
        seen = values > _CHECKED
        return np.asarray(np.where(seen, along / np.where(seen, values, 1.0), 0.0).sum(axis=1))


@dataclass(frozen=True, slots=True)
class Scores:
    """Normalised residuals of `k` sensors.

    Attributes:
        ids: (k,).
        largest: (k,) of the sensor's components; 0 where nothing checks it.
        tested: number of components that are checked.
        nodes: (k,) row of the node whose appliance is measured, else -1.
        appliances: (k,) index of that appliance, else -1.
        components: (k,) how many of the sensor's values are checked.
    """

    ids: NDArray[np.int64]
    largest: Real
    tested: int
    nodes: NDArray[np.intp]
    appliances: NDArray[np.intp]
    components: NDArray[np.int64]
    _judged: tuple[_Judged, ...]

    def explained(self) -> Real:
        """How much of the objective the removal of each sensor explains, (k,)."""
        voltage, angle, flow = (each.explained() for each in self._judged)
        return np.concatenate([voltage + angle, flow])


@dataclass(frozen=True, slots=True)
class Suspects:
    """Sensors of which at least one is wrong.

    Attributes:
        ids: those first whose removal explains most.
        normalised_residual: the largest of the case.
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
    magnitudes = _Judged(*_magnitude_residuals(sensors, quantities, residuals))
    angles = _Judged(*_angle_residuals(sensors, quantities, residuals))
    flows = _Judged(*_flow_residuals(sensors, quantities, residuals, places))
    of_voltages = np.maximum(magnitudes.largest(), angles.largest())
    appliance = flow.kinds == Kind.APPLIANCE
    none = np.full(len(voltage.ids), -1, dtype=np.intp)
    tested = np.concatenate([magnitudes.tested() + angles.tested(), flows.tested()])
    return Scores(
        ids=np.concatenate([voltage.ids, flow.ids]),
        largest=np.concatenate([of_voltages, flows.largest()]),
        components=tested,
        tested=int(tested.sum()),
        nodes=np.concatenate([none, _where(appliance, places.appliance_nodes, flow.places)]),
        appliances=np.concatenate([none, np.where(appliance, flow.places, -1)]),
        _judged=(magnitudes, angles, flows),
    )


def threshold(tested: int, settings: Settings) -> float:
    """Threshold for a number of components, after Bonferroni."""
    tail = settings.false_alarm / (2 * max(tested, 1))
    return max(settings.lowest_threshold, float(-ndtri(tail)))


def suspects(scores: Scores, settings: Settings) -> Suspects | None:
    """The sensors of which one contradicts the others, if any does.

    A sensor whose values are wrong together may have smaller normalised residuals than one of its
    neighbours; so suspects are those whose removal explains most. Which of them is wrong is then a
    question for `verdict`.
    """
    if not len(scores.ids):
        return None
    worst = float(scores.largest.max())
    if worst <= threshold(scores.tested, settings):
        return None
    gain = scores.explained() - 2 * scores.components
    if gain.max() <= 0:  # a nearly critical sensor's residual, which no removal explains
        return None
    gain = np.where(scores.components > 0, gain, -np.inf)
    least = gain.max() - (1 - _CLOSE) * abs(gain.max())
    close = np.flatnonzero(gain >= least)
    order = close[np.argsort(-gain[close], kind="stable")][:_MOST_SUSPECTS]
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


def _magnitude_residuals(
    sensors: Sensors, quantities: Quantities, residuals: Residuals
) -> tuple[Real, Real, Real]:
    voltage, at = sensors.voltage, sensors.voltage.nodes
    own = np.repeat(voltage.sigma[:, None], 3, axis=1) ** 2
    mean = quantities.magnitude
    measured = voltage.measured
    residual = voltage.magnitude - mean.value[at] + residuals.magnitude.value[at]
    apart = _diagonal(np.where(measured, own - np.where(measured, mean.variance[at], 0.0), 0.0))
    both = measured[:, :, None] & measured[:, None, :]
    covariance = np.where(both, apart + residuals.magnitude.covariance[at], 0.0)
    return np.where(measured, residual, 0.0), covariance, own


def _angle_residuals(
    sensors: Sensors, quantities: Quantities, residuals: Residuals
) -> tuple[Real, Real, Real]:
    """Residuals of angles; sensors without angle have none and no variance."""
    voltage, at = sensors.voltage, sensors.voltage.nodes
    own = (voltage.sigma[:, None] / voltage.magnitude) ** 2
    variance = quantities.angle.variance[at]
    counts = np.isfinite(variance)
    away = np.where(counts, voltage.angle, 0.0) - np.where(counts, quantities.angle.value[at], 0.0)
    residual = np.angle(np.exp(1j * away)) + residuals.angle.value[at]
    apart = _diagonal(np.where(counts, own - np.where(counts, variance, 0.0), 0.0))
    return np.where(counts, residual, 0.0), apart + residuals.angle.covariance[at], own


def _flow_residuals(
    sensors: Sensors, quantities: Quantities, residuals: Residuals, places: Places
) -> tuple[Real, Real, Real]:
    """Residuals (k, 6) of the flow sensors: real parts, then imaginary parts."""
    flow = sensors.flow
    count = len(flow.ids)
    measured = np.concatenate([flow.values.real, flow.values.imag], axis=1)
    own = flow.variances.reshape(count, 6)
    residual, covariance = np.zeros((count, 6)), np.zeros((count, 6, 6))
    at_branch = quantities.branch_of_sensor >= 0
    at_node, at_appliance = flow.kinds == Kind.NODE, flow.kinds == Kind.APPLIANCE
    shares = _appliance_shares(quantities, residuals, places)
    for mine, index, mean, shared in (
        (at_branch, quantities.branch_of_sensor, quantities.branch, residuals.branch),
        (at_node, flow.places, quantities.injection, residuals.injection),
        (at_appliance, flow.places, quantities.appliance, shares),
    ):
        at = index[mine]
        known = np.isfinite(own[mine])
        inside = np.where(known, mean.variance.reshape(-1, 6)[at], 0.0)
        apart = np.where(known, own[mine], 0.0) - inside
        residual[mine] = measured[mine] - mean.value.reshape(-1, 6)[at] + shared.value[at]
        covariance[mine] = _diagonal(apart) + shared.covariance[at]
    return residual, covariance, own


def _appliance_shares(quantities: Quantities, residuals: Residuals, places: Places) -> Residual:
    """What an appliance's mean carries of its node's residual, (a, 6).

    The sum of a node's appliances is corrected by least squares; each takes a part of the
    correction in proportion to its variance.
    """
    node = places.appliance_nodes
    variance = quantities.appliance.variance.reshape(-1, 6)
    counts = quantities.complete[node][:, None] & np.isfinite(variance)
    total, injection = quantities.appliances, quantities.injection
    spread = np.where(counts, total.variance.reshape(-1, 6)[node], 1.0)
    share = np.where(counts, variance, 0.0) / spread
    away = np.where(counts, (total.value - injection.value).reshape(-1, 6)[node], 0.0)
    left = np.where(counts, spread - injection.variance.reshape(-1, 6)[node], 0.0)
    covariance = _diagonal(left) + residuals.injection.covariance[node]
    return Residual(
        share * (away + residuals.injection.value[node]),
        share[:, :, None] * covariance * share[:, None, :],
    )


def _diagonal(values: Real) -> Real:
    """Diagonal matrices (k, d, d) of values (k, d)."""
    return np.asarray(values[:, :, None] * np.eye(values.shape[1]))
