"""What a device wants, in which direction, and whether it wants anything: from what it says."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.measurement.reading import PhaseValues, Reading
from ortsnetz_common.parameters.station import Device, DeviceKind

SIGNIFICANT = 0.1
"""Share of the rated power from which on the present tells in which direction a store works, how
power is spread over the phases and what the power factor is. Below, meters show noise and
stand-by."""
_AT_THEIR_RATING = 1.05
"""Of the rating: what terminals can carry a little above nominal voltage."""
AT_ITS_LIMIT = 0.9
"""A device that never says what it wants, and draws so much of its limit, is held back by it."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a device would draw or feed in without a limit.

    Attributes:
        active_w: (t,) measured at its terminals, consumption positive.
        direction: 1 for consumption, -1 for generation.
        wanted_w: what it wants, magnitude, not more than its rating.
        asked_w: the same, but at least what it draws now: it may go on drawing that, whatever it
            says. Above nominal voltage that is more than its rating.
        is_idle: it wants nothing at present, and draws nothing to speak of.
    """

    active_w: NDArray[np.float64]
    direction: float
    wanted_w: float
    asked_w: float
    is_idle: bool

    @property
    def drawn_w(self) -> float:
        """What it draws or feeds in now, in its direction; negative is the other one."""
        return self.direction * float(self.active_w.sum())

    @classmethod
    def of(cls, device: Device, reading: Reading, *, unspoken: bool) -> Wish | None:
        """The wish of a device; None where it said nothing usable: then nothing is guessed.

        Args:
            device: of the station.
            reading: of this cycle.
            unspoken: whether its profile has no word for what it wants. Then it is told from how
                much it draws of what it may: at its limit it is taken to want its rating; well
                below, what it draws.
        """
        active = terminals(reading.active_w, device)
        if active is None:
            return None
        total_w = float(active.sum())
        available = reading.available_w
        if available is None:
            if not unspoken:
                return None
            available = _supposed_w(device, reading, total_w)
        direction = _direction(device, total_w, available)
        drawn_w = direction * total_w
        wanted_w = max(min(abs(available), device.rated_w), 0.0)
        if device.kind is not DeviceKind.STORAGE and available < 0:
            wanted_w = 0.0
        return cls(
            active_w=active,
            direction=direction,
            wanted_w=wanted_w,
            asked_w=max(wanted_w, drawn_w),
            is_idle=wanted_w <= 0 and drawn_w < SIGNIFICANT * device.rated_w,
        )

    def through(self, used: float, rated_w: float) -> Wish:
        """The same of a device that draws through a share of its terminals.

        One that says amperes has them counted at all of its terminals: then it wants more than
        those that it uses could carry. One that says watts cannot.

        Args:
            used: share of the terminals.
            rated_w: of all terminals.
        """
        if self.wanted_w <= used * rated_w * _AT_THEIR_RATING:
            return self
        wanted_w = used * self.wanted_w
        return replace(self, wanted_w=wanted_w, asked_w=max(wanted_w, self.drawn_w))

    def still_w(self, held_w: float) -> float:
        """What it can be at until it has followed, magnitude, W; `held_w` is the limit until then.

        It does not draw more than it wants, and at least what it draws now.
        """
        return max(min(held_w, self.wanted_w), self.drawn_w, 0.0)


def terminals(values: PhaseValues, device: Device) -> NDArray[np.float64] | None:
    """Values at the device's terminals, None unless all of them are there."""
    used = [value for value in values[: device.phase_count] if value is not None]
    return np.array(used) if len(used) == device.phase_count else None


def _direction(device: Device, total_w: float, available_w: float) -> float:
    """1 for consumption, -1 for generation.

    A store shows by its power which it does, and a limited one says by its sign which it wants. One
    that does neither may begin to charge at any time.
    """
    if device.kind is DeviceKind.PV:
        return -1.0
    if device.kind is not DeviceKind.STORAGE:
        return 1.0
    shown = total_w if abs(total_w) >= SIGNIFICANT * device.rated_w else available_w
    return -1.0 if shown < 0 else 1.0


def _supposed_w(device: Device, reading: Reading, total_w: float) -> float:
    """What a device wants that never says it, magnitude, W."""
    drawn_w = abs(total_w)
    if reading.limit_w is None:
        held_back = drawn_w >= SIGNIFICANT * device.rated_w
    else:
        held_back = drawn_w >= AT_ITS_LIMIT * min(reading.limit_w, device.rated_w)
    if held_back:
        return device.rated_w
    return drawn_w if drawn_w >= SIGNIFICANT * device.rated_w else 0.0
