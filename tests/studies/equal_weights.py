"""The same case for both estimators with the same sensors and weights, to compare case by case.

The same file is not the same problem. power-grid-model's iterative linear method (1.12)

* adds the variances of P and Q and weighs both by the sum, but a voltage's magnitude by its own
  variance: P and Q that are equally sure weigh half of what their deviations say;
* does not tie the phases' angles to each other at the source, ours does
  (`Settings.reference_angle_sigma`);
* turns a power's deviation into a current's at nominal voltage, ours at the voltage there: at 0.91
  pu its powers weigh a fifth more than what the file says.

Least squares with the first two changes and its method's last two traits (powers are currents at
the last voltage, and at a voltage meter that is the measured one) come to 5e-6 pu of its answer,
where the difference was 5e-4 pu.

Ours keeps all sensors here: with one variance for P and Q a belief's P looks surer than it is, and
more beliefs would be left out than with the sensors as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from power_grid_model import MeasuredTerminalType
from studies.answers import Errors, Truth, ours, theirs

from ortsnetz_grid.functions.state_estimation import Settings
from ortsnetz_grid.network.model import Network

Array = NDArray[Any]
ALL_SENSORS = Settings(largest_removals=0)
SYMMETRICAL = -2 * np.pi / 3 * np.arange(3)


@dataclass(frozen=True)
class Equal:
    """Both answers to the same weighted sensors.

    Attributes:
        ours, theirs: errors; None where there is no answer.
        tolerance: at which power-grid-model converged.
        apart: mean difference of the two |V| in our standard deviations of |V|.
    """

    ours: Errors | None
    theirs: Errors | None
    tolerance: float | None
    apart: float | None


def judged_equally(network: Network, truth: Truth) -> Equal:
    """Ask both with the same sensors and weights."""
    network, data = equally_weighted(network)
    state, _ = ours(network, ALL_SENSORS)
    answer, _ = theirs(data, truth)
    if answer is not None:  # its own voltages say what its currents weigh
        answer, _ = theirs(at_voltage(network, data, answer.u_pu), truth)
    apart = None
    if state is not None and answer is not None:
        live = truth.live
        apart = float((np.abs(state.u_pu - answer.u_pu)[live] / state.u_sigma_pu[live]).mean())
    return Equal(
        ours=None if state is None else truth.errors(state.u_pu, state.loading),
        theirs=None if answer is None else answer.errors,
        tolerance=None if answer is None else answer.tolerance,
        apart=apart,
    )


def equally_weighted(network: Network) -> tuple[Network, Mapping[str, Array]]:
    """Network with sensors for ours, and power-grid-model's input that means the same.

    P and Q of a phase get the root of their mean variance: that library cannot tell them apart.
    Voltages at the sources become phasors, symmetrical as ours assumes them and as sure as their
    magnitude: both read those as a complex number with one variance.
    """
    data = {name: array.copy() for name, array in network.data.items()}
    power, voltage, source = (
        data[name] for name in ("asym_power_sensor", "asym_voltage_sensor", "source")
    )
    both = np.sqrt((power["p_sigma"] ** 2 + power["q_sigma"] ** 2) / 2)
    fed = np.isin(voltage["measured_object"], source["node"][source["status"] == 1])
    voltage["u_angle_measured"][fed] = SYMMETRICAL
    power["p_sigma"] = power["q_sigma"] = both
    halved = power.copy()
    halved["p_sigma"] = halved["q_sigma"] = both / np.sqrt(2)
    return replace(network, data=data), {**data, "asym_power_sensor": halved}


def at_voltage(network: Network, data: Mapping[str, Array], u_pu: Array) -> Mapping[str, Array]:
    """The input whose powers' deviations become the right ones of currents.

    Args:
        network: whose sensors they are.
        data: power-grid-model's input.
        u_pu: voltages, (n, 3), about where its answer is.
    """
    power = data["asym_power_sensor"].copy()
    rows = {int(node): row for row, node in enumerate(data["node"]["id"])}
    at = np.array([u_pu[rows[_node_of(sensor, network, data)]] for sensor in power])
    if power.size:
        power["p_sigma"] /= at
        power["q_sigma"] /= at
    return {**data, "asym_power_sensor": power}


def _node_of(sensor: Any, network: Network, data: Mapping[str, Array]) -> int:
    """Node at which a power sensor measures."""
    element = int(sensor["measured_object"])
    component = network.components[element]
    row = data[component][network.row(component, element)]
    if "node" in row.dtype.names:
        return int(row["node"])
    at_from = sensor["measured_terminal_type"] == MeasuredTerminalType.branch_from
    return int(row["from_node" if at_from else "to_node"])
