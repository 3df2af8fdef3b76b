"""Idle devices are held at their floor while the network is near its limits. Pure.

A car that arrives, a heat pump that starts, a store whose customer's surplus begins: they draw what
they may before the next decision can see it.
"""

from __future__ import annotations

import math

from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.station import Device, DeviceKind
from ortsnetz_edge.control.obedience import drawn

HOLD_ABOVE = 0.8
RELEASE_BELOW = 0.75
RELEASE_AFTER_S = 10.0
STORE_IDLE_SHARE = 0.01
"""Of the rating: what a store says of its control's noise is no wish."""
SHOWS_SHARE = 0.1
"""Of the rating: who draws less does not draw; whose floor is less could not show that it wants."""


class IdleHold:
    """Whether idle devices are held; on at once, off after a while."""

    def __init__(self) -> None:
        self._held = False
        self._calm_since: float | None = None

    @property
    def held(self) -> bool:
        """Whether idle devices are held at this moment."""
        return self._held

    def step(self, *, binding: bool, worst_loading: float | None, now: float) -> bool:
        """Take in a verified result; whether idle devices are held from now on.

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
    """Whether a device wants nothing, and may begin at any time: any but an inverter of PV.

    Who is silent is not idle. Whose profile has no word for what it wants is idle while it draws
    nothing, if its floor lets it show when it begins: held back altogether it never could.
    """
    if reading is None or device.kind is DeviceKind.PV:
        return False
    if reading.available_w is not None:
        small_w = STORE_IDLE_SHARE * device.rated_w if device.kind is DeviceKind.STORAGE else 0.0
        wants_w = abs(reading.available_w) if small_w else reading.available_w
        return wants_w <= small_w
    drawn_w = drawn(device, reading)
    shows = device.floor_w >= max(SHOWS_SHARE * device.rated_w, device.step_w or 0.0)
    return shows and drawn_w is not None and drawn_w < SHOWS_SHARE * device.rated_w
