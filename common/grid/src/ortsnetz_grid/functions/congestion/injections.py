"""Powers of a network's file as power-grid-model takes them, and the checks of what it needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.congestion.problem import ControlledDevice
from ortsnetz_grid.functions.congestion.snapshot import Snapshot, kept_reactive
from ortsnetz_grid.network.library_coverage import require_library_covers
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.power_flow.appliances import SIGNS

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


def device_table(network: Network, ids: tuple[int, ...]) -> Snapshot:
    """Devices without a place: what follows their factor, and what stays.

    Raises:
        InputError: names an element whose reactive power is missing.
    """
    tangent, fixed_var = kept_reactive(network, ids)
    return Snapshot(
        nodes=np.zeros(0, dtype=np.intp),
        rest=np.zeros((3, 0, 3), dtype=np.complex128),
        place=np.full(len(ids), -1, dtype=np.intp),
        kind=np.zeros(len(ids), dtype=np.intp),
        tangent=tangent,
        fixed_var=fixed_var,
    )


def power_flow_data(
    network: Network, devices: tuple[ControlledDevice, ...]
) -> dict[str, NDArray[Any]]:
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
    table = device_table(network, tuple(device.id for device in devices))
    for place, device in enumerate(devices):
        component = network.components[device.id]
        row = network.row(component, device.id)
        request = np.array(device.request_w)
        var = table.tangent[place] * request + table.fixed_var[place]
        data[component]["p_specified"][row] = SIGNS[component] * request
        data[component]["q_specified"][row] = SIGNS[component] * var
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
