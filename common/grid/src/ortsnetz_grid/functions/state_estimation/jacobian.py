"""Derivatives of what is measured, in frames that turn with the voltages.

The state is the change of each energised voltage along its own phasor (radial, that of the
magnitude) and across it (tangential, magnitude times angle), in per unit: first all radial parts,
then all tangential ones. Powers are complex here; real and imaginary part are two rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ortsnetz_grid.functions.state_estimation.places import Kind
from ortsnetz_grid.network.admittance import Admittance

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
_PHASE = np.arange(3)
_CURRENTS = (Kind.CURRENT_FROM, Kind.CURRENT_TO)
_LOCALS = (Kind.LOCAL_CURRENT_FROM, Kind.LOCAL_CURRENT_TO)
SIZES = (Kind.CURRENT_SIZE_FROM, Kind.CURRENT_SIZE_TO)


@dataclass(frozen=True, slots=True)
class Frame:
    """A point to linearise at, with `m` energised voltages (nodes times three phases).

    Attributes:
        model: the network's admittances.
        voltage: (n, 3) complex, per unit; unused where not energised.
        turn: (n, 3) phasors of length 1 in the direction of `voltage`.
        column: (n, 3) column of the radial part; -1 where not energised.
        matrix: (m, m) node admittances of the energised part.
    """

    model: Admittance
    voltage: Complex
    turn: Complex
    column: NDArray[np.intp]
    matrix: sparse.csr_array

    @classmethod
    def at(cls, model: Admittance, voltage: Complex, matrix: sparse.csr_array) -> Frame:
        """Linearise at voltages (n, 3).

        Args:
            model: the network's admittances.
            voltage: complex, per unit, not 0 where energised.
            matrix: `energised_matrix(model)`, which depends on the network only.
        """
        live = model.energised
        safe = np.where(live[:, None], voltage, 1.0 + 0j)
        column = np.full(voltage.shape, -1, dtype=np.intp)
        column[live] = np.arange(3 * int(live.sum())).reshape(-1, 3)
        turn = np.asarray(safe / np.abs(safe), dtype=np.complex128)
        return cls(model, safe, turn, column, matrix)

    @property
    def size(self) -> int:
        """Number m of energised voltages; the state has twice as many entries."""
        return int(self.matrix.shape[0])

    def moved(self, step: Real) -> Complex:
        """Voltages (n, 3) after a step (2m,) of the state.

        Changes add as phasors: currents, which are linear in them, become what the step meant.
        """
        live = self.model.energised
        radial, tangential = step.reshape(2, -1, 3)
        found = self.voltage.copy()
        found[live] += (radial + 1j * tangential) * self.turn[live]
        return found

    def injected(self) -> Complex:
        """Complex power (m,) injected into the network at each energised node and phase."""
        volts = self.voltage[self.model.energised].ravel()
        return np.asarray(volts * np.conj(self.matrix @ volts))

    def injection_rows(self) -> sparse.csr_array:
        """Derivative (m, 2m) of `injected`."""
        volts = self.voltage[self.model.energised].ravel()
        turn = self.turn[self.model.energised].ravel()
        matrix = self.matrix.tocoo()
        row, column = matrix.coords
        mutual = volts[row] * np.conj(matrix.data * turn[column])
        own = np.conj(self.matrix @ volts) * turn
        diagonal = np.arange(self.size)
        entries = np.concatenate([mutual, own, -1j * mutual, 1j * own])
        rows = np.concatenate([row, diagonal, row, diagonal])
        columns = np.concatenate([column, diagonal, column + self.size, diagonal + self.size])
        return _matrix(entries, rows, columns, (self.size, 2 * self.size))

    def flows(self, kind: int, places: NDArray[np.intp]) -> Complex:
        """What `Kind` measures at places: (k, 3) complex, per unit."""
        block, at, ends = self._circuit(kind, places)
        current = np.einsum("kjpq,kjq->kp", block, self.voltage[ends])
        return np.asarray(_seen(kind, self.voltage[at], current))

    def flow_derivative(self, kind: int, places: NDArray[np.intp]) -> Complex:
        """Derivative of `flows`: (k, 3, j, 6) by the radial and tangential parts at `j` ends."""
        block, at, ends = self._circuit(kind, places)
        volts, turn = self.voltage[at], self.turn[at]
        current = np.einsum("kjpq,kjq->kp", block, self.voltage[ends])
        # current changes with the voltages at all ends, (k, j, p, q)
        through = block * self.turn[ends][:, :, None, :]
        if kind in _CURRENTS or kind in SIZES:
            radial, tangential = through, 1j * through
            own = own_across = np.zeros_like(current)
        else:
            mutual = volts[:, None, :, None] * np.conj(through)
            radial, tangential = mutual, -1j * mutual
            own, own_across = np.conj(current) * turn, 1j * np.conj(current) * turn
        if kind in _LOCALS:
            size = np.abs(volts)
            radial, tangential = (x / size[:, None, :, None] for x in (radial, tangential))
            own, own_across = (
                own / size - volts * np.conj(current) / size**2,
                own_across / size,
            )
        found = np.concatenate([radial, tangential], axis=3).swapaxes(1, 2)
        side = 0 if block.shape[1] == 1 else Kind(kind).side
        found[:, _PHASE, side, _PHASE] += own
        found[:, _PHASE, side, 3 + _PHASE] += own_across
        if kind in SIZES:
            length = np.abs(current)
            along = np.where(length > 0, np.conj(current) / np.where(length > 0, length, 1), 0)
            found = (along[:, :, None, None] * found).real.astype(np.complex128)
        return found

    def flow_rows(self, kind: int, places: NDArray[np.intp]) -> sparse.csr_array:
        """`flow_derivative` as rows (3k, 2m), phases innermost."""
        found = self.flow_derivative(kind, places)
        _, _, ends = self._circuit(kind, places)
        columns = np.concatenate([self.column[ends], self.column[ends] + self.size], axis=2)
        row = np.arange(3 * len(places)).reshape(-1, 3)[:, :, None, None]
        # an open end may be dead: its column is -1, and its admittance 0
        return _matrix(
            found.ravel(),
            np.broadcast_to(row, found.shape).ravel(),
            np.broadcast_to(np.maximum(columns, 0)[:, None], found.shape).ravel(),
            (3 * len(places), 2 * self.size),
        )

    def _circuit(
        self, kind: int, places: NDArray[np.intp]
    ) -> tuple[Complex, NDArray[np.intp], NDArray[np.intp]]:
        """Admittances (k, j, 3, 3), the measured node (k,), and the nodes (k, j) they act on."""
        if kind == Kind.SHUNT:
            at = self.model.shunt_nodes[places]
            return self.model.shunt_blocks[places][:, None], at, at[:, None]
        side = Kind(kind).side
        ends = self.model.ends[places]
        return self.model.blocks[places, side], ends[:, side], ends


def energised_matrix(model: Admittance) -> sparse.csr_array:
    """Node admittances (m, m) of the energised part."""
    keep = np.flatnonzero(np.repeat(model.energised, 3))
    return model.node_matrix()[keep][:, keep].tocsr()


def _seen(kind: int, volts: Complex, current: Complex) -> Complex:
    """Power, current, current relative to the voltage's angle, or size of the current."""
    if kind in _CURRENTS:
        return current
    if kind in SIZES:
        return np.abs(current).astype(np.complex128)
    power = volts * np.conj(current)
    return np.asarray(power / np.abs(volts)) if kind in _LOCALS else np.asarray(power)


def _matrix(
    entries: Complex, rows: NDArray[Any], columns: NDArray[Any], shape: tuple[int, int]
) -> sparse.csr_array:
    found = sparse.coo_array((entries, (rows, columns)), shape=shape).tocsr()
    found.sum_duplicates()
    return found
