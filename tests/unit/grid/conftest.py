"""A metered village: a SimBench network, the truth of a power flow, sensors with noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from power_grid_model import PowerGridModel, initialize_array

from ortsnetz_grid.functions.state_estimation import Measurements
from ortsnetz_grid.network.importing.convert import convert
from ortsnetz_grid.network.importing.source import load
from ortsnetz_grid.network.model import Network

LOAD, GENERATOR, TO_SIDE, FROM_SIDE = 4, 5, 1, 0


@dataclass(frozen=True)
class Village:
    """A network with the truth of its power flow, and meters that see it through noise."""

    network: Network
    truth: dict[str, Any]

    @property
    def mv_node(self) -> int:
        return int(self.network.data["source"]["node"][0])

    @property
    def busbar(self) -> int:
        return int(self.network.data["transformer"]["to_node"][0])

    def row(self, node: int) -> int:
        return int(np.flatnonzero(self.network.data["node"]["id"] == node)[0])

    def voltage_sensors(
        self, nodes: Sequence[int], rng: np.random.Generator, sigma: float = 0.005
    ) -> np.ndarray:
        rows = [self.row(node) for node in nodes]
        found = initialize_array("input", "asym_voltage_sensor", len(rows))
        found["id"] = 10_000 + np.arange(len(rows))
        found["measured_object"] = nodes
        found["u_sigma"] = sigma * self.network.data["node"]["u_rated"][rows] / np.sqrt(3)
        noise = rng.normal(size=(len(rows), 3)) * found["u_sigma"][:, None]
        found["u_measured"] = self.truth["node"]["u"][rows] + noise
        return found

    def power_sensors(
        self, rng: np.random.Generator, sigma: float = 100.0, lines: Sequence[int] = ()
    ) -> np.ndarray:
        """At all loads and generators, the transformer's low-voltage side, and some lines."""
        parts = [self._at("asym_load", LOAD, "", sigma=sigma, rng=rng)]
        if len(self.network.data.get("asym_gen", ())):
            parts.append(self._at("asym_gen", GENERATOR, "", sigma=sigma, rng=rng))
        parts.append(self._at("transformer", TO_SIDE, "_to", sigma=2 * sigma, rng=rng))
        if len(lines):
            parts.append(self._at("line", FROM_SIDE, "_from", sigma=sigma, rng=rng, only=lines))
        found = np.concatenate(parts)
        found["id"] = 20_000 + np.arange(len(found))
        return found

    def _at(
        self,
        component: str,
        terminal: int,
        side: str,
        *,
        sigma: float,
        rng: np.random.Generator,
        only: Sequence[int] | None = None,
    ) -> np.ndarray:
        ids = self.network.data[component]["id"]
        rows = np.arange(len(ids)) if only is None else np.flatnonzero(np.isin(ids, only))
        found = initialize_array("input", "asym_power_sensor", len(rows))
        found["measured_object"] = ids[rows]
        found["measured_terminal_type"] = terminal
        for name in ("p", "q"):
            true = self.truth[component][f"{name}{side}"][rows]
            found[f"{name}_sigma"] = sigma
            found[f"{name}_measured"] = true + sigma * rng.normal(size=true.shape)
        return found

    def measurements(self, voltage: np.ndarray, power: np.ndarray) -> Measurements:
        return Measurements({"asym_voltage_sensor": voltage, "asym_power_sensor": power})

    def case(self, voltage: np.ndarray, power: np.ndarray) -> dict[str, np.ndarray]:
        """A case for files: loads without any specified power."""
        found = {name: array.copy() for name, array in self.network.data.items()}
        for name in ("asym_load", "asym_gen"):
            if name in found:
                found[name]["p_specified"] = np.nan
                found[name]["q_specified"] = np.nan
        return {**found, "asym_voltage_sensor": voltage, "asym_power_sensor": power}


def village(network: Network) -> Village:
    flow = PowerGridModel(dict(network.data)).calculate_power_flow(symmetric=False)
    return Village(network, {str(getattr(k, "value", k)): v for k, v in flow.items()})


@pytest.fixture(scope="session")
def simbench_village() -> Any:
    """The small SimBench network as pandapower sees it (15 buses)."""
    return load("1-LV-rural1--0-sw")


@pytest.fixture(scope="session")
def simbench_town() -> Any:
    """The network of the demonstration as pandapower sees it (97 buses)."""
    return load("1-LV-rural2--0-sw")


@pytest.fixture(scope="session")
def hamlet(simbench_village: Any) -> Village:
    return village(convert(simbench_village, "1-LV-rural1--0-sw", 1))


@pytest.fixture(scope="session")
def town(simbench_town: Any) -> Village:
    return village(convert(simbench_town, "1-LV-rural2--0-sw", 1))


@pytest.fixture(scope="session")
def published(hamlet: Village, town: Village) -> Callable[[str], Network]:
    """Networks by the name under which they are published, each read once; not to be changed."""
    known = {"1-LV-rural1--0-sw": hamlet.network, "1-LV-rural2--0-sw": town.network}

    def network(name: str) -> Network:
        if name not in known:
            known[name] = convert(load(name), name, 1)
        return known[name]

    return network


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20161)


@pytest.fixture
def results(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "result.json", tmp_path / "bad.json"
