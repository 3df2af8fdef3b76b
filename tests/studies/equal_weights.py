"""The same case for both estimators with the same sensors and weights, to compare case by case.

The same file is not the same problem. power-grid-model's iterative linear method (1.12)

* adds the variances of P and Q and weighs both by the sum, but a voltage's magnitude by its own
  variance: P and Q that are equally sure weigh half of what their deviations say;
* does not tie the phases' angles to each other at the source, ours does
  (`Settings.reference_angle_sigma`).

Least squares with these two changes and its method's last two traits (powers are currents at the
last voltage, and at a voltage meter that is the measured one) come to 5e-6 pu of its answer, where
the difference was 5e-4 pu.

Ours keeps all sensors here: with one variance for P and Q a belief's P looks surer than it is, and
more beliefs would be left out than with the sensors as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
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
