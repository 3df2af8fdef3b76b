"""Powers of devices in the signs of the network file: the border between the two sign conventions.

Devices count consumption positive; power-grid-model's generators count generation positive.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.congestion.problem import ControlledDevice
from ortsnetz_grid.network.library_coverage import require_library_covers
from ortsnetz_grid.network.model import Network

_FILE_SIGN = {"asym_load": 1.0, "asym_gen": -1.0}
_INJECTIONS = ("sym_load", "asym_load", "sym_gen", "asym_gen")
_IGNORED = (
    "sym_power_sensor",
    "asym_power_sensor",
    "sym_voltage_sensor",
    "asym_voltage_sensor",
    "sym_current_sensor",
    "asym_current_sensor",
    "fault",
)
"""What a power flow does not look at."""


@dataclass(frozen=True, slots=True)
class Bank:
    """The c devices of one component, in the signs of the file.

    Attributes:
        component: `asym_load` or `asym_gen`.
        devices: (c,) place of each among all devices.
        ids: (c,) element ids.
        p_w: (c, 3) active power at factor 1.
        q_var: (c, 3) reactive power at factor 1 that follows the factor.
        fixed_q_var: (c, 3) reactive power that no factor changes.
    """

    component: str
    devices: NDArray[np.intp]
    ids: NDArray[np.int32]
    p_w: NDArray[np.float64]
    q_var: NDArray[np.float64]
    fixed_q_var: NDArray[np.float64]

    def powers(self, factors: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Active and reactive power (s, c, 3) at the factors (s, d) of all devices."""
        k = factors[:, self.devices, None]
        return k * self.p_w, k * self.q_var + self.fixed_q_var


def banks_of(network: Network, devices: tuple[ControlledDevice, ...]) -> tuple[Bank, ...]:
    """Sort devices by component and find their reactive power.

    The power factor of the element in the file is kept: Q = Q0 P / P0 in each phase. Where P0 is 0
    there is none to keep and Q stays as it is.

    Raises:
        InputError: names an element whose reactive power is missing.
    """
    banks = []
    for component, sign in _FILE_SIGN.items():
        places = [
            place
            for place, device in enumerate(devices)
            if network.components.get(device.id) == component
        ]
        if not places:
            continue
        p_w = np.array([devices[place].request_w for place in places]) * sign
        q_var = np.zeros_like(p_w)
        fixed_q_var = np.zeros_like(p_w)
        for row, place in enumerate(places):
            q_var[row], fixed_q_var[row] = _reactive(network, devices[place].id, p_w[row])
        ids = np.array([devices[place].id for place in places], dtype=np.int32)
        banks.append(Bank(component, np.array(places, dtype=np.intp), ids, p_w, q_var, fixed_q_var))
    return tuple(banks)


def _reactive(
    network: Network, element: int, p_w: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Reactive power (3,) at factor 1: what follows the factor, and what stays."""
    component = network.components[element]
    row = network.data[component][network.row(component, element)]
    p0 = np.asarray(row["p_specified"], dtype=np.float64)
    q0 = np.asarray(row["q_specified"], dtype=np.float64)
    if not np.isfinite(q0).all():
        raise InputError(f"{network.label(element)}: q_specified is not a number in every phase")
    if (~np.isfinite(p0) & (q0 != 0)).any():
        raise InputError(
            f"{network.label(element)}: no power factor to keep: q_specified is given, p_specified "
            f"is not a number"
        )
    has_factor = np.isfinite(p0) & (p0 != 0)
    ratio = np.divide(q0, p0, out=np.zeros(3), where=has_factor)
    return ratio * p_w, np.where(has_factor, 0.0, q0)


def power_flow_data(network: Network, banks: tuple[Bank, ...]) -> dict[str, NDArray[Any]]:
    """The network's data for a power flow, devices at their request; sensors are left out.

    Raises:
        InputError: names an element whose power is missing or that is no component of
            power-grid-model, or a network without a source.
    """
    require_library_covers(network, "limiting")
    data = {
        component: array.copy() if component in _INJECTIONS else array
        for component, array in network.data.items()
        if component not in _IGNORED
    }
    for bank in banks:
        array = data[bank.component]
        rows = [network.row(bank.component, element) for element in bank.ids.tolist()]
        array["p_specified"][rows] = bank.p_w
        array["q_specified"][rows] = bank.q_var + bank.fixed_q_var
    _check_powers(network, data)
    _check_source(network)
    return data


def _check_powers(network: Network, data: Mapping[str, NDArray[Any]]) -> None:
    for component in _INJECTIONS:
        array = data.get(component)
        if array is None or not len(array):
            continue
        for field in ("p_specified", "q_specified"):
            finite = np.isfinite(array[field]).reshape(len(array), -1).all(axis=1)
            for row in np.flatnonzero(~finite):
                label = network.label(int(array["id"][row]))
                raise InputError(f"{label}: {field} is missing or not a number")


def _check_source(network: Network) -> None:
    sources = network.data.get("source")
    if sources is None or not (sources["status"] == 1).any():
        raise InputError("the network has no source in service")
    for row in sources[sources["status"] == 1]:
        if not (np.isfinite(row["u_ref"]) and row["u_ref"] > 0):
            label = network.label(int(row["id"]))
            raise InputError(f"{label}: u_ref is missing or not a positive number")
