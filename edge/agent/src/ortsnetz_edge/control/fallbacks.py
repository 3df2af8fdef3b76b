"""Devices whose own fall-back may be more than the limit that they had when the node died. Pure.

A dead node takes nothing back: what a device's watchdog gives it, it has until the node is there
again. A limit is never below the floor, so a fall-back at the floor raises nothing; any other may.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ortsnetz_common.parameters.station import Device


def may_raise(device: Device) -> bool:
    """Whether a device's watchdog may raise it above the limit that was in force."""
    return device.watchdog_s is not None and device.fallback_w > device.floor_w


def warnings(devices: Iterable[Device]) -> Iterator[str]:
    """What is to be said of each device whose watchdog may raise it, when an agent starts."""
    for device in devices:
        if may_raise(device):
            yield (
                f"'{device.name}': {device.watchdog_s:g} s after this agent has died its own "
                f"fall-back gives it {device.fallback_w:g} W, also where it was limited to less "
                f"(down to its floor, {device.floor_w:g} W): set fallback_w to floor_w, unless the "
                "network carries all fall-backs together"
            )
