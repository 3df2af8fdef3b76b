"""One estimation with a given set of sensors: gather, settle, judge the residuals."""

from __future__ import annotations

from collections import OrderedDict
from ctypes import CDLL
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.state_estimation import block_fit, sparse_fit
from ortsnetz_grid.functions.state_estimation.bad_data import Scores, score
from ortsnetz_grid.functions.state_estimation.covariance import BlockCovariance
from ortsnetz_grid.functions.state_estimation.driven import Driven
from ortsnetz_grid.functions.state_estimation.fitted import Fitted
from ortsnetz_grid.functions.state_estimation.jacobian import Frame, energised_matrix
from ortsnetz_grid.functions.state_estimation.linearisation import linearise
from ortsnetz_grid.functions.state_estimation.observability import (
    named,
    unmeasured_nodes,
    unseen_nodes,
)
from ortsnetz_grid.functions.state_estimation.places import Places
from ortsnetz_grid.functions.state_estimation.plan import Plan
from ortsnetz_grid.functions.state_estimation.quantities import (
    Mean,
    Quantities,
    gather,
    inner_objective,
)
from ortsnetz_grid.functions.state_estimation.result import Measurements, Settings
from ortsnetz_grid.functions.state_estimation.sensors import read_sensors
from ortsnetz_grid.kernels.estimation import BlockMeasurements
from ortsnetz_grid.kernels.native import library
from ortsnetz_grid.network.model import Network

Complex = NDArray[np.complex128]

_UNSEEN_PU = 0.1
"""Standard deviation of a voltage from which nothing determines it: an injection that nobody knows
moves it by far more, and what is known by far less."""
_PLANS = 8
"""Prepared networks that are kept: sensors come and go."""
_SINGULAR = "not observable: the measurements determine no state"
"""Where a matrix is singular to the last digit."""
_DIVERGED = "no state fits the measurements: least squares do not converge"


@dataclass(frozen=True, slots=True)
class Pass:
    """An estimated state.

    Attributes:
        fitted: the state.
        scores: normalised residuals of the sensors.
        objective: sum of the squared deviations of all sensors, in standard deviations.
    """

    fitted: Fitted
    scores: Scores
    objective: float


