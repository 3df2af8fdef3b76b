"""State estimation with removal of bad data."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.state_estimation.bad_data import (
    misfit,
    suspects,
    verdict,
)
from ortsnetz_grid.functions.state_estimation.passes import Pass, Passes
from ortsnetz_grid.functions.state_estimation.result import (
    Measurements,
    RemovedSensor,
    Settings,
    StateEstimate,
)
from ortsnetz_grid.functions.state_estimation.solver import Output
from ortsnetz_grid.functions.state_estimation.state import state_estimate
from ortsnetz_grid.network.library_coverage import require_library_covers
from ortsnetz_grid.network.loading import RatedBranches
from ortsnetz_grid.network.model import Network

_Solve = Callable[[Measurements, frozenset[int], Settings], Pass]


@dataclass(frozen=True, slots=True)
class Solution:
    """power-grid-model's state after the removal of bad data.

    Attributes:
        output: its asymmetric output.
        removed: sensors that were left out, largest first.
        problems: what a user of the result should know, in words.
    """

    output: Output
    removed: tuple[RemovedSensor, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Cleaned:
    """The last pass of a removal, what was removed and what there is to say."""

    last: Pass
    removed: tuple[RemovedSensor, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Estimator:
    """Estimates states of one network; keeps what depends on the network alone.

    Attributes:
        network: the network.
    """

    network: Network
    _passes: Passes

    @classmethod
    def of(cls, network: Network) -> Estimator:
        """Prepare a network.

        Raises:
            InputError: names an element that the three-phase model does not cover.
        """
        require_library_covers(network, "the state estimation")
        return cls(network, Passes.of(network))

    def estimate(self, measurements: Measurements, settings: Settings) -> StateEstimate:
        """Estimate the state.

        Raises:
            InputError: a sensor is unusable or the case is not observable; names sensor or nodes.
        """
        cleaned = self._cleaned(self._passes.quick, measurements, settings)
        linearisation = cleaned.last.linearisation
        voltage = linearisation.frame.moved(linearisation.fit.step)
        rated = RatedBranches.of(self.network) if settings.loading else None
        state = state_estimate(self.network, rated, voltage, linearisation)
        guards = [
            f"the meter '{name}', which guards the limits, says nothing usable"
            for name in measurements.missing_guards
        ]
        return replace(state, removed=cleaned.removed, problems=(*guards, *cleaned.problems))

    def solve(self, measurements: Measurements, settings: Settings) -> Solution:
        """power-grid-model's own state, after the removal of bad data.

        Raises:
            InputError: see `estimate`; or power-grid-model finds no state.
        """
        cleaned = self._cleaned(self._passes.thorough, measurements, settings)
        if cleaned.last.output is None:
            raise InputError("power-grid-model finds no state")
        return Solution(cleaned.last.output, cleaned.removed, cleaned.problems)

    def _cleaned(self, solve: _Solve, measurements: Measurements, settings: Settings) -> _Cleaned:
        """Estimate, remove the sensor that contradicts the others most, estimate again."""
        current = solve(measurements, frozenset(), settings)
        removed: list[RemovedSensor] = []
        doubts: list[str] = []
        while found := suspects(current.scores, settings):
            size = f"normalised residual {found.normalised_residual:.1f}"
            names = [self._words(measurements, each) for each in found.ids]
            if len(removed) >= settings.largest_removals:
                doubts.append(
                    f"too many sensors contradict each other; next is {names[0]} ({size})"
                )
                break
            out = frozenset(each.sensor for each in removed)
            tried = self._tried(lambda less: solve(measurements, less, settings), out, found.ids)
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
            removed.append(RemovedSensor(guilty, _residual(current, guilty), words[0]))
            current = tried[guilty]
        removed.sort(key=lambda each: -each.normalised_residual)
        sentences = (
            f"{each.words} contradicts the others and was left out (normalised residual "
            f"{each.normalised_residual:.1f})"
            for each in removed
        )
        return _Cleaned(current, tuple(removed), (*sentences, *doubts))

    @staticmethod
    def _tried(
        solve: Callable[[frozenset[int]], Pass], out: frozenset[int], ids: tuple[int, ...]
    ) -> dict[int, Pass]:
        """Passes without each of several sensors; none for a sensor that nothing can replace."""
        found = {}
        for each in ids:
            with contextlib.suppress(InputError):
                found[each] = solve(out | {each})
        return found

    def _words(self, measurements: Measurements, sensor: int) -> str:
        return measurements.words.get(sensor) or self.network.label(sensor)


def estimate(network: Network, measurements: Measurements, settings: Settings) -> StateEstimate:
    """Estimate the state of a network once; see `Estimator` for many times.

    Raises:
        InputError: see `Estimator.estimate`.
    """
    return Estimator.of(network).estimate(measurements, settings)


def _residual(current: Pass, sensor: int) -> float:
    """Normalised residual of a sensor before its removal."""
    scores = current.scores
    return float(scores.largest[np.flatnonzero(scores.ids == sensor)[0]])
