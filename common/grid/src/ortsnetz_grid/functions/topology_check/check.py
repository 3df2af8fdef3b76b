"""Does the stated topology explain the measurements, or does one alternative do so much better?

A likelihood-ratio test over named alternatives. A wrong phase or switch frees nothing: it either
explains the measurements or not. A bad meter explains whatever it said, and pays for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from scipy.stats import chi2

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.state_estimation import Measurements
from ortsnetz_grid.functions.topology_check.case import Case
from ortsnetz_grid.functions.topology_check.hypothesis import STATED, Hypothesis
from ortsnetz_grid.functions.topology_check.judging import Judge, Judgement
from ortsnetz_grid.functions.topology_check.meter_candidates import (
    Ranked,
    Seat,
    exchanged_phases,
    seats,
    squares,
)
from ortsnetz_grid.functions.topology_check.readings import Readings
from ortsnetz_grid.functions.topology_check.result import CheckSettings, Finding, Kind
from ortsnetz_grid.functions.topology_check.search import Tried, along
from ortsnetz_grid.functions.topology_check.supply import Supply
from ortsnetz_grid.functions.topology_check.switch_candidates import SwitchCandidates
from ortsnetz_grid.functions.topology_check.verdict import decide
from ortsnetz_grid.network.model import Network

_WORST = 4
"""Sensors with the largest deviations that are tried as bad, beside those that state estimation
itself suspects."""
_HINT = 4.0
"""What closing an open branch has to gain for its loop to be searched: if it is closed and another
one open in its place, closing it alone already goes half the way."""
_SLACK = 1.2
"""Bounds of gains hold for small changes; this much is allowed for curvature."""


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
        switches = self._switches()
        phases = exchanged_phases(self.seats, self.stated.snapshots)
        prices = {
            Kind.WRONG_PHASE: 2 * math.log(max(len(phases), 1)),
            Kind.WRONG_SWITCH: 2 * math.log(max(switches.count, 1)),
        }
        tried = Tried(self.judge, self.stated.misfit)
        case = Case(self.stated, tried.found, prices, self.seats, self.judge.settings)
        suspected = self.judge.suspected()
        contradicted = self._contradicted()
        detected = contradicted or any(not self.seats[each].assumed for each in suspected)
        self._try_switches(switches, tried, detected=detected)
        for group, instants in self._suspects(suspected) if detected else ():
            tried.add(self._wrong(group, instants))
        self._try_phases(phases, case, tried, detected=detected)
        if not detected and self._convinced(case):
            # who else could it be
            for group, instants in self._suspects(suspected):
                tried.add(self._wrong(group, instants))
        return replace(
            case, suspicious=detected, contradicted=contradicted, untested=len(tried.untested)
        )

    def _convinced(self, case: Case) -> bool:
        return max(case.evidence().values(), default=0.0) > self.judge.settings.convincing

    def _try_phases(
        self, phases: Sequence[Ranked], case: Case, tried: Tried, *, detected: bool
    ) -> None:
        """Try exchanged phases, those first that could gain most, as long as that could matter."""
        settings, price = self.judge.settings, case.prices[Kind.WRONG_PHASE]
        for each in phases:
            best = max(case.evidence().values(), default=0.0)
            least = max(best - settings.decisive, 0.0 if detected else settings.convincing)
            if _SLACK * each.bound - price < least:
                break
            tried.add(each.hypothesis)

    def _switches(self) -> SwitchCandidates:
        sites, model = self.judge.sites(), self.judge.sites().model
        seen = set(model.node_ids[sites.appliance_nodes].tolist())
        for each in self.seats.values():
            seen |= {each.element, int(model.node_ids[each.node])}
        supply = Supply.of(sites, self.readings)
        found = SwitchCandidates.of(self.judge.network, supply, frozenset(seen))
        return found.among(self.judge.settings.switchable)

    def _contradicted(self) -> bool:
        """Whether deviations are beyond chance, in all or always of the same sensor."""
        alarm = self.judge.settings.false_alarm
        if chi2.sf(self.stated.misfit, max(self.stated.values, 1)) < alarm:
            return True
        sums = squares(self.stated.snapshots)
        return any(
            chi2.sf(total, values) < alarm / len(sums)
            for sensor, (total, values) in sums.items()
            if values and not self.seats[sensor].assumed
        )

    def _try_switches(self, switches: SwitchCandidates, tried: Tried, *, detected: bool) -> None:
        misfits = [tried.add(each) for each in switches.closings]
        for loop in switches.loops:
            misfits += along(tried, loop)
        if not (detected or min(misfits, default=math.inf) < self.stated.misfit - _HINT):
            return
        for around in switches.exchanges.values():
            along(tried, around)
        for each in switches.cuts:
            tried.add(each)

    def _suspects(
        self, suspected: Mapping[int, frozenset[int]]
    ) -> Iterator[tuple[frozenset[int], frozenset[int] | None]]:
        """Sensors that may be wrong, and the snapshots in which.

        Those that state estimation suspects, in the snapshots in which it does and in all; those
        that deviate most; and all together that state estimation removes.
        """
        sums = squares(self.stated.snapshots)
        worst = sorted(sums, key=lambda each: -sums[each][0] / max(sums[each][1], 1))[:_WORST]
        every = frozenset(range(len(self.stated.snapshots)))
        for sensor in dict.fromkeys([*suspected, *worst]):
            yield frozenset({sensor}), None
            if suspected.get(sensor, every) != every:
                yield frozenset({sensor}), suspected[sensor]
        if len(suspected) > 1:
            yield frozenset(suspected), None
            instants = frozenset().union(*suspected.values())
            if instants != every:
                yield frozenset(suspected), instants

    def _wrong(self, group: frozenset[int], instants: frozenset[int] | None) -> Hypothesis:
        real = any(not self.seats[each].assumed for each in group)
        return Hypothesis(
            Kind.BAD_METER if real else Kind.WRONG_ASSUMPTION,
            elements=tuple(sorted({self.seats[each].element for each in group})),
            sensors=tuple(sorted(group)),
            instants=instants,
        )
