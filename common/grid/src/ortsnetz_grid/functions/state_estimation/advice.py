"""Where one more meter would help most.

Each candidate is tried: a customer's power, voltage included, or the flow at a branch's end is
taken as measured with a meter's deviation at its estimated value, and the deviations of the state
are computed again. What a meter would say does not matter for that, only how well it would say it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from power_grid_model import MeasuredTerminalType, initialize_array

from ortsnetz_grid.functions.state_estimation.estimator import Estimator
from ortsnetz_grid.functions.state_estimation.result import Measurements, Settings, StateEstimate

Real = NDArray[np.float64]

METER_U_SIGMA = 0.005
"""Deviation of a voltage, of the rated one: a class 1 meter behind its terminals."""
METER_P_SIGMA = 0.01
"""Deviation of a power, of its value."""
LEAST_P_SIGMA_W = 20.0
_TERMINALS = {
    "asym_load": MeasuredTerminalType.load,
    "sym_load": MeasuredTerminalType.load,
    "asym_gen": MeasuredTerminalType.generator,
    "sym_gen": MeasuredTerminalType.generator,
}
_FLOWS = ("transformer", "line", "asym_line")


@dataclass(frozen=True, slots=True)
class Advice:
    """What a meter at one place would gain.

    Attributes:
        element: a node (its customers' powers and its voltage) or a branch (flow at `from`).
        u_sigma_pu: mean standard deviation of the voltages with it.
        loading_sigma: mean standard deviation of the loadings with it.
        gain: how much smaller both become: 1 less the geometric mean of the two ratios.
        words: for people.
    """

    element: int
    u_sigma_pu: float
    loading_sigma: float
    gain: float
    words: str


def where_to_measure(
    estimator: Estimator, measurements: Measurements, settings: Settings, most: int = 3
) -> tuple[Advice, ...]:
    """The places where one more meter would lower the deviations most, the best first.

    Args:
        estimator: of the network.
        measurements: what is known now.
        settings: how to estimate.
        most: how many places.

    Raises:
        InputError: what is known now does not make a state; see `Estimator.estimate`.
    """
    now = estimator.estimate(measurements, settings)
    left = measurements.without(frozenset(each.sensor for each in now.removed))
    # what is estimated with a meter's value at its estimate contradicts nothing
    quiet = replace(settings, largest_removals=0)
    before = _deviations(now)
    found = []
    for element in _candidates(estimator, left, now):
        more = _with_meter(estimator, left, now, element)
        after = _deviations(estimator.estimate(more, quiet))
        found.append(_advice(estimator, element, before, after))
    found.sort(key=lambda each: -each.gain)
    return tuple(found[:most])


def _deviations(state: StateEstimate) -> tuple[float, float]:
    """Mean deviations of voltages and of loadings."""
    loading = float(state.loading_sigma.mean()) if len(state.loading_sigma) else 0.0
    return float(state.u_sigma_pu[state.energised].mean()), loading


def _advice(
    estimator: Estimator,
    element: int,
    before: tuple[float, float],
    after: tuple[float, float],
) -> Advice:
    ratios = [a / b for a, b in zip(after, before, strict=True) if b > 0]
    gain = 1 - float(np.prod(ratios)) ** (1 / max(len(ratios), 1))
    network = estimator.network
    what = "a customer's meter" if network.components[element] == "node" else "a meter of the flow"
    words = (
        f"{what} at {network.label(element)} would lower the mean deviation of the voltages from "
        f"{100 * before[0]:.2f} to {100 * after[0]:.2f} % and that of the loadings from "
        f"{100 * before[1]:.1f} to {100 * after[1]:.1f} %"
    )
    return Advice(element, after[0], after[1], gain, words)


def _candidates(estimator: Estimator, known: Measurements, state: StateEstimate) -> list[int]:
    """Nodes with customers that no voltage sensor sees, and branches without a flow sensor."""
    network = estimator.network
    seen: set[int] = set()
    for component, array in known.sensors.items():
        real = ~np.isin(array["id"], list(known.pseudo))
        places = array["measured_object"][real].tolist()
        if component.endswith(("voltage_sensor", "current_sensor")):
            seen |= set(places)
        else:
            seen |= {each for each in places if network.components.get(each) in _FLOWS}
    alive = set(state.node_ids[state.energised].tolist())
    appliances = [network.data[each] for each in _TERMINALS if each in network.data]
    nodes = {int(node) for each in appliances for node in each["node"][each["status"] == 1]}
    branches = {
        int(row["id"])
        for component in _FLOWS
        for row in network.data.get(component, np.zeros(0))
        if row["from_status"] == 1 and row["to_status"] == 1 and int(row["from_node"]) in alive
    }
    return sorted((nodes & alive) - seen) + sorted(branches - seen)


def _with_meter(
    estimator: Estimator, known: Measurements, state: StateEstimate, element: int
) -> Measurements:
    """What would be known with a meter at an element."""
    network = estimator.network
    sensors = dict(known.sensors)
    free = 1 + max(
        int(array["id"].max(initial=0)) for array in (*sensors.values(), *network.data.values())
    )
    if network.components[element] == "node":
        row = int(np.flatnonzero(state.node_ids == element)[0])
        sensors["asym_voltage_sensor"] = _joined(
            sensors.get("asym_voltage_sensor"), _voltage(network, state, row, free)
        )
        powers = _customers(estimator, known, element, free + 1)
    else:
        row = int(np.flatnonzero(state.branch_ids == element)[0])
        flow = np.stack([state.p_from_w[row], state.q_from_var[row]])
        powers = _power(free, element, MeasuredTerminalType.branch_from, flow)
    sensors["asym_power_sensor"] = _joined(sensors.get("asym_power_sensor"), powers)
    return replace(known, sensors=sensors)


def _voltage(network: Any, state: StateEstimate, row: int, sensor: int) -> NDArray[Any]:
    found = initialize_array("input", "asym_voltage_sensor", 1)
    volts = network.data["node"]["u_rated"][row] / np.sqrt(3)
    found["id"], found["measured_object"] = sensor, state.node_ids[row]
    found["u_sigma"], found["u_measured"] = METER_U_SIGMA * volts, state.u_pu[row] * volts
    return found


def _customers(estimator: Estimator, known: Measurements, node: int, first: int) -> NDArray[Any]:
    """Sensors of all loads and generators at a node, at what is believed of them now."""
    rows: list[NDArray[Any]] = []
    power = known.sensors.get("asym_power_sensor")
    believed = {} if power is None else {int(each["measured_object"]): each for each in power}
    for component, terminal in _TERMINALS.items():
        array = estimator.network.data.get(component)
        if array is None:
            continue
        for element in array["id"][(array["node"] == node) & (array["status"] == 1)].tolist():
            flow = np.zeros((2, 3))
            if element in believed:
                flow = np.stack([believed[element]["p_measured"], believed[element]["q_measured"]])
            rows.append(_power(first + len(rows), element, terminal, flow))
    return np.concatenate(rows)


def _power(sensor: int, element: int, terminal: MeasuredTerminalType, flow: Real) -> NDArray[Any]:
    found = initialize_array("input", "asym_power_sensor", 1)
    found["id"], found["measured_object"] = sensor, element
    found["measured_terminal_type"] = terminal
    for name, value in zip("pq", flow, strict=True):
        found[f"{name}_measured"] = value
        found[f"{name}_sigma"] = np.maximum(METER_P_SIGMA * np.abs(value), LEAST_P_SIGMA_W)
    return found


def _joined(first: NDArray[Any] | None, second: NDArray[Any]) -> NDArray[Any]:
    return second if first is None or not len(first) else np.concatenate([first, second])
