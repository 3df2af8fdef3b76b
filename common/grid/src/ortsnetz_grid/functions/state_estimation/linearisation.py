"""The rows of the least-squares problem from gathered quantities, and their residuals back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ortsnetz_grid.functions.state_estimation.jacobian import SIZES, Frame
from ortsnetz_grid.functions.state_estimation.least_squares import Fit, Left, Rows, fit
from ortsnetz_grid.functions.state_estimation.quantities import Quantities
from ortsnetz_grid.functions.state_estimation.residuals import Residual, Residuals, nothing

Real = NDArray[np.float64]
_EMPTY = sparse.csr_array((0, 0))


@dataclass(frozen=True, slots=True)
class Linearisation:
    """The problem at one state.

    Attributes:
        frame: where it was linearised.
        fit: its solution.
        residuals: of the quantities.
    """

    frame: Frame
    fit: Fit
    residuals: Residuals


def linearise(
    frame: Frame, quantities: Quantities, references: NDArray[np.intp], angle_sigma: float
) -> Linearisation:
    """Set up and solve the problem at a state.

    Args:
        frame: the state.
        quantities: what is measured.
        references: row of the reference node of each connected part.
        angle_sigma: see `Settings.reference_angle_sigma`.
    """
    base = _base(frame, quantities, references, angle_sigma)
    pieces, others = _others(frame, quantities, references)
    found = fit(base, others)
    return Linearisation(frame, found, _spread(frame, quantities, references, pieces, found))


def _base(
    frame: Frame, quantities: Quantities, references: NDArray[np.intp], angle_sigma: float
) -> Rows:
    """Injections of all nodes but the references, and the voltages of these."""
    size = frame.size
    rows = frame.injection_rows()
    injected = frame.injected()
    live = frame.model.energised
    measured, variance = quantities.injection.value[live], quantities.injection.variance[live]
    computed = np.stack([injected.real, injected.imag]).reshape(2, -1, 3).swapaxes(0, 1)
    known = np.isfinite(variance)
    residual = np.where(known, measured - computed, 0.0).swapaxes(0, 1).reshape(-1)
    spread = variance.swapaxes(0, 1).reshape(-1).copy()
    at = frame.column[references].ravel()
    keep = np.ones(2 * size)
    keep[at] = keep[at + size] = 0
    unit = 1 - keep
    derivative = sparse.diags_array(keep) @ sparse.vstack([rows.real, rows.imag])
    derivative = (derivative + sparse.diags_array(unit)).tocsr()
    across, across_variance = _reference_angles(frame, quantities, references, angle_sigma)
    residual[at], spread[at] = 0.0, np.inf
    residual[at + size], spread[at + size] = across.ravel(), across_variance.ravel()
    return Rows(derivative, residual, spread)


def _reference_angles(
    frame: Frame, quantities: Quantities, references: NDArray[np.intp], angle_sigma: float
) -> tuple[Real, Real]:
    """Tangential rows of the reference nodes (r, 3): residual and variance, per unit.

    The phases lie symmetrically, each within `angle_sigma`: none of the three is special. Where
    angles are measured, the reference's are unknown like any other.
    """
    size = np.abs(frame.voltage[references])
    symmetrical = np.exp(np.array([0, -2, 2]) * 1j * np.pi / 3)
    away = np.angle(symmetrical * np.conj(frame.turn[references]))
    variance = np.full(away.shape, angle_sigma**2)
    island = frame.model.island
    with_angles = np.unique(island[np.isfinite(quantities.angle.variance).any(axis=1)])
    free = np.isin(island[references], with_angles)[:, None]
    return np.where(free, 0.0, away * size), np.where(free, np.inf, variance * size**2)


@dataclass(frozen=True, slots=True)
class _Pieces:
    """Which quantities the other rows are, in their order: masks, then branches and references."""

    magnitude: NDArray[np.bool_]  # (n, 3)
    angle: NDArray[np.bool_]  # (n, 3)
    injection: NDArray[np.bool_]  # (r, 2, 3) at the references


def _others(
    frame: Frame, quantities: Quantities, references: NDArray[np.intp]
) -> tuple[_Pieces, Rows]:
    """Voltages, flows, and the injections of the references."""
    pieces = _Pieces(
        np.isfinite(quantities.magnitude.variance),
        np.isfinite(quantities.angle.variance),
        np.isfinite(quantities.injection.variance[references]),
    )
    rows = [
        _magnitudes(frame, quantities, pieces),
        _angles(frame, quantities, pieces),
        _branches(frame, quantities),
        _reference_injections(frame, quantities, references, pieces),
    ]
    return pieces, Rows(
        sparse.vstack([row.derivative for row in rows]).tocsr(),
        np.concatenate([row.residual for row in rows]),
        np.concatenate([row.variance for row in rows]),
    )


def _unit_rows(frame: Frame, columns: NDArray[np.intp], values: Real) -> sparse.csr_array:
    shape = (len(columns), 2 * frame.size)
    return sparse.coo_array((values, (np.arange(len(columns)), columns)), shape=shape).tocsr()


def _magnitudes(frame: Frame, quantities: Quantities, pieces: _Pieces) -> Rows:
    columns = frame.column[pieces.magnitude]
    return Rows(
        _unit_rows(frame, columns, np.ones(len(columns))),
        (quantities.magnitude.value - np.abs(frame.voltage))[pieces.magnitude],
        quantities.magnitude.variance[pieces.magnitude],
    )


def _angles(frame: Frame, quantities: Quantities, pieces: _Pieces) -> Rows:
    columns = frame.column[pieces.angle] + frame.size
    away = np.exp(1j * quantities.angle.value[pieces.angle]) / frame.turn[pieces.angle]
    return Rows(
        _unit_rows(frame, columns, 1 / np.abs(frame.voltage[pieces.angle])),
        np.angle(away),
        quantities.angle.variance[pieces.angle],
    )


def _branches(frame: Frame, quantities: Quantities) -> Rows:
    """Rows in the order of `Quantities.branch`, that is by kind; real parts before imaginary.

    A value that is not measured (a size has no imaginary part) stays as a row of nothing.
    """
    blocks, residuals, variances = [_EMPTY.reshape(0, 2 * frame.size)], [], []
    for kind in np.unique(quantities.branch_kinds).tolist():
        mine = quantities.branch_kinds == kind
        places = quantities.branch_places[mine]
        rows, flows = frame.flow_rows(kind, places), frame.flows(kind, places)
        variance = quantities.branch.variance[mine].swapaxes(0, 1).ravel()
        if kind in SIZES:
            # a current below its deviation has no direction to speak of
            square = np.tile(np.abs(flows).ravel() ** 2, 2)
            variance = np.where(
                square > 0, variance * (1 + variance / np.maximum(square, 1e-300)), np.inf
            )
        known = np.isfinite(variance)
        derivative = sparse.vstack([rows.real, rows.imag])
        blocks.append((sparse.diags_array(known.astype(float)) @ derivative).tocsr())
        computed = np.stack([flows.real, flows.imag])
        away = (quantities.branch.value[mine].swapaxes(0, 1) - computed).ravel()
        residuals.append(np.where(known, away, 0.0))
        variances.append(np.where(known, variance, 1.0))
    return Rows(
        sparse.vstack(blocks).tocsr(),
        np.concatenate([np.zeros(0), *residuals]),
        np.concatenate([np.zeros(0), *variances]),
    )


def _reference_injections(
    frame: Frame, quantities: Quantities, references: NDArray[np.intp], pieces: _Pieces
) -> Rows:
    at = frame.column[references]
    rows = frame.injection_rows()[at.ravel()]
    both = sparse.vstack([rows.real, rows.imag]).tocsr()
    injected = frame.injected()[at]
    computed = np.stack([injected.real, injected.imag], axis=1)
    known = pieces.injection
    residual = (quantities.injection.value[references] - computed)[known]
    variance = quantities.injection.variance[references][known]
    # `both` lists parts, nodes, phases; the masks list nodes, parts, phases
    order = np.arange(both.shape[0]).reshape(2, len(references), 3).swapaxes(0, 1)
    return Rows(both[order[known]], residual, variance)


def _spread(
    frame: Frame,
    quantities: Quantities,
    references: NDArray[np.intp],
    pieces: _Pieces,
    found: Fit,
) -> Residuals:
    """Residuals of the rows, back at their quantities."""
    first, second = int(pieces.magnitude.sum()), int(pieces.magnitude.sum() + pieces.angle.sum())
    third = second + 6 * len(quantities.branch_kinds)
    nodes = len(frame.voltage)
    magnitude, angle = nothing(nodes, 3), nothing(nodes, 3)
    _put_phases(magnitude, pieces.magnitude, found.others, 0)
    _put_phases(angle, pieces.angle, found.others, first)
    injection, measured = nothing(nodes, 6), np.isfinite(quantities.injection.variance)
    known = measured.all(axis=(1, 2))
    inside = known & frame.model.energised
    inside[references] = False
    columns = frame.column[inside]
    _put(injection, inside, found.base, np.concatenate([columns, columns + frame.size], axis=1))
    at_references = np.zeros(nodes, dtype=np.bool_)
    at_references[references[pieces.injection.all(axis=(1, 2))]] = True
    own = np.arange(third, third + 6 * int(at_references.sum())).reshape(-1, 6)
    # the rows follow `references`, which rise as the nodes do
    _put(injection, at_references, found.others, own)
    branch = nothing(len(quantities.branch_kinds), 6)
    start = second
    for kind in np.unique(quantities.branch_kinds).tolist():
        mine = quantities.branch_kinds == kind
        rows = np.arange(start, start + 6 * int(mine.sum())).reshape(2, -1, 3)
        _put(branch, mine, found.others, rows.swapaxes(0, 1).reshape(-1, 6))
        start += rows.size
    return Residuals(magnitude, angle, injection, branch)


def _put_phases(target: Residual, measured: NDArray[np.bool_], left: Left, start: int) -> None:
    """Residuals of the phases (n, 3) that are measured, whose rows follow each other."""
    rows = np.zeros(measured.shape, dtype=np.intp)
    rows[measured] = start + np.arange(int(measured.sum()))
    target.value[measured] = left.residual[rows[measured]]
    some = measured.any(axis=1)
    both = measured[some][:, :, None] & measured[some][:, None, :]
    target.covariance[some] = np.where(both, left.covariance(rows[some]), 0.0)


def _put(target: Residual, where: NDArray[np.bool_], left: Left, rows: NDArray[np.intp]) -> None:
    target.value[where] = left.residual[rows]
    target.covariance[where] = left.covariance(rows)
