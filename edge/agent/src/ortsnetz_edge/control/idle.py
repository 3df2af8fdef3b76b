"""Idle charge points and stores are held at their floor while the network is near its limits. Pure.

A car that arrives draws what its charge point allows, before the next decision can see it; so does
a store whose customer's surplus begins.
"""

from __future__ import annotations

import math

from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.station import Device, DeviceKind

HOLD_ABOVE = 0.8
RELEASE_BELOW = 0.75
RELEASE_AFTER_S = 10.0
STORE_IDLE_SHARE = 0.01
"""Of the rating: what a store says of its control's noise is no wish."""


class IdleHold:
    """Whether idle charge points are held; on at once, off after a while."""

    def __init__(self) -> None:
        self._held = False
        self._calm_since: float | None = None

    @property
    def held(self) -> bool:
        """Whether idle charge points are held at this moment."""
        return self._held

    def step(self, *, binding: bool, worst_loading: float | None, now: float) -> bool:
        """Take in a verified result; whether idle charge points are held from now on.

        Args:
            binding: whether limits bind.
            worst_loading: largest loading in the network; None is unknown, and not calm.
            now: monotonic time, s.
        """
        if worst_loading is not None and not math.isfinite(worst_loading):
            worst_loading = None
        if binding or (worst_loading is not None and worst_loading > HOLD_ABOVE):
            self._held, self._calm_since = True, None
        elif worst_loading is None or worst_loading >= RELEASE_BELOW:
            self._calm_since = None
        elif self._held:
            if self._calm_since is None:
                self._calm_since = now
            self._held = now - self._calm_since < RELEASE_AFTER_S
        return self._held


def is_idle(device: Device, reading: Reading | None) -> bool:
    """Whether a device has said that it wants nothing, and may begin at any time.

    A charge point without a car that wants to charge, a store that follows nobody; silence is not
    idleness, and a store that stands still is not one that says so.
    """
    return (
        device.kind in {DeviceKind.EV, DeviceKind.STORAGE}
        and reading is not None
        and reading.available_w is not None
        and _wants_nothing(device, reading.available_w)
    )


def _wants_nothing(device: Device, available_w: float) -> bool:
    if device.kind is DeviceKind.EV:
        return available_w <= 0.0
    return abs(available_w) < STORE_IDLE_SHARE * device.rated_w
