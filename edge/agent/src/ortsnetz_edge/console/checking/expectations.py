"""What is to be expected of a point, by its role and its place in the network. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ortsnetz_common.parameters.station import Device, DeviceKind
from ortsnetz_edge.console.checking.findings import Verdict
from ortsnetz_edge.console.checking.node_files import Placed
from ortsnetz_edge.drivers.contract import Role, SourcePoint

BAND = 0.10
"""EN 50160, 4.2.2.2: 95 % of ten-minute means within 10 % of nominal ..."""
OUTER_BAND = 0.15
"""... and all of them within +10 % and -15 %."""
_DEAD = 0.1
_OVERLOAD = 1.1
_IDLE_SHARE = 0.02
"""What a device may draw against its kind: an inverter's own consumption at night, say."""
_FAULT_STATES = {5.0, 6.0}
_STATES = {float(state) for state in range(1, 7)}


@dataclass(frozen=True, slots=True)
class Expected:
    """What was expected of a value, and whether it is so.

    Attributes:
        band: lowest and highest value that was expected; None where it is no band.
    """

    words: str
    verdict: Verdict = Verdict.OK
    advice: str = ""
    band: tuple[float, float] | None = None

    def but(self, verdict: Verdict, advice: str) -> Expected:
        """The same expectation, and a value that is not so."""
        return replace(self, verdict=verdict, advice=advice)


@dataclass(frozen=True, slots=True)
class Place:
    """A source's place.

    Attributes:
        nominal_v: phase to neutral.
    """

    placed: Placed
    nominal_v: float


def expected(point: SourcePoint, value: float, place: Place) -> Expected:
    """What is to be expected of a value beyond its plausible range."""
    if point.role is Role.VOLTAGE:
        return _voltage(value, place.nominal_v)
    judge = _OF_DEVICES.get(point.role) if isinstance(place.placed, Device) else None
    if judge is None or not isinstance(place.placed, Device):
        return _plausible(point)
    return judge(value, place.placed)


def _plausible(point: SourcePoint) -> Expected:
    """Nothing but the profile's range."""
    if math.isinf(point.low) and math.isinf(point.high):
        return Expected("")
    if math.isinf(point.high):
        return Expected(f"at least {point.low:g}")
    return Expected(f"{point.low:g} to {point.high:g}", band=(point.low, point.high))


def _between(low: float, high: float, unit: str) -> Expected:
    return Expected(f"{low:.0f} to {high:.0f} {unit}", band=(low, high))


def _voltage(value: float, nominal_v: float) -> Expected:
    sound = _between(nominal_v * (1 - BAND), nominal_v * (1 + BAND), "V")
    u_pu = value / nominal_v
    if 1 - BAND <= u_pu <= 1 + BAND:
        return sound
    if 1 - OUTER_BAND <= u_pu <= 1 + OUTER_BAND:
        return sound.but(Verdict.ATTENTION, "outside EN 50160: a bad tap, or a scale")
    if abs(u_pu / math.sqrt(3) - 1) <= BAND:
        return sound.but(Verdict.WRONG, "this is the voltage between phases")
    for power in (-4, -3, -2, -1, 1, 2, 3, 4):
        if abs(u_pu / 10.0**power - 1) <= OUTER_BAND:
            advice = f"{10.0**power:g} times what it should be: the scale is wrong"
            return sound.but(Verdict.WRONG, advice)
    if abs(u_pu) < _DEAD:
        advice = "no voltage: a fuse, the wiring, or a terminal that is not connected"
        return sound.but(Verdict.WRONG, advice)
    return sound.but(Verdict.WRONG, "scale, type or order of words are wrong")


def _power(value: float, device: Device) -> Expected:
    share_w = device.rated_w / max(1, device.phase_count)
    idle_w = max(50.0, _IDLE_SHARE * share_w)
    most_w = _OVERLOAD * share_w
    low, high = -most_w, most_w
    advice = ""
    if device.kind is DeviceKind.PV:
        high, advice = idle_w, "an inverter feeds in, which is negative here"
    elif device.kind in {DeviceKind.EV, DeviceKind.HEAT_PUMP}:
        low, advice = -idle_w, "a consumer draws power, which is positive here"
    sound = _between(low, high, "W")
    if low <= value <= high:
        return sound
    if abs(value) > most_w:
        advice = f"more than the rating of {device.rated_w:g} W: rating, scale or sum for phase"
        return sound.but(Verdict.WRONG, advice)
    return sound.but(Verdict.WRONG, f"{advice}: the profile's 'direction' or the wiring")


def _limit(value: float, device: Device) -> Expected:
    sound = _between(device.floor_w, device.rated_w, "W")
    # amperes become watts with the present voltage, which is nominal within the band
    if value < device.floor_w * (1 - BAND):
        advice = "the limit in force is below the floor: who has set it?"
        return sound.but(Verdict.ATTENTION, advice)
    if value > device.rated_w * (1 + OUTER_BAND):
        advice = "more than the rating: the rating, or the limit's unit or scale"
        return sound.but(Verdict.ATTENTION, advice)
    return sound


def _available(value: float, device: Device) -> Expected:
    both_ways = device.kind is DeviceKind.STORAGE  # negative where it would feed in
    least = -device.rated_w if both_ways else 0.0
    sound = _between(least * _OVERLOAD, device.rated_w * _OVERLOAD, "W")
    if least * (1 + OUTER_BAND) <= value <= device.rated_w * (1 + OUTER_BAND):
        return sound
    return sound.but(Verdict.ATTENTION, "the rating, or the unit or scale of 'available'")


def _state(value: float, device: Device) -> Expected:
    del device
    sound = Expected("1 to 4 (IEC 61851 A to D)", band=(1.0, 4.0))
    if value in _FAULT_STATES:
        return sound.but(Verdict.ATTENTION, "the charge point reports a fault (E or F)")
    if value not in _STATES:
        return sound.but(Verdict.WRONG, "no state of IEC 61851: check the reference")
    return sound


_OF_DEVICES: Mapping[Role, Callable[[float, Device], Expected]] = {
    Role.ACTIVE_POWER: _power,
    Role.LIMIT: _limit,
    Role.AVAILABLE: _available,
    Role.STATE: _state,
}
