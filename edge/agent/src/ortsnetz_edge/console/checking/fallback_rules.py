"""A device's own fall-back: what is written, and whether it may be more than a limit was. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ortsnetz_common.parameters.station import Device
from ortsnetz_edge.console.checking.findings import Finding, attention, ok
from ortsnetz_edge.control.fallbacks import may_raise
from ortsnetz_edge.profiles.schema import Setpoint


def fallback_rules(device: Device, setpoint: Setpoint) -> Iterator[Finding]:
    """What a device does by itself after its node has died.

    Args:
        device: of the station.
        setpoint: of its profile.
    """
    fallback = setpoint.fallback
    if device.watchdog_s is None or fallback.time_at is None:
        return  # there is none, or `device_rules` says what is missing
    after = f"{device.watchdog_s:g} s without a write"
    if fallback.limit_at is None:
        yield attention(
            device.name,
            "fallback_w",
            f"after {after} the device takes a limit of its own: the profile has no 'limit_at'",
            f"at most its floor of {device.floor_w:g} W",
            "nobody writes fallback_w: look up, or set at the device, what it falls back to",
        )
        return
    written = f"{device.fallback_w:g} W are written to {fallback.limit_at}, in force after {after}"
    if may_raise(device):
        yield attention(
            device.name,
            "fallback_w",
            written,
            f"at most its floor of {device.floor_w:g} W",
            "a limit may be lower when the node dies, and this raises it: set fallback_w to "
            "floor_w, unless the network carries all fall-backs together",
        )
    else:
        yield ok(device.name, "fallback_w", written)
