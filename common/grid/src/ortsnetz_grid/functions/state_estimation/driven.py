"""A network as its sources drive it: voltages without load, and how stiff it is at a node."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import SuperLU, splu

from ortsnetz_grid.functions.state_estimation.jacobian import Frame

Complex = NDArray[np.complex128]


@dataclass(frozen=True, slots=True)
class Driven:
    """A network of `n` nodes whose voltages are given at the references.

    Attributes:
        no_load: (n, 3) voltages without any load, per unit: symmetrical at the references, turned
            by transformers; 1 where not energised.
    """

    no_load: Complex
    _columns: NDArray[np.intp]  # (n, 3) among the energised voltages, -1 where not energised
    _inside: NDArray[np.intp]  # energised voltages that are not given
    _lu: SuperLU | None
    _impedances: dict[int, float] = field(default_factory=dict)

    @classmethod
    def of(cls, frame: Frame, references: NDArray[np.intp]) -> Driven:
        """Drive a network.

        Args:
            frame: of the network; its voltages do not matter.
            references: row of the reference node of each connected part.
        """
        symmetrical = np.exp(np.array([0, -2, 2]) * 1j * np.pi / 3)
        at = frame.column[references].ravel()
        inside = np.setdiff1d(np.arange(frame.size), at)
        volts = np.ones(frame.size, dtype=np.complex128)
        volts[at] = np.tile(symmetrical, len(references))
        lu = None
        if len(inside):
            driven = -(frame.matrix[inside][:, at] @ volts[at])
            lu = splu(frame.matrix[inside][:, inside].tocsc())
            volts[inside] = lu.solve(driven)
        found = np.ones(frame.voltage.shape, dtype=np.complex128)
        found[frame.model.energised] = volts.reshape(-1, 3)
        return cls(found, frame.column, inside, lu)

    def impedance(self, node: int) -> float:
        """Largest driving-point impedance of a node's phases, per unit; 0 at a reference."""
        if node not in self._impedances:
            self._impedances[node] = self._impedance(node)
        return self._impedances[node]

    def _impedance(self, node: int) -> float:
        columns = self._columns[node]
        rows = np.searchsorted(self._inside, columns)
        if self._lu is None or (columns < 0).any() or not np.isin(columns, self._inside).all():
            return 0.0
        unit = np.zeros((len(self._inside), 3), dtype=np.complex128)
        unit[rows, np.arange(3)] = 1.0
        return float(np.abs(self._lu.solve(unit)[rows, np.arange(3)]).max())
