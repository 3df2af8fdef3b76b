"""Power flows of the cases from power-grid-model's Newton method and from OpenDSS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from power_grid_model import CalculationMethod, PowerGridModel

from ortsnetz_grid.network.model import Network

Values = dict[str, dict[str, dict[str, Any]]]
"""By component, id and quantity; three numbers where there are three phases."""

BRANCH = ("p_from", "q_from", "i_from", "p_to", "q_to", "i_to")
QUANTITIES = {
    "node": ("u_pu", "u_angle"),
    **dict.fromkeys(("line", "asym_line", "link", "transformer"), BRANCH),
    "shunt": ("p", "q", "i"),
    **dict.fromkeys(("source", "sym_load", "asym_load", "sym_gen", "asym_gen"), ("p", "q")),
}


def truth(folder: Path) -> Values:
    """The power flow of a case from the solver that it names."""
    wanted = json.loads((folder / "case.json").read_text())["truth"]
    if wanted["solver"] == "OpenDSS":
        return _of_opendss(folder, wanted)
    return of_library(
        Network.from_json((folder / "network.json").read_text(), folder.name),
        wanted["error_tolerance"],
    )


def of_library(network: Network, error_tolerance: float) -> Values:
    """power-grid-model's output."""
    result: Any = PowerGridModel(dict(network.data)).calculate_power_flow(
        symmetric=False,
        calculation_method=CalculationMethod.newton_raphson,
        error_tolerance=error_tolerance,
        max_iterations=100,
    )
    return {
        component: {
            str(row["id"]): {name: row[name].tolist() for name in names}
            for row in result[component]
        }
        for component, names in QUANTITIES.items()
        if component in network.data and len(network.data[component])
    }


def _of_opendss(folder: Path, wanted: dict[str, Any]) -> Values:
    from dss import DSS  # only whoever makes these cases anew needs it

    DSS.AllowChangeDir = False
    DSS.Text.Command = f'Compile "{folder / wanted["circuit"]}"'
    circuit = DSS.ActiveCircuit
    if not circuit.Solution.Converged:
        raise RuntimeError(f"{folder.name}: OpenDSS does not converge")
    nodes = {}
    for node, bus in wanted["buses"].items():
        circuit.SetActiveBus(bus)
        found = np.full(3, complex(np.nan, np.nan))
        at = np.array(circuit.ActiveBus.Nodes) - 1
        found[at] = _complex(circuit.ActiveBus.puVoltages)
        nodes[node] = {"u_pu": np.abs(found).tolist(), "u_angle": np.angle(found).tolist()}
    branches = {
        component: {element: _branch(circuit, name) for element, name in names.items()}
        for component, names in wanted["branches"].items()
    }
    appliances = {
        component: {element: _appliance(circuit, names) for element, names in elements.items()}
        for component, elements in wanted["appliances"].items()
    }
    return {"node": nodes, **branches, **appliances}


def _branch(circuit: Any, name: str) -> dict[str, Any]:
    """What flows into both ends in the phases, not in a conductor at earth."""
    circuit.SetActiveElement(name)
    element = circuit.ActiveCktElement
    order = np.array(element.NodeOrder).reshape(2, -1)
    power = 1e3 * _complex(element.Powers).reshape(2, -1)
    current = _complex(element.Currents).reshape(2, -1)
    found: dict[str, Any] = {}
    for end, side in enumerate(("from", "to")):
        into, amperes = np.zeros(3, complex), np.zeros(3, complex)
        phases = order[end] > 0
        np.add.at(into, order[end][phases] - 1, power[end][phases])
        np.add.at(amperes, order[end][phases] - 1, current[end][phases])
        found[f"p_{side}"], found[f"q_{side}"] = into.real.tolist(), into.imag.tolist()
        found[f"i_{side}"] = np.abs(amperes).tolist()
    return found


def _appliance(circuit: Any, names: list[str | None]) -> dict[str, Any]:
    """What its three phases, or pairs of phases, consume; None where the circuit has nothing."""
    power = np.zeros(3, complex)
    for place, name in enumerate(names):
        if name is not None:
            circuit.SetActiveElement(name)
            power[place] = 1e3 * _complex(circuit.ActiveCktElement.Powers).sum()
    return {"p": power.real.tolist(), "q": power.imag.tolist()}


def _complex(pairs: Any) -> np.ndarray:
    """Complex numbers from OpenDSS's pairs."""
    return np.asarray(np.asarray(pairs, dtype=float).reshape(-1, 2) @ np.array([1, 1j]))
