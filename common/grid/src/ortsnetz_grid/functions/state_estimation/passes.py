"""One estimation with a given set of sensors: power-grid-model, then least squares around it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.state_estimation.bad_data import Scores, score
from ortsnetz_grid.functions.state_estimation.expressed import expressed
from ortsnetz_grid.functions.state_estimation.jacobian import Frame, energised_matrix
from ortsnetz_grid.functions.state_estimation.linearisation import Linearisation, linearise
from ortsnetz_grid.functions.state_estimation.observability import (
    named,
    no_load_voltage,
    unmeasured_nodes,
    unseen_nodes,
)
from ortsnetz_grid.functions.state_estimation.places import Places
from ortsnetz_grid.functions.state_estimation.quantities import (
    Mean,
    Quantities,
    gather,
    inner_objective,
)
from ortsnetz_grid.functions.state_estimation.result import Measurements, Settings
from ortsnetz_grid.functions.state_estimation.sensors import Sensors, read_sensors
from ortsnetz_grid.functions.state_estimation.solver import (
    QUICK,
    THOROUGH,
    DivergedError,
    NoSolutionError,
    Output,
    solve,
)
from ortsnetz_grid.network.model import Network

Complex = NDArray[np.complex128]

_SHORT_PU = 0.005
"""A step of least squares that is shorter than this leaves an error of about its square."""
_TINY_PU = 1e-4
"""The same where power-grid-model's time counts more: residuals that are far smaller than their
sensor's deviation, such as that of a meter at kilometres of cable, bear no such error."""
_MOST_STEPS = 10
_ASTRAY_PU = 0.02
"""Difference of a voltage between power-grid-model's state and that of least squares which no
weighting explains: that library sometimes settles at angles that no network has."""
_IMPLAUSIBLE = 25.0
"""Mean squared deviation from which a state may be a wrong solution (phases turned against each
other) and not only bear bad data: then the way from no load is walked, too."""
_MUTED = 1e4
"""Factor on a removed sensor's deviation where power-grid-model counts on the sensor."""


@dataclass(frozen=True, slots=True)
class Pass:
    """An estimated state.

    Attributes:
        output: power-grid-model's asymmetric output; None where it found no state and least squares
            did without.
        linearisation: the least-squares problem close to the state.
        scores: normalised residuals of the sensors.
        objective: sum of the squared deviations of all sensors, in standard deviations.
    """

    output: Output | None
    linearisation: Linearisation
    scores: Scores
    objective: float


