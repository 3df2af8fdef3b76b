"""Voltages of ours in power-grid-model's words: its asymmetric output data set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from power_grid_model import initialize_array

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.admittance import BASE_PHASE_VA, Admittance, rows_of
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.two_ports import Complex

Output = dict[str, NDArray[Any]]
"""Component name to structured array, in the order of the input."""

BRANCHES = ("line", "link", "transformer", "asym_line")
_SIGNS = {"sym_load": -1, "asym_load": -1, "sym_gen": 1, "asym_gen": 1, "source": 1}
"""Appliances, and whether their own direction is into the network."""


def asym_output(
    network: Network,
    admittance: Admittance,
    voltage: Complex,
    appliance_powers: Mapping[str, Complex],
) -> Output:
    """power-grid-model's asymmetric output at given voltages, sensors left out.

    Where nothing is energised, everything is 0, as that library has it. A node's `p` and `q` are
    the sum of its appliances. The library's `loading` is not ours (see `network.loading`): for
    transformers it averages the phases. Additions to the format have no place in it.

    Args:
        network: the network.
        admittance: its model.
        voltage: (n, 3) complex, per unit; NaN where it is not known or the phase does not exist.
        appliance_powers: (k, 3) complex VA by component, in the component's own direction (loads
            consume, generators and sources generate); what is not connected counts as 0. Without
            an entry `source`, sources feed what their nodes' balance asks for, in equal shares.

    Raises:
        InputError: names a component with appliances whose powers are not given.
    """
    # a phase that does not exist and a node without supply meet only zeros of the admittances
    at = np.where(admittance.present & admittance.energised[:, None], voltage, 0)
    powers = _connected_powers(network, admittance, at, appliance_powers)
    found: Output = {"node": _nodes(network, admittance, at, powers)}
    missing = admittance.energised[:, None] & ~admittance.present
    for name in ("u_pu", "u", "u_angle", "p", "q"):
        found["node"][name][missing] = np.nan
    found |= _branches(network, admittance, at)
    if len(network.data.get("shunt", ())):
        consumed = admittance.shunt_powers(at)[: len(network.data["shunt"])] * BASE_PHASE_VA
        powers = {"shunt": consumed, **powers}
    volts = np.abs(at) * admittance.node_volts[:, None]
    for component, power in powers.items():
        array = network.data[component]
        on = _connected(network, admittance, component)
        drawn = np.where(on[:, None], power, 0)
        nodes = rows_of(network, array["node"])
        found[component] = _appliances(component, array["id"], on, drawn, volts[nodes])
    return found


def _connected(network: Network, admittance: Admittance, component: str) -> NDArray[np.bool_]:
    """Whether appliances (k,) are connected to a node with supply."""
    array = network.data[component]
    live = admittance.energised[rows_of(network, array["node"])]
    return np.asarray((array["status"] == 1) & live)


def _connected_powers(
    network: Network,
    admittance: Admittance,
    voltage: Complex,
    given: Mapping[str, Complex],
) -> dict[str, Complex]:
    """Powers (k, 3) of all appliances, 0 where they are not connected or not energised."""
    found: dict[str, Complex] = {}
    for component in _SIGNS:
        array = network.data.get(component)
        if array is None or not len(array):
            continue
        if component in given:
            power = given[component]
        elif component == "source":
            power = _fed(network, admittance, voltage, found)
        else:
            label = network.label(int(array["id"][0]))
            raise InputError(f"{label}: the powers of {component} are not given")
        on = _connected(network, admittance, component)
        found[component] = np.where(on[:, None], power, 0)
    return found


def _fed(
    network: Network, admittance: Admittance, voltage: Complex, others: Mapping[str, Complex]
) -> Complex:
    """Powers (s, 3) of the sources from what flows away from their nodes."""
    array = network.data["source"]
    nodes = rows_of(network, array["node"])
    balance = np.zeros_like(voltage)
    flows = _flows(admittance, voltage)[1]
    np.add.at(balance, admittance.ends, flows * BASE_PHASE_VA)
    np.add.at(balance, admittance.shunt_nodes, admittance.shunt_powers(voltage) * BASE_PHASE_VA)
    balance -= _summed(network, others)
    share = np.bincount(nodes[array["status"] == 1], minlength=len(voltage))[nodes]
    return np.asarray(balance[nodes] / np.maximum(share, 1)[:, None])


def _summed(network: Network, powers: Mapping[str, Complex]) -> Complex:
    """Powers (n, 3) into the network at its nodes."""
    found = np.zeros((len(network.data["node"]), 3), dtype=np.complex128)
    for component, power in powers.items():
        nodes = rows_of(network, network.data[component]["node"])
        np.add.at(found, nodes, _SIGNS[component] * power)
    return found


def _nodes(
    network: Network, admittance: Admittance, voltage: Complex, powers: Mapping[str, Complex]
) -> NDArray[Any]:
    found = initialize_array("asym_output", "node", len(voltage))
    injected = _summed(network, powers)
    injected[np.isnan(voltage)] = complex(np.nan, np.nan)
    found["id"], found["energized"] = admittance.node_ids, admittance.energised
    found["u_pu"], found["u_angle"] = np.abs(voltage), np.angle(voltage)
    found["u"] = found["u_pu"] * admittance.node_volts[:, None]
    found["p"], found["q"] = injected.real, injected.imag
    return found


def _flows(admittance: Admittance, voltage: Complex) -> tuple[Complex, Complex]:
    """Currents and powers (b, 2, 3) into the branches; beyond an open end nothing is looked at."""
    at = np.where(admittance.connected[..., None], voltage[admittance.ends], 0)
    current = np.einsum("bijpq,bjq->bip", admittance.blocks, at)
    return np.asarray(current), np.asarray(at * np.conj(current))


def _branches(network: Network, admittance: Admittance, voltage: Complex) -> Output:
    """Output of all branches; they come first in `admittance`, component by component."""
    current, power = _flows(admittance, voltage)
    amperes = np.abs(current) * BASE_PHASE_VA / admittance.node_volts[admittance.ends][..., None]
    power = power * BASE_PHASE_VA
    fed = np.asarray((admittance.connected & admittance.energised[admittance.ends]).any(axis=1))
    found: Output = {}
    first = 0
    for component in BRANCHES:
        array = network.data.get(component)
        if array is None or not len(array):
            continue
        rows = slice(first, first + len(array))
        first += len(array)
        found[component] = _branch(component, array, fed[rows], amperes[rows], power[rows])
    return found


def _branch(
    component: str,
    array: NDArray[Any],
    fed: NDArray[np.bool_],
    amperes: NDArray[np.float64],
    power: Complex,
) -> NDArray[Any]:
    found = initialize_array("asym_output", component, len(array))
    found["id"], found["energized"] = array["id"], fed
    for end, name in enumerate(("from", "to")):
        found[f"p_{name}"], found[f"q_{name}"] = power[:, end].real, power[:, end].imag
        found[f"i_{name}"], found[f"s_{name}"] = amperes[:, end], np.abs(power[:, end])
    if component == "link":
        found["loading"] = 0
    elif component == "transformer":
        found["loading"] = np.abs(power).sum(axis=2).max(axis=1) / array["sn"]
    else:
        with np.errstate(divide="ignore", invalid="ignore"):  # without rating it is not a number
            found["loading"] = np.where(fed, amperes.max(axis=(1, 2)) / array["i_n"], 0)
    return found


def _appliances(
    component: str,
    ids: NDArray[np.int32],
    on: NDArray[np.bool_],
    power: Complex,
    volts: NDArray[np.float64],
) -> NDArray[Any]:
    found = initialize_array("asym_output", component, len(ids))
    apparent = np.abs(power)
    found["id"], found["energized"] = ids, on
    found["p"], found["q"], found["s"] = power.real, power.imag, apparent
    found["i"] = np.divide(apparent, volts, out=np.zeros_like(apparent), where=volts != 0)
    found["pf"] = np.divide(power.real, apparent, out=np.zeros_like(volts), where=apparent != 0)
    return found
