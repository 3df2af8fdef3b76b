"""A source of the station beside its profile: what does not fit, all of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ortsnetz_common.parameters.parameter_set import Timing
from ortsnetz_common.parameters.station import Device, Meter, MeterRole, TapChanger
from ortsnetz_edge.console.checking.device_rules import device_rules
from ortsnetz_edge.console.checking.findings import Finding, attention, wrong
from ortsnetz_edge.console.checking.node_files import Placed
from ortsnetz_edge.console.checking.set_point_rules import reactive_rules, tap_changer_rules
from ortsnetz_edge.profiles.schema import Direction, Profile

LARGEST_U_SIGMA = 0.05
"""A meter that is worse than 5 % says nothing about a band of 10 %."""
_DIRECTIONS = {
    MeterRole.TRANSFORMER: Direction.TOWARDS_LOW_VOLTAGE,
    MeterRole.FEEDER: Direction.AWAY_FROM_BUSBAR,
}
_QUANTITIES = ("voltage", "current", "active_power", "reactive_power")


def source_rules(source: Placed, profile: Profile, timing: Timing) -> Iterator[Finding]:
    """What does not fit between a source, its profile and the node's timing."""
    if isinstance(source, TapChanger):
        yield from tap_changer_rules(source, profile)
        return
    yield from _sigmas(source)
    yield from _phases(source)
    yield from _times(source, profile, timing)
    if isinstance(source, Meter):
        yield from _meter(source, profile)
    else:
        yield from device_rules(source, profile, timing)
        yield from reactive_rules(source, profile)


def _sigmas(source: Meter | Device) -> Iterator[Finding]:
    for field, value, unit in (
        ("u_sigma", source.u_sigma, "relative to nominal"),
        ("p_sigma", source.p_sigma, "W"),
    ):
        if not value > 0:
            yield wrong(
                source.name,
                field,
                f"{value:g}",
                f"a deviation above zero, {unit}",
                "no meter is exact: state its class",
            )
    if source.u_sigma > LARGEST_U_SIGMA:
        yield attention(
            source.name,
            "u_sigma",
            f"{source.u_sigma:g}",
            f"at most {LARGEST_U_SIGMA:g}: it is relative to nominal, not V and not %",
            "0.005 is half a percent",
        )


def _phases(source: Meter | Device) -> Iterator[Finding]:
    phases = source.phases
    if phases is None:
        return
    if not phases or len(set(phases)) != len(phases) or not set(phases) <= set("abc"):
        yield wrong(
            source.name, "phases", f"'{phases}'", "letters a, b, c, each once", "e.g. abc or b"
        )


def _times(source: Meter | Device, profile: Profile, timing: Timing) -> Iterator[Finding]:
    timeout_s = source.connection.timeout_s
    if timeout_s > timing.cycle_s:
        yield attention(
            source.name,
            "time-out",
            f"{timeout_s:g} s",
            f"at most the cycle of {timing.cycle_s:g} s",
            "while it is waited for, its scans are skipped",
        )
    for name in _QUANTITIES:
        quantity = getattr(profile, name)
        if quantity is None or not quantity.group:
            continue
        period_s = profile.groups[quantity.group]
        if period_s > timing.stale_after_s:
            yield wrong(
                source.name,
                name,
                f"scan group '{quantity.group}' reads it every {period_s:g} s",
                f"at most {timing.stale_after_s:g} s, after which a value is too old to be used",
                "move it into the fast group",
            )


def _meter(meter: Meter, profile: Profile) -> Iterator[Finding]:
    if profile.active_power is None and profile.voltage is None:
        yield attention(
            meter.name,
            "profile",
            f"'{profile.kind}' has neither voltage nor active power",
            "one of them",
            "as it is, the meter tells nothing about the network",
        )
    for name in _QUANTITIES:
        quantity = getattr(profile, name)
        if quantity is not None and quantity.total is not None and len(meter.phases) > 1:
            yield attention(
                meter.name,
                name,
                f"profile '{profile.kind}' spreads a total equally over the terminals",
                "a value for each terminal of a meter",
                "consumers are not balanced: the phases of this meter are guesses",
            )
    expected = _DIRECTIONS.get(meter.role)
    if expected is not None and profile.direction in set(_DIRECTIONS.values()) - {expected}:
        yield wrong(
            meter.name,
            "direction",
            f"profile '{profile.kind}' counts {profile.direction}",
            f"{expected}, for the role '{meter.role}'",
            "correct role or profile: the sign of its power would be wrong",
        )
