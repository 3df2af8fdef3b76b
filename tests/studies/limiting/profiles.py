"""What a device's profile says of its set points, without a driver."""

from __future__ import annotations

from dataclasses import dataclass

from ortsnetz_common.parameters.station import Device
from ortsnetz_edge.drivers.contract import Adjustable, LimitResolution, Source, SourcePoint
from ortsnetz_edge.profiles.adjustment import factor
from ortsnetz_edge.profiles.library import Library

_LIBRARY = Library()


@dataclass(frozen=True, slots=True)
class Spoken:
    """What voltage control asks of a driver.

    Attributes:
        adjustable: set points besides the limit.
    """

    adjustable: tuple[Adjustable, ...]
    points: tuple[SourcePoint, ...] = ()


def resolution(device: Device) -> LimitResolution:
    """How a device takes its limit; see `profiles.setpoint`."""
    setpoint = _LIBRARY.load(device.profile).setpoint
    if setpoint is None:
        raise ValueError(f"profile '{device.profile}' takes no limit")
    return LimitResolution(
        setpoint.unit,
        setpoint.step,
        setpoint.smallest,
        setpoint.acknowledged_s,
        setpoint.reaction_s,
        setpoint.hold_s,
    )


def spoken(device: Device) -> Spoken:
    """How a device takes its other set points; see `profiles.adjustment`."""
    profile = _LIBRARY.load(device.profile)
    source = Source.of_device(device)
    found = []
    for further in profile.further_setpoints:
        ours = factor(further, profile, source)
        low, high = sorted(end * ours for end in further.range)
        found.append(Adjustable(further.quantity, abs(further.step * ours), low, high))
    return Spoken(tuple(found))
