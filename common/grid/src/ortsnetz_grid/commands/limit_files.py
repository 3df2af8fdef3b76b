"""Files of `ortsnetz limit`: DEVICES in, SETPOINTS out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from ortsnetz_common.errors import InputError
from ortsnetz_common.files.complaints import complaint
from ortsnetz_common.files.yaml_source import Place
from ortsnetz_common.parameters.plausible import check_units
from ortsnetz_common.parameters.station import DeviceKind
from ortsnetz_grid.functions.congestion.problem import ControlledDevice, LimitSet
from ortsnetz_grid.functions.congestion.result import Binding, LimitResult
from ortsnetz_grid.network.model import Network


class _Limits(Struct, frozen=True, forbid_unknown_fields=True):
    u_pu: tuple[float, float]
    loading: float
    unbalance: float | None = None
    loading_of: dict[str, float] = {}


class _Device(Struct, frozen=True, forbid_unknown_fields=True):
    id: int
    kind: DeviceKind
    request_w: tuple[float, float, float]
    floor_w: tuple[float, float, float]
    step_w: float | None = None
    smallest_w: float = 0.0
    weight: float = 1.0
    price: float = 1.0
    reactive_var: float = 0.0
    apparent_va: float | None = None


class _Devices(Struct, frozen=True, forbid_unknown_fields=True):
    limits: _Limits
    devices: tuple[_Device, ...]


def parse_devices(payload: bytes, source: str) -> tuple[LimitSet, tuple[ControlledDevice, ...]]:
    """Read DEVICES strictly.

    Raises:
        InputError: names the file, the device and what is wrong.
    """
    try:
        document = json.loads(payload, object_pairs_hook=_without_repetition)
    except ValueError as error:
        raise InputError(f"{source}: not JSON: {error}") from error
    except RecursionError as error:
        raise InputError(f"{source}: not a list of devices: nested too deeply") from error
    try:
        found = msgspec.convert(document, _Devices)
    except msgspec.ValidationError as error:
        place, words = complaint(error, _Devices, document)
        raise InputError(": ".join((source, *_named(place, document), words))) from error
    except OverflowError as error:
        raise InputError(f"{source}: {error}") from error
    try:
        limits = LimitSet(
            found.limits.u_pu,
            found.limits.loading,
            found.limits.unbalance,
            {_branch(element): ratio for element, ratio in found.limits.loading_of.items()},
        )
    except InputError as error:
        raise InputError(f"{source}: {error}") from error
    loadings = {"loading": limits.loading}
    loadings |= {f"loading_of {element}": ratio for element, ratio in limits.loading_of.items()}
    check_units(limits.u_pu, loadings, limits.unbalance, source)
    devices = tuple(
        ControlledDevice(**{name: getattr(device, name) for name in device.__struct_fields__})
        for device in found.devices
    )
    return limits, devices


def _branch(element: str) -> int:
    """Id of a branch; JSON has texts as keys."""
    if not element.isdecimal():
        raise InputError(f"limits: loading_of: '{element}' is not the id of a branch")
    return int(element)


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key '{twice}' is given twice in one object")
    return found


def _named(place: Place, document: Any) -> tuple[str, ...]:
    """A place in DEVICES in words: the device by its id instead of its place in the list."""
    match place:
        case ("devices", int(number), *field):
            entry = document["devices"][number]
            named = entry.get("id") if isinstance(entry, dict) else None
            name = f"device {named}" if named is not None else f"number {number + 1} of the devices"
            return (name, _path(field)) if field else (name,)
        case ():
            return ()
        case _:
            return (_path(place),)


def _path(place: Sequence[str | int]) -> str:
    return "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in place).lstrip(".")


def setpoints(result: LimitResult, warnings: list[str], network: Network, objective: str) -> str:
    """SETPOINTS as JSON text; consumption is positive."""
    document = {
        "status": str(result.status),
        "devices": [
            {
                "id": device.id,
                "p_w": [watts + 0.0 for watts in device.p_w],
                "k": device.k,
                "q_var": None if device.q_var is None else [var + 0.0 for var in device.q_var],
                "reason": device.reason,
                "binding": list(device.binding),
            }
            for device in result.devices
        ],
        "binding": [_limit(binding, network) for binding in result.binding],
        "worst": {
            name: None if binding is None else _limit(binding, network)
            for name, binding in (
                ("loading", result.worst_loading),
                ("u_pu_low", result.lowest_voltage),
                ("u_pu_high", result.highest_voltage),
            )
        },
        "shortfall": [
            {
                "element": one.element,
                "component": network.components.get(one.element),
                "name": network.names.get(one.element),
                "what": one.what,
                "value": one.value,
                "limit": one.limit,
                "relief_w": one.relief_w,
                "relief_var": one.relief_var,
            }
            for one in result.shortfall
        ],
        "objective": objective,
        "stage": str(result.stage),
        "trouble": result.trouble,
        "verified": result.verified,
        "power_flows": result.power_flows,
        "warnings": warnings,
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def _limit(binding: Binding, network: Network) -> dict[str, Any]:
    element = binding.element
    return {
        "element": element,
        "component": None if element is None else network.components.get(element),
        "name": None if element is None else network.names.get(element),
        "what": binding.what,
        "value": binding.value,
        "limit": binding.limit,
    }
