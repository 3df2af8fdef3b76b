"""State estimation with removal of bad data."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.state_estimation import bad_data
from ortsnetz_grid.functions.state_estimation.jacobian import Frame, energised_matrix
from ortsnetz_grid.functions.state_estimation.linearisation import Linearisation, linearise
from ortsnetz_grid.functions.state_estimation.observability import (
    named,
    no_load_voltage,
    unmeasured_nodes,
    unseen_nodes,
)
from ortsnetz_grid.functions.state_estimation.places import Places
from ortsnetz_grid.functions.state_estimation.quantities import Mean, Quantities, gather
from ortsnetz_grid.functions.state_estimation.result import (
    Measurements,
    RemovedSensor,
    Settings,
    StateEstimate,
)
from ortsnetz_grid.functions.state_estimation.sensors import Sensors, read_sensors
from ortsnetz_grid.functions.state_estimation.solver import (
    QUICK,
    THOROUGH,
    Attempts,
    NoSolutionError,
    Output,
    solve,
)
from ortsnetz_grid.functions.state_estimation.state import state_estimate
from ortsnetz_grid.network.loading import RatedBranches
from ortsnetz_grid.network.model import Network

_SHORT_PU = 0.01
"""A step of least squares that is shorter than this leaves an error of its square."""
_MOST_STEPS = 5
_MUTED = 1e4
"""Factor on a removed sensor's deviation where power-grid-model counts on the sensor."""


