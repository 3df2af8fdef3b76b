"""Set points besides the limit: an identity, a unit that fits, a range, a way to read them back."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ortsnetz_common.files.yaml_source import Place
from ortsnetz_edge.drivers.contract import Quantity
from ortsnetz_edge.profiles.schema import (
    FurtherSetpoint,
    Profile,
    ProtocolFamily,
    SetpointUnit,
)

UNITS = {
    Quantity.REACTIVE_POWER: (SetpointUnit.VAR, SetpointUnit.SHARE),
    Quantity.VOLTAGE: (SetpointUnit.PER_UNIT,),
}


def further_setpoint_complaints(profile: Profile) -> Iterator[tuple[Place, str]]:
    """What is wrong with them, each with its place."""
    seen: set[Quantity] = set()
    for number, further in enumerate(profile.further_setpoints):
        place: Place = ("further_setpoints", number)
        if profile.identity is None:
            yield place, "'identity' is needed: nothing is written to a device that nobody knows"
        if further.quantity in seen:
            yield (*place, "quantity"), f"'{further.quantity.value}' is there twice"
        seen.add(further.quantity)
        yield from _range(further, place)
        yield from _read_back(further, place, profile)


def _range(further: FurtherSetpoint, place: Place) -> Iterator[tuple[Place, str]]:
    fitting = UNITS[further.quantity]
    if further.unit not in fitting:
        words = " or ".join(unit.value for unit in fitting)
        yield (*place, "unit"), f"{further.quantity.value} is counted in {words}"
    low, high = further.range
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        yield (*place, "range"), "two numbers are needed, and the lower end comes first"
    elif further.unit is SetpointUnit.SHARE and max(abs(low), abs(high)) > 1:
        yield (*place, "range"), "a share of the rating is within -1 and 1"
    elif further.unit is SetpointUnit.PER_UNIT and low <= 0:
        yield (*place, "range"), "a voltage is positive"
    if further.unit is not SetpointUnit.VAR and further.step > 1:
        yield (*place, "step"), "parts of one are counted: percent have 'step: 0.01'"


def _read_back(
    further: FurtherSetpoint, place: Place, profile: Profile
) -> Iterator[tuple[Place, str]]:
    """What is read back where it is written counts the same there: else one of both is wrong."""
    read = further.read_back
    if _where(read.at, profile) != _where(further.at, profile):
        return
    if not math.isclose(read.scale, further.step) or read.offset:
        words = f"one count is {further.step:g} here and {read.scale:g} in 'read_back'"
        yield (*place, "step"), f"{words}, which is the same value of the device"
    if read.scale_at != further.scale_at:
        yield place, "'read_back', the same value of the device, has another 'scale_at'"


def _where(reference: str, profile: Profile) -> str:
    """A reference without the form in which the value travels."""
    return reference if profile.protocol is ProtocolFamily.OPCUA else reference.partition(":")[0]
