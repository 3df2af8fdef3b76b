"""Cases of the numerical core's benchmark as files, and how its solvers read them.

A directory a case: `network.json`, `scenarios.npz` with the powers of loads and generators, and
`truth.npy`, power-grid-model's voltages for them; for state estimation `estimation.json`, the
network with sensors, and `estimation.npy`, the true voltages that they saw.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from power_grid_model import initialize_array
from power_grid_model.utils import json_deserialize

Array = NDArray[Any]
COMPONENTS = ("asym_load", "asym_gen")


@dataclass(frozen=True)
class Case:
    """A network with its files.

    Attributes:
        name: for people.
        nodes: how many.
        directory: of its files.
    """

    name: str
    nodes: int
    directory: Path

    @classmethod
    def at(cls, directory: Path) -> Case:
        """As it was written."""
        said = json.loads((directory / "case.json").read_text())
        return cls(said["name"], said["nodes"], directory)

    @property
    def network(self) -> Path:
        """The network file."""
        return self.directory / "network.json"

    @property
    def estimation(self) -> Path:
        """The network file with sensors."""
        return self.directory / "estimation.json"

    def scenarios(self) -> dict[str, Array]:
        """Powers (b, k, 3) in W and var by component and part, that library's signs."""
        return dict(np.load(self.directory / "scenarios.npz"))

    def truth(self) -> Array:
        """Voltages (b, n, 3) of the scenarios, per unit."""
        return np.asarray(np.load(self.directory / "truth.npy"))

    def seen(self) -> Array:
        """True voltages (n, 3) of the metered state, per unit."""
        return np.asarray(np.load(self.directory / "estimation.npy"))


def input_data(path: Path) -> dict[str, Array]:
    """power-grid-model's arrays of a network file."""
    found = json_deserialize(path.read_text())
    return {str(getattr(name, "value", name)): array for name, array in found.items()}


def updates(data: Mapping[str, Array], powers: Mapping[str, Array]) -> dict[str, Array]:
    """Scenarios as a batch update of power-grid-model."""
    found = {}
    for component in COMPONENTS:
        if component in data:
            p = powers[f"{component}_p"]
            array = initialize_array("update", component, p.shape[:2])
            array["id"] = data[component]["id"]
            array["p_specified"], array["q_specified"] = p, powers[f"{component}_q"]
            found[component] = array
    return found
