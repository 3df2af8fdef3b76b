"""Operating points by power-grid-model, for networks that the project's power flow does not cover.

These are networks with three-winding transformers. Slopes are finite differences.
"""

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
from ortsnetz_grid.functions.congestion.constraints import Constraints
from ortsnetz_grid.functions.congestion.controls import Asked, Controls
from ortsnetz_grid.functions.congestion.injections import device_table, power_flow_data
from ortsnetz_grid.functions.congestion.operating_points import Point, Points
from ortsnetz_grid.functions.congestion.problem import ControlledDevice
from ortsnetz_grid.functions.congestion.rows import NEGATIVE, POSITIVE, RowLayout
from ortsnetz_grid.network.loading import RatedBranches
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.power_flow.appliances import SIGNS
from ortsnetz_grid.network.two_ports import Complex, Real

_CHUNK = 256  # scenarios in one batch: bounds memory
_TOLERANCE = 1e-8
_ITERATIONS = 40  # twice the library's: unearthed networks converge slowly
_STEP = 0.02
"""Change of a control for a finite difference: far above the solver's tolerance, small enough that
curvature leaves an error of about one per cent of a per cent."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows (s, r) that the library's results gave; see `operating_points.Rows`."""

    phasors: Complex

    def at(self, lanes: slice) -> tuple[Complex, Complex | None]:
        """See `Rows.at`."""
        return self.phasors[lanes], None

    def worst(self, constraints: Constraints) -> Real:
        """See `Rows.worst`."""
        return constraints.worst(self.phasors)


