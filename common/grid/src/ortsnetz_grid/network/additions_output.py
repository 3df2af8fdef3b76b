"""Results of the additional elements, in the form of power-grid-model's own: lists by component."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.network.additions_loading import additional_loading
from ortsnetz_grid.network.admittance import BASE_PHASE_VA, Admittance, rows_of
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.two_ports import Complex

Rows = dict[str, list[dict[str, Any]]]


def additional_output(
    network: Network, admittance: Admittance, voltage: Complex, consumed: Complex
) -> Rows:
    """What flows in the additional elements; numbers that are not known are None.

    Args:
        network: the network.
        admittance: its model.
        voltage: (n, 3) complex, per unit; NaN where it is not known or the phase does not exist.
        consumed: (k, 3) VA of the energy consumers, by phase or by connection (ab, bc, ca).

    Returns:
        `id` and `energized` of every element; branches: `loading` (see `additional_loading`),
        `p_from`, `q_from`, `i_from` and likewise `to`, (3,) in W, var, A, into the element; shunt
        compensators: `p`, `q`, `i`; energy consumers: `p`, `q`. Everything is 0 where nothing is
        energised.
    """
    found = {
        "matrix_line": _branches(network, admittance, voltage),
        "energy_consumer": _consumers(network, admittance, consumed),
        "shunt_compensator": _shunts(network, admittance, voltage),
    }
    lines = len(network.additions.matrix_line)
    found["single_phase_transformer"] = found["matrix_line"][lines:]
    found["matrix_line"] = found["matrix_line"][:lines]
    return {component: rows for component, rows in found.items() if rows}


def _branches(network: Network, admittance: Admittance, voltage: Complex) -> list[dict[str, Any]]:
    loaded = additional_loading(network, admittance, voltage)
    rows = slice(len(admittance.branch_ids) - len(loaded.ids), None)
    ends, at = admittance.ends[rows], _at(admittance, voltage)
    live = np.any(admittance.energised[ends] & admittance.connected[rows], axis=1)
    power = admittance.branch_powers(at)[rows] * BASE_PHASE_VA
    current = np.abs(admittance.branch_currents(at)[rows])
    current *= (BASE_PHASE_VA / admittance.node_volts[ends])[..., None]
    return [
        {
            "id": element,
            "energized": int(live[row]),
            "loading": _numbers(loaded.loading[row]),
            "p_from": _numbers(power[row, 0].real),
            "q_from": _numbers(power[row, 0].imag),
            "i_from": _numbers(current[row, 0]),
            "p_to": _numbers(power[row, 1].real),
            "q_to": _numbers(power[row, 1].imag),
            "i_to": _numbers(current[row, 1]),
        }
        for row, element in enumerate(loaded.ids.tolist())
    ]


def _shunts(network: Network, admittance: Admittance, voltage: Complex) -> list[dict[str, Any]]:
    shunts = network.additions.shunt_compensator
    rows = slice(len(admittance.shunt_ids) - len(shunts), None)
    nodes = admittance.shunt_nodes[rows]
    at = _at(admittance, voltage)
    power = admittance.shunt_powers(at)[rows] * BASE_PHASE_VA
    current = np.einsum("spq,sq->sp", admittance.shunt_blocks[rows], at[nodes])
    amperes = np.abs(current) * (BASE_PHASE_VA / admittance.node_volts[nodes])[:, None]
    return [
        {
            "id": shunt.id,
            "energized": int(bool(shunt.status) and bool(admittance.energised[nodes[row]])),
            "p": _numbers(power[row].real),
            "q": _numbers(power[row].imag),
            "i": _numbers(amperes[row]),
        }
        for row, shunt in enumerate(shunts)
    ]


def _consumers(network: Network, admittance: Admittance, consumed: Complex) -> list[dict[str, Any]]:
    consumers = network.additions.energy_consumer
    if not consumers:
        return []
    nodes = rows_of(network, np.array([each.node for each in consumers], dtype=np.int32))
    live = admittance.energised[nodes] & np.array([each.status == 1 for each in consumers])
    asked = np.array([(each.p_specified, each.q_specified) for each in consumers])
    # a phase without consumption may not exist, and then nothing is known of its voltage
    power = np.where((asked != 0).any(axis=1) & live[:, None], consumed, 0)
    return [
        {
            "id": each.id,
            "energized": int(live[row]),
            "p": _numbers(power[row].real),
            "q": _numbers(power[row].imag),
        }
        for row, each in enumerate(consumers)
    ]


def _at(admittance: Admittance, voltage: Complex) -> Complex:
    """Voltages with 0 where a phase does not exist or nothing is energised."""
    there = admittance.present & admittance.energised[:, None]
    return np.where(there, voltage, 0)


def _numbers(values: NDArray[np.float64]) -> Any:
    """As JSON has it: None for what is not a number."""
    plain = np.asarray(values).astype(object)
    plain[~np.isfinite(values)] = None
    return plain.tolist()
