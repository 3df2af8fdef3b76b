"""The bench's own loading of lines and transformers, independent of the product's.

Loading is the largest phase or neutral current over its rating, at either end; for transformers
also the largest phase's apparent power over a third of the rated power, whichever is larger.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_hil.plant.network_file import Document, PlantNetwork
from ortsnetz_hil.plant.power_flow import BranchFlows, GridState

SQRT3 = float(np.sqrt(3.0))
Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ratings:
    """Ratings in the order of the file.

    Attributes:
        line_a, line_neutral_a: shape (lines,).
        transformer_from_a, transformer_to_a: rated current at either end, shape (transformers,).
        transformer_neutral_a: rating of the neutral at the low-voltage end, shape (transformers,).
        transformer_phase_va: a third of the rated power, shape (transformers,).
    """

    line_a: Vector
    line_neutral_a: Vector
    transformer_from_a: Vector
    transformer_to_a: Vector
    transformer_neutral_a: Vector
    transformer_phase_va: Vector


def ratings(network: PlantNetwork) -> Ratings:
    """Ratings of a network; a neutral without a rating of its own is rated like a phase."""
    transformer = network.data["transformer"]
    to_a = transformer["sn"] / (SQRT3 * transformer["u2"])
    line_a = np.asarray(network.data["line"]["i_n"], float)
    return Ratings(
        line_a=line_a,
        line_neutral_a=_neutral(network.elements("line"), line_a),
        transformer_from_a=transformer["sn"] / (SQRT3 * transformer["u1"]),
        transformer_to_a=to_a,
        transformer_neutral_a=_neutral(network.elements("transformer"), to_a),
        transformer_phase_va=transformer["sn"] / 3.0,
    )


def _neutral(elements: list[Document], phase_a: Vector) -> Vector:
    own = [element.get("i_n_neutral") for element in elements]
    return np.array([phase_a[i] if a is None else float(a) for i, a in enumerate(own)])


def line_loading(state: GridState, rated: Ratings) -> Vector:
    """Loading of each line, shape (lines,)."""
    return np.maximum(
        _end(state.lines.i_from, rated.line_a, rated.line_neutral_a),
        _end(state.lines.i_to, rated.line_a, rated.line_neutral_a),
    )


def transformer_loading(state: GridState, rated: Ratings) -> Vector:
    """Loading of each transformer, shape (transformers,)."""
    flows = state.transformers
    current = np.maximum(
        _end(flows.i_from, rated.transformer_from_a, rated.transformer_from_a),
        _end(flows.i_to, rated.transformer_to_a, rated.transformer_neutral_a),
    )
    return np.maximum(current, _apparent(flows) / rated.transformer_phase_va)


def _apparent(flows: BranchFlows) -> Vector:
    both = np.maximum(np.abs(flows.s_from), np.abs(flows.s_to))
    return np.asarray(both.max(axis=1))


def _end(current: NDArray[np.complex128], phase_a: Vector, neutral_a: Vector) -> Vector:
    """Loading at one end from complex phase currents, shape (branches, 3)."""
    phase = np.abs(current).max(axis=1) / phase_a
    neutral = np.abs(current.sum(axis=1)) / neutral_a
    return np.asarray(np.maximum(phase, neutral))