class LibraryFlows:
    """See `DeviceFlows`."""

    def __init__(
        self,
        network: Network,
        devices: tuple[ControlledDevice, ...],
        asked: Asked,
        *,
        unbalance: bool,
    ) -> None:
        """Build the library's model once.

        Raises:
            InputError: names an element whose data are missing.
        """
        table = device_table(network, tuple(device.id for device in devices))
        self.controls = Controls.of(asked, table)
        self._fixed_q = np.where((asked.reactive_var > 0)[:, None], 0.0, table.fixed_var)
        self._components = [network.components[device.id] for device in devices]
        self._ids = np.array([device.id for device in devices], dtype=np.int32)
        self.computed = 0
        self.failure = ""
        try:
            self._model = PowerGridModel(power_flow_data(network, devices))
        except PowerGridError as error:
            raise InputError(f"the network has no power flow: {_reason(error)}") from error
        self.layout = RowLayout.of(network, self._energised(), unbalance=unbalance)
        self._outputs: dict[Any, Any] = dict(self.layout.branches.outputs)
        self._outputs["node"] = [*self._outputs.get("node", ["u_angle"]), "u_pu"]

    def at(self, controls: Real) -> Points:
        """See `DeviceFlows.at`."""
        parts = [
            self._batch(controls[start : start + _CHUNK])
            for start in range(0, len(controls), _CHUNK)
        ]
        phasors = np.concatenate([phasors for phasors, _ in parts])
        converged = np.concatenate([converged for _, converged in parts])
        return Points(controls, converged, None, _Rows(phasors))

    def driving_point(self, node: int) -> Complex | None:
        """See `DeviceFlows.driving_point`; the library does not tell."""

    def slopes(self, point: Point, rows: NDArray[np.intp]) -> Complex | None:
        """See `DeviceFlows.slopes`."""
        count = len(point.controls)
        # towards smaller powers: near the nose point larger ones may have no solution
        steps = np.where(point.controls - _STEP >= self.controls.lowest, -_STEP, _STEP)
        points = self.at(point.controls + np.vstack([np.zeros(count), np.diag(steps)]))
        if not points.converged.all():
            return None
        change = points.phasors[1:, rows] - points.phasors[0, rows]
        return np.asarray((change / steps[:, None]).T)

    def _energised(self) -> NDArray[np.bool_]:
        """(n,) nodes that have supply."""
        self.computed += 1
        outputs: dict[Any, Any] = {"node": ["energized"]}
        try:
            result: Mapping[Any, Any] = self._model.calculate_power_flow(
                symmetric=False,
                calculation_method=CalculationMethod.linear,
                output_component_types=outputs,
            )
        except PowerGridError as error:  # a linear power flow fails only where the data are wrong
            raise InputError(f"the network has no power flow: {_reason(error)}") from error
        return np.asarray(result["node"]["energized"], dtype=bool)

    def _batch(self, controls: Real) -> tuple[Complex, NDArray[np.bool_]]:
        self.computed += len(controls)
        converged = np.ones(len(controls), dtype=bool)
        try:
            result: Mapping[Any, Any] = self._model.calculate_power_flow(
                symmetric=False,
                calculation_method=CalculationMethod.newton_raphson,
                error_tolerance=_TOLERANCE,
                max_iterations=_ITERATIONS,
                update_data=self._update(controls),
                output_component_types=self._outputs,
                continue_on_batch_error=True,
            )
        except PowerGridError as error:
            self.failure = _reason(error)
            rows = self.layout.count + len(self.controls.active_share)
            return np.zeros((len(controls), rows), dtype=np.complex128), ~converged
        failed = self._model.batch_error
        if isinstance(failed, PowerGridBatchError):
            converged[failed.failed_scenarios] = False
            self.failure = _reason(failed.error_messages[0])
        with np.errstate(all="ignore"):  # what did not converge holds no numbers
            phasors = self._phasors(result, controls)
        converged &= np.isfinite(phasors).all(axis=1)
        return phasors, converged

    def _phasors(self, result: Mapping[Any, Any], controls: Real) -> Complex:
        node = result["node"]
        voltage = np.asarray(node["u_pu"]) * np.exp(1j * np.asarray(node["u_angle"]))
        count = len(controls)
        ratios = self.layout.branches.ratios(result)
        if len(voltage) != count:  # nothing varied: one result for all
            voltage, ratios = (np.repeat(each[None], count, axis=0) for each in (voltage, ratios))
        unbalanced = voltage[:, self.layout.unbalanced]
        own = self.controls
        active = controls[:, own.device[own.factors :]] * own.active_share
        return np.concatenate(
            [
                ratios,
                voltage[:, self.layout.lv_nodes].reshape(count, -1),
                (unbalanced @ NEGATIVE) / (unbalanced @ POSITIVE),
                active + 1j * controls[:, own.factors :] * own.reactive_share,
            ],
            axis=1,
        )

    def _update(self, controls: Real) -> dict[Any, Any]:
        own = self.controls
        power = np.zeros((len(controls), len(self._ids), 3), dtype=np.complex128)
        power += 1j * self._fixed_q
        for column, device in enumerate(own.device.tolist()):
            power[:, device] += controls[:, column, None] * own.power[column]
        update: dict[Any, Any] = {}
        for component in dict.fromkeys(self._components):
            places = [row for row, name in enumerate(self._components) if name == component]
            array = initialize_array("update", component, (len(controls), len(places)))
            array["id"] = self._ids[places]
            array["p_specified"] = SIGNS[component] * power[:, places].real
            array["q_specified"] = SIGNS[component] * power[:, places].imag
            update[component] = array
        return update


def present_by_library(network: Network) -> tuple[Real, Real]:
    """Voltages (n, 3), pu, and loading (b,) of the rated branches with everything as it is.

    Raises:
        InputError: there is no power flow.
    """
    branches = RatedBranches.of(network)
    outputs: dict[Any, Any] = dict(branches.outputs)
    outputs["node"] = [*outputs.get("node", []), "u_pu"]
    try:
        result: Mapping[Any, Any] = PowerGridModel(dict(network.data)).calculate_power_flow(
            symmetric=False, output_component_types=outputs
        )
    except PowerGridError as error:
        raise InputError(" ".join(str(error).split())) from error
    live = np.asarray(result["node"]["energized"]) == 1
    return np.where(live[:, None], result["node"]["u_pu"], 0.0), branches.loading(result)


def _reason(error: object) -> str:
    """The library's first sentence; what follows is advice to its users."""
    text = " ".join(str(error).split())
    return re.split(r"[!.] |\. ?$|! ?$", text, maxsplit=1)[0]
