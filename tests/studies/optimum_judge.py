"""What a setting of devices does to a network: power-grid-model's voltages, loading of our own.

Loading is taken from `optimum_network`, not from the product.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from power_grid_model import PowerGridModel, initialize_array
from power_grid_model.errors import PowerGridBatchError
from studies.optimum_network import BASE_VA, ThreePhase

Floats = NDArray[np.float64]
KEPT = 1e-6
"""Share of a limit, and pu, by which a limit counts as kept all the same: tolerance of solvers."""


class Judge:
    """Power flows of one network as a function of its devices' factors.

    Attributes:
        equations: of the network.
        active: (d, 3) at factor 1, W, consumption positive.
        fixed: (3n,) power per unit of all that is not a device.
        places: (d, 3) of the devices' phases among the voltages.
    """

    def __init__(self, network: Any, devices: Any) -> None:
        self.equations = ThreePhase.of(network)
        self._ids = [device.id for device in devices]
        data = network.data
        row = {int(node): place for place, node in enumerate(data["node"]["id"])}
        self.active = np.array([device.request_w for device in devices], dtype=float)
        self._tangent, self._kept = np.zeros_like(self.active), np.zeros_like(self.active)
        self.places = np.zeros(self.active.shape, dtype=np.intp)
        self.fixed = np.zeros(3 * len(row), dtype=complex)
        self._components: dict[str, NDArray[np.intp]] = {}
        for component, sign in (("asym_load", 1), ("asym_gen", -1)):
            own = []
            for each in data.get(component, ()):
                at = 3 * row[int(each["node"])] + np.arange(3)
                file = sign * (each["p_specified"] + 1j * each["q_specified"])
                if int(each["id"]) not in self._ids:
                    self.fixed[at] += each["status"] * file / BASE_VA
                    continue
                place = self._ids.index(int(each["id"]))
                own.append(place)
                self.places[place] = at
                there = file.real != 0  # the power factor of the file is kept
                ratio = np.divide(file.imag, file.real, out=np.zeros(3), where=there)
                self._tangent[place] = ratio
                self._kept[place] = np.where(there, 0, file.imag)
                self.fixed[at] += 1j * self._kept[place] / BASE_VA
            self._components[component] = np.array(sorted(own), dtype=np.intp)
        self._model = PowerGridModel(dict(data))

    @property
    def reactive(self) -> Floats:
        """(d, 3) reactive power at factor 1, var: the power factor of the file."""
        return np.asarray(self._tangent * self.active)

    def asked(self, devices: Any) -> Judge:
        """The same network when the same devices ask for something else."""
        other = copy.copy(self)
        other.active = np.array([device.request_w for device in devices], dtype=float)
        return other

    def voltages(self, factors: Floats, q_var: Floats | None = None) -> NDArray[np.complex128]:
        """Voltages (s, 3n) at factors (s, d); NaN where no power flow converges.

        Args:
            factors: of the requests.
            q_var: (s, d) told reactive power, in equal parts in the phases that ask for power.
        """
        factors = np.atleast_2d(factors)
        told = np.zeros_like(factors) if q_var is None else np.atleast_2d(q_var)
        shape = (len(factors), -1)
        if not len(self._ids):
            raise ValueError("a case without devices")
        try:
            node = self._model.calculate_power_flow(
                symmetric=False,
                error_tolerance=1e-9,
                max_iterations=40,
                update_data=self._update(factors, told),
                output_component_types={"node": ["u_pu", "u_angle"]},
                continue_on_batch_error=True,
            )["node"]
        except PowerGridBatchError:
            return np.full((len(factors), len(self.fixed)), np.nan, dtype=complex)
        found = (node["u_pu"] * np.exp(1j * node["u_angle"])).reshape(shape)
        failed = getattr(self._model.batch_error, "failed_scenarios", [])
        found[np.asarray(failed, dtype=int)] = np.nan
        return np.asarray(found)

    def shares(self) -> Floats:
        """(d, 3) share of each phase in a device's told reactive power."""
        on = (self.active != 0).astype(float)
        return np.asarray(on / np.maximum(on.sum(axis=1, keepdims=True), 1))

    def _update(self, factors: Floats, q_var: Floats) -> dict[str, Any]:
        update = {}
        for component, own in self._components.items():
            if not len(own):
                continue
            array = initialize_array("update", component, (len(factors), len(own)))
            array["id"] = [self._ids[place] for place in own]
            sign = 1 if component == "asym_load" else -1
            k = factors[:, own, None]
            array["p_specified"] = sign * k * self.active[own]
            told = q_var[:, own, None] * self.shares()[own]
            array["q_specified"] = sign * (k * self.reactive[own] + told + self._kept[own])
            update[component] = array
        return update

    def room(self, factors: Floats, limits: Any, q_var: Floats | None = None) -> Floats:
        """Smallest distance to a limit (s,), pu or share of a rating; -10 if there is no state."""
        volts = self.voltages(factors, q_var)
        size = np.abs(volts[:, self.equations.low_voltage])
        low, high = limits.u_pu
        room = np.concatenate(
            [limits.loading - self.equations.ratios(volts), size - low, high - size], axis=1
        )
        return np.nan_to_num(room.min(axis=1), nan=-10.0)

    def extremes(self, factors: Floats, q_var: Floats | None = None) -> tuple[float, float, float]:
        """Worst loading, lowest and highest LV voltage at one setting."""
        volts = self.voltages(factors, q_var)
        size = np.abs(volts[:, self.equations.low_voltage])
        return float(self.equations.ratios(volts).max()), float(size.min()), float(size.max())
