"""One device under control: the limit it is meant to have, what it says, when to write."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ortsnetz_common.link.messages import Setpoint, SetpointSource
from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.station import Device
from ortsnetz_edge.control.amounts import Amounts
from ortsnetz_edge.control.arbitration import Claim, unlimited
from ortsnetz_edge.control.meant import MeantLimits
from ortsnetz_edge.drivers.contract import Watchdog

OWN_WAY_S = 30.0
"""So long a device is remembered for having had another limit than it has confirmed."""
EXCESS_SHARE = 0.1
"""Share of the rating by which a device must exceed its limit to count as ignoring it: more than
meters, rounding and the voltage account for."""


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
        allowed_w: limit on its ramp, magnitude; None until the device has said its own.
        amount: limit meant to be in force, in the device's unit; None until known.
        read_back: limit in force as the device says now; None if it does not.
        claim: what holds, with its reason.
    """

    device: Device
    amounts: Amounts
    refresh_s: float
    cycle_s: float
    first_refresh_s: float
    allowed_w: float | None = None
    amount: float | None = None
    read_back: float | None = None
    reading: Reading | None = None
    claim: Claim = field(init=False)
    _written: float | None = None
    _written_at: float = 0.0
    _changed_at: float = 0.0
    _own_way_at: float | None = None
    _excess_at: float | None = None
    _asked: bool = False
    _announced: tuple[float, int] | None = None
    _lowered_at: float | None = None
    _now: float = 0.0
    _meant: MeantLimits = field(init=False)

    def __post_init__(self) -> None:
        self.claim = unlimited(self.device)
        self._meant = MeantLimits(self._says_s + 2 * self.cycle_s, self.cycle_s)

    @property
    def _follows_s(self) -> float:
        """Longest time until the device follows a limit, by what station and profile say of it."""
        return max(self.device.reaction_s, self.amounts.resolution.reaction_s)

    @property
    def _says_s(self) -> float:
        """Longest time until the device says which limit it has: behind a control box, minutes."""
        return max(self._follows_s, self.amounts.resolution.acknowledged_s)

    def observe(self, reading: Reading | None, limit_in_force: float | None, *, now: float) -> None:
        """Take in what the device says in this cycle.

        The first time, that is what it keeps. A device that has gone below its limit by itself (its
        own watchdog, a restart) has thereby a new limit: from there it is raised by the rules.
        """
        self._now, self.reading = now, reading
        self.read_back = in_force = self._plausible(limit_in_force)
        if in_force is None:
            return
        if self.amount is None:
            self._adopt(in_force, "found limited, by its own fall-back or by us before", now=now)
            return
        if self._disobeys(now=now):
            self._own_way_at = now
        if self._has_more(in_force, now=now) or self._draws_more(now=now):
            self._own_way_at = self._excess_at = now
        if (
            in_force
            < self._meant.lowest(self._since(self._says_s, now)) - self.amounts.resolution.step / 2
        ):
            self._own_way_at = now
            self._adopt(in_force, "the device has lowered its limit by itself", now=now)
            if self._written is not None:
                self._written = in_force

    def _plausible(self, limit: float | None) -> float | None:
        """A limit as a device can have it: more than its rating is no limit."""
        if limit is None or not math.isfinite(limit) or limit < 0:
            return None
        return min(limit, self.amounts.top)

    def _adopt(self, limit: float, reason: str, *, now: float) -> None:
        self.amount = limit
        if limit < self.amounts.top:
            self._lowered_at = now
        self._meant.restart(limit, now=now)
        self.allowed_w = self.amounts.watts(limit, self.reading)
        if self.limited:
            self.claim = Claim(SetpointSource.NONE, self.allowed_w, reason)

    def aim(self, claim: Claim, allowed_w: float, *, may_raise: bool) -> None:
        """Set the limit: the claim that holds and how far its ramp has come.

        Args:
            claim: what holds.
            allowed_w: limit, magnitude.
            may_raise: whether it may be more amperes than now. Fewer watts can be: where the
                voltage falls, or where rounding down has left something over.
        """
        present = self.amount
        self.claim, self.allowed_w = claim, allowed_w
        amount = self.amounts.amount(allowed_w, self.reading, present)
        raised = present is not None and amount > present
        if raised and self._is_held():
            # its ramp begins when its time is over
            self.allowed_w = min(allowed_w, self.amounts.watts(present or 0.0, self.reading))
            may_raise = False
        self.amount = present if raised and not may_raise else amount

    def _is_held(self) -> bool:
        """Whether it was lowered so lately that its profile forbids to raise it."""
        if self._lowered_at is None:
            return False
        return self._now - self._lowered_at < self.amounts.resolution.hold_s

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

    @property
    def setpoint(self) -> Setpoint:
        """The limit with its reason, for records and people.

        Amperes count at nominal voltage, as in ratings and floors: a record says the same limit
        for the same amperes, whatever the voltage is.
        """
        rated_w = self.device.rated_w
        limit_w = rated_w if self.amount is None else self.amounts.watts(self.amount, None)
        reason = self.claim.reason
        if self.limited:
            reason = f"limited to {limit_w / 1000:.1f} of {rated_w / 1000:.1f} kW: {reason}"
        return Setpoint(self.device.name, limit_w, self.claim.source, reason, self.claim.binding)

    def due(self, *, now: float, active_since: float) -> Write | None:
        """What has to be written now: a change, a refresh, or what the device has not taken.

        Args:
            now: monotonic time, s.
            active_since: when the agent began to write; the first refreshes are spread after it.
        """
        if (
            self.amount is None
            or self.amount < self.amounts.floor - self.amounts.resolution.step / 2
        ):
            return None  # what it took by itself below its floor is not ours to command
        in_force = self.read_back if self._written is None else self._written
        changed = in_force is None or not self.amounts.same(self.amount, in_force)
        if self._written is None:
            refresh = now - active_since >= self.first_refresh_s
        else:
            refresh = now - self._written_at >= self.refresh_s
        again = self._disobeys(now=now) and now - self._written_at >= 2 * self.cycle_s
        if not (changed or refresh or again):
            return None
        self._meant.note(self.amount, now=now)
        self._asked = True
        return Write(self.device.name, self.amount, self._watchdog(), self.setpoint, changed)

    def written(self, write: Write, *, now: float) -> bool:
        """The device has confirmed a write; whether it is worth a record."""
        before = self.amounts.top if self._written is None else self._written
        if self._written is None or not self.amounts.same(write.amount, self._written):
            self._changed_at = now
        if write.amount < before - self.amounts.resolution.step / 2:
            self._lowered_at = now
        self._written, self._written_at = write.amount, now
        announced = (write.amount, int(write.setpoint.source))
        news = write.changed or (self._announced is not None and announced != self._announced)
        self._announced = announced
        return news

    def goes_its_own_way(self, *, now: float) -> bool:
        """Whether the device has lately had another limit than it has confirmed."""
        return self._own_way_at is not None and now - self._own_way_at < OWN_WAY_S

    def cannot_be_limited(self, *, now: float) -> bool:
        """Whether the device has lately had, or drawn, more than it has confirmed.

        Nothing is gained by telling it less: others have to make room for what it draws.
        """
        return self._excess_at is not None and now - self._excess_at < OWN_WAY_S

    def _since(self, within_s: float, now: float) -> float:
        """Since when limits count for a device that may take so long."""
        return now - within_s - 2 * self.cycle_s

    def _highest_meant(self, within_s: float, now: float) -> float | None:
        """Highest limit that the device can be at on our account; None before it was told one.

        Not what it has confirmed last: it may refuse what it is told.
        """
        return self._meant.highest(self._since(within_s, now)) if self._asked else None

    def _has_more(self, in_force: float, *, now: float) -> bool:
        """Whether the device says a higher limit than it can be at on our account."""
        highest = self._highest_meant(self._says_s, now)
        return highest is not None and in_force > highest + self.amounts.resolution.step / 2

    def _draws_more(self, *, now: float) -> bool:
        """Whether the device draws or feeds in more than it is allowed, whatever it says."""
        highest = self._highest_meant(self._follows_s, now)
        if highest is None or self.reading is None:
            return False
        active = self.reading.active_w[: self.device.phase_count]
        if any(value is None for value in active):
            return False
        drawn_w = abs(sum(value for value in active if value is not None))
        allowed_w = self.amounts.watts(highest, self.reading)
        return drawn_w > allowed_w + EXCESS_SHARE * self.device.rated_w

    def _disobeys(self, *, now: float) -> bool:
        """Whether the device says another limit than it confirmed, beyond the time it has to."""
        if self._written is None or self.read_back is None:
            return False
        if self.amounts.same(self._written, self.read_back):
            return False
        return now - self._changed_at > self._says_s + 2 * self.cycle_s

    def _watchdog(self) -> Watchdog | None:
        after_s = self.device.watchdog_s
        if after_s is None:
            return None
        return Watchdog(after_s, self.amounts.amount(self.device.fallback_w, None, None))
