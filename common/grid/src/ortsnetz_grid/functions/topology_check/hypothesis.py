"""Alternatives to what is stated: other switch states, other phases, bad meters."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ortsnetz_grid.functions.state_estimation import Measurements
from ortsnetz_grid.functions.topology_check.result import Kind
from ortsnetz_grid.network.model import Network

Order = tuple[int, int, int]
"""Network phase (0, 1, 2) at each of a meter's terminals 1, 2, 3."""

AS_STATED: Order = (0, 1, 2)
ORDERS: tuple[Order, ...] = ((1, 0, 2), (2, 1, 0), (0, 2, 1), (1, 2, 0), (2, 0, 1))
"""The five other ways to connect three phases: three swaps and two rotations."""
_BRANCHES = ("line", "link", "transformer", "asym_line")
_PER_PHASE = ("u_measured", "u_angle_measured", "p_measured", "q_measured", "p_sigma", "q_sigma")
_PER_PHASE_CURRENT = ("i_measured", "i_angle_measured")


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One alternative.

    Attributes:
        kind: what would be wrong.
        elements: ids of branches, or of what the sensors measure.
        sensors: ids of the sensors that would be wrong or connected otherwise.
        closed: state of each of `elements`, for `WRONG_SWITCH`.
        order: how the sensors' terminals would be connected, for `WRONG_PHASE`.
        instants: numbers of the snapshots in which the sensors would be wrong; None: in all.
        alike: ids of branches, each of which in place of the last of `elements` would make no
            difference that anybody could see.
    """

    kind: Kind
    elements: tuple[int, ...] = ()
    sensors: tuple[int, ...] = ()
    closed: tuple[bool, ...] = ()
    order: Order = AS_STATED
    instants: frozenset[int] | None = None
    alike: tuple[int, ...] = ()

    @property
    def variants(self) -> tuple[Hypothesis, ...]:
        """This one and those that are alike."""
        others = [replace(self, elements=(*self.elements[:-1], each)) for each in self.alike]
        return tuple(replace(each, alike=()) for each in (self, *others))

    @property
    def switched(self) -> tuple[tuple[int, bool], ...]:
        """Branches and whether they would be closed; names the switch state."""
        return tuple(sorted(zip(self.elements, self.closed, strict=False)))

    @property
    def removed(self) -> frozenset[int]:
        """Sensors that say nothing under this hypothesis."""
        wrong = self.kind in (Kind.BAD_METER, Kind.WRONG_ASSUMPTION)
        return frozenset(self.sensors) if wrong else frozenset()

    def applied(self, measurements: Measurements, instant: int) -> Measurements:
        """The measurements of a snapshot as this hypothesis reads them."""
        if self.removed:
            wrong = self.instants is None or instant in self.instants
            return measurements.without(self.removed) if wrong else measurements
        if self.kind is Kind.WRONG_PHASE:
            return reordered(measurements, frozenset(self.sensors), self.order)
        return measurements


STATED = Hypothesis(Kind.OK)


def switched(network: Network, states: tuple[tuple[int, bool], ...]) -> Network:
    """The network with some branches closed at both ends, or open at both.

    Args:
        network: as stated.
        states: branch ids and whether they are closed.
    """
    if not states:
        return network
    data = dict(network.data)
    for component in _BRANCHES:
        array = data.get(component)
        if array is None or not len(array):
            continue
        changed = array.copy()
        for element, closed in states:
            row = changed["id"] == element
            changed["from_status"][row] = changed["to_status"][row] = int(closed)
        data[component] = changed
    return replace(network, data=data)


def reordered(measurements: Measurements, sensors: frozenset[int], order: Order) -> Measurements:
    """Measurements of sensors whose terminal k is connected to network phase `order[k]`."""
    phases = np.argsort(order)  # network phase f is read at terminal phases[f]
    data = dict(measurements.sensors)
    for component, array in measurements.sensors.items():
        if not component.startswith("asym_"):
            continue
        mine = np.isin(array["id"], list(sensors))
        if not mine.any():
            continue
        changed = array.copy()
        for name in (*_PER_PHASE, *_PER_PHASE_CURRENT):
            if name in (array.dtype.names or ()) and array[name].ndim == 2:
                changed[name][mine] = array[name][mine][:, phases]
        data[component] = changed
    return replace(measurements, sensors=data)
