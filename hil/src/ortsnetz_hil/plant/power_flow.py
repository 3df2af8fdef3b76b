"""Three-phase power flow of the plant, by power-grid-model (asymmetric Newton-Raphson)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from power_grid_model import (
    CalculationMethod,
    ComponentType,
    DatasetType,
    PowerGridModel,
    initialize_array,
)
from power_grid_model.errors import PowerGridError

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_hil.plant.network_file import PlantNetwork

Phases = NDArray[np.float64]
Phasors = NDArray[np.complex128]

_BRANCH = ["p_from", "q_from", "p_to", "q_to"]
_OUTPUT: dict[ComponentType, Any] = {
    ComponentType.node: ["energized", "u_pu", "u", "u_angle"],
    ComponentType.line: _BRANCH,
    ComponentType.transformer: _BRANCH,
    ComponentType.source: ["p", "q"],
}


@dataclass(frozen=True, slots=True)
class BranchFlows:
    """Complex power and current into branches at their ends, each of shape (branches, 3)."""

    s_from: Phasors
    s_to: Phasors
    i_from: Phasors
    i_to: Phasors


@dataclass(frozen=True, slots=True)
class Injections:
    """Powers of the network's asym_loads and asym_gens in the order of the file, shape (n, 3).

    power-grid-model's signs: loads consume positive, generators generate positive; W and var.
    """

    load_p: Phases
    load_q: Phases
    gen_p: Phases
    gen_q: Phases


@dataclass(frozen=True, slots=True)
class GridState:
    """A solved state.

    Attributes:
        u_pu: phase-to-neutral voltage, shape (nodes, 3).
        u_v: complex phase-to-neutral voltage in V, shape (nodes, 3).
        energized: shape (nodes,).
        source_s: complex power from the source into the network, total.
    """

    u_pu: Phases
    u_v: Phasors
    energized: NDArray[np.bool_]
    lines: BranchFlows
    transformers: BranchFlows
    source_s: complex


class PowerFlow:
    """Solves one network again and again with new injections."""

    def __init__(self, network: PlantNetwork) -> None:
        data = {ComponentType(name): array for name, array in network.data.items()}
        self._model = PowerGridModel(data)
        self._load = _update(ComponentType.asym_load, network.ids("asym_load"))
        self._gen = _update(ComponentType.asym_gen, network.ids("asym_gen"))
        rows = {int(node): row for row, node in enumerate(network.ids("node"))}
        self._line_ends = _ends(network.data["line"], rows)
        self._transformer_ends = _ends(network.data["transformer"], rows)

    def solve(self, injections: Injections) -> GridState:
        """Solve for new injections.

        Raises:
            OrtsnetzError: the power flow does not converge: the plant has collapsed.
        """
        self._load["p_specified"] = injections.load_p
        self._load["q_specified"] = injections.load_q
        update = {ComponentType.asym_load: self._load}
        if self._gen.size:
            self._gen["p_specified"] = injections.gen_p
            self._gen["q_specified"] = injections.gen_q
            update[ComponentType.asym_gen] = self._gen
        try:
            self._model.update(update_data=update)
            result = self._model.calculate_power_flow(
                symmetric=False,
                calculation_method=CalculationMethod.newton_raphson,
                output_component_types=_OUTPUT,
            )
        except PowerGridError as error:
            reason = " ".join(str(error).split())
            raise OrtsnetzError(f"the plant's power flow found no solution: {reason}") from error
        return self._state(result)

    def _state(self, result: Any) -> GridState:
        node = result[ComponentType.node]
        u_v = node["u"] * np.exp(1j * node["u_angle"])
        source = result[ComponentType.source]
        return GridState(
            u_pu=node["u_pu"],
            u_v=u_v,
            energized=node["energized"].astype(bool),
            lines=_flows(result[ComponentType.line], u_v, self._line_ends),
            transformers=_flows(result[ComponentType.transformer], u_v, self._transformer_ends),
            source_s=complex(source["p"].sum(), source["q"].sum()),
        )


Ends = tuple[NDArray[np.int64], NDArray[np.int64]]


def _ends(branches: NDArray[Any], rows: dict[int, int]) -> Ends:
    return (
        np.array([rows[int(node)] for node in branches["from_node"]], np.int64),
        np.array([rows[int(node)] for node in branches["to_node"]], np.int64),
    )


def _update(component: ComponentType, ids: NDArray[np.int64]) -> NDArray[Any]:
    array = initialize_array(DatasetType.update, component, ids.size)
    array["id"] = ids
    return array


def _flows(branches: Any, u_v: Phasors, ends: Ends) -> BranchFlows:
    s_from = branches["p_from"] + 1j * branches["q_from"]
    s_to = branches["p_to"] + 1j * branches["q_to"]
    return BranchFlows(
        s_from=s_from,
        s_to=s_to,
        i_from=_current(s_from, u_v[ends[0]]),
        i_to=_current(s_to, u_v[ends[1]]),
    )


def _current(power: Phasors, voltage: Phasors) -> Phasors:
    """Phase currents; a dead end carries none."""
    dead = np.abs(voltage) < 1e-9
    return np.asarray(np.conj(power / np.where(dead, 1.0, voltage)))
