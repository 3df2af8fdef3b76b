"""Does the stated topology explain the measurements, or does one alternative do so much better?

A likelihood-ratio test over named alternatives. A wrong phase or switch frees nothing: it either
explains the measurements or not. A bad meter explains whatever it said, and pays for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import chi2

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.state_estimation import Measurements
from ortsnetz_grid.functions.topology_check.hypothesis import STATED, Hypothesis
from ortsnetz_grid.functions.topology_check.judging import Judge, Judgement
from ortsnetz_grid.functions.topology_check.meter_candidates import (
    Seat,
    exchanged_phases,
    seats,
    squares,
)
from ortsnetz_grid.functions.topology_check.readings import Readings
from ortsnetz_grid.functions.topology_check.result import CheckSettings, Finding, Kind
from ortsnetz_grid.functions.topology_check.search import Tried, along, best_of
from ortsnetz_grid.functions.topology_check.supply import Supply
from ortsnetz_grid.functions.topology_check.switch_candidates import SwitchCandidates
from ortsnetz_grid.functions.topology_check.verdict import Case, decide
from ortsnetz_grid.network.model import Network

_WORST = 4
"""Sensors with the largest deviations that are tried as bad, beside those that state estimation
itself suspects."""


def check_topology(
    network: Network,
    snapshots: Sequence[Measurements],
    settings: CheckSettings | None = None,
) -> Finding:
    """Compare the stated network with its alternatives.

    Args:
        network: as stated.
        snapshots: measurements of one or more instants in the same, unknown, switch state. A few
            instants with different loads tell much more than one.
        settings: how to check.

    Returns:
        What explains the measurements; undecided where that cannot be told.

    Raises:
        InputError: there is no snapshot, a sensor is unusable, or the stated network cannot be
            observed; names sensor or nodes.
    """
    settings = settings or CheckSettings()
    if not snapshots:
        raise InputError("the check of a topology needs the measurements of one instant at least")
    judge = Judge(network, snapshots, settings)
    stated = judge.judge(STATED)
    if stated is None:  # `judge` raises for the stated network
        raise InputError("the stated network cannot be estimated")
    search = _Search(judge, stated, [Readings.of(judge.sites(), each) for each in snapshots])
    return decide(search.case(), network, snapshots)


@dataclass(slots=True)
class _Search:
    """One check: from cheap signs of trouble to the hypotheses that could explain it."""

    judge: Judge
    stated: Judgement
    readings: list[Readings]
    seats: dict[int, Seat] = field(init=False)

    def __post_init__(self) -> None:
        self.seats = seats(self.readings)

    def case(self) -> Case:
        """Try what could be better than the stated network."""
        settings, tried = self.judge.settings, Tried(self.judge)
        sure = 2 * np.log(1 / settings.false_alarm)
        switches = self._switches()
        phases = exchanged_phases(self.seats, self.stated.snapshots)
        suspected = [each for each in self.judge.suspected() if each]
        detected = bool(suspected) or self._contradicted()
        # an alternative has to pay for how many there are of its kind, and then to convince
        price = {
            Kind.WRONG_PHASE: 2 * np.log(max(len(phases), 1)),
            Kind.WRONG_SWITCH: 2 * np.log(max(switches.count, 1)),
        }
        least = 0.0 if detected else price[Kind.WRONG_PHASE] + sure
        hopeful = [each.hypothesis for each in phases if each.bound > least]
        for each in hopeful[: settings.most_hypotheses // 2]:
            tried.add(each)
        self._try_switches(switches, tried, detected=detected)
        convincing = any(
            self.stated.misfit - each.misfit > price[what.kind] + sure
            for what, each in tried.found.items()
        )
        if detected or convincing:
            for each in self._bad_meters(suspected):
                tried.add(each)
        return Case(
            stated=self.stated,
            tried=tried.found,
            prices=price,
            sensors=sum(not each.assumed for each in self.seats.values()),
            detected=detected,
            untested=tuple(tried.untested),
            seats=self.seats,
            settings=settings,
        )

    def _switches(self) -> SwitchCandidates:
        sites = self.judge.sites()
        customers = frozenset(sites.model.node_ids[sites.appliance_nodes].tolist())
        return SwitchCandidates.of(self.judge.network, Supply.of(sites, self.readings), customers)

    def _contradicted(self) -> bool:
        """Whether deviations are beyond chance: in all, or persistently at one sensor."""
        alarm = self.judge.settings.false_alarm
        if chi2.sf(self.stated.misfit, max(self.stated.values, 1)) < alarm:
            return True
        sums = squares(self.stated.snapshots)
        return any(
            chi2.sf(total, values) < alarm / len(sums) for total, values in sums.values() if values
        )

    def _try_switches(self, switches: SwitchCandidates, tried: Tried, *, detected: bool) -> None:
        for each in switches.closings:
            tried.add(each)
        for loop in switches.loops:
            along(tried, loop)
        if not (detected or best_of(tried, self.stated.misfit)):
            return
        for around in switches.exchanges.values():
            along(tried, around)
        for each in switches.cuts:
            tried.add(each)

    def _bad_meters(self, suspected: Sequence[frozenset[int]]) -> list[Hypothesis]:
        """Sensors that may be wrong: alone, and all that state estimation removes."""
        sums = squares(self.stated.snapshots)
        worst = sorted(sums, key=lambda each: -sums[each][0] / max(sums[each][1], 1))[:_WORST]
        together: frozenset[int] = frozenset().union(*suspected)
        alone = dict.fromkeys([*sorted(together), *worst])
        groups = [frozenset({each}) for each in alone]
        if len(together) > 1:
            groups.append(together)
        return [self._wrong(group) for group in groups if group <= self.seats.keys()]

    def _wrong(self, group: frozenset[int]) -> Hypothesis:
        real = any(not self.seats[each].assumed for each in group)
        return Hypothesis(
            Kind.BAD_METER if real else Kind.WRONG_ASSUMPTION,
            elements=tuple(sorted({self.seats[each].element for each in group})),
            sensors=tuple(sorted(group)),
        )
