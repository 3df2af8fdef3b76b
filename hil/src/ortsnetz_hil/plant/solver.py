"""power-grid-model as the plant uses it: one model, new powers and switching again and again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from power_grid_model import (
    CalculationMethod,
    ComponentType,
    DatasetType,
    PowerGridModel,
    initialize_array,
)
from power_grid_model.errors import PowerGridError

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_hil.plant.grid_state import Phasors
from ortsnetz_hil.plant.network_file import PlantNetwork

_POWER = ["p", "q"]
_BRANCH = ["p_from", "q_from", "p_to", "q_to"]
_OUTPUTS: dict[str, list[str]] = {
    "node": ["energized", "u_pu", "u", "u_angle"],
    "line": _BRANCH,
    "transformer": _BRANCH,
    "link": _BRANCH,
    "source": _POWER,
    "shunt": _POWER,
    "asym_load": _POWER,
    "asym_gen": _POWER,
}


Powers = Mapping[str, Phasors]
"""Powers at rated voltage by component, each of shape (n, 3), network phases."""
Result = Mapping[str, NDArray[Any]]
"""power-grid-model's output by component."""


class NoSolutionError(OrtsnetzError):
    """The power flow found no solution."""


class Solver:
    """Solves a network whose parameters may change.

    Attributes:
        data: the model's input; its own copy, changed by `change` and `rebuild`.
    """

    def __init__(self, network: PlantNetwork) -> None:
        self.data = {name: array.copy() for name, array in network.data.items()}
        self._outputs: Any = {
            ComponentType(name): fields
            for name, fields in _OUTPUTS.items()
            if network.array(name) is not None
        }
        self._powers = {
            name: _update(name, network.ids(name))
            for name in ("asym_load", "asym_gen")
            if network.array(name) is not None
        }
        self.rebuild()

    def rebuild(self) -> None:
        """Make the model anew from `data`: for parameters that the library cannot change."""
        self._model = PowerGridModel({ComponentType(name): a for name, a in self.data.items()})

    def change(self, component: str, fields: Mapping[str, NDArray[Any]]) -> None:
        """Give all elements of a component other values of fields that the library can change."""
        update = _update(component, self.data[component]["id"])
        for name, values in fields.items():
            self.data[component][name] = values
            update[name] = values
        self._model.update(update_data={ComponentType(component): update})

    def set_powers(self, powers: Powers) -> None:
        """Set powers at rated voltage of asym_loads and asym_gens, each of shape (n, 3)."""
        for name, update in self._powers.items():
            update["p_specified"] = powers[name].real
            update["q_specified"] = powers[name].imag
        self._model.update(update_data={ComponentType(n): u for n, u in self._powers.items()})

    def solve(self, *, linear: bool = False) -> Result:
        """Solve for the present powers.

        Args:
            linear: take all powers as those of impedances at rated voltage.

        Raises:
            NoSolutionError: the library found none.
        """
        method = CalculationMethod.linear if linear else CalculationMethod.newton_raphson
        try:
            result = self._model.calculate_power_flow(
                symmetric=False, calculation_method=method, output_component_types=self._outputs
            )
        except PowerGridError as error:
            reason = " ".join(str(error).split())
            raise NoSolutionError(f"the plant's power flow found no solution: {reason}") from error
        return {name.value: array for name, array in result.items()}


def _update(component: str, ids: NDArray[np.int64]) -> NDArray[Any]:
    array = initialize_array(DatasetType.update, ComponentType(component), ids.size)
    array["id"] = ids
    return array
