"""Prepared responses: what a node does by itself, at once, when a local trigger is met."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.plausible import HIGHEST_PU
from ortsnetz_common.parameters.station import Station


class Trigger(Struct, frozen=True, forbid_unknown_fields=True):
    """A measured condition; any terminal of the meter may meet it.

    Attributes:
        meter: name of a meter or device of the station.
        quantity: phase-to-neutral voltage in pu of nominal, or active power of a phase in W.
        above, below: exactly one is given.
        for_s: so long it has to hold; 0 acts on the first value.
    """

    meter: str
    quantity: Literal["voltage_pu", "active_w"]
    above: float | None = None
    below: float | None = None
    for_s: float = 0.0


class Response(Struct, frozen=True, forbid_unknown_fields=True):
    """A limit that is ready, and what releases it.

    Attributes:
        name: unique; orders arm it by this name.
        targets: names of devices or groups.
        share: limit of each target device as a share of its rating; never below its floor.
        hold_s: it stands for so long after the trigger was last met.
        armed: whether it is armed from the start.
    """

    name: str
    trigger: Trigger
    targets: tuple[str, ...]
    share: float
    hold_s: float
    armed: bool = False


def check_responses(
    responses: tuple[Response, ...], station: Station, groups: frozenset[str], source: str
) -> None:
    """Refuse responses that could never act, or whose meaning is not clear.

    Raises:
        InputError: names the file and the response.
    """
    devices = {device.name for device in station.devices}
    said = devices | {meter.name for meter in station.meters}
    seen: set[str] = set()
    for response in responses:
        where = f"{source}: response '{response.name}'"
        if response.name in seen:
            raise InputError(f"{where}: the name is used twice")
        seen.add(response.name)
        _check_trigger(response.trigger, said, where)
        if not response.targets:
            raise InputError(f"{where}: targets: it limits nobody; name devices or groups")
        for target in response.targets:
            if target not in devices | groups:
                raise InputError(f"{where}: the set has no device or group '{target}'")
        if not 0 <= response.share <= 1:
            raise InputError(f"{where}: share {response.share:g} is not between 0 and 1")
        if not (response.hold_s > 0 and response.trigger.for_s >= 0):
            raise InputError(f"{where}: hold_s must be positive, trigger.for_s not negative")


def _check_trigger(trigger: Trigger, said: set[str], where: str) -> None:
    if trigger.meter not in said:
        raise InputError(f"{where}: the station has no meter or device '{trigger.meter}'")
    levels = [level for level in (trigger.above, trigger.below) if level is not None]
    if len(levels) != 1:
        raise InputError(f"{where}: trigger: give either above or below")
    if trigger.quantity == "voltage_pu" and not 0 < levels[0] <= HIGHEST_PU:
        raise InputError(f"{where}: trigger: {levels[0]:g}: it is per unit of nominal, not V")
