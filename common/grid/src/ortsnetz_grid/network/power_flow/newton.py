"""power-grid-model's Newton method, for what the fixed point does not solve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from power_grid_model import (
    CalculationMethod,
    LoadGenType,
    PowerGridModel,
    initialize_array,
)
from power_grid_model.errors import PowerGridError

from ortsnetz_grid.network.admittance import BASE_PHASE_VA
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.power_flow.drawing import drawn
from ortsnetz_grid.network.power_flow.flows import Flows
from ortsnetz_grid.network.power_flow.injections import KINDS, Injections
from ortsnetz_grid.network.power_flow.sources import Sources
from ortsnetz_grid.network.two_ports import Complex

if TYPE_CHECKING:
    from ortsnetz_grid.network.power_flow.solver import PowerFlow, Settings

_TYPES = {
    "power": LoadGenType.const_power,
    "current": LoadGenType.const_current,
    "impedance": LoadGenType.const_impedance,
}
_OUTPUT: Any = {"node": ["u_pu", "u_angle"]}
_GRID = ("node", "line", "link", "transformer", "asym_line", "shunt", "source")
_LARGEST_MISMATCH_VA = 1.0
"""A solution of the library whose power balance in our model is worse is not taken."""


class Newton:
    """The network as power-grid-model knows it, with what each scenario draws as its loads."""

    def __init__(self, network: Network, sources: Sources) -> None:
        """Remember the network; nothing is computed yet."""
        self._network, self._sources = network, sources

    def mend(
        self, flow: PowerFlow, flows: Flows, injections: Injections, settings: Settings
    ) -> None:
        """Write what the library finds into `flows`, for the scenarios that did not converge."""
        given = injections.by_kind
        if self._network.additions or any(kind not in _TYPES for kind in given):
            return
        for number in np.flatnonzero(~flows.converged).tolist():
            one = injections.scenario(number)
            voltage = self._solved(one, flow.source_voltage(one)[0], settings)
            if voltage is None:
                continue
            mismatch = _mismatch(flow, one, voltage)
            if not mismatch <= _LARGEST_MISMATCH_VA:
                continue
            flows.voltage[number] = voltage
            flows.converged[number] = flows.part_converged[number] = True
            flows.mismatch_va[number], flows.by_library[number] = mismatch, True

    def _solved(
        self, injections: Injections, source: Complex, settings: Settings
    ) -> Complex | None:
        """Voltages (n, 3), or None if the library finds none either."""
        try:
            result: Any = PowerGridModel(self._data(injections, source)).calculate_power_flow(
                symmetric=False,
                calculation_method=CalculationMethod.newton_raphson,
                error_tolerance=settings.tolerance,
                max_iterations=settings.most_iterations,
                output_component_types=_OUTPUT,
            )
        except PowerGridError:
            return None
        node = result["node"]
        voltage: Complex = np.asarray(node["u_pu"] * np.exp(1j * node["u_angle"]))
        return voltage if np.isfinite(voltage).all() else None

    def _data(self, injections: Injections, source: Complex) -> dict[Any, NDArray[Any]]:
        data: dict[Any, Any] = {
            name: self._network.data[name] for name in _GRID if name in self._network.data
        }
        sources = data["source"].copy()
        served = sources["status"] == 1
        sources["u_ref"][served], sources["u_ref_angle"][served] = np.abs(source), np.angle(source)
        data["source"] = sources
        ids = data["node"]["id"][injections.nodes]
        next_id = 1 + max(self._network.components)
        loads = []
        for kind, power in injections.by_kind.items():
            array = initialize_array("input", "asym_load", len(ids))
            array["id"] = next_id + np.arange(len(ids))
            next_id += len(ids)
            array["node"], array["status"], array["type"] = ids, 1, _TYPES[kind]
            array["p_specified"], array["q_specified"] = power[0].real, power[0].imag
            loads.append(array)
        if loads:
            data["asym_load"] = np.concatenate(loads)
        return data


def _mismatch(flow: PowerFlow, injections: Injections, voltage: Complex) -> float:
    """Largest difference, VA, between the power of a node's phase and what it should be."""
    model = flow.admittance
    given = injections.by_kind
    powers = [given[kind][0] / BASE_PHASE_VA if kind in given else None for kind in KINDS]
    power = -voltage * np.conj((model.node_matrix() @ voltage.ravel()).reshape(-1, 3))
    np.add.at(
        power, flow.sources.nodes, flow.sources.powers(voltage, flow.source_voltage(injections)[0])
    )
    at = voltage[injections.nodes]
    power[injections.nodes] -= at * np.conj(drawn(at, powers))
    return float(BASE_PHASE_VA * np.abs(power[model.energised]).max(initial=0))