@dataclass(frozen=True, slots=True)
class Passes:
    """Estimates states of one network from different sensors, for one caller after the other.

    Attributes:
        network: the network.
        places: where its sensors can sit.
    """

    network: Network
    places: Places
    _matrix: sparse.csr_array
    _references: NDArray[np.intp]
    _driven: Driven
    _plans: OrderedDict[bytes, Plan] = field(default_factory=OrderedDict)

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
        references = np.sort(model.sources[first])
        matrix = energised_matrix(model)
        flat = np.ones((len(model.node_ids), 3), dtype=np.complex128)
        driven = Driven.of(Frame.at(model, flat, matrix), references)
        return cls(network, places, matrix, references, driven)

    def solve(self, measurements: Measurements, settings: Settings) -> Pass:
        """The most probable state.

        Args:
            measurements: all sensors that count.
            settings: how to estimate.

        Raises:
            InputError: a sensor is unusable, the case is not observable, or has no state; names
                sensor or nodes.
        """
        sensors = read_sensors(measurements, self.places)
        quantities = gather(sensors, self.places)
        if not np.isfinite(quantities.magnitude.variance).any():
            raise InputError("not observable: there is no voltage sensor")
        self._require_zero_sequence(quantities, settings)
        fitted = self.settled(quantities, settings)
        return Pass(
            fitted=fitted,
            scores=score(sensors, quantities, fitted.residuals, self.places),
            objective=fitted.objective + inner_objective(sensors, quantities),
        )

    def settled(self, quantities: Quantities, settings: Settings) -> Fitted:
        """The most probable state for quantities.

        Raises:
            InputError: see `solve`.
        """
        kernels = library()
        if kernels is None:
            return self._by_numpy(quantities, settings)
        plan = self._plan(kernels, quantities)
        with plan.solver.turn:
            return self._by_kernel(plan, quantities, settings)

    def _require_zero_sequence(self, quantities: Quantities, settings: Settings) -> None:
        """Refuse what only the assumption of symmetrical angles at a source would determine.

        The phase-to-earth voltages of a medium-voltage network with an isolated or compensated
        neutral may be displaced, and nothing behind a delta winding shows it. So where no sensor
        measures the voltage at the source, all must be seen if angles are known at voltage sensors
        alone.

        Raises:
            InputError: names the nodes whose voltage nothing determines.
        """
        known = np.isfinite(quantities.magnitude.variance)
        if known[self._references].all():
            return
        angle = Mean(np.angle(self._driven.no_load), quantities.magnitude.variance)
        told = replace(quantities, angle=angle)
        kernels = library()
        no_load = self._driven.no_load
        frame = Frame.at(self.places.admittance, no_load, self._matrix)
        inverse = None
        if kernels is not None:
            plan = self._plan(kernels, told)
            measured = self._measured(plan, told, settings)
            with plan.solver.turn:
                inverse = plan.solver.inverse(measured, no_load[plan.order])
        if inverse is not None:
            unseen = BlockCovariance(plan, frame, inverse).unseen(_UNSEEN_PU)
        else:
            sigma = settings.reference_angle_sigma
            try:
                found = linearise(frame, told, self._references, sigma)
            except (np.linalg.LinAlgError, RuntimeError) as error:
                raise InputError(_SINGULAR) from error
            unseen = unseen_nodes(found.frame, found.fit, _UNSEEN_PU)
        self._require_seen(unseen, quantities)

    def _plan(self, kernels: CDLL, quantities: Quantities) -> Plan:
        """The prepared network for what is measured; no other one, so that history has no part."""
        model = self.places.admittance
        needed = block_fit.needed_nodes(model, quantities)
        key = needed.tobytes()
        if key in self._plans:
            self._plans.move_to_end(key)
            return self._plans[key]
        plan = Plan.of(kernels, model, needed, self._driven.no_load)
        self._plans[key] = plan
        if len(self._plans) > _PLANS:
            self._plans.popitem(last=False)
        return plan

    def _measured(
        self, plan: Plan, quantities: Quantities, settings: Settings
    ) -> BlockMeasurements:
        return block_fit.block_measurements(
            plan,
            self.places.admittance,
            quantities,
            references=self._references,
            angle_sigma=settings.reference_angle_sigma,
            driven=self._driven,
        )

    def _by_kernel(self, plan: Plan, quantities: Quantities, settings: Settings) -> Fitted:
        measured = self._measured(plan, quantities, settings)
        settled = block_fit.settle(plan, measured, self._driven.no_load)
        inverse = None
        if not settled.report.code:
            inverse = plan.solver.inverse(measured, settled.voltage)
        if inverse is None:
            # extreme weights cost it more digits than they cost the form in measurement space
            return self._by_numpy(quantities, settings)
        voltage = plan.whole(inverse.voltage, len(self._driven.no_load))
        frame = Frame.at(self.places.admittance, voltage, self._matrix)
        covariance = BlockCovariance(plan, frame, inverse)
        if not covariance.sound():
            return self._by_numpy(quantities, settings)
        self._require_seen(covariance.unseen(_UNSEEN_PU), quantities)
        return block_fit.fitted(plan, covariance, quantities)

    def _by_numpy(self, quantities: Quantities, settings: Settings) -> Fitted:
        model, sigma = self.places.admittance, settings.reference_angle_sigma
        frame = Frame.at(model, self._driven.no_load, self._matrix)
        try:
            found, converged = sparse_fit.stepped(frame, quantities, self._references, sigma)
        except (np.linalg.LinAlgError, RuntimeError) as error:
            raise InputError(_SINGULAR) from error
        self._require_seen(unseen_nodes(found.frame, found.fit, _UNSEEN_PU), quantities)
        if not converged:
            raise InputError(_DIVERGED)
        return sparse_fit.fitted(found)

    def _require_seen(self, unseen: NDArray[np.intp], quantities: Quantities) -> None:
        if not unseen.size:
            return
        nodes = named(self.places, unseen)
        unmeasured = unmeasured_nodes(self.places, quantities)
        if unmeasured.size:
            raise InputError(
                f"not observable: the power of {named(self.places, unmeasured)} is not measured, "
                f"and nothing else determines the voltage of {nodes}"
            )
        raise InputError(f"not observable: no measurement determines the voltage of {nodes}")
