"""What goes into an estimation and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.network.model import Dataset, Network

Real = NDArray[np.float64]

SENSORS = (
    "sym_voltage_sensor",
    "asym_voltage_sensor",
    "sym_power_sensor",
    "asym_power_sensor",
    "sym_current_sensor",
    "asym_current_sensor",
)
"""power-grid-model's components that are measurements."""


@dataclass(frozen=True, slots=True)
class Measurements:
    """Everything that is known about one instant, as power-grid-model's sensors.

    Attributes:
        sensors: sensor arrays by component, that library's own signs.
        words: what a sensor is, for people, by id; sensors of a case need no words.
        pseudo: ids of the sensors that stand for assumptions.
        missing_guards: names of meters that guard the limits and said nothing usable.
        taps: positions of tap changers by transformer, as they are read; the others stand as the
            network says.
    """

    sensors: Dataset
    words: Mapping[int, str] = field(default_factory=dict)
    pseudo: frozenset[int] = frozenset()
    missing_guards: tuple[str, ...] = ()
    taps: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def of_case(cls, case: Network) -> Measurements:
        """The sensors that a case contains."""
        return cls(
            sensors={name: case.data[name] for name in SENSORS if len(case.data.get(name, ()))},
            words={element: case.label(element) for element in case.names},
        )

    def without(self, ids: frozenset[int]) -> Measurements:
        """The same without some sensors."""
        sensors = {
            name: array[~np.isin(array["id"], list(ids))] for name, array in self.sensors.items()
        }
        return replace(self, sensors=sensors, pseudo=self.pseudo - ids)


@dataclass(frozen=True, slots=True)
class Settings:
    """How to estimate.

    Attributes:
        false_alarm: probability that a case without gross errors loses any sensor. The threshold
            of the normalised residuals follows from it and from the number of residuals: with a
            thousand of them a normal deviate of 4 is nothing special.
        lowest_threshold: the threshold is never below this.
        largest_removals: how many sensors may be removed in one estimation. Each costs an estimate
            for each suspect, and a cycle has a deadline; where more are wrong, nothing is verified.
        reference_angle_sigma: how well each phase's angle is known to be symmetrical at the
            reference node of a part without angle measurements, rad (an unbalance of half a
            percent, as medium-voltage networks have).
        loading: whether to compute loadings, for which every line needs a rating.
    """

    false_alarm: float = 0.002
    lowest_threshold: float = 4.0
    largest_removals: int = 6
    reference_angle_sigma: float = 0.004
    loading: bool = True


@dataclass(frozen=True, slots=True)
class RemovedSensor:
    """A sensor that contradicts the others.

    Attributes:
        sensor: its id.
        normalised_residual: largest of its components, in standard deviations, when it was removed.
        words: what it is.
    """

    sensor: int
    normalised_residual: float
    words: str


@dataclass(frozen=True, slots=True)
class StateEstimate:
    """The most probable state, with `n` nodes and `b` branches (lines and transformers).

    Phases a, b, c are the second axis. Nodes without supply have voltage and powers of 0 and are
    not `energised`; nothing else is 0 for want of knowledge, and nothing is NaN.

    Attributes:
        node_ids: (n,) in the network's order.
        energised: (n,) whether a source feeds the node.
        u_pu: (n, 3) phase to neutral over rated.
        u_angle: (n, 3) rad.
        u_sigma_pu: (n, 3) standard deviation of `u_pu`.
        p_w: (n, 3) injection at the node, consumption positive, W.
        q_var: (n, 3) likewise, inductive consumption positive, var.
        branch_ids: (b,) lines and transformers; none where `Settings.loading` is off.
        loading: (b,) as the architecture page defines it, 1.0 is the rating.
        loading_sigma: (b,) its standard deviation.
        p_from_w: (b, 3) into the branch at its `from` end, W; the others likewise.
        q_from_var: (b, 3) var.
        p_to_w: (b, 3) W.
        q_to_var: (b, 3) var.
        removed: sensors that were left out because they contradict the others, largest first.
        problems: what a user of the result should know, in words.
    """

    node_ids: NDArray[np.int32]
    energised: NDArray[np.bool_]
    u_pu: Real
    u_angle: Real
    u_sigma_pu: Real
    p_w: Real
    q_var: Real
    branch_ids: NDArray[np.int32]
    loading: Real
    loading_sigma: Real
    p_from_w: Real
    q_from_var: Real
    p_to_w: Real
    q_to_var: Real
    removed: tuple[RemovedSensor, ...]
    problems: tuple[str, ...]
