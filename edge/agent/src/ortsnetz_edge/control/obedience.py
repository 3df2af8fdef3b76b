"""Whether a device does what it was told, in the time that it has for it. Pure.

A device may be slow to follow and slower still to say so; both times are its own. What counts is
what it can be at on our account: the limits that it was meant to have within that time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.station import Device
from ortsnetz_edge.control.amounts import Amounts
from ortsnetz_edge.control.meant import MeantLimits

OWN_WAY_S = 30.0
"""So long a device is remembered for having had another limit than it has confirmed."""
EXCESS_SHARE = 0.1
"""Share of the rating by which a device must exceed its limit to count as ignoring it: more than
meters, rounding and the voltage account for."""
SLOW_S = 10.0
"""A device that may take longer than this to follow is decided on at its own pace: what it may
still draw is counted, and it is raised only when the last limit can have acted."""


@dataclass(slots=True)
class Obedience:
    """What one device was told and what it made of it.

    Attributes:
        changed_at: when it last confirmed another limit than before.
    """

    device: Device
    amounts: Amounts
    cycle_s: float
    changed_at: float = 0.0
    _meant: MeantLimits = field(init=False)
    _asked: bool = False
    _own_way_at: float | None = None
    _excess_at: float | None = None

    def __post_init__(self) -> None:
        self._meant = MeantLimits(self.says_s + 2 * self.cycle_s, self.cycle_s)

    @property
    def follows_s(self) -> float:
        """Longest time until the device follows a limit, by what station and profile say of it."""
        return max(self.device.reaction_s, self.amounts.resolution.reaction_s)

    @property
    def says_s(self) -> float:
        """Longest time until the device says which limit it has: behind a control box, minutes."""
        return max(self.follows_s, self.amounts.resolution.acknowledged_s)

    @property
    def settles_s(self) -> float:
        """Longest time until a limit has acted: it was written, followed, and measured."""
        return self.follows_s + 2 * self.cycle_s

    @property
    def is_slow(self) -> bool:
        """Whether it is decided on at its own pace."""
        return self.follows_s > SLOW_S

    def found(self, limit: float, *, now: float) -> None:
        """It was found with this limit, in its own unit: it is what it is meant to have."""
        self._meant.restart(limit, now=now)

    def told(self, limit: float, *, now: float) -> None:
        """It is told this limit, in its own unit."""
        self._meant.note(limit, now=now)
        self._asked = True

    def look(
        self, read_back: float, written: float | None, reading: Reading | None, *, now: float
    ) -> None:
        """Compare what it says and draws with what it was told.

        Args:
            read_back: limit in force as it says.
            written: limit that it has confirmed; None if none yet.
            reading: what it draws, and its voltage.
            now: monotonic time, s.
        """
        if self.disobeys(read_back, written, now=now):
            self._own_way_at = now
        if self._has_more(read_back, now=now) or self._draws_more(reading, now=now):
            self._own_way_at = self._excess_at = now

    def has_lowered_itself(self, read_back: float, *, now: float) -> bool:
        """Whether it says less than it can be at on our account."""
        lowest = self._meant.lowest(self._since(self.says_s, now))
        if read_back < lowest - self.amounts.resolution.step / 2:
            self._own_way_at = now
            return True
        return False

    def disobeys(self, read_back: float | None, written: float | None, *, now: float) -> bool:
        """Whether it says another limit than it confirmed, beyond the time it has to."""
        if written is None or read_back is None or self.amounts.same(written, read_back):
            return False
        return now - self.changed_at > self.says_s + 2 * self.cycle_s

    def goes_its_own_way(self, *, now: float) -> bool:
        """Whether it has lately had another limit than it has confirmed."""
        return self._own_way_at is not None and now - self._own_way_at < OWN_WAY_S

    def cannot_be_limited(self, *, now: float) -> bool:
        """Whether it has lately had, or drawn, more than it has confirmed.

        Nothing is gained by telling it less: others have to make room for what it draws.
        """
        return self._excess_at is not None and now - self._excess_at < OWN_WAY_S

    def may_still_have(self, limit: float, *, now: float) -> float | None:
        """Limit above `limit` that a slow device can still be at on our account; None if none."""
        if not (self.is_slow and self._asked):
            return None
        highest = self._meant.highest_known(self._since(self.follows_s, now))
        if highest is None or highest < limit + self.amounts.resolution.step / 2:
            return None
        return highest

    def _since(self, within_s: float, now: float) -> float:
        """Since when limits count for a device that may take so long."""
        return now - within_s - 2 * self.cycle_s

    def _highest_meant(self, within_s: float, now: float) -> float | None:
        """Highest limit that the device can be at on our account; None before it was told one.

        Not what it has confirmed last: it may refuse what it is told.
        """
        return self._meant.highest(self._since(within_s, now)) if self._asked else None

    def _has_more(self, read_back: float, *, now: float) -> bool:
        """Whether the device says a higher limit than it can be at on our account."""
        highest = self._highest_meant(self.says_s, now)
        return highest is not None and read_back > highest + self.amounts.resolution.step / 2

    def _draws_more(self, reading: Reading | None, *, now: float) -> bool:
        """Whether the device draws or feeds in more than it is allowed, whatever it says."""
        highest = self._highest_meant(self.follows_s, now)
        drawn_w = drawn(self.device, reading)
        if highest is None or drawn_w is None:
            return False
        allowed_w = self.amounts.watts(highest, reading)
        return drawn_w > allowed_w + EXCESS_SHARE * self.device.rated_w


def drawn(device: Device, reading: Reading | None) -> float | None:
    """What a device draws or feeds in, W, magnitude; None unless all its terminals say it."""
    if reading is None:
        return None
    known = [value for value in reading.active_w[: device.phase_count] if value is not None]
    return abs(sum(known)) if len(known) == device.phase_count else None
