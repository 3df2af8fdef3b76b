"""What is believed about loads and generators that say nothing now: remembered, or assumed."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.station import Device, Meter, PseudoMeasurement
from ortsnetz_grid.functions.state_estimation import beliefs
from ortsnetz_grid.functions.state_estimation.beliefs import Belief
from ortsnetz_grid.functions.state_estimation.pseudo.ageing import (
    LastKnown,
    aged_belief,
    time_constant_s,
    within_limit,
)
from ortsnetz_grid.network.model import Network

Real = NDArray[np.float64]

APPLIANCES = ("asym_load", "sym_load", "asym_gen", "sym_gen")
LOADS = ("asym_load", "sym_load")


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What is believed about elements that say nothing.

    Attributes:
        network: the agent's network.
        pseudo: the station's pseudo-measurements by element.
        believed: by element, what is believed instead.
        hour: of the calendar day, UTC.
        standing: beliefs of this hour that have been formed before, by element; those about
            elements that are no devices are kept here.
    """

    network: Network
    pseudo: Mapping[int, PseudoMeasurement]
    believed: Mapping[int, Belief]
    hour: float
    standing: MutableMapping[int, Belief] = field(default_factory=dict)

    def about(
        self, component: str, row: int, owner: Meter | Device | None, said: Reading
    ) -> Belief:
        """Belief about one element.

        Raises:
            InputError: there is nothing to base a belief on; names the element.
        """
        if isinstance(owner, Device):
            return beliefs.silent_device_belief(owner, said.limit_w)
        element = int(self.network.data[component]["id"][row])
        if element not in self.standing:
            self.standing[element] = self._formed(component, row, element, owner)
        return self.standing[element]

    def _formed(self, component: str, row: int, element: int, owner: Meter | None) -> Belief:
        """Belief about a customer."""
        array = self.network.data[component]
        stated = np.broadcast_to(array["p_specified"][row], (3,)).astype(float)
        if stated.size and array["p_specified"].ndim == 1:
            stated = stated / 3
        if element in self.believed:
            return self.believed[element]
        share = self._share(owner, stated)
        if element in self.pseudo:
            return beliefs.pseudo_belief(self.pseudo[element], self.hour, share)
        total = float(stated.sum())
        if not np.isfinite(total):
            raise InputError(
                f"{self.network.label(element)} is neither measured nor assumed: it has no "
                "pseudo-measurement and no p_specified"
            )
        return beliefs.range_belief(0.0, total if component in LOADS else -total, share)

    @staticmethod
    def _share(owner: Meter | None, stated: Real) -> Real | None:
        """A meter's phases are known; else those of the file, unless it spreads them evenly."""
        if owner is not None:
            share = np.zeros(3)
            at = beliefs.terminals(owner.phases, f"meter '{owner.name}'")
            share[at] = 1 / len(at)
            return share
        total = float(stated.sum())
        if not np.isfinite(total) or total == 0 or np.ptp(stated) <= 1e-6 * abs(total):
            return None
        return stated / total


def remembered(
    owner: Meter | Device, said: Reading, last: LastKnown | None, otherwise: Belief
) -> Belief:
    """What is believed about the terminals that say nothing now, if they said something before."""
    if last is None or all(each is None for each in last.reading.active_w):
        return otherwise
    before = last.reading
    then = beliefs.measured_belief(owner, before.active_w, before.reactive_var, otherwise)
    belief = aged_belief(then, otherwise, last.age_s, time_constant_s(owner))
    if isinstance(owner, Device):
        limit = owner.rated_w if said.limit_w is None else min(said.limit_w, owner.rated_w)
        return within_limit(belief, limit)
    return belief
