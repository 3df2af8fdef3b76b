"""Covariances of an estimated state from the blocks of the kernel's inverse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.state_estimation.jacobian import Frame
from ortsnetz_grid.functions.state_estimation.plan import Dependence, Plan
from ortsnetz_grid.kernels.estimation import Inverse

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

_ROUNDING = 1e-12
"""Part of the terms that a variance is the sum of, below which rounding hides it: a smaller one is
taken as this much, so that no deviation comes out as nothing."""
_VOLTS = slice(0, 6)
_MULTIPLIERS = slice(6, 12)


@dataclass(frozen=True, slots=True)
class BlockCovariance:
    """Covariances at a state of `n` nodes, of which `m` remain in the plan.

    Voltages change along (radial) and across (tangential) their own phasors, per unit: 3 and 3.

    Attributes:
        plan: the prepared network.
        frame: at the state.
        inverse: the kernel's, there.
    """

    plan: Plan
    frame: Frame
    inverse: Inverse

    def kept(self) -> Real:
        """Of the voltages of the nodes that remain, (m, 6, 6)."""
        return self.inverse.own[:, _VOLTS, _VOLTS]

    def pull(self) -> Real:
        """Of the multipliers of the injections of these, (m, 6, 6): how firmly they are checked."""
        return -self.inverse.own[:, _MULTIPLIERS, _MULTIPLIERS]

    def magnitudes(self) -> Real:
        """Variances (n, 3) of the voltage magnitudes, per unit; 0 where not energised."""
        part, turn = self.plan.nodes, self.frame.turn
        radial = _real_shares(part.shares, self._turned(part), turn[:, None])[:, 0, :3]
        joint, size = self._joint(part), np.abs(radial)
        found = np.einsum("kas,kst,kat->ka", radial, joint, radial, optimize=True)
        terms = np.einsum("kas,kst,kat->ka", size, np.abs(joint), size, optimize=True)
        found = np.maximum(found, _ROUNDING * terms)
        return np.asarray(np.where(self.frame.model.energised[:, None], found, 0.0))

    def unseen(self, most: float) -> NDArray[np.intp]:
        """Rows of the nodes whose voltage may move by more than `most`, per unit; worst first.

        A variance that is not positive has lost its digits: nothing determines that voltage.
        """
        variances = np.einsum("kaa->ka", self.kept())
        moved = np.where(variances > 0, variances, np.inf).max(axis=1)
        order = np.argsort(-moved, kind="stable")
        return np.asarray(self.plan.order[order][moved[order] > most**2])

    def flow_variances(self, branches: NDArray[np.intp], derivative: Real) -> Real:
        """See `fitted.Covariance`; where the digits do not do, what they may hide."""
        rows, joint = self._rows(branches, derivative[:, None])
        found = np.einsum("ks,kst,kt->k", rows[:, 0], joint, rows[:, 0], optimize=True)
        size = np.abs(rows[:, 0])
        terms = np.einsum("ks,kst,kt->k", size, np.abs(joint), size, optimize=True)
        return np.asarray(np.maximum(found, _ROUNDING * terms))

    def sound(self) -> bool:
        """Whether the variances of all nodes' voltages came out as such."""
        variances = np.einsum("kaa->ka", self.kept())
        return bool((variances > 0).all() and np.isfinite(variances).all())

    def flows(self, branches: NDArray[np.intp], derivative: Real) -> Real:
        """Covariances (k, d, d) of flows of branches.

        Args:
            branches: (k,) rows of the branches.
            derivative: (k, d, 2, 6) by the voltages at both ends.
        """
        rows, joint = self._rows(branches, derivative)
        return np.asarray(rows @ joint @ rows.swapaxes(1, 2))

    def _rows(self, branches: NDArray[np.intp], derivative: Real) -> tuple[Real, Real]:
        """Derivatives (k, d, 12) by the voltages of pairs, and the pairs' covariances."""
        chosen, ends = self.plan.branches, self.frame.model.ends[branches]
        part = Dependence(chosen.pair[branches], chosen.link[branches], chosen.shares[branches])
        shares = _real_shares(part.shares, self._turned(part), self.frame.turn[ends])
        rows = np.einsum("kdec,kecs->kds", derivative, shares, optimize=True)
        return np.asarray(rows), self._joint(part)

    def shunts(self, nodes: NDArray[np.intp], derivative: Real) -> Real:
        """Covariances (k, d, d) of flows (k, d, 6) at nodes that remain."""
        own = self.kept()[self.plan.place[nodes]]
        return np.asarray(derivative @ own @ derivative.swapaxes(1, 2))

    def _turned(self, part: Dependence) -> Complex:
        """Directions (k, 2, 3) of the voltages of a pair."""
        return np.asarray(self.frame.turn[self.plan.order[part.pair]])

    def _joint(self, part: Dependence) -> Real:
        """Covariances (k, 12, 12) of the voltages of pairs."""
        pair, link = part.pair, part.link
        kept = self.kept()
        joint = np.zeros((len(pair), 12, 12))
        joint[:, :6, :6] = kept[pair[:, 0]]
        joint[:, 6:, 6:] = kept[pair[:, 1]]
        linked = link >= 0
        across = self.inverse.low[link[linked], _VOLTS, _VOLTS]
        joint[linked, 6:, :6] = across
        joint[linked, :6, 6:] = across.swapaxes(1, 2)
        return joint


def _real_shares(shares: Complex, of: Complex, at: Complex) -> Real:
    """Shares as real derivatives (k, j, 6, 12) in the voltages' own frames.

    Args:
        shares: (k, j, 2, 3, 3) of `j` voltages.
        of: (k, 2, 3) directions of the pair's voltages.
        at: (k, j, 3) directions of these voltages.
    """
    turned = np.conj(at)[:, :, None, :, None] * shares * of[:, None, :, None, :]
    count, voltages = turned.shape[:2]
    found = np.empty((count, voltages, 2, 3, 2, 2, 3))  # ..., part, phase, node, part, phase
    found[:, :, 0, :, :, 0] = turned.real.swapaxes(2, 3)
    found[:, :, 0, :, :, 1] = -turned.imag.swapaxes(2, 3)
    found[:, :, 1, :, :, 0] = turned.imag.swapaxes(2, 3)
    found[:, :, 1, :, :, 1] = turned.real.swapaxes(2, 3)
    return found.reshape(count, voltages, 6, 12)
