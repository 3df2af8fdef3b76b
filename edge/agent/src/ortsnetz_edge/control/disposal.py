"""What decisions may count on, and what is counted. Reads the devices, sets nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ortsnetz_edge.control.device import DeviceControl
from ortsnetz_edge.control.modes import LimitingMode


@dataclass(frozen=True, slots=True)
class Disposal:
    """What a decision may count on; see `hosting.calls.LimitingCall`.

    Attributes:
        deaf: devices that do not follow their limits, or whose group is off.
        may_draw: slow devices that may not have followed yet, and what they can still be at, W.
        advisory: devices that are only advised, where others are limited.
        present: limits of the active devices as they are, W: what each can be at.
    """

    deaf: tuple[str, ...]
    may_draw: dict[str, float]
    advisory: tuple[str, ...]
    present: dict[str, float]


def disposal_of(controls: Mapping[str, DeviceControl], *, now: float) -> Disposal:
    """What the next decision may count on.

    Args:
        controls: all devices.
        now: monotonic time, s.
    """
    active = any(one.mode is LimitingMode.ACTIVE for one in controls.values())
    slow = {name: one.may_draw(now=now) for name, one in controls.items()}
    limits = {
        name: max(one.allowed_w, slow[name] or 0.0)
        for name, one in controls.items()
        if one.allowed_w is not None and one.mode is LimitingMode.ACTIVE
    }
    return Disposal(
        deaf=tuple(
            name
            for name, one in controls.items()
            if one.mode is LimitingMode.OFF or one.cannot_be_limited(now=now)
        ),
        may_draw={name: watts for name, watts in slow.items() if watts is not None},
        advisory=tuple(
            name for name, one in controls.items() if active and one.mode is LimitingMode.ADVISORY
        ),
        present=limits,
    )


def changes_counted(controls: Iterable[DeviceControl]) -> dict[str, int]:
    """Counters of changes, by name; none ever goes down."""
    paces = [control.pace for control in controls]
    return {
        "setpoint_changes": sum(pace.changes.total for pace in paces),
        "setpoint_changes_most_an_hour": max((pace.changes.most for pace in paces), default=0),
        "compressor_starts_beyond": sum(
            pace.compressor.starts_beyond for pace in paces if pace.compressor is not None
        ),
    }
