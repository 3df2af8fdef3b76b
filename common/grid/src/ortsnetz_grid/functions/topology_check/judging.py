"""What a hypothesis leaves unexplained: one estimate a snapshot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.state_estimation import (
    Estimator,
    Measurements,
    Settings,
    StateEstimate,
)
from ortsnetz_grid.functions.topology_check.deviations import Deviations, deviations
from ortsnetz_grid.functions.topology_check.hypothesis import STATED, Hypothesis, switched
from ortsnetz_grid.functions.topology_check.readings import DEAD_PU, Readings
from ortsnetz_grid.functions.topology_check.result import CheckSettings
from ortsnetz_grid.functions.topology_check.sites import Sites
from ortsnetz_grid.network.model import Network

_UNSOLVED = (InputError, np.linalg.LinAlgError)
"""Not observable, or so nearly that the estimate fails in its arithmetic."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """How well a hypothesis explains the snapshots.

    Attributes:
        misfit: sum of the squared deviations over all snapshots; at least that, beyond a limit.
        values: number of values in it.
        snapshots: the deviations of each snapshot.
    """

    misfit: float
    values: int
    snapshots: tuple[Deviations, ...]


@dataclass(frozen=True, slots=True)
class _Topology:
    """A switch state, ready to be estimated; no estimator where no source is left."""

    sites: Sites
    estimator: Estimator | None


@dataclass(slots=True)
class Judge:
    """Judges hypotheses on one set of snapshots; keeps what switch states have in common.

    Attributes:
        network: as stated.
        snapshots: measurements of one or more instants in the same switch state.
        settings: how to check.
        computed: number of estimates so far.
    """

    network: Network
    snapshots: Sequence[Measurements]
    settings: CheckSettings
    computed: int = 0
    _topologies: dict[tuple[tuple[int, bool], ...], _Topology] = field(default_factory=dict)

    def sites(self, states: tuple[tuple[int, bool], ...] = ()) -> Sites:
        """The places under a switch state."""
        return self._topology(states).sites

    def judge(self, hypothesis: Hypothesis, limit: float = math.inf) -> Judgement | None:
        """Estimate all snapshots under a hypothesis.

        Args:
            hypothesis: what would be wrong.
            limit: misfit from which the hypothesis is of no interest: no more snapshots then.

        Returns:
            The judgement; None where the hypothesis leaves the state unobservable, so that nothing
            speaks for or against it.

        Raises:
            InputError: the stated case itself cannot be estimated; names sensor or nodes.
        """
        found = []
        for instant in range(len(self.snapshots)):
            try:
                found.append(self._deviations(hypothesis, instant))
            except _UNSOLVED:
                if hypothesis == STATED:
                    raise
                return None
            if sum(each.objective for each in found) > limit:
                break
        misfit, values = sum(each.objective for each in found), sum(each.values for each in found)
        return Judgement(misfit, values, tuple(found))

    def suspected(self) -> dict[int, frozenset[int]]:
        """Sensors that state estimation takes for wrong in the stated network.

        Returns:
            Numbers of the snapshots in which it does, by sensor id.
        """
        topology = self._topology(())
        found: dict[int, frozenset[int]] = {}
        if topology.estimator is None:
            return found
        estimation = self.settings.estimation
        share = replace(estimation, false_alarm=estimation.false_alarm / len(self.snapshots))
        for instant, snapshot in enumerate(self.snapshots):
            self.computed += 1
            try:
                state = topology.estimator.estimate(fed(topology.sites, snapshot), share)
            except np.linalg.LinAlgError:  # while trying a removal; nothing is known then
                continue
            for each in state.removed:
                found[each.sensor] = found.get(each.sensor, frozenset()) | {instant}
        return found

    def _deviations(self, hypothesis: Hypothesis, instant: int) -> Deviations:
        topology = self._topology(hypothesis.switched)
        read = hypothesis.applied(self.snapshots[instant], instant)
        shape = (len(topology.sites.model.node_ids), 3)
        voltage = np.zeros(shape, dtype=np.complex128)
        if topology.estimator is not None:
            self.computed += 1
            state = topology.estimator.estimate(
                fed(topology.sites, read), untested(self.settings.estimation)
            )
            voltage = phasors(state)
        return deviations(
            topology.sites, Readings.of(topology.sites, said(topology.sites, read)), voltage
        )

    def _topology(self, states: tuple[tuple[int, bool], ...]) -> _Topology:
        if states not in self._topologies:
            network = switched(self.network, states)
            sites = Sites.of(network)
            estimator = Estimator.of(network) if len(sites.model.sources) else None
            self._topologies[states] = _Topology(sites, estimator)
        return self._topologies[states]


def untested(settings: Settings) -> Settings:
    """Settings for an estimate that takes every sensor at its word."""
    return replace(settings, largest_removals=0, lowest_threshold=math.inf)


def phasors(state: StateEstimate) -> np.ndarray:
    """Complex voltages (n, 3), per unit."""
    return np.asarray(state.u_pu * np.exp(1j * state.u_angle))


def fed(sites: Sites, measurements: Measurements) -> Measurements:
    """The sensors that an estimate can use: where a source feeds, and not without any voltage.

    A meter that reads nothing at all is a contradiction that no estimate should be bent by; it is
    compared with the state afterwards.
    """
    kept = {}
    for component, array in measurements.sensors.items():
        nodes, mask = sites.spots(array)[2:]
        if component.endswith("voltage_sensor"):
            mask &= ~_dead(sites, array, nodes)
        kept[component] = array[mask]
    return replace(measurements, sensors=kept)


def said(sites: Sites, measurements: Measurements) -> Measurements:
    """What is to be compared with a state.

    Assumptions assume somebody who is fed. Where a meter says that supply is lost they do not
    count; where none says so, that nobody consumes anything has to be squared with them.
    """
    if not _confirmed(sites, measurements):
        return measurements
    kept = {}
    for component, array in measurements.sensors.items():
        assumed = np.isin(array["id"], list(measurements.pseudo))
        kept[component] = array[sites.spots(array)[3] | ~assumed]
    return replace(measurements, sensors=kept)


def _confirmed(sites: Sites, measurements: Measurements) -> bool:
    """Whether a voltage meter reads nothing where no source feeds."""
    for component in ("sym_voltage_sensor", "asym_voltage_sensor"):
        array = measurements.sensors.get(component)
        if array is not None and len(array):
            nodes, live = sites.spots(array)[2:]
            if (_dead(sites, array, nodes) & ~live).any():
                return True
    return False


def _dead(sites: Sites, array: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """Which voltage sensors (k,) read nothing in at least one phase."""
    base, measured = sites.model.node_volts[nodes], array["u_measured"]
    if measured.ndim == 1:
        return np.asarray(measured < DEAD_PU * np.sqrt(3) * base)
    return np.asarray((measured < DEAD_PU * base[:, None]).any(axis=1))
