"""Lines given by phase matrices: `asym_line` and the additions' `matrix_line`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.plausibility.levels import level_of
from ortsnetz_grid.network.plausibility.lines import NEGATIVE
from ortsnetz_grid.network.plausibility.rule import Real, Rule, rated_volts
from ortsnetz_grid.network.problem import Problem, Severity

SWAPPED = "r-x-ratio"
TOLERANCE = 1e-6
"""Of the largest eigenvalue: published matrices are rounded to four or five digits; a return path
without resistance leaves the smallest eigenvalue at nothing."""
SINGULAR = 1e-9
"""Of the largest singular value: the inverse would have no digit left that is true."""
SWITCH_OHM = 1e-3
"""Additional lines also stand for switches, whose R/X says nothing."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A line by its symmetric (k, k) matrices, ohm, and the fields that say them."""

    component: str
    element: int
    volts: float
    r: Real
    x: Real
    fields: dict[str, tuple[str, ...]]


def impossible(network: Network) -> Iterator[Problem]:
    """Singular matrices, and those with a negative eigenvalue: some currents would gain."""
    for line in _lines(network):
        values = np.linalg.svd(line.r + 1j * line.x, compute_uv=False)
        if not values[-1] > SINGULAR * values[0]:
            rule = Rule(
                "singular",
                (line.fields["r"][0], line.fields["x"][0]),
                "give the true mutual impedances: they are smaller than the self impedances",
                Severity.ERROR,
            )
            reason = "the impedance matrix is singular: some currents would meet no impedance"
            yield rule.broken(network, line.component, line.element, reason)
            continue
        for letter, matrix, word in (("r", line.r, "power"), ("x", line.x, "magnetic energy")):
            eigenvalues = np.linalg.eigvalsh(matrix)
            if eigenvalues[0] < -TOLERANCE * np.abs(eigenvalues).max():
                rule = Rule(
                    NEGATIVE,
                    line.fields[letter],
                    f"see whether self and mutual {letter} were confused",
                    Severity.ERROR,
                )
                reason = (
                    f"the matrix has the negative eigenvalue {eigenvalues[0]:g} ohm: a line has no "
                    f"{word} to give"
                )
                yield rule.broken(network, line.component, line.element, reason)


def implausible(network: Network) -> Iterator[Problem]:
    """The positive sequence of a matrix that no line has."""
    for line in _lines(network):
        r, x = _positive(line.r), _positive(line.x)
        lowest, highest = level_of(line.volts).r_by_x
        if r > 0 and x > 0 and max(r, x) > SWITCH_OHM and not lowest <= r / x <= highest:
            rule = Rule(
                SWAPPED,
                (line.fields["r"][0], line.fields["x"][0]),
                "see whether R and X, or their units, were confused",
            )
            level = level_of(line.volts).name
            reason = f"R1/X1 is {r / x:g}; lines at {level} have {lowest:g} to {highest:g}"
            yield rule.broken(network, line.component, line.element, reason)


def _lines(network: Network) -> Iterator[_Line]:
    """All lines with matrices whose numbers are known."""
    array = network.data.get("asym_line")
    if array is not None and len(array):
        volts = rated_volts(network, array["from_node"])
        for row, element in enumerate(array["id"].tolist()):
            r, x = (_triangle(array[row], letter) for letter in "rx")
            if _known(r, x, volts[row]):
                fields = {letter: _names(letter) for letter in "rx"}
                yield _Line("asym_line", element, float(volts[row]), r, x, fields)
    added = network.additions.matrix_line
    volts = rated_volts(network, np.array([each.from_node for each in added], dtype=np.int32))
    for each, at in zip(added, volts.tolist(), strict=True):
        r, x = np.array(each.r), np.array(each.x)
        if _known(r, x, at):
            yield _Line("matrix_line", each.id, at, r, x, {"r": ("r",), "x": ("x",)})


def _known(r: Real, x: Real, volts: float) -> bool:
    """Whether all is said; numbers beyond any grid are another rule's."""
    numbers = np.concatenate([r.ravel(), x.ravel(), [volts]])
    return bool((np.abs(numbers) < 1e20).all())


def _names(letter: str) -> tuple[str, ...]:
    return tuple(f"{letter}_{pair}" for pair in ("aa", "ba", "bb", "ca", "cb", "cc"))


def _triangle(row: np.void, letter: str) -> Real:
    """Symmetric (3, 3) between the phases, before the neutral is eliminated."""
    matrix = np.empty((3, 3))
    for i, first in enumerate("abc"):
        for j, second in enumerate("abc"[: i + 1]):
            matrix[i, j] = matrix[j, i] = row[f"{letter}_{first}{second}"]
    return matrix


def _positive(matrix: Real) -> float:
    """Mean of the self terms less mean of the mutual ones, if there are any."""
    size = len(matrix)
    own = float(np.trace(matrix)) / size
    if size == 1:
        return own
    return own - (float(matrix.sum()) - size * own) / (size * (size - 1))
