"""Weighted least squares around a state: residuals, their covariance, that of the state.

The textbook form (normal equations) loses all digits where exact zero injections, links and
kilometres of cable meet. Here the injections of all nodes, known or not, and the voltage at one
reference node per connected part are the base: as many rows as unknowns, always regular, with
variance 0 for what is exact and a variance beyond any physics for what is unknown. All other
measurements are an update in measurement space, whose matrix has their number as size:

    base        J x = b + e_b,  cov R_b        (sparse LU)
    others      H x = z + e,    cov R
    A = H J^-1,  S = A R_b A' + R,  w = S^-1 (z - A b)
    residuals   others: R w with covariance R S^-1 R;  base: -R_b A' w with R_b A' S^-1 A R_b
    state       J^-1 (R_b - R_b A' S^-1 A R_b) J^-1'

A normalised residual is then w_i / sqrt(S^-1_ii), or the same with a column of A: the variance of
the measurement itself cancels. A measurement whose column is 0 is critical: nothing checks it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse
from scipy.sparse.linalg import SuperLU, splu

Real = NDArray[np.float64]

_UNKNOWN_PU = 10.0
"""What an unknown base row may move the worst voltage by, one standard deviation, per unit."""
_EXACT = 1e-9  # standard deviation of an exact row among the others, per unit
_CHUNK = 512


@dataclass(frozen=True, slots=True)
class Rows:
    """Measurements at a state.

    Attributes:
        derivative: (k, s) by the state.
        residual: (k,) measured minus computed at the state.
        variance: (k,) 0 is exact, infinite is not measured.
    """

    derivative: sparse.csr_array
    residual: Real
    variance: Real


@dataclass(frozen=True, slots=True)
class Left:
    """What the fit leaves of some rows.

    Attributes:
        residual: (r,) measured minus fitted.
    """

    residual: Real
    _variance: Real  # (r,) of the measurements
    _checks: Real  # (k, r) how each row shows in the k white innovations

    def covariance(self, rows: NDArray[np.intp]) -> Real:
        """Covariances (b, d, d) of residuals in blocks of rows (b, d); 0 where nothing checks."""
        checks = self._checks[:, rows] * self._variance[rows]
        return np.asarray(np.einsum("kba,kbc->bac", checks, checks))


@dataclass(frozen=True, slots=True)
class Fit:
    """The least-squares problem solved at a state.

    Attributes:
        base: residuals of the base rows after the fit.
        others: residuals of the other rows after the fit.
        objective: sum of the squared deviations after the fit, in standard deviations.
        step: (s,) from the state where the problem was set up to the solution.
    """

    base: Left
    others: Left
    objective: float
    step: Real
    _lu: SuperLU
    _sensitivity: Real
    _prior: Real
    _factor: Real

    def variances(self, derivative: sparse.csr_array) -> Real:
        """Variance (f,) of quantities with a derivative (f, s) by the state."""
        found = np.zeros(derivative.shape[0])
        weighted = self._sensitivity * self._prior
        for start in range(0, len(found), _CHUNK):
            rows = _through(self._lu, derivative[start : start + _CHUNK])
            before = np.einsum("fs,s,fs->f", rows, self._prior, rows)
            if len(self._factor):
                gained = linalg.solve_triangular(
                    self._factor, weighted @ rows.T, lower=True, check_finite=False
                )
                before = before - np.einsum("kf,kf->f", gained, gained)
            found[start : start + _CHUNK] = np.maximum(before, 0.0)
        return found


def fit(base: Rows, others: Rows) -> Fit:
    """Solve the problem at a state.

    Args:
        base: as many rows as the state has entries, with a regular derivative.
        others: the remaining measurements; every one is measured.
    """
    lu = splu(base.derivative.tocsc())
    unknown = np.flatnonzero(np.isinf(base.variance))
    columns = _columns(lu, unknown, len(base.residual))
    reach = _UNKNOWN_PU / np.maximum(np.abs(columns).max(axis=0, initial=0.0), 1e-12)
    prior = base.variance.copy()
    prior[unknown] = reach**2
    sensitivity = _through(lu, others.derivative)
    noise = np.maximum(others.variance, _EXACT**2)
    inner = (sensitivity * prior) @ sensitivity.T
    inner[np.diag_indices_from(inner)] += noise
    factor = np.asarray(linalg.cholesky(inner, lower=True, check_finite=False))
    innovation = others.residual - sensitivity @ base.residual
    white = _solved(factor, innovation)
    base_checks, other_checks = _solved(factor, sensitivity), _solved(factor, np.eye(len(noise)))
    base_residual = -prior * (base_checks.T @ white)
    return Fit(
        base=Left(base_residual, prior, base_checks),
        others=Left(noise * (other_checks.T @ white), noise, other_checks),
        objective=float(white @ white),
        step=np.asarray(lu.solve(base.residual - base_residual)),
        _lu=lu,
        _sensitivity=sensitivity,
        _prior=prior,
        _factor=factor,
    )


def _solved(factor: Real, right: Real) -> Real:
    if not len(factor):
        return np.zeros_like(right)
    return np.asarray(linalg.solve_triangular(factor, right, lower=True, check_finite=False))


def _through(lu: SuperLU, derivative: sparse.csr_array) -> Real:
    """Rows (f, s) times the inverse of the base."""
    if not derivative.shape[0]:
        return np.zeros(derivative.shape)
    return np.ascontiguousarray(lu.solve(derivative.toarray().T, trans="T").T)


def _columns(lu: SuperLU, unknown: NDArray[np.intp], size: int) -> Real:
    """Columns (s, u) of the inverse of the base."""
    unit = np.zeros((size, len(unknown)))
    unit[unknown, np.arange(len(unknown))] = 1.0
    return np.asarray(lu.solve(unit)) if len(unknown) else unit
