"""Residuals of the measured quantities at a state that the kernel found.

A residual's covariance is that of the measurement less that of the fitted value. For injections the
multipliers say it without a difference: what was measured exactly or is checked by nothing comes
out as exactly that.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.state_estimation.covariance import BlockCovariance
from ortsnetz_grid.functions.state_estimation.jacobian import Frame
from ortsnetz_grid.functions.state_estimation.places import Kind
from ortsnetz_grid.functions.state_estimation.plan import Plan
from ortsnetz_grid.functions.state_estimation.quantities import Mean, Quantities
from ortsnetz_grid.functions.state_estimation.residuals import Residual, Residuals, nothing

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]


def block_residuals(
    plan: Plan, frame: Frame, quantities: Quantities, covariance: BlockCovariance
) -> tuple[Residuals, float]:
    """Residuals of all quantities, and the sum of their squares in standard deviations."""
    kept = covariance.kept()
    size = np.abs(frame.voltage)
    magnitude = _voltages(plan, quantities.magnitude, size, kept[:, :3, :3])
    angle = _angles(plan, quantities.angle, frame, kept[:, 3:, 3:])
    injection = _injections(plan, frame, quantities, covariance)
    branch = _flows(frame, quantities, covariance)
    objective = (
        _squares(magnitude.value, quantities.magnitude.variance)
        + _squares(angle.value, quantities.angle.variance)
        + _squares(injection.value, quantities.injection.variance.reshape(-1, 6))
        + _squares(branch.value, quantities.branch.variance.reshape(-1, 6))
    )
    return Residuals(magnitude, angle, injection, branch), objective


def _squares(residual: Real, variance: Real) -> float:
    """Squared deviations; what is exact or unknown has none."""
    counts = np.isfinite(variance) & (variance > 0)
    return float((residual[counts] ** 2 / variance[counts]).sum())


def _voltages(plan: Plan, mean: Mean, computed: Real, covariance: Real) -> Residual:
    found = nothing(len(computed), 3)
    known = np.isfinite(mean.variance)
    known[plan.place < 0] = False
    found.value[known] = mean.value[known] - computed[known]
    rows = np.flatnonzero(known.any(axis=1))
    _put_covariance(found, rows, known, mean.variance, covariance[plan.place[rows]])
    return found


def _angles(plan: Plan, mean: Mean, frame: Frame, covariance: Real) -> Residual:
    found = nothing(len(frame.voltage), 3)
    known = np.isfinite(mean.variance)
    known[plan.place < 0] = False
    away = np.angle(np.exp(1j * mean.value) * np.conj(frame.turn))
    found.value[known] = away[known]
    rows = np.flatnonzero(known.any(axis=1))
    size = np.abs(frame.voltage[rows])
    scaled = covariance[plan.place[rows]] / (size[:, :, None] * size[:, None, :])
    _put_covariance(found, rows, known, mean.variance, scaled)
    return found


def _put_covariance(
    target: Residual, rows: NDArray[np.intp], known: NDArray[np.bool_], own: Real, fitted: Real
) -> None:
    """Covariance of measured less fitted values, at some rows, where they are measured."""
    counts = known[rows]
    measured = np.where(counts, own[rows], 0.0)
    both = counts[:, :, None] & counts[:, None, :]
    target.covariance[rows] = np.where(both, measured[:, :, None] * np.eye(3) - fitted, 0.0)


def _injections(
    plan: Plan, frame: Frame, quantities: Quantities, covariance: BlockCovariance
) -> Residual:
    """Real parts before imaginary ones, (n, 6)."""
    count = len(frame.voltage)
    found = nothing(count, 6)
    variance = quantities.injection.variance[plan.order]
    known = np.isfinite(variance)
    computed = np.zeros((count, 3), dtype=np.complex128)
    computed[frame.model.energised] = frame.injected().reshape(-1, 3)
    parts = np.stack([computed.real, computed.imag], axis=1)
    away = (quantities.injection.value - parts)[plan.order]
    found.value[plan.order] = np.where(known, away, 0.0).reshape(-1, 6)
    # multiplier to residual: variance over voltage, out of the frame in which rows are told
    size = np.abs(frame.voltage[plan.order])
    turn = plan.solver.row_turns()
    scale = np.where(known, variance, 0.0) / size[:, None, :] * np.array([1, -1])[:, None]
    outer = np.zeros((len(size), 2, 3, 2, 3))
    phase = np.arange(3)
    outer[:, 0, phase, 0, phase] = scale[:, 0] * turn.real
    outer[:, 0, phase, 1, phase] = -scale[:, 0] * turn.imag
    outer[:, 1, phase, 0, phase] = scale[:, 1] * turn.imag
    outer[:, 1, phase, 1, phase] = scale[:, 1] * turn.real
    told = outer.reshape(-1, 6, 6)
    found.covariance[plan.order] = told @ covariance.pull() @ told.swapaxes(1, 2)
    return found


def _flows(frame: Frame, quantities: Quantities, covariance: BlockCovariance) -> Residual:
    """Flows of branches and shunts, (f, 6)."""
    found = nothing(len(quantities.branch_kinds), 6)
    for kind in np.unique(quantities.branch_kinds).tolist():
        mine = np.flatnonzero(quantities.branch_kinds == kind)
        places = quantities.branch_places[mine]
        flows = frame.flows(kind, places)
        computed = np.concatenate([flows.real, flows.imag], axis=1)
        derivative = frame.flow_derivative(kind, places)
        rows = np.concatenate([derivative.real, derivative.imag], axis=1)
        if kind == Kind.SHUNT:
            fitted = covariance.shunts(frame.model.shunt_nodes[places], rows[:, :, 0])
        else:
            fitted = covariance.flows(places, rows)
        variance = quantities.branch.variance[mine].reshape(-1, 6)
        known = np.isfinite(variance)
        both = known[:, :, None] & known[:, None, :]
        own = np.where(known, variance, 0.0)[:, :, None] * np.eye(6)
        value = quantities.branch.value[mine].reshape(-1, 6)
        found.value[mine] = np.where(known, value - computed, 0.0)
        found.covariance[mine] = np.where(both, own - fitted, 0.0)
    return found
