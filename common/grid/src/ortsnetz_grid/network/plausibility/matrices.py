"""Lines given by phase matrices."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.plausibility.levels import LEVELS
from ortsnetz_grid.network.plausibility.lines import NEGATIVE
from ortsnetz_grid.network.plausibility.rule import Mask, Real, Rule, outside, rated_volts, rows
from ortsnetz_grid.network.problem import Problem, Severity

ACTIVE = Rule(
    NEGATIVE,
    ("r_aa", "r_ba", "r_bb", "r_ca", "r_cb", "r_cc"),
    "see whether self and mutual resistances were confused",
    Severity.ERROR,
)
SINGULAR = Rule(
    NEGATIVE,
    ("x_aa", "x_ba", "x_bb", "x_ca", "x_cb", "x_cc"),
    "see whether self and mutual reactances were confused",
    Severity.ERROR,
)
SWAPPED = Rule(
    "r-x-ratio",
    ("r_aa", "x_aa"),
    "see whether R and X, or their units, were confused",
)
TOLERANCE = 1e-6
"""Of the largest eigenvalue: published matrices are rounded to four or five digits; a return path
without resistance leaves the smallest eigenvalue at nothing."""


def impossible(network: Network) -> Iterator[Problem]:
    """Resistance or reactance matrices with a negative eigenvalue: some currents would gain."""
    array = rows(network, "asym_line")
    if array is None:
        return
    for rule, letter, word in ((ACTIVE, "r", "power"), (SINGULAR, "x", "magnetic energy")):
        matrix = _phases(network, letter)
        known = np.isfinite(matrix).all(axis=(1, 2)) & (np.abs(matrix).max(axis=(1, 2)) < 1e20)
        eigenvalues = np.linalg.eigvalsh(np.where(known[:, None, None], matrix, np.eye(3)))
        bad = known & (eigenvalues[:, 0] < -TOLERANCE * np.abs(eigenvalues).max(axis=1))
        reason = (
            f"the matrix has the negative eigenvalue {{value}} ohm: a line has no {word} to give"
        )
        yield from rule.where(network, "asym_line", bad, reason, value=eigenvalues[:, 0])


def implausible(network: Network) -> Iterator[Problem]:
    """The positive sequence of a matrix that no line has."""
    array = rows(network, "asym_line")
    if array is None:
        return
    volts = rated_volts(network, array["from_node"])
    r, x = (_positive(_phases(network, letter)) for letter in "rx")
    known: Mask = (r > 0) & (x > 0)
    ratio = np.divide(r, x, out=np.full(len(array), np.nan), where=known)
    lower = 0.0
    for level in LEVELS:
        here = known & (volts > lower) & (volts <= level.highest)
        lower = level.highest
        lowest, highest = level.r_by_x
        reason = f"R1/X1 is {{ratio}}; lines at {level.name} have {lowest:g} to {highest:g}"
        strange = here & outside(ratio, lowest, highest)
        yield from SWAPPED.where(network, "asym_line", strange, reason, ratio=ratio)


def _phases(network: Network, letter: str) -> Real:
    """Symmetric (k, 3, 3) between the phases, before the neutral is eliminated."""
    array = network.data["asym_line"]
    matrix = np.empty((len(array), 3, 3))
    for i, first in enumerate("abc"):
        for j, second in enumerate("abc"[: i + 1]):
            matrix[:, i, j] = matrix[:, j, i] = array[f"{letter}_{first}{second}"]
    return matrix


def _positive(matrix: Real) -> Real:
    """Positive sequence (k,): mean of the self terms less mean of the mutual ones."""
    diagonal = np.trace(matrix, axis1=1, axis2=2) / 3
    return np.asarray(diagonal - (matrix.sum(axis=(1, 2)) - 3 * diagonal) / 6)
