"""Whether limiting can be asked this: devices and limits against the network and against sense."""

from __future__ import annotations

from math import inf, nan
from struct import Struct

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.congestion.problem import ControlledDevice, LimitSet
from ortsnetz_grid.kernels.limiting import asked, kernels
from ortsnetz_grid.network.model import Network

_NUMBERS = 13
"""Of a device, see `checked_table`."""
_A_DEVICE = Struct(f"{_NUMBERS}d")
_APPARENT = 11
_POSITIVE = slice(8, 12, 3)
"""Weight and apparent power."""

_RATED = ("line", "asym_line", "transformer", "three_winding_transformer")


def check_limits(network: Network, limits: LimitSet) -> None:
    """Check limits against the network.

    Raises:
        InputError: a limit is for an element that is no line or transformer.
    """
    for element in limits.loading_of:
        if network.components.get(element) not in _RATED:
            name = network.label(element) if element in network.components else str(element)
            raise InputError(f"limits: loading_of {name}: it is no line or transformer")


def check_devices(network: Network, devices: tuple[ControlledDevice, ...]) -> None:
    """Check devices against the network and against each other.

    Raises:
        InputError: names the device and what is wrong with it.
    """
    seen: set[int] = set()
    for device in devices:
        component = network.components.get(device.id)
        if component is None:
            raise InputError(f"device {device.id}: the network has no element with this id")
        if component not in ("asym_load", "asym_gen"):
            label = network.label(device.id)
            raise InputError(f"device {device.id}: {label} is neither an asym_load nor an asym_gen")
        if device.id in seen:
            raise InputError(f"device {device.id} ({network.label(device.id)}) is listed twice")
        seen.add(device.id)
    checked_table(devices)


def checked_table(devices: tuple[ControlledDevice, ...]) -> NDArray[np.float64]:
    """Numbers of the devices, (d, 13), checked.

    Three phases of the request, three of the floor, step (0 for none), smallest power, weight,
    price, reactive power, apparent power (infinite for none), power of the setpoint in force.

    Raises:
        InputError: names the device and what is wrong with it.
    """
    numbers = bytearray(_A_DEVICE.size * len(devices))
    place, pack = 0, _A_DEVICE.pack_into
    for device in devices:
        step, apparent = device.step_w, device.apparent_va
        pack(
            numbers,
            place,
            *device.request_w,
            *device.floor_w,
            # one of 0 is none to be had: not a number, so that it is looked at
            0.0 if step is None else step or nan,
            device.smallest_w,
            device.weight,
            device.price,
            device.reactive_var,
            inf if apparent is None else apparent,
            device.held_w,
        )
        place += _A_DEVICE.size
    # several times as fast as from tuples
    table = np.frombuffer(numbers, dtype=np.float64).reshape(-1, _NUMBERS)
    if _is_sound(table):
        return table
    for device in devices:
        _check_finite(device)
        _check_signs(device)
        _check_numbers(device)
    return table


def _is_sound(table: NDArray[np.float64]) -> bool:
    """Whether it is certain that nothing is wrong with any device; most tables are like that."""
    compiled = kernels()
    if compiled is not None:
        return bool(asked(compiled, table)[-1].all())
    finite = np.isfinite(table)
    finite[:, _APPARENT] = True
    request, floor, rest = table[:, :3], table[:, 3:6], table[:, 6:]
    if not finite.all() or not (rest >= 0).all() or not (table[:, _POSITIVE] > 0).all():
        return False
    # all that draw, or all that feed in: no floor of the other direction
    powers = table[:, :6]
    if (powers >= 0).all() or (powers <= 0).all():
        return True
    highest, lowest = request.max(axis=1), request.min(axis=1)
    against = (floor > 0).any(axis=1) & (lowest < 0) | (floor < 0).any(axis=1) & (highest > 0)
    return not against.any()


def _check_finite(device: ControlledDevice) -> None:
    for name, watts in (("request_w", device.request_w), ("floor_w", device.floor_w)):
        if not np.isfinite(watts).all():
            raise InputError(f"device {device.id}: {name} needs three finite numbers, has {watts}")


def _check_signs(device: ControlledDevice) -> None:
    for phase, request, floor in zip("abc", device.request_w, device.floor_w, strict=True):
        if request * floor < 0:
            raise InputError(
                f"device {device.id}: phase {phase}: request {request:g} W and floor {floor:g} W "
                f"have opposite signs"
            )
    directions = {1 if watts > 0 else -1 for watts in device.request_w if watts}
    for phase, floor in zip("abc", device.floor_w, strict=True):
        if floor and directions == {-1 if floor > 0 else 1}:  # on a phase without request, too
            raise InputError(
                f"device {device.id}: phase {phase}: a floor of {floor:g} W and the request have "
                f"opposite signs"
            )


def _check_numbers(device: ControlledDevice) -> None:
    """What is no power per phase; comparisons with NaN are false."""
    if device.step_w is not None and not 0 < device.step_w < inf:
        raise InputError(f"device {device.id}: step_w must be a positive number")
    if not 0 < device.weight < inf:
        raise InputError(f"device {device.id}: weight must be a positive number")
    for name, value in (
        ("smallest_w", device.smallest_w),
        ("price", device.price),
        ("reactive_var", device.reactive_var),
        ("held_w", device.held_w),
    ):
        if not 0 <= value < inf:
            raise InputError(f"device {device.id}: {name} must be a number that is not negative")
    if device.apparent_va is not None and not 0 < device.apparent_va < inf:
        raise InputError(f"device {device.id}: apparent_va must be a positive number")
