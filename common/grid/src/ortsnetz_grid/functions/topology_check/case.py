"""All that was computed for a check, and the evidence for each alternative."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ortsnetz_grid.functions.topology_check.hypothesis import Hypothesis
from ortsnetz_grid.functions.topology_check.judging import Judgement
from ortsnetz_grid.functions.topology_check.meter_candidates import Seat, squares
from ortsnetz_grid.functions.topology_check.result import CheckSettings, Kind


@dataclass(frozen=True, slots=True)
class Case:
    """What is known of one check.

    Attributes:
        stated: the stated network.
        tried: its alternatives.
        prices: 2 ln of the number of alternatives of a kind, for those that free nothing.
        seats: where the sensors sit.
        settings: how to check.
        suspicious: whether state estimation suspects a meter, or more.
        contradicted: whether something is wrong, whatever it is.
        untested: number of alternatives that the limit left out.
    """

    stated: Judgement
    tried: Mapping[Hypothesis, Judgement]
    prices: Mapping[Kind, float]
    seats: Mapping[int, Seat]
    settings: CheckSettings
    suspicious: bool = False
    contradicted: bool = False
    untested: int = 0

    def evidence(self) -> dict[Hypothesis, float]:
        """2 ln of the likelihood ratio to the stated network, prices paid."""
        left = min([self.stated.misfit, *(each.misfit for each in self.tried.values())])
        # what nothing explains (impedances, profiles) makes all alternatives less certain
        spread = max(1.0, left / max(self.stated.values, 1))
        return {
            each: self._evidence(each, (self.stated.misfit - judged.misfit) / spread)
            for each, judged in self.tried.items()
        }

    def _evidence(self, hypothesis: Hypothesis, gain: float) -> float:
        if not hypothesis.removed:
            return gain - self.prices[hypothesis.kind]
        sensors = sum(not each.assumed for each in self.seats.values())
        choice = 2 * len(hypothesis.sensors) * math.log(max(sensors, 1))
        return self._freed(hypothesis, gain) - choice

    def _freed(self, hypothesis: Hypothesis, gain: float) -> float:
        """2 ln of how much likelier values are if their sensors' errors are gross.

        Of `gain`, an error with the spread G (in the sensor's deviations) explains the share
        G^2 w / (1 + G^2 w), and each value becomes less likely by sqrt(1 + G^2 w). Here w is the
        sensor's own variance over that of its value as the others tell it: the squared residuals
        over what their removal gains. A value that nothing else checks explains and costs nothing.
        """
        if gain <= 0:
            return gain
        instants = range(len(self.stated.snapshots))
        wrong = [
            each for each in instants if hypothesis.instants is None or each in hypothesis.instants
        ]
        sums = squares([self.stated.snapshots[each] for each in wrong])
        mine = [sums[each] for each in hypothesis.sensors if each in sums]
        own = min(1.0, sum(each[0] for each in mine) / gain)
        values = sum(each[1] for each in mine)
        spreads = [spread**2 * own for spread in self.settings.gross_errors]
        best = max(gain * wide / (1 + wide) - values * math.log1p(wide) for wide in spreads)
        return best - 2 * math.log(len(spreads))
