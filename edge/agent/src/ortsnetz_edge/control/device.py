"""One device under control: the limit it is meant to have, what it says, when to write."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ortsnetz_common.link.messages import Setpoint, SetpointSource
from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.parameter_set import Timing
from ortsnetz_common.parameters.station import Device
from ortsnetz_edge.control.amounts import Amounts
from ortsnetz_edge.control.arbitration import Claim, unlimited
from ortsnetz_edge.control.modes import LimitingMode
from ortsnetz_edge.control.obedience import Obedience
from ortsnetz_edge.control.pace import Pace
from ortsnetz_edge.control.release import Rise
from ortsnetz_edge.drivers.contract import Watchdog


@dataclass(frozen=True, slots=True)
class Write:
    """A limit that has to be written now.

    Attributes:
        amount: in the device's unit.
        watchdog: what the device shall do when nobody writes to it any more.
        changed: whether it is another limit than before, or the same again.
    """

    device: str
    amount: float
    watchdog: Watchdog | None
    setpoint: Setpoint
    changed: bool


@dataclass(slots=True)
class DeviceControl:
    """State of one device.

    Attributes:
        first_refresh_s: when a limit that nobody changes is written for the first time.
        mode: whether it is limited, only thought about, or left alone.
        allowed_w: limit on its ramp, magnitude; None until the device has said its own.
        amount: limit meant to be in force, in the device's unit; None until known.
        read_back: limit in force as the device says now; None if it does not.
        claim: what holds, with its reason.
    """

    device: Device
    amounts: Amounts
    timing: Timing
    first_refresh_s: float
    mode: LimitingMode = LimitingMode.ACTIVE
    allowed_w: float | None = None
    amount: float | None = None
    read_back: float | None = None
    reading: Reading | None = None
    claim: Claim = field(init=False)
    obedience: Obedience = field(init=False)
    pace: Pace = field(init=False)
    _written: float | None = None
    _written_at: float = 0.0
    _announced: tuple[float, int] | None = None
    _now: float = 0.0

    def __post_init__(self) -> None:
        self.claim = unlimited(self.device)
        self.obedience = Obedience(self.device, self.amounts, self.timing.cycle_s)
        self.pace = Pace(self.device, self.timing, self.obedience)

    def _forget(self) -> None:
        """Know nothing about its limit: what it says next is what it keeps."""
        self.claim = unlimited(self.device)
        self.obedience = Obedience(self.device, self.amounts, self.timing.cycle_s)
        self.pace.restart(self.obedience)
        self.allowed_w = self.amount = self._written = self._announced = None

    def enter(self, mode: LimitingMode) -> None:
        """Take on a mode. Where writing begins or ends, the limit is what the device says next."""
        if mode is not self.mode:
            self.mode = mode
            self._forget()

    def observe(self, reading: Reading | None, limit_in_force: float | None, *, now: float) -> None:
        """Take in what the device says in this cycle.

        The first time, that is what it keeps. A device that has gone below its limit by itself (its
        own watchdog, a restart) has thereby a new limit: from there it is raised by the rules.
        """
        self._now, self.reading = now, reading
        self.pace.observe(reading, now=now)
        self.read_back = in_force = self._plausible(limit_in_force)
        if in_force is None:
            return
        if self.amount is None or self.mode is LimitingMode.OFF:
            self._adopt(in_force, "found limited, by its own fall-back or by us before")
            return
        self.obedience.look(in_force, self._written, reading, now=now)
        if self.obedience.has_lowered_itself(in_force, now=now):
            self._adopt(in_force, "the device has lowered its limit by itself")
            if self._written is not None:
                self._written = in_force

    def _plausible(self, limit: float | None) -> float | None:
        """A limit as a device can have it: more than its rating is no limit."""
        if limit is None or not math.isfinite(limit) or limit < 0:
            return None
        return min(limit, self.amounts.top)

    def _adopt(self, limit: float, reason: str) -> None:
        self.amount = limit
        if limit < self.amounts.top:
            self.pace.lowered(now=self._now)
        self.obedience.found(limit, now=self._now)
        self.allowed_w = self.amounts.watts(limit, self.reading)
        self.claim = unlimited(self.device)
        if self.limited:
            self.claim = Claim(SetpointSource.NONE, self.allowed_w, reason)

    def aim(self, claim: Claim, allowed_w: float, *, may_raise: bool, rises: bool = False) -> None:
        """Set the limit: the claim that holds and how far its ramp has come.

        Args:
            claim: what holds.
            allowed_w: limit, magnitude.
            may_raise: whether it may be more amperes than now. Fewer watts can be: where the
                voltage falls, or where rounding down has left something over.
            rises: whether this is a rise that `rise_to` has found worth a change.
        """
        present = self.amount
        self.claim, self.allowed_w = claim, allowed_w
        amount = self.amounts.amount(allowed_w, self.reading, present, fine=may_raise and rises)
        if present is None or self.amounts.same(amount, present):
            self.amount = amount if present is None else present
            return
        if amount > present:
            amount_w = self.amounts.watts(amount, self.reading)
            if not (may_raise and self.pace.allows(self._nominal_w, amount_w, now=self._now)):
                # its ramp begins when its time is over
                self.allowed_w = min(allowed_w, self.amounts.watts(present, self.reading))
                return
        before_w, self.amount = self._nominal_w, amount
        self.pace.changes_to(before_w, self._nominal_w, now=self._now)

    @property
    def _untaken(self) -> float | None:
        """Limit in force below a raise that the device has not taken; None if it has all it may."""
        known = [limit for limit in (self._written, self.read_back) if limit is not None]
        if self.amount is None or not known or self.mode is not LimitingMode.ACTIVE:
            return None
        in_force = max(known)
        half = self.amounts.resolution.step / 2
        return in_force if self.amount >= in_force + half else None

    def withdraw(self) -> None:
        """Take back a raise that the device has not taken: what is in force is kept.

        It was right when it was decided. Written again in a cycle without a verified state it would
        be a raise without one.
        """
        in_force = self._untaken
        if in_force is None:
            return
        before_w, self.amount = self._nominal_w, in_force
        self.allowed_w = self.amounts.watts(in_force, self.reading)
        self.pace.changes_to(before_w, self._nominal_w, now=self._now)

    def rise_to(self, wanted_w: float, dt_s: float) -> Rise | None:
        """What it would take of more; None while it must not be raised.

        Args:
            wanted_w: what it may have in the end.
            dt_s: time since the last cycle.
        """
        if self.allowed_w is None or self._untaken is not None:
            return None  # one raise after the other, or a device that wakes up takes many at once
        least_w = self._least_rise_w(wanted_w)
        if least_w is None:
            return None
        return self.pace.rise(
            self.allowed_w,
            wanted_w,
            self._nominal_w,
            self.reading,
            least_w=least_w,
            dt_s=dt_s,
            now=self._now,
        )

    def _least_rise_w(self, wanted_w: float) -> float | None:
        """The lowest limit that is worth a change; None where even `wanted_w` is not.

        A single ampere is worth one when it has been allowed for long.
        """
        amounts, present = self.amounts, self.amount
        if present is None:
            return None
        lasting_w = min(wanted_w, self.pace.lasting_w)
        best = max(
            amounts.amount(wanted_w, self.reading, present),
            amounts.amount(lasting_w, self.reading, present, fine=True),
        )
        if best < present or amounts.same(best, present):
            return None
        return amounts.watts(min(best, amounts.raised_at_least(present)), self.reading)

    @property
    def is_due_to_rise(self) -> bool:
        """Whether its last raise can have acted, and it has not changed too often."""
        return self.pace.is_due(now=self._now)

    @property
    def _nominal_w(self) -> float:
        """The limit at nominal voltage; the rating while it is not known."""
        return self.device.rated_w if self.amount is None else self.amounts.watts(self.amount, None)

    @property
    def floor_w(self) -> float:
        """What its floor is at the voltage that it measures."""
        return self.amounts.floor_w(self.reading)

    def softened(self, claim: Claim) -> Claim:
        """A claim as it may act on the device: see `Compressor.softened`."""
        return self.pace.softened(claim, self._nominal_w, now=self._now)

    def sustained(self, limit_w: float) -> float:
        """The limit that has been allowed for the hold time, this one included."""
        return self.pace.sustained(limit_w, now=self._now)

    @property
    def answers(self) -> bool:
        """Whether the device says values and its limit in this cycle."""
        return self.reading is not None and self.read_back is not None

    @property
    def limited(self) -> bool:
        """Whether the limit is below the rating."""
        return self.amount is not None and not self.amounts.same(self.amount, self.amounts.top)

    @property
    def limited_in_force(self) -> bool:
        """Whether the device itself has confirmed, or said, a limit below its rating."""
        in_force = self.read_back if self._written is None else self._written
        return in_force is not None and not self.amounts.same(in_force, self.amounts.top)

    @property
    def setpoint(self) -> Setpoint:
        """The limit with its reason, for records and people.

        Amperes count at nominal voltage, as in ratings and floors: a record says the same limit
        for the same amperes, whatever the voltage is.
        """
        claim, rated_w = self.claim, self.device.rated_w
        limit_w = self._nominal_w
        reason = claim.words
        if self.limited:
            reason = f"limited to {limit_w / 1000:.1f} of {rated_w / 1000:.1f} kW: {reason}"
        if self.mode is LimitingMode.ADVISORY:
            reason = f"advised only, not written: {reason}"
        return Setpoint(
            self.device.name, limit_w, claim.source, reason, claim.binding, claim.until_ns
        )

    def due(self, *, now: float, active_since: float) -> Write | None:
        """What has to be written now: a change, a refresh, or what the device has not taken.

        Args:
            now: monotonic time, s.
            active_since: when the agent began to write; the first refreshes are spread after it.
        """
        if (
            self.mode is not LimitingMode.ACTIVE
            or self.amount is None
            or self.amount < self.amounts.floor - self.amounts.resolution.step / 2
        ):
            return None  # what it took by itself below its floor is not ours to command
        in_force = self.read_back if self._written is None else self._written
        changed = in_force is None or not self.amounts.same(self.amount, in_force)
        if self._written is None:
            refresh = now - active_since >= self.first_refresh_s
        else:
            refresh = now - self._written_at >= self.timing.refresh_s
        disobeys = self.obedience.disobeys(self.read_back, self._written, now=now)
        again = disobeys and now - self._written_at >= 2 * self.timing.cycle_s
        if not (changed or refresh or again):
            return None
        self.obedience.told(self.amount, now=now)
        return Write(self.device.name, self.amount, self._watchdog(), self.setpoint, changed)

    def written(self, write: Write, *, now: float) -> bool:
        """The device has confirmed a write; whether it is worth a record."""
        before = self.amounts.top if self._written is None else self._written
        if self._written is None or not self.amounts.same(write.amount, self._written):
            self.obedience.changed_at = now
        if write.changed:
            self.pace.changes.note(now=now)
        if write.amount < before - self.amounts.resolution.step / 2:
            self.pace.lowered(now=now)
        self._written, self._written_at = write.amount, now
        announced = (write.amount, int(write.setpoint.source))
        news = write.changed or (self._announced is not None and announced != self._announced)
        self._announced = announced
        return news

    def advice(self) -> Setpoint | None:
        """What it would be told if it were not only advised, where that is news."""
        if self.mode is not LimitingMode.ADVISORY or self.amount is None:
            return None
        announced = (self.amount, int(self.claim.source))
        if announced == self._announced or (self._announced is None and not self.limited):
            return None
        self._announced = announced
        return self.setpoint

    def keeps(self, limit_w: float) -> bool:
        """Whether the device has confirmed, or says, a limit that is no more than this, W."""
        in_force = self.read_back if self._written is None else self._written
        if in_force is None:
            return False
        amounts = (
            self.amounts.amount(limit_w, self.reading, None),
            self.amounts.amount(limit_w, None, None),
        )
        return in_force <= max(amounts) + self.amounts.resolution.step / 2

    def goes_its_own_way(self, *, now: float) -> bool:
        """Whether the device has lately had another limit than it has confirmed."""
        return self.obedience.goes_its_own_way(now=now)

    def cannot_be_limited(self, *, now: float) -> bool:
        """Whether the device has lately had, or drawn, more than it has confirmed."""
        return self.obedience.cannot_be_limited(now=now)

    def may_draw(self, *, now: float) -> float | None:
        """What a slow device can still be at above its limit, W; None for one that cannot."""
        if self.amount is None or self.mode is not LimitingMode.ACTIVE:
            return None
        amount = self.obedience.may_still_have(self.amount, now=now)
        return None if amount is None else self.amounts.watts(amount, self.reading)

    def _watchdog(self) -> Watchdog | None:
        after_s = self.device.watchdog_s
        if after_s is None:
            return None
        return Watchdog(after_s, self.amounts.amount(self.device.fallback_w, None, None))
