"""Sources: symmetrical voltages behind an impedance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.admittance import rows_of
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.two_ports import BASE_POWER_VA, Complex, Real, phases

SYMMETRICAL = np.exp(-2j * np.pi / 3 * np.arange(3))
"""Phases a, b, c of a symmetrical voltage of 1."""

_SK_VA, _RX, _Z01 = 1e10, 0.1, 1.0  # power-grid-model's defaults


@dataclass(frozen=True, slots=True)
class Sources:
    """The `s` sources in service.

    Attributes:
        ids: (s,).
        nodes: (s,) rows of their nodes.
        admittance: (s, 3, 3) of their impedance, per unit.
        voltage: (s,) complex, per unit, phase a of the symmetrical voltage behind it.
    """

    ids: NDArray[np.int32]
    nodes: NDArray[np.intp]
    admittance: Complex
    voltage: Complex

    @classmethod
    def of(cls, network: Network) -> Sources:
        """Collect them.

        Raises:
            InputError: there is none, or one without a voltage.
        """
        array = network.data.get("source")
        if array is None or not (array["status"] == 1).any():
            raise InputError("the network has no source in service")
        array = array[array["status"] == 1]
        for row in array:
            if not (np.isfinite(row["u_ref"]) and row["u_ref"] > 0):
                label = network.label(int(row["id"]))
                raise InputError(f"{label}: u_ref is missing or not a positive number")
        impedance = BASE_POWER_VA / _number(array, "sk", _SK_VA)
        ratio = _number(array, "rx_ratio", _RX)
        positive: Complex = np.asarray(impedance * (ratio + 1j) / np.hypot(ratio, 1))
        zero: Complex = np.asarray(positive * _number(array, "z01_ratio", _Z01))
        return cls(
            ids=array["id"],
            nodes=rows_of(network, array["node"]),
            admittance=phases(*(np.reciprocal(each) for each in (zero, positive, positive))),
            voltage=array["u_ref"] * np.exp(1j * _number(array, "u_ref_angle", 0.0)),
        )

    def currents(self, voltage: Complex, nodes: int) -> Complex:
        """Currents (b, n, 3) that they feed into `nodes` nodes at 0 V, for voltages (b, s)."""
        phasors = voltage[:, :, None] * SYMMETRICAL
        found = np.zeros((len(voltage), nodes, 3), dtype=np.complex128)
        each = np.einsum("spq,bsq->bsp", self.admittance, phasors)
        np.add.at(found.swapaxes(0, 1), self.nodes, each.swapaxes(0, 1))
        return found

    def powers(self, voltage: Complex, behind: Complex | None = None) -> Complex:
        """Complex power (s, 3) that they feed, per unit, at node voltages (n, 3).

        Args:
            voltage: (n, 3).
            behind: (s,) their voltages; the file's unless given.
        """
        inner = (self.voltage if behind is None else behind)[:, None] * SYMMETRICAL
        at = voltage[self.nodes]
        current = np.einsum("spq,sq->sp", self.admittance, inner - at)
        return np.asarray(at * np.conj(current))


def _number(array: NDArray[Any], name: str, default: float) -> Real:
    return np.where(np.isnan(array[name]), default, array[name])
