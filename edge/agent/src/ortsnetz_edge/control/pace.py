"""At which pace one device may change: what of its own forbids to raise it. Pure.

Its hold, its reaction, its compressor, and how often it has changed already. Lowering waits for
none of these.
"""

from __future__ import annotations

import math

from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.parameter_set import Timing
from ortsnetz_common.parameters.station import Device, DeviceKind
from ortsnetz_edge.control.arbitration import Claim
from ortsnetz_edge.control.changes import ChangeBudget
from ortsnetz_edge.control.compressor import Compressor
from ortsnetz_edge.control.obedience import Obedience, drawn
from ortsnetz_edge.control.release import Rise, Sustained, released

_ROUNDING = 1e-9  # what floating point may have taken from a ramp that goes just far enough
_WHOLE_RAMP_S = 3600.0
"""Longer than any ramp: a slow device, and one that runs whole or not at all, takes in one step
what was verified for it."""
_LASTING_S = 30.0
"""A raise too small to be worth a change is made all the same when it has been allowed for so long:
what there is room for ends up in use, but no breath of the estimate moves a limit."""


class Pace:
    """The pace of one device; its limits are watts at nominal voltage here.

    Attributes:
        obedience: what it was told and what it made of it; knows its reaction.
        changes: how often its limit has changed.
        lasting_w: the limit that has been allowed for `_LASTING_S`, as far as is known.
        compressor: None for a device without one.
    """

    def __init__(self, device: Device, timing: Timing, obedience: Obedience) -> None:
        """Begin with a device about which nothing is known."""
        self._device, self._timing = device, timing
        self.changes = ChangeBudget(timing.changes_per_hour)
        amounts = obedience.amounts
        smallest_w = amounts.watts(amounts.resolution.smallest, None)
        self.compressor = Compressor.of(device, smallest_w)
        self.restart(obedience)

    def restart(self, obedience: Obedience) -> None:
        """Its limit is found anew; how often it has changed and started is not forgotten."""
        self.obedience = obedience
        self._sustained = Sustained(self._timing.hold_s)
        self._needed = Sustained(self._timing.hold_s)
        self._lasting = Sustained(_LASTING_S)
        self.lasting_w = 0.0
        self._lowered_at: float | None = None
        self._raised_at: float | None = None

    def observe(self, reading: Reading | None, *, now: float) -> None:
        """Take in what it draws."""
        if self.compressor is not None:
            self.compressor.observe(drawn(self._device, reading), now=now)

    def lowered(self, *, now: float) -> None:
        """Its limit was lowered, or found below its rating: its hold begins."""
        self._lowered_at = now

    def changes_to(self, before_w: float, after_w: float, *, now: float) -> None:
        """Its limit is set anew."""
        if after_w > before_w:
            self._raised_at = now
        if self.compressor is not None:
            self.compressor.changed(before_w, after_w, now=now)

    def softened(self, claim: Claim, present_w: float, *, now: float) -> Claim:
        """A claim as it may act on the device: see `Compressor.softened`."""
        if self.compressor is None:
            return claim
        return self.compressor.softened(claim, present_w, now=now)

    def sustained(self, limit_w: float, *, now: float) -> float:
        """The limit that has been allowed for the hold time, this one included."""
        self.lasting_w = self._lasting.note(limit_w, now=now)
        return self._sustained.note(limit_w, now=now)

    def needed(self, limit_w: float, *, now: float) -> float:
        """The highest limit that decisions have asked for within the hold time, this one included.

        Where the present limits keep everything, a lower one only shares it out anew: that can wait
        until it is no whim of the last decision.
        """
        return -self._needed.note(-limit_w, now=now)

    @property
    def feeds_in(self) -> bool:
        """Whether it is an inverter of PV."""
        return self._device.kind is DeviceKind.PV

    def is_due(self, *, now: float) -> bool:
        """Whether its last raise can have acted, and it has not changed too often."""
        since = self._raised_at
        if since is not None and self.obedience.is_slow and now - since < self.obedience.settles_s:
            return False
        return self.changes.may_raise(now=now)

    def allows(self, present_w: float, limit_w: float, *, now: float) -> bool:
        """Whether its hold and its compressor allow a limit above the present one."""
        hold_s = max(self._timing.hold_s, self.obedience.amounts.resolution.hold_s)
        if self._lowered_at is not None and now - self._lowered_at < hold_s:
            return False
        if self.compressor is None:
            return True
        return self.compressor.may_restart(present_w, limit_w, now=now)

    def rise(
        self,
        allowed_w: float,
        wanted_w: float,
        present_w: float,
        reading: Reading | None,
        *,
        least_w: float,
        dt_s: float,
        now: float,
    ) -> Rise | None:
        """What it would take of more; None while it must not be raised.

        Args:
            allowed_w: limit on its ramp.
            wanted_w: what it may have in the end.
            present_w: limit in force.
            reading: says what it would draw without a limit.
            least_w: the lowest limit that is worth a change: less is not asked for.
            dt_s: time since the last cycle.
            now: monotonic time, s.
        """
        if wanted_w <= allowed_w or not self.is_due(now=now):
            return None
        rate = self._timing.release_per_s
        ramp_s = self._ramp_s(least_w - allowed_w, dt_s, now)
        next_w = released(allowed_w, wanted_w, self._device, rate, ramp_s)
        if next_w < min(least_w, wanted_w) or not self.allows(present_w, next_w, now=now):
            return None
        asked_w = None if reading is None else reading.available_w
        return Rise(
            device=self._device.name,
            present_w=allowed_w,
            next_w=next_w,
            wanted_w=wanted_w,
            asked_w=None if asked_w is None else abs(asked_w),  # a store that would feed in
            settles_s=2 * self._timing.cycle_s
            + max(self._timing.stale_after_s, self._timing.hold_s),
            feeds_in=self._device.kind is DeviceKind.PV or (asked_w is not None and asked_w < 0),
            step_w=self._device.step_w or 0.0,
        )

    def _ramp_s(self, least_w: float, dt_s: float, now: float) -> float:
        """Time that its ramp has had: one that is raised in few large steps takes them at once.

        Args:
            least_w: the smallest rise that is worth a change: the ramp has waited for it.
            dt_s: time since the last cycle.
            now: monotonic time, s.
        """
        if self.obedience.is_slow or self._device.step_w:
            return _WHOLE_RAMP_S
        if self._raised_at is not None and self.changes.is_spread(now=now):
            return now - self._raised_at
        needed_s = (1 + _ROUNDING) * least_w / (self._timing.release_per_s * self._device.rated_w)
        if needed_s <= dt_s:
            return dt_s
        since_s = math.inf if self._raised_at is None else now - self._raised_at
        return max(dt_s, min(since_s, needed_s))