@dataclass(frozen=True, slots=True)
class Passes:
    """Estimates states of one network from different sensors.

    Attributes:
        network: the network.
        places: where its sensors can sit.
    """

    network: Network
    places: Places
    _matrix: sparse.csr_array
    _references: NDArray[np.intp]

    @classmethod
    def of(cls, network: Network) -> Passes:
        """Prepare a network.

        Raises:
            InputError: names an element that the three-phase model does not cover.
        """
        places = Places.of(network)
        model = places.admittance
        if not len(model.sources):
            raise InputError("the network has no source in service: nothing is energised")
        _, first = np.unique(model.island[model.sources], return_index=True)
        return cls(network, places, energised_matrix(model), np.sort(model.sources[first]))

    def quick(self, measurements: Measurements, out: frozenset[int], settings: Settings) -> Pass:
        """A state that least squares have moved on from power-grid-model's; for every second.

        Args:
            measurements: all sensors.
            out: ids of those to leave out.
            settings: how to estimate.

        Raises:
            InputError: a sensor is unusable, or the case is not observable; names sensor or nodes.
        """
        reduced = measurements.without(out) if out else measurements
        sensors = read_sensors(reduced, self.places)
        quantities = gather(sensors, self.places)
        output: Output | None = None
        try:
            output = solve(self.network, reduced, QUICK)
        except DivergedError:
            start = self._no_load()
        except NoSolutionError as error:
            # see `_library`; without bad data that library's word counts
            if not out:
                raise self._unsolvable(quantities, settings, str(error)) from error
            start = self._no_load()
        else:
            start = _voltage(output)
        settled = self._settled(start, quantities, settings, short=_SHORT_PU)
        return self._judged(output, settled, sensors, quantities)

    def thorough(self, measurements: Measurements, out: frozenset[int], settings: Settings) -> Pass:
        """power-grid-model's own state; where it crawls for ever, that of least squares.

        Args:
            measurements: all sensors.
            out: ids of those to leave out.
            settings: how to estimate.

        Raises:
            InputError: see `quick`; or power-grid-model finds no state.
        """
        reduced = measurements.without(out) if out else measurements
        sensors = read_sensors(reduced, self.places)
        quantities = gather(sensors, self.places)
        self.require_seen(quantities, settings)
        output: Output | None = None
        try:
            output = self._library(measurements, out, reduced)
        except DivergedError:
            start = self._no_load()
        except NoSolutionError as error:
            raise self._unsolvable(quantities, settings, str(error)) from error
        else:
            start = _voltage(output)
        settled = self._settled(start, quantities, settings, short=_TINY_PU)
        voltage = settled.frame.moved(settled.fit.step)
        if output is None or self._astray(output, voltage):
            output = expressed(self.network, self.places, reduced, voltage)
        return self._judged(output, settled, sensors, quantities)

    def _astray(self, output: Output, voltage: Complex) -> bool:
        """Whether power-grid-model's state is far from voltages (n, 3)."""
        away = np.abs(output["node"]["u_pu"] - np.abs(voltage))[self.places.admittance.energised]
        return bool(away.max(initial=0.0) > _ASTRAY_PU)

    def _judged(
        self,
        output: Output | None,
        settled: Linearisation,
        sensors: Sensors,
        quantities: Quantities,
    ) -> Pass:
        return Pass(
            output=output,
            linearisation=settled,
            scores=score(sensors, quantities, settled.residuals, self.places),
            objective=settled.fit.objective + inner_objective(sensors, quantities),
        )

    def _library(
        self, measurements: Measurements, out: frozenset[int], reduced: Measurements
    ) -> Output:
        try:
            return solve(self.network, reduced, THOROUGH)
        except DivergedError:
            raise
        except NoSolutionError:
            if not out:
                raise
            # the library counts power sensors and ignores what voltages tell about flows
            return solve(self.network, _muted(measurements, out), THOROUGH)

    def linearised(
        self, voltage: Complex, quantities: Quantities, settings: Settings
    ) -> Linearisation:
        """The least-squares problem at voltages (n, 3).

        Raises:
            InputError: the case is not observable there; names the nodes.
        """
        frame = Frame.at(self.places.admittance, voltage, self._matrix)
        found = linearise(frame, quantities, self._references, settings.reference_angle_sigma)
        unseen = unseen_nodes(found.frame, found.fit)
        if unseen.size:
            raise InputError(
                "not observable: no measurement determines the voltage of "
                f"{named(self.places, unseen)}"
            )
        return found

    def require_seen(self, quantities: Quantities, settings: Settings) -> None:
        """Check what power-grid-model can see, before there is a state.

        That library takes the angles of its last iteration as measured wherever there is a voltage
        sensor, and knows nothing of symmetrical angles anywhere else. So without a sensor above it,
        the zero sequence on the delta side of a transformer is nobody's guess.

        Raises:
            InputError: names the nodes whose voltage nothing determines.
        """
        if not np.isfinite(quantities.magnitude.variance).any():
            raise InputError("not observable: there is no voltage sensor")
        start = self._no_load()
        angle = Mean(np.angle(start), quantities.magnitude.variance)
        self.linearised(start, replace(quantities, angle=angle), settings)

    def _settled(
        self, voltage: Complex, quantities: Quantities, settings: Settings, *, short: float
    ) -> Linearisation:
        """Least squares, step by step, until a step is short; from no load where that fails.

        Raises:
            InputError: the case is not observable, or has no state.
        """
        best: Linearisation | None = None
        for start in (voltage, self._no_load()):
            found = self._stepped(start, quantities, settings, short)
            if found and (best is None or found.fit.objective < best.fit.objective):
                best = found
            if best and best.fit.objective <= _IMPLAUSIBLE * len(best.fit.others.residual):
                break
        if best is None:
            raise InputError("no state fits the measurements: least squares do not converge")
        return best

    def _stepped(
        self, voltage: Complex, quantities: Quantities, settings: Settings, short: float
    ) -> Linearisation | None:
        """Least squares from a start, None if no step becomes short."""
        for _ in range(_MOST_STEPS):
            found = self.linearised(voltage, quantities, settings)
            longest = float(np.abs(found.fit.step).max(initial=0.0))
            if longest <= short:
                return found
            if not np.isfinite(longest):
                break
            voltage = found.frame.moved(found.fit.step)
        return None

    def _no_load(self) -> Complex:
        model = self.places.admittance
        flat = np.ones((len(model.node_ids), 3), dtype=np.complex128)
        return no_load_voltage(Frame.at(model, flat, self._matrix), self._references)

    def _unsolvable(self, quantities: Quantities, settings: Settings, reason: str) -> InputError:
        """Why there is no solution, by name as far as names help."""
        try:
            self.require_seen(quantities, settings)
        except InputError as error:
            return error
        unmeasured = unmeasured_nodes(self.places, quantities)
        if unmeasured.size:
            return InputError(
                f"not observable: the power of {named(self.places, unmeasured)} is not measured "
                f"({reason})"
            )
        return InputError(f"no state fits the measurements: {reason}")


def _voltage(output: Output) -> Complex:
    node = output["node"]
    return np.asarray(node["u_pu"] * np.exp(1j * node["u_angle"]))


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
