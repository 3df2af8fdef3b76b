"""One estimation with a given set of sensors: least squares, from a start near the state."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.state_estimation.bad_data import Scores, score
from ortsnetz_grid.functions.state_estimation.jacobian import Frame, energised_matrix
from ortsnetz_grid.functions.state_estimation.linearisation import (
    Linearisation,
    linearise,
    unseen_at,
)
from ortsnetz_grid.functions.state_estimation.observability import (
    named,
    no_load_voltage,
    nodes_without_voltage,
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
    DivergedError,
    NoSolutionError,
    solve,
    voltage_of,
)
from ortsnetz_grid.network.model import Network

Complex = NDArray[np.complex128]
Near = Complex | None

_SHORT_PU = 0.005
"""A step of least squares that is shorter than this leaves an error of about its square."""
_TINY_PU = 1e-4
"""The same where exactness counts more than time: residuals that are far smaller than their
sensor's deviation, such as that of a meter at kilometres of cable, bear no such error."""
_MOST_STEPS = 10
_IMPLAUSIBLE = 25.0
"""Mean squared deviation from which a state may be a wrong solution (phases turned against each
other) and not only bear bad data: then the way from no load is walked, too."""


@dataclass(frozen=True, slots=True)
class Pass:
    """An estimated state.

    Attributes:
        voltage: (n, 3), per unit.
        linearisation: the least-squares problem close to the state.
        scores: normalised residuals of the sensors.
        objective: sum of the squared deviations of all sensors, in standard deviations.
    """

    voltage: Complex
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

    def quick(
        self, measurements: Measurements, out: frozenset[int], settings: Settings, near: Near
    ) -> Pass:
        """A state that least squares have moved on from power-grid-model's; for every second.

        Args:
            measurements: all sensors.
            out: ids of those to leave out.
            settings: how to estimate.
            near: of no use here: what is left should not depend on what was removed.

        Raises:
            InputError: a sensor is unusable, or the case is not observable; names sensor or nodes.
        """
        del near
        reduced = measurements.without(out) if out else measurements
        sensors = read_sensors(reduced, self.places)
        quantities = gather(sensors, self.places)
        start = self._no_load()
        try:
            start = voltage_of(solve(self.network, reduced, QUICK))
        except DivergedError:
            pass
        except NoSolutionError as error:
            # that library counts power sensors; its word is only needed without bad data
            if not out:
                raise self.unsolvable(reduced, settings, str(error)) from error
        starts = (start, self._no_load())
        settled = self._settled(starts, quantities, settings, short=_SHORT_PU)
        return self._judged(settled, sensors, quantities)

    def precise(
        self, measurements: Measurements, out: frozenset[int], settings: Settings, near: Near
    ) -> Pass:
        """A state of least squares that power-grid-model could see, too.

        Args:
            measurements: all sensors.
            out: ids of those to leave out.
            settings: how to estimate.
            near: voltages of a state with other sensors left out, to start from.

        Raises:
            InputError: see `quick`.
        """
        reduced = measurements.without(out) if out else measurements
        sensors = read_sensors(reduced, self.places)
        quantities = gather(sensors, self.places)
        self._require_seen(quantities, settings)
        starts = (self._no_load(),) if near is None else (near, self._no_load())
        settled = self._settled(starts, quantities, settings, short=_TINY_PU)
        return self._judged(settled, sensors, quantities)

    def _judged(self, settled: Linearisation, sensors: Sensors, quantities: Quantities) -> Pass:
        return Pass(
            voltage=settled.frame.moved(settled.fit.step),
            linearisation=settled,
            scores=score(sensors, quantities, settled.residuals(), self.places),
            objective=settled.fit.objective + inner_objective(sensors, quantities),
        )

    def _linearised(
        self, voltage: Complex, quantities: Quantities, settings: Settings
    ) -> Linearisation:
        """The least-squares problem at voltages (n, 3).

        Raises:
            InputError: the case is not observable there; names the nodes.
        """
        frame = Frame.at(self.places.admittance, voltage, self._matrix)
        found = linearise(frame, quantities, self._references, settings.reference_angle_sigma)
        self._require_determined(frame, found.fit.unseen)
        return found

    def _require_determined(self, frame: Frame, unseen: NDArray[np.float64]) -> None:
        nodes = unseen_nodes(frame, unseen)
        if nodes.size:
            raise InputError(
                "not observable: no measurement determines the voltage of "
                f"{named(self.places, nodes)}"
            )

    def _require_seen(self, quantities: Quantities, settings: Settings) -> None:
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
        frame = Frame.at(self.places.admittance, start, self._matrix)
        seen = replace(quantities, angle=angle)
        sigma = settings.reference_angle_sigma
        self._require_determined(frame, unseen_at(frame, seen, self._references, sigma))

    def _settled(
        self,
        starts: tuple[Complex, ...],
        quantities: Quantities,
        settings: Settings,
        *,
        short: float,
    ) -> Linearisation:
        """Least squares, step by step, until a step is short; from the next start where that fails.

        Raises:
            InputError: the case is not observable, or has no state.
        """
        best: Linearisation | None = None
        for start in starts:
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
            found = self._linearised(voltage, quantities, settings)
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

    def unsolvable(self, measurements: Measurements, settings: Settings, reason: str) -> InputError:
        """Why power-grid-model has no solution, by name as far as names help."""
        try:
            quantities = gather(read_sensors(measurements, self.places), self.places)
            self._require_seen(quantities, settings)
        except InputError as error:
            return error
        for what, rows in (
            ("the power of {} is not measured", unmeasured_nodes(self.places, quantities)),
            (
                "there is no voltage sensor at {}, nor anywhere on the same side of a transformer",
                nodes_without_voltage(self.places, quantities),
            ),
        ):
            if rows.size:
                sentence = what.format(named(self.places, rows))
                return InputError(f"not observable: {sentence} ({reason})")
        return InputError(f"no state fits the measurements: {reason}")
