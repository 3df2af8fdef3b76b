"""What loads and generators take and give at a voltage: power-grid-model's types, and a band.

Within the band an element is what its type says: constant power, current or impedance. Outside,
where no equipment holds its power, it behaves like the impedance that draws the same at the band's
edge. OpenDSS does the same (`vminpu`, `vmaxpu`), and so a solution exists at any voltage.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from power_grid_model import LoadGenType

from ortsnetz_hil.plant.grid_state import Phases, Phasors
from ortsnetz_hil.plant.network_file import PlantNetwork

BAND_PU = (0.75, 1.20)
"""Voltages between which loads and generators follow their type."""
_EXPONENTS = {
    LoadGenType.const_power: 0,
    LoadGenType.const_current: 1,
    LoadGenType.const_impedance: 2,
}


@dataclass(frozen=True, slots=True)
class Elements:
    """The asym_loads or asym_gens of a network, in the order of the file.

    Attributes:
        component: power-grid-model's name.
        ids: shape (n,).
        nodes: row of the node of each, shape (n,).
        exponents: of the voltage in the power, shape (n, 1): 0, 1 or 2.
        on: 1 for connected ones, else 0, shape (n, 1).
    """

    component: str
    ids: NDArray[np.int64]
    nodes: NDArray[np.int64]
    exponents: Phases
    on: Phases

    @classmethod
    def of(cls, network: PlantNetwork, component: str) -> Elements:
        """Collect the elements of a component; there may be none."""
        array = network.array(component)
        if array is None:
            none = np.empty(0, np.int64)
            return cls(component, none, none, np.empty((0, 1)), np.empty((0, 1)))
        rows = {int(node): row for row, node in enumerate(network.ids("node"))}
        exponents = [[float(_EXPONENTS[LoadGenType(int(kind))])] for kind in array["type"]]
        return cls(
            component=component,
            ids=array["id"].astype(np.int64),
            nodes=np.array([rows[int(node)] for node in array["node"]], np.int64),
            exponents=np.array(exponents),
            on=np.array(array["status"] == 1, float)[:, np.newaxis],
        )

    def factors(self, u_pu: Phases) -> Phases:
        """Power over power at rated voltage, shape (n, 3); `u_pu` of all nodes, (nodes, 3)."""
        own = u_pu[self.nodes]
        edge = np.clip(own, *BAND_PU)
        beyond = own / edge
        return np.asarray(self.on * edge**self.exponents * beyond * beyond)

    def admittances(self, u_pu: Phases) -> Phases:
        """Power over power at rated voltage of the impedance that draws the same here, (n, 3)."""
        edge = np.clip(u_pu[self.nodes], *BAND_PU)
        return np.asarray(self.on * edge ** (self.exponents - 2.0))

    def outside(self, power: Phasors, u_pu: Phases) -> bool:
        """Whether any phase with power and voltage is outside the band and minds it.

        Args:
            power: at rated voltage, shape (n, 3).
            u_pu: of all nodes, shape (nodes, 3).
        """
        own = u_pu[self.nodes]
        beyond = ((own < BAND_PU[0]) & (own > 0)) | (own > BAND_PU[1])
        return bool((beyond & (power != 0) & (self.exponents < 2) & (self.on > 0)).any())