@dataclass(frozen=True, slots=True)
class Solution:
    """An estimated state after the removal of bad data.

    Attributes:
        output: power-grid-model's asymmetric output.
        linearisation: the least-squares problem at this state.
        quantities: what was measured.
        removed: sensors that were left out, largest first.
        problems: what a user of the result should know, in words.
    """

    output: Output
    linearisation: Linearisation
    quantities: Quantities
    removed: tuple[RemovedSensor, ...]
    problems: tuple[str, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """The removed sensors in sentences."""
        return tuple(
            f"{each.words} contradicts the others and was left out (normalised residual "
            f"{each.normalised_residual:.1f})"
            for each in self.removed
        )


@dataclass(frozen=True, slots=True)
class _Pass:
    """One solution with the scores of its sensors."""

    output: Output
    linearisation: Linearisation
    quantities: Quantities
    scores: bad_data.Scores


@dataclass(frozen=True, slots=True)
class Estimator:
    """Estimates states of one network; keeps what depends on the network alone.

    Attributes:
        network: the network.
    """

    network: Network
    _places: Places
    _matrix: sparse.csr_array
    _references: NDArray[np.intp]

    @classmethod
    def of(cls, network: Network) -> Estimator:
        """Prepare a network.

        Raises:
            InputError: names an element that the three-phase model does not cover.
        """
        places = Places.of(network)
        model = places.admittance
        if not len(model.sources):
            raise InputError("the network has no source in service: nothing is energised")
        _, first = np.unique(model.island[model.sources], return_index=True)
        return cls(network, places, energised_matrix(model), model.sources[first])

    def estimate(self, measurements: Measurements, settings: Settings) -> StateEstimate:
        """Estimate the state.

        Raises:
            InputError: a sensor is unusable or the case is not observable; names sensor or nodes.
        """
        solution = self._solve(measurements, settings, QUICK)
        linearisation = solution.linearisation
        voltage = linearisation.frame.moved(linearisation.fit.step)
        for _ in range(_MOST_STEPS):
            if np.abs(linearisation.fit.step).max(initial=0.0) <= _SHORT_PU:
                break
            linearisation = self._linearised(voltage, solution.quantities, settings)
            voltage = linearisation.frame.moved(linearisation.fit.step)
        else:
            raise InputError("no state fits the measurements: least squares do not converge")
        rated = RatedBranches.of(self.network) if settings.loading else None
        state = state_estimate(self.network, rated, voltage, linearisation)
        problems = (*_guards(measurements), *solution.words, *solution.problems)
        return replace(state, removed=solution.removed, problems=problems)

    def solve(self, measurements: Measurements, settings: Settings) -> Solution:
        """power-grid-model's own state, after the removal of bad data.

        Raises:
            InputError: see `estimate`.
        """
        self._require_seen(gather(read_sensors(measurements, self._places), self._places), settings)
        return self._solve(measurements, settings, THOROUGH)

    def _solve(
        self, measurements: Measurements, settings: Settings, attempts: Attempts
    ) -> Solution:
        """Estimate, remove the sensor that contradicts the others most, estimate again."""
        current = self._pass(measurements, frozenset(), settings, attempts)
        removed: list[RemovedSensor] = []
        problems: list[str] = []
        while found := bad_data.suspect(current.scores, settings):
            words = [_words(measurements, self.network, sensor) for sensor in found.ids]
            size = f"normalised residual {found.normalised_residual:.1f}"
            if not found.identified:
                problems.append(
                    f"one of these is wrong, which one cannot be told: {words} ({size})"
                )
                break
            if len(removed) >= settings.largest_removals:
                problems.append(
                    f"too many sensors contradict each other; next: {words[0]} ({size})"
                )
                break
            out = frozenset({found.ids[0], *(each.sensor for each in removed)})
            try:
                current = self._pass(measurements, out, settings, attempts)
            except InputError:
                problems.append(f"{words[0]} seems wrong ({size}) but nothing can replace it")
                break
            removed.append(RemovedSensor(found.ids[0], found.normalised_residual, words[0]))
            if len(found.ids) > 1:
                problems.append(f"{words[0]} was left out; it may be one of {words[1:]} instead")
        removed.sort(key=lambda each: -each.normalised_residual)
        return Solution(
            current.output,
            current.linearisation,
            current.quantities,
            tuple(removed),
            tuple(problems),
        )

    def _pass(
        self,
        measurements: Measurements,
        out: frozenset[int],
        settings: Settings,
        attempts: Attempts,
    ) -> _Pass:
        """Solve without some sensors."""
        reduced = measurements.without(out) if out else measurements
        sensors = read_sensors(reduced, self._places)
        quantities = gather(sensors, self._places)
        try:
            output = solve(self.network, reduced, attempts)
        except NoSolutionError as error:
            # the library counts power sensors and ignores what voltages tell about flows
            if not out:
                raise self._unsolvable(quantities, settings, str(error)) from error
            try:
                output = solve(self.network, _muted(measurements, out), attempts)
            except NoSolutionError as again:
                raise self._unsolvable(quantities, settings, str(again)) from again
        node = output["node"]
        voltage = node["u_pu"] * np.exp(1j * node["u_angle"])
        linearisation = self._linearised(voltage, quantities, settings)
        self._require_observable(linearisation)
        return _Pass(
            output, linearisation, quantities, self._scores(sensors, quantities, linearisation)
        )

    def _scores(
        self, sensors: Sensors, quantities: Quantities, linearisation: Linearisation
    ) -> bad_data.Scores:
        return bad_data.score(sensors, quantities, linearisation.residuals, self._places)

    def _linearised(
        self, voltage: NDArray[np.complex128], quantities: Quantities, settings: Settings
    ) -> Linearisation:
        frame = Frame.at(self._places.admittance, voltage, self._matrix)
        return linearise(frame, quantities, self._references, settings.reference_angle_sigma)

    def _require_observable(self, linearisation: Linearisation) -> None:
        unseen = unseen_nodes(linearisation.frame, linearisation.fit)
        if unseen.size:
            raise InputError(
                f"not observable: no measurement determines the voltage of "
                f"{named(self._places, unseen)}"
            )

    def _require_seen(self, quantities: Quantities, settings: Settings) -> None:
        """Check what power-grid-model can see, before there is a state.

        That library takes the angles of its last iteration as measured wherever there is a voltage
        sensor, and knows nothing of symmetrical angles anywhere else. So without a sensor above it,
        the zero sequence on the delta side of a transformer is nobody's guess.

        Raises:
            InputError: names the nodes whose voltage nothing determines.
        """
        model = self._places.admittance
        if not np.isfinite(quantities.magnitude.variance).any():
            raise InputError("not observable: there is no voltage sensor")
        flat = np.ones((len(model.node_ids), 3), dtype=np.complex128)
        start = no_load_voltage(Frame.at(model, flat, self._matrix), self._references)
        angle = Mean(np.angle(start), quantities.magnitude.variance)
        self._require_observable(
            self._linearised(start, replace(quantities, angle=angle), settings)
        )

    def _unsolvable(self, quantities: Quantities, settings: Settings, reason: str) -> InputError:
        """Why there is no solution, by name as far as names help."""
        try:
            self._require_seen(quantities, settings)
        except InputError as error:
            return error
        unmeasured = unmeasured_nodes(self._places, quantities)
        if unmeasured.size:
            return InputError(
                f"not observable: the power of {named(self._places, unmeasured)} is not measured "
                f"({reason})"
            )
        return InputError(f"no state fits the measurements: {reason}")


def estimate(network: Network, measurements: Measurements, settings: Settings) -> StateEstimate:
    """Estimate the state of a network once; see `Estimator` for many times.

    Raises:
        InputError: see `Estimator.estimate`.
    """
    return Estimator.of(network).estimate(measurements, settings)


def _muted(measurements: Measurements, out: frozenset[int]) -> Measurements:
    """Keep removed sensors in name only, with a deviation that takes their weight away."""
    sensors = {}
    for component, array in measurements.sensors.items():
        mine = np.isin(array["id"], list(out))
        changed = array.copy()
        for name in array.dtype.names or ():
            if name.endswith("sigma"):
                changed[name][mine] *= _MUTED
        sensors[component] = changed
    return replace(measurements, sensors=sensors)


def _words(measurements: Measurements, network: Network, sensor: int) -> str:
    return measurements.words.get(sensor) or network.label(sensor)


def _guards(measurements: Measurements) -> list[str]:
    return [
        f"the meter '{name}', which guards the limits, says nothing usable"
        for name in measurements.missing_guards
    ]
