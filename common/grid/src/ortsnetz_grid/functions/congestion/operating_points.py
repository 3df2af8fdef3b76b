"""Power flows of a network at different powers of its devices."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from power_grid_model import CalculationMethod, PowerGridModel, initialize_array
from power_grid_model.errors import PowerGridBatchError, PowerGridError

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.congestion.injections import banks_of, power_flow_data
from ortsnetz_grid.functions.congestion.problem import LV_LIMIT_V, ControlledDevice
from ortsnetz_grid.network.loading import RatedBranches
from ortsnetz_grid.network.model import Network

_CHUNK = 256  # scenarios in one batch: bounds memory

_TOLERANCE = 1e-8
_ITERATIONS = 40  # twice the library's: unearthed networks converge slowly
_NOISE = 1e-6
"""Tolerance (pu of voltage) where Newton's method does not reach the usual one: in networks with
links it ends in rounding noise of about 1e-8. A last step of this size is a solution far better
than it, because the method converges quadratically; where there is no solution steps stay large."""


@dataclass(frozen=True, slots=True)
class Points:
    """Computed operating points.

    Attributes:
        factors: (s, d) factor of each device.
        phasors: (s, r) what limits apply to: loading terms, then voltages of LV nodes in pu (three
            phases a node). Of no meaning where the power flow did not converge.
        converged: (s,)
    """

    factors: NDArray[np.float64]
    phasors: NDArray[np.complex128]
    converged: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Point:
    """A computed operating point.

    Attributes:
        factors: (d,)
        phasors: (r,)
    """

    factors: NDArray[np.float64]
    phasors: NDArray[np.complex128]


class DeviceFlows:
    """Power flows of one network as a function of the factors of its devices.

    Attributes:
        branches: rated branches; their terms are the first rows.
        lv_nodes: rows of the LV nodes in the network's node array; their voltages are the rest.
        live_nodes: (n,) nodes of the network that have supply.
        computed: power flows so far.
        failure: what the library said when a power flow last failed.
    """

    def __init__(self, network: Network, devices: tuple[ControlledDevice, ...]) -> None:
        """Build the library's model once.

        Raises:
            InputError: names an element whose data are missing.
        """
        self.branches = RatedBranches.of(network)
        self.lv_nodes = np.flatnonzero(network.data["node"]["u_rated"] <= LV_LIMIT_V)
        self.computed = 0
        self.failure = ""
        self._tolerance = _TOLERANCE
        self._banks = banks_of(network, devices)
        self._outputs: dict[Any, Any] = dict(self.branches.outputs)
        self._outputs["node"] = [*self._outputs["node"], "u_pu"]
        try:
            self._model = PowerGridModel(power_flow_data(network, self._banks))
        except PowerGridError as error:
            raise InputError(f"the network has no power flow: {_reason(error)}") from error
        self.live_nodes = self._energised()

    @property
    def live_rows(self) -> NDArray[np.bool_]:
        """(r,) rows of loading terms, and of voltages of energised nodes."""
        live = np.repeat(self.live_nodes[self.lv_nodes], 3)
        return np.concatenate([np.ones(len(self.branches.terms), dtype=bool), live])

    def at(self, factors: NDArray[np.float64], *, fast: bool = False) -> Points:
        """Compute operating points.

        Args:
            factors: (s, d) factor of each device, 1 is its request.
            fast: iterative current instead of Newton: for sensitivities, not to verify.

        Returns:
            All s points; those that did not converge are marked.
        """
        parts = [
            self._batch(factors[start : start + _CHUNK], fast=fast)
            for start in range(0, len(factors), _CHUNK)
        ]
        if len(parts) == 1:
            return parts[0]
        return Points(
            factors,
            np.concatenate([part.phasors for part in parts]),
            np.concatenate([part.converged for part in parts]),
        )

    def _energised(self) -> NDArray[np.bool_]:
        """(n,) nodes that have supply."""
        outputs: dict[Any, Any] = {"node": ["energized"]}
        self.computed += 1
        try:
            result: Mapping[Any, Any] = self._model.calculate_power_flow(
                symmetric=False,
                calculation_method=CalculationMethod.linear,
                output_component_types=outputs,
            )
        except PowerGridError as error:  # a linear power flow fails only where the data are wrong
            raise InputError(f"the network has no power flow: {_reason(error)}") from error
        return np.asarray(result["node"]["energized"], dtype=bool)

    def _batch(self, factors: NDArray[np.float64], *, fast: bool) -> Points:
        compute = self._varied if self._banks else self._alone
        method = CalculationMethod.iterative_current if fast else CalculationMethod.newton_raphson
        points = compute(factors, method, self._tolerance)
        failed = np.flatnonzero(~points.converged)
        if fast or not len(failed) or self._tolerance == _NOISE:
            return points
        again = compute(factors[failed], method, _NOISE)
        if again.converged.any():  # this network's noise; the next computations need not find out
            self._tolerance = _NOISE
        points.phasors[failed], points.converged[failed] = again.phasors, again.converged
        return points

    def _varied(
        self, factors: NDArray[np.float64], method: CalculationMethod, tolerance: float
    ) -> Points:
        """Points of a network with devices, in one batch."""
        self.computed += len(factors)
        converged = np.ones(len(factors), dtype=bool)
        try:
            result = self._model.calculate_power_flow(
                symmetric=False,
                calculation_method=method,
                error_tolerance=tolerance,
                max_iterations=_ITERATIONS,
                update_data=self._update(factors),
                output_component_types=self._outputs,
                continue_on_batch_error=True,
            )
        except PowerGridError as error:
            return self._failed(factors, error)
        failed = self._model.batch_error
        if isinstance(failed, PowerGridBatchError):
            converged[failed.failed_scenarios] = False
            self.failure = _reason(failed.error_messages[0])
        with np.errstate(all="ignore"):  # what did not converge holds no numbers
            phasors = self._phasors(result)
        converged &= np.isfinite(phasors).all(axis=1)
        return Points(factors, phasors, converged)

    def _alone(
        self, factors: NDArray[np.float64], method: CalculationMethod, tolerance: float
    ) -> Points:
        """The one operating point of a network without devices; a batch needs what varies."""
        self.computed += 1
        try:
            result: Mapping[Any, Any] = self._model.calculate_power_flow(
                symmetric=False,
                calculation_method=method,
                error_tolerance=tolerance,
                max_iterations=_ITERATIONS,
                output_component_types=self._outputs,
            )
        except PowerGridError as error:
            return self._failed(factors, error)
        single = {
            component: {name: np.asarray(values)[None] for name, values in columns.items()}
            for component, columns in result.items()
        }
        phasors = self._phasors(single)
        converged = np.asarray(np.isfinite(phasors).all(axis=1))
        return Points(factors[:1], phasors, converged)

    def _failed(self, factors: NDArray[np.float64], error: PowerGridError) -> Points:
        """Points without a result."""
        self.failure = _reason(error)
        rows = len(self.branches.terms) + 3 * len(self.lv_nodes)
        nothing = np.full((len(factors), rows), np.nan, dtype=np.complex128)
        return Points(factors, nothing, np.zeros(len(factors), dtype=bool))

    def _phasors(self, result: Mapping[Any, Any]) -> NDArray[np.complex128]:
        node = result["node"]
        angle = np.asarray(node["u_angle"])[:, self.lv_nodes]
        voltage = np.asarray(node["u_pu"])[:, self.lv_nodes] * np.exp(1j * angle)
        flat = voltage.reshape(len(voltage), -1)
        return np.concatenate([self.branches.ratios(result), flat], axis=1)

    def _update(self, factors: NDArray[np.float64]) -> dict[Any, Any]:
        update: dict[Any, Any] = {}
        for bank in self._banks:
            shape = (len(factors), len(bank.ids))
            array = initialize_array("update", bank.component, shape)
            array["id"] = bank.ids
            array["p_specified"], array["q_specified"] = bank.powers(factors)
            update[bank.component] = array
        return update


def _reason(error: object) -> str:
    """The library's first sentence; what follows is advice to its users."""
    text = " ".join(str(error).split())
    return re.split(r"[!.] |\. ?$|! ?$", text, maxsplit=1)[0]
