"""Set points besides the limit: what the station promises beside what the profile has. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ortsnetz_common.parameters.station import Device, TapChanger
from ortsnetz_edge.console.checking.findings import Finding, attention, wrong
from ortsnetz_edge.drivers.contract import Quantity
from ortsnetz_edge.profiles.schema import FurtherSetpoint, Profile

HIGHEST_PU, LOWEST_PU = 1.1, 0.9
"""Supply voltage (EN 50160): a busbar is never held outside."""


def tap_changer_rules(source: TapChanger, profile: Profile) -> Iterator[Finding]:
    """What does not fit between a tap changer and its profile."""
    name = source.name
    if _further(profile, Quantity.VOLTAGE) is None:
        yield wrong(
            name,
            "profile",
            f"'{profile.kind}' takes no voltage set point",
            "'further_setpoints' with 'quantity: voltage'",
            "the agent refuses to start with tap control: choose another profile, or complete it",
        )
    if profile.voltage is None:
        yield wrong(
            name,
            "profile",
            f"'{profile.kind}' says no voltage",
            "the voltage of the busbar",
            "without it no set point is ever told: state where it stands",
        )
    if profile.tap_position is None:
        yield attention(
            name,
            "profile",
            f"'{profile.kind}' says no tap position",
            "'tap_position'",
            "each set point counts as one operation; those of the regulator itself are not seen",
        )
    if not LOWEST_PU <= source.setpoint_pu <= HIGHEST_PU:
        yield wrong(
            name,
            "setpoint_pu",
            f"{source.setpoint_pu:g}",
            f"{LOWEST_PU:g} to {HIGHEST_PU:g}",
            "it is per unit of nominal, not V and not %",
        )


def reactive_rules(source: Device, profile: Profile) -> Iterator[Finding]:
    """What does not fit between a device that is told reactive power and its profile."""
    if not source.reactive_var:
        return
    if _further(profile, Quantity.REACTIVE_POWER) is None:
        yield wrong(
            source.name,
            "reactive_var",
            f"{source.reactive_var:g} var, and '{profile.kind}' takes no reactive power",
            "'further_setpoints' with 'quantity: reactive_power', or 0 var",
            "the agent refuses to start: correct the station, or complete the profile",
        )
    if source.apparent_va is not None and source.reactive_var > source.apparent_va:
        yield attention(
            source.name,
            "reactive_var",
            f"{source.reactive_var:g} var",
            f"at most the rating of {source.apparent_va:g} VA",
            "it is var, not kvar, and the most that the inverter can give",
        )


def _further(profile: Profile, quantity: Quantity) -> FurtherSetpoint | None:
    return next((one for one in profile.further_setpoints if one.quantity is quantity), None)
