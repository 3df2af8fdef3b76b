"""What a setpoint needs beside itself: an identity, a limit to read back, a fall-back that fits."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ortsnetz_common.files.yaml_source import Place
from ortsnetz_edge.drivers.contract import LimitUnit
from ortsnetz_edge.profiles.schema import Profile, ProtocolFamily, Setpoint, SetpointKind

_PLACE: Place = ("setpoint",)


def setpoint_complaints(setpoint: Setpoint, profile: Profile) -> Iterator[tuple[Place, str]]:
    """What is wrong with a setpoint, each with its place."""
    if profile.identity is None:
        yield _PLACE, "'identity' is needed: nothing is written to a device that nobody knows"
    if profile.limit is None:
        yield _PLACE, "'limit' is needed: a limit that cannot be read back cannot be relied upon"
    elif profile.limit.unit is not setpoint.unit:
        yield (*_PLACE, "unit"), f"the limit is read back in {profile.limit.unit}"
    yield from _scale(setpoint, profile)
    yield from _kind(setpoint)
    yield from _times(setpoint)
    yield from _fallback(setpoint)


def _scale(setpoint: Setpoint, profile: Profile) -> Iterator[tuple[Place, str]]:
    """What is read back where it is written counts the same there: else one of both is wrong."""
    if profile.limit is None or setpoint.kind is SetpointKind.ON_OFF:
        return
    limit = profile.limit.value
    if _where(limit.at, profile) != _where(setpoint.at, profile):
        return
    if not math.isclose(limit.scale, setpoint.step) or limit.offset:
        shift = f" and {limit.offset:g}" if limit.offset else ""
        words = f"one count is {setpoint.step:g} here and {limit.scale:g}{shift} in 'limit'"
        yield (*_PLACE, "step"), f"{words}, which is the same value of the device"
    if limit.scale_at != setpoint.scale_at:
        yield _PLACE, "'limit', the same value of the device, has another 'scale_at'"


def _where(reference: str, profile: Profile) -> str:
    """A reference without the form in which the value travels."""
    return reference if profile.protocol is ProtocolFamily.OPCUA else reference.partition(":")[0]


def _kind(setpoint: Setpoint) -> Iterator[tuple[Place, str]]:
    on_off = setpoint.kind is SetpointKind.ON_OFF
    if on_off and (setpoint.unit is not LimitUnit.SHARE or setpoint.step != 1):
        yield (*_PLACE, "kind"), "on-off needs 'unit: share' and 'step: 1'"
    if on_off and setpoint.smallest:
        yield (*_PLACE, "smallest"), "between off and on there is nothing"
    if on_off and setpoint.scale_at is not None:
        yield (*_PLACE, "scale_at"), "off and on are not counted"
    if on_off and setpoint.off == setpoint.on:
        yield (*_PLACE, "off"), f"off and on are both {setpoint.on}"
    if not on_off and (setpoint.off, setpoint.on) != (0, 1):
        yield (*_PLACE, "on"), "'off' and 'on' belong to 'kind: on-off'"
    if setpoint.kind is SetpointKind.STEPS and setpoint.smallest <= 0:
        yield (*_PLACE, "smallest"), "steps begin at a lowest limit above zero"
    if setpoint.unit is LimitUnit.SHARE and max(setpoint.step, setpoint.smallest) > 1:
        yield (*_PLACE, "step"), "a share of the rating is at most 1: percent have 'step: 0.01'"


def _times(setpoint: Setpoint) -> Iterator[tuple[Place, str]]:
    if setpoint.ramp_per_s is not None and setpoint.reaction_s < 1 / setpoint.ramp_per_s:
        alone = 1 / setpoint.ramp_per_s
        yield (*_PLACE, "reaction_s"), f"the ramp alone takes {alone:g} s"


def _fallback(setpoint: Setpoint) -> Iterator[tuple[Place, str]]:
    fallback = setpoint.fallback
    if fallback.limit_at is not None and fallback.time_at is None:
        yield (*_PLACE, "fallback"), "'time_at' is needed: the time after which the limit holds"
    if fallback.enable is not None and fallback.time_at is None:
        yield (*_PLACE, "fallback", "enable"), "there is no 'time_at' that it would enable"
