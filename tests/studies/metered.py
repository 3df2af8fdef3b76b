"""Sensors of a case: meters that read the truth through noise, and beliefs about the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from power_grid_model import MeasuredTerminalType, initialize_array
from studies.demand import Belief

METER_U_SIGMA = 0.004
"""Standard deviation of a voltage meter, of rated voltage (issue 4)."""
ASSUMED_U_SIGMA = 0.01
POWER_ACCURACY = 0.01
POWER_LEAST = 2.0
TRANSFORMER_ACCURACY = 0.005
TRANSFORMER_LEAST = 1e-4
"""Of a third of the rated power."""

Array = NDArray[Any]
TERMINALS = {
    "asym_load": MeasuredTerminalType.load,
    "asym_gen": MeasuredTerminalType.generator,
    "transformer": MeasuredTerminalType.branch_to,
}


@dataclass
class Sensors:
    """Sensors as they are added, numbered from `first`."""

    data: Mapping[str, Array]
    truth: Mapping[str, Array]
    rng: np.random.Generator
    first: int
    voltage: list[Array]
    power: list[Array]
    believed: list[Array]

    @classmethod
    def of(
        cls, data: Mapping[str, Array], truth: Mapping[str, Array], rng: np.random.Generator
    ) -> Sensors:
        """None yet."""
        first = 1 + max(int(array["id"].max()) for array in data.values() if len(array))
        return cls(data, truth, rng, first, [], [], [])

    def add_voltages(self, nodes: Array) -> None:
        """Meters of the three phases at nodes."""
        rows, found = self._voltages(nodes, METER_U_SIGMA)
        noise = self.rng.normal(size=(len(rows), 3)) * found["u_sigma"][:, None]
        found["u_measured"] = self.truth["node"]["u"][rows] + noise
        self.voltage.append(found)

    def add_assumed_voltages(self, nodes: Array, u_pu: Array) -> None:
        """The same voltage in the three phases, as somebody assumes it who has no meter."""
        rows, found = self._voltages(nodes, ASSUMED_U_SIGMA)
        rated = self.data["node"]["u_rated"][rows] / np.sqrt(3)
        found["u_measured"] = (u_pu * rated)[:, None]
        self.voltage.append(found)

    def add_transformers(self) -> None:
        """Power of all transformers at their low-voltage side, and the voltages there."""
        units = self.data["transformer"]
        units = units[(units["from_status"] == 1) & (units["to_status"] == 1)]
        rows = np.flatnonzero(np.isin(self.data["transformer"]["id"], units["id"]))
        true = self.truth["transformer"][rows]
        found = self._powers(units["id"], TERMINALS["transformer"])
        least = TRANSFORMER_LEAST * units["sn"][:, None] / 3
        for name in ("p", "q"):
            size = np.hypot(true["p_to"], true["q_to"])
            self._read(found, name, true[f"{name}_to"], TRANSFORMER_ACCURACY * size + least)
        self.power.append(found)
        self.add_voltages(np.unique(units["to_node"]))

    def add_meters(self, component: str, rows: Array) -> None:
        """Meters of loads or generators."""
        true = self.truth[component][rows]
        found = self._powers(self.data[component]["id"][rows], TERMINALS[component])
        for name in ("p", "q"):
            sigma = np.maximum(POWER_ACCURACY * np.abs(true[name]), POWER_LEAST)
            self._read(found, name, true[name], sigma)
        self.power.append(found)

    def add_beliefs(self, component: str, rows: Array, belief: Belief) -> None:
        """Beliefs about loads or generators that nobody meters."""
        found = self._powers(self.data[component]["id"][rows], TERMINALS[component])
        for name in ("p", "q"):
            found[f"{name}_measured"] = getattr(belief, name)[rows]
            found[f"{name}_sigma"] = getattr(belief, f"{name}_sigma")[rows]
        self.power.append(found)
        self.believed.append(found["measured_object"])

    def beliefs(self) -> frozenset[int]:
        """Ids of the power sensors that are beliefs."""
        elements = np.concatenate(self.believed)
        voltages = sum(len(array) for array in self.voltage)
        power = np.concatenate([array["measured_object"] for array in self.power])
        places = np.flatnonzero(np.isin(power, elements))
        return frozenset((self.first + voltages + places).tolist())

    def arrays(self) -> dict[str, Array]:
        """All of them, numbered: voltages first."""
        voltage, power = np.concatenate(self.voltage), np.concatenate(self.power)
        voltage["id"] = self.first + np.arange(len(voltage))
        power["id"] = self.first + len(voltage) + np.arange(len(power))
        return {"asym_voltage_sensor": voltage, "asym_power_sensor": power}

    def _voltages(self, nodes: Array, sigma: float) -> tuple[Array, Array]:
        ids = self.data["node"]["id"]
        order = np.argsort(ids)
        rows = order[np.searchsorted(ids[order], nodes)]
        found = initialize_array("input", "asym_voltage_sensor", len(rows))
        found["measured_object"] = nodes
        found["u_sigma"] = sigma * self.data["node"]["u_rated"][rows] / np.sqrt(3)
        return rows, found

    @staticmethod
    def _powers(ids: Array, terminal: MeasuredTerminalType) -> Array:
        found = initialize_array("input", "asym_power_sensor", len(ids))
        found["measured_object"] = ids
        found["measured_terminal_type"] = terminal
        return found

    def _read(self, found: Array, name: str, true: Array, sigma: Array) -> None:
        found[f"{name}_sigma"] = sigma
        found[f"{name}_measured"] = true + sigma * self.rng.normal(size=true.shape)
