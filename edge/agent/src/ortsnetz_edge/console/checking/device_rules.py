"""A device of the station beside the setpoint of its profile. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ortsnetz_common.parameters.parameter_set import Timing
from ortsnetz_common.parameters.station import NOMINAL_PHASE_V, Device
from ortsnetz_edge.console.checking.fallback_rules import fallback_rules
from ortsnetz_edge.console.checking.findings import Finding, attention, wrong
from ortsnetz_edge.drivers.contract import LimitUnit
from ortsnetz_edge.profiles.schema import Profile, Setpoint, SetpointKind

_CLOSE = 1e-3


def device_rules(device: Device, profile: Profile, timing: Timing) -> Iterator[Finding]:
    """What does not fit between a device and the setpoint of its profile."""
    yield from _terminals(device)
    setpoint = profile.setpoint
    if setpoint is None:
        yield wrong(
            device.name,
            "setpoint",
            f"profile '{profile.kind}' takes none",
            "a device that takes limits",
            "take another profile, or make it a meter",
        )
        return
    yield from _reaction(device, setpoint)
    yield from _watchdog(device, setpoint, timing)
    yield from fallback_rules(device, setpoint)
    yield from _steps(device, setpoint)
    for field, watts in (("floor_w", device.floor_w), ("fallback_w", device.fallback_w)):
        yield from _reachable(device, setpoint, field, watts)
    yield from _identity(device, profile)


def in_unit(watts: float, unit: LimitUnit, device: Device) -> float:
    """Watts of a device in the unit of a limit, at nominal voltage; NaN where that is undefined."""
    if unit is LimitUnit.AMPERE:
        return watts / (NOMINAL_PHASE_V * device.phase_count) if device.phase_count else math.nan
    if unit is LimitUnit.SHARE:
        return watts / device.rated_w if device.rated_w else math.nan
    return watts


def _terminals(device: Device) -> Iterator[Finding]:
    if device.phase_count not in {1, 3}:
        yield wrong(
            device.name, "phase_count", str(device.phase_count), "1 or 3", "correct the station"
        )
    elif device.phases is not None and len(device.phases) != device.phase_count:
        yield wrong(
            device.name,
            "phases",
            f"'{device.phases}'",
            f"{device.phase_count}, as phase_count says",
            "correct one of them",
        )
    if not device.rated_w > 0:
        yield wrong(device.name, "rated_w", f"{device.rated_w:g} W", "above zero", "see the plate")


def _reaction(device: Device, setpoint: Setpoint) -> Iterator[Finding]:
    if device.reaction_s < setpoint.reaction_s:
        yield wrong(
            device.name,
            "reaction_s",
            f"{device.reaction_s:g} s",
            f"at least {setpoint.reaction_s:g} s, which the profile's device may take",
            "a device that obeys would be reported as one that does not: raise it",
        )
    if device.reaction_s < setpoint.acknowledged_s:
        yield attention(
            device.name,
            "reaction_s",
            f"{device.reaction_s:g} s",
            f"at least {setpoint.acknowledged_s:g} s, after which the device acknowledges",
            "raise it, or see why this device answers sooner",
        )


def _watchdog(device: Device, setpoint: Setpoint, timing: Timing) -> Iterator[Finding]:
    has_register = setpoint.fallback.time_at is not None
    if device.watchdog_s is None:
        if has_register:
            yield attention(
                device.name,
                "watchdog_s",
                "none",
                "a time: the profile knows where the device takes one",
                "without it the device keeps its last limit for ever if the node falls silent",
            )
        return
    if not has_register:
        yield wrong(
            device.name,
            "watchdog_s",
            f"{device.watchdog_s:g} s",
            "a fall-back in the profile that takes the time",
            "nobody tells the device: remove watchdog_s, or name the place in the profile",
        )
    if device.watchdog_s <= timing.refresh_s:
        yield wrong(
            device.name,
            "watchdog_s",
            f"{device.watchdog_s:g} s",
            f"more than {timing.refresh_s:g} s, after which a limit is written again",
            "the device would fall back between two writes: raise it",
        )


def _steps(device: Device, setpoint: Setpoint) -> Iterator[Finding]:
    in_ampere = setpoint.unit is LimitUnit.AMPERE
    if device.step_a is None:
        if in_ampere:
            yield attention(
                device.name,
                "step_a",
                "none: any value",
                f"{setpoint.step:g} A, the step of the profile",
                "state it, so that decisions are whole steps",
            )
        return
    if not in_ampere:
        yield wrong(
            device.name,
            "step_a",
            f"{device.step_a:g} A",
            f"none: the device takes its limit in {_unit(setpoint)}",
            "remove it",
        )
    elif not _is_multiple(device.step_a, setpoint.step):
        yield wrong(
            device.name,
            "step_a",
            f"{device.step_a:g} A",
            f"a multiple of {setpoint.step:g} A, the step of the profile",
            "correct it: limits would be rounded away from what was verified",
        )


def _reachable(device: Device, setpoint: Setpoint, field: str, watts: float) -> Iterator[Finding]:
    """Whether the device can be set to a power that it has been promised."""
    value = in_unit(watts, setpoint.unit, device)
    if not math.isfinite(value):
        return  # said elsewhere: no rating, or no phases
    sees = f"{watts:g} W, {value:.4g} {_unit(setpoint)}"
    if setpoint.kind is SetpointKind.ON_OFF:
        if 0 < watts < device.rated_w:
            yield wrong(
                device.name, field, sees, "0 or the rating: it is on or off", "correct the station"
            )
        return
    if 0 < value < setpoint.smallest * (1 - _CLOSE):
        yield wrong(
            device.name,
            field,
            sees,
            f"0, or at least {setpoint.smallest:g} {_unit(setpoint)}, the lowest it takes",
            "correct the station: what is promised cannot be set",
        )
    elif not _is_multiple(value, setpoint.step):
        yield attention(
            device.name,
            field,
            sees,
            f"a multiple of {setpoint.step:g} {_unit(setpoint)}",
            "it will be rounded to the device's steps",
        )


def _identity(device: Device, profile: Profile) -> Iterator[Finding]:
    places = profile.identity
    if device.connection.identity is None and places is not None and places.serial_at is not None:
        yield attention(
            device.name,
            "identity",
            "no serial number is expected",
            "that of the device, which the profile can read",
            "without it any device of this kind at this address is written to",
        )


def _is_multiple(value: float, step: float) -> bool:
    if step <= 0:
        return False
    counts = value / step
    return math.isfinite(counts) and abs(counts - round(counts)) <= _CLOSE * max(1.0, abs(counts))


def _unit(setpoint: Setpoint) -> str:
    words = {LimitUnit.AMPERE: "A", LimitUnit.SHARE: "of the rating", LimitUnit.WATT: "W"}
    return words[setpoint.unit]
