"""State estimation with removal of bad data."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.state_estimation.bad_data import (
    misfit,
    suspects,
    verdict,
)
from ortsnetz_grid.functions.state_estimation.fitted import Fitted
from ortsnetz_grid.functions.state_estimation.output import output_of
from ortsnetz_grid.functions.state_estimation.passes import Pass, Passes
from ortsnetz_grid.functions.state_estimation.places import Places
from ortsnetz_grid.functions.state_estimation.result import (
    Measurements,
    RemovedSensor,
    Settings,
    StateEstimate,
)
from ortsnetz_grid.functions.state_estimation.state import state_estimate
from ortsnetz_grid.network.library_coverage import require_library_covers
from ortsnetz_grid.network.loading import RatedBranches
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.output import Output
from ortsnetz_grid.network.taps import with_taps

_KEPT_TAPS = 4
"""Combinations of tap positions whose networks are kept prepared."""


@dataclass(frozen=True, slots=True)
class Solution:
    """The most probable state after the removal of bad data.

    Attributes:
        fitted: the state.
        measurements: those that were not left out.
        removed: sensors that were left out, largest first.
        problems: what a user of the result should know, in words.
    """

    fitted: Fitted
    measurements: Measurements
    removed: tuple[RemovedSensor, ...]
    problems: tuple[str, ...]
    _places: Places

    def output(self) -> Output:
        """The state as power-grid-model's asymmetric output."""
        return output_of(self._places, self.fitted.frame, self.measurements)


@dataclass(frozen=True, slots=True)
class Estimator:
    """Estimates states of one network; keeps what depends on the network alone.

    Attributes:
        network: the network.
    """

    network: Network
    _passes: Passes
    _rated: RatedBranches | InputError
    _stepped: OrderedDict[tuple[tuple[int, int], ...], Estimator] = field(
        default_factory=OrderedDict
    )

    @classmethod
    def of(cls, network: Network) -> Estimator:
        """Prepare a network.

        Raises:
            InputError: names an element that the three-phase model does not cover.
        """
        require_library_covers(network, "the state estimation")
        return cls(network, Passes.of(network), _rated(network))

    def estimate(self, measurements: Measurements, settings: Settings) -> StateEstimate:
        """Estimate the state.

        Raises:
            InputError: a sensor is unusable or the case is not observable, names sensor or nodes;
                or loadings are wanted and a branch has no rating.
        """
        if measurements.taps:
            taken = self._at(measurements.taps)
            return taken.estimate(replace(measurements, taps={}), settings)
        solution = self.solve(measurements, settings)
        if settings.loading and isinstance(self._rated, InputError):
            raise self._rated
        rated = self._rated if isinstance(self._rated, RatedBranches) else None
        state = state_estimate(self.network, rated if settings.loading else None, solution.fitted)
        guards = [
            f"the meter '{name}', which guards the limits, says nothing usable"
            for name in measurements.missing_guards
        ]
        return replace(state, removed=solution.removed, problems=(*guards, *solution.problems))

    def solve(self, measurements: Measurements, settings: Settings) -> Solution:
        """Estimate, remove the sensor that contradicts the others most, estimate again.

        Raises:
            InputError: see `estimate`.
        """
        if measurements.taps:
            return self._at(measurements.taps).solve(replace(measurements, taps={}), settings)
        current = self._passes.solve(measurements, settings)
        used = measurements
        removed: dict[int, RemovedSensor] = {}
        doubts: list[str] = []
        while found := suspects(current.scores, settings):
            size = f"normalised residual {found.normalised_residual:.1f}"
            names = [self._words(measurements, each) for each in found.ids]
            if len(removed) >= settings.largest_removals:
                doubts.append(
                    f"too many sensors contradict each other; next is {names[0]} ({size})"
                )
                break
            tried = self._tried(used, settings, found.ids)
            if not tried:
                doubts.append(f"{names[0]} seems wrong ({size}) but nothing can replace it")
                break
            misfits = [misfit(current.scores, each, tried[each].objective) for each in tried]
            judged = verdict(current.scores, list(tried), misfits)
            words = [self._words(measurements, each) for each in judged.likely]
            if not judged.identified:
                doubts.append(f"one of {words} is wrong, which one cannot be told ({size})")
                break
            if len(words) > 1:
                doubts.append(f"{words[0]} was left out; it may be {words[1:]} instead")
            guilty = judged.likely[0]
            removed[guilty] = RemovedSensor(guilty, _residual(current, guilty), words[0])
            used, current = used.without(frozenset({guilty})), tried[guilty]
        largest = sorted(removed.values(), key=lambda each: -each.normalised_residual)
        sentences = (
            f"{each.words} contradicts the others and was left out (normalised residual "
            f"{each.normalised_residual:.1f})"
            for each in largest
        )
        return Solution(
            current.fitted, used, tuple(largest), (*sentences, *doubts), self._passes.places
        )

    def _at(self, taps: Mapping[int, int]) -> Estimator:
        """The estimator of the network with tap changers at stated positions; keeps a few.

        Raises:
            InputError: names a tap changer that does not exist or has no such position.
        """
        key = tuple(sorted(taps.items()))
        if key not in self._stepped:
            self._stepped[key] = Estimator.of(with_taps(self.network, taps))
            if len(self._stepped) > _KEPT_TAPS:
                self._stepped.popitem(last=False)
        return self._stepped[key]

    def _tried(
        self, measurements: Measurements, settings: Settings, ids: tuple[int, ...]
    ) -> dict[int, Pass]:
        """Passes without each of several sensors; none for a sensor that nothing can replace."""
        found = {}
        for each in ids:
            with contextlib.suppress(InputError):
                found[each] = self._passes.solve(measurements.without(frozenset({each})), settings)
        return found

    def _words(self, measurements: Measurements, sensor: int) -> str:
        return measurements.words.get(sensor) or self.network.label(sensor)


def estimate(network: Network, measurements: Measurements, settings: Settings) -> StateEstimate:
    """Estimate the state of a network once; see `Estimator` for many times.

    Raises:
        InputError: see `Estimator.estimate`.
    """
    return Estimator.of(network).estimate(measurements, settings)


def _rated(network: Network) -> RatedBranches | InputError:
    """The branches with their ratings, or why there are none."""
    try:
        return RatedBranches.of(network)
    except InputError as reason:
        return reason


def _residual(current: Pass, sensor: int) -> float:
    """Normalised residual of a sensor before its removal."""
    scores = current.scores
    return float(scores.largest[np.flatnonzero(scores.ids == sensor)[0]])
