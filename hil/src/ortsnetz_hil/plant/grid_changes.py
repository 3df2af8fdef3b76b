"""Changes of the network while the plant runs: switching, source voltage, failures of lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.station import Side
from ortsnetz_hil.plant.events import Event, NetworkEvent, SourceVoltage, Switching
from ortsnetz_hil.plant.failures import Effects, Failures, effects
from ortsnetz_hil.plant.network_file import PlantNetwork
from ortsnetz_hil.plant.topology import BRANCHES, Statuses, Topology, statuses_of

_NETWORK_EVENTS = get_args(NetworkEvent)
_HIGHEST_U_PU = 2.0


@dataclass(frozen=True, slots=True)
class Condition:
    """How a network is switched and what has failed, at one moment.

    Attributes:
        statuses: of both ends of each branch.
        failures: that hold.
        effects: what they do at each node.
    """

    statuses: Statuses
    failures: Failures
    effects: Effects

    @classmethod
    def of(cls, network: PlantNetwork) -> Condition:
        """As the network file states it: nothing has failed."""
        statuses = statuses_of(network)
        nothing = effects(network, Topology.of(network, statuses), Failures())
        return cls(statuses, Failures(), nothing)

    def after(self, network: PlantNetwork, event: NetworkEvent) -> Condition:
        """The condition once an event has happened; the condition itself stays as it is.

        Raises:
            InputError: names the event, the element and what is wrong.
        """
        try:
            if isinstance(event, SourceVoltage):
                _check_source(event)
                return self
            if isinstance(event, Switching):
                changed = replace(self, statuses=_switched(network, self.statuses, event))
            else:
                _require_line(network, event.line)
                changed = replace(self, failures=self.failures.after(event))
            topology = Topology.of(network, changed.statuses)
            return replace(changed, effects=effects(network, topology, changed.failures))
        except InputError as error:
            raise InputError(f"event {_name(event)} at {event.at_s:g} s: {error}") from error


def validate(network: PlantNetwork, events: Sequence[Event]) -> None:
    """Check that a network can live through events, in the order of their times.

    Args:
        network: network with the switching state at the beginning.
        events: all events of a run; those that do not concern the network are passed over.

    Raises:
        InputError: names the event and the element: unknown, no phase, no order of three phases, a
            failure whose line lies in a loop when it happens or after a later switching.
    """
    condition = Condition.of(network)
    for event in sorted(events, key=lambda event: event.at_s):
        if isinstance(event, _NETWORK_EVENTS):
            condition = condition.after(network, event)


def _name(event: NetworkEvent) -> str:
    return str(event.__struct_config__.tag)


def _check_source(event: SourceVoltage) -> None:
    if not 0 < event.u_pu <= _HIGHEST_U_PU:
        raise InputError(f"u_pu is {event.u_pu:g}; it lies above 0 and up to {_HIGHEST_U_PU:g}")
    if not 0 <= event.ramp_s < np.inf:
        raise InputError(f"ramp_s is {event.ramp_s:g}; it cannot be negative")


def _require_line(network: PlantNetwork, line: int) -> None:
    if line not in network.ids("line"):
        raise InputError(f"the network has no line {line}")


def _switched(network: PlantNetwork, statuses: Statuses, event: Switching) -> Statuses:
    for name in BRANCHES:
        rows = np.flatnonzero(network.ids(name) == event.element)
        if rows.size:
            changed = statuses[name].copy()
            ends = slice(None) if event.side is None else int(event.side == Side.TO)
            changed[rows[0], ends] = event.closed
            return {**statuses, name: changed}
    raise InputError(f"the network has no line, link or transformer {event.element}")


@dataclass(slots=True)
class SourceRamp:
    """Voltages of the sources over time, linear between two values.

    Attributes:
        u_pu: present values, shape (sources,).
    """

    u_pu: NDArray[np.float64]
    _start_s: float = 0.0
    _from_pu: NDArray[np.float64] | None = None
    _event: SourceVoltage | None = None

    def start(self, event: SourceVoltage, now_s: float) -> None:
        """Begin to follow an event; an earlier one that has not come to its end is given up."""
        self._start_s, self._from_pu, self._event = now_s, self.u_pu, event

    def advance(self, now_s: float) -> bool:
        """Take the values of an instant; tell whether they are other ones."""
        event, first = self._event, self._from_pu
        if event is None or first is None:
            return False
        passed, before = now_s - self._start_s, self.u_pu
        share = 1.0 if passed >= event.ramp_s else max(passed, 0.0) / event.ramp_s
        if share >= 1.0:
            self._event = None
        self.u_pu = first + share * (event.u_pu - first)
        return bool((self.u_pu != before).any())
