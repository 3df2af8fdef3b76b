"""How limits come back: after a hold, by a ramp, in turn, and within the room that was seen. Pure.

Lowering needs none of this: it happens at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ortsnetz_common.parameters.station import Device

ROOM_SHARE = 0.5
"""Of the room that the last decision saw, at most this much is on its way at a time. What has been
given shows in the measurements before the rest is given: the limit is approached, never overrun."""


def released(present_w: float, wanted_w: float, device: Device, per_s: float, dt_s: float) -> float:
    """A limit on its way up: at most `per_s` of the rating a second; down at once.

    Args:
        present_w: limit in force, magnitude.
        wanted_w: limit that arbitration allows.
        device: whose rating bounds the rate.
        per_s: share of the rating a second.
        dt_s: time since the last step.
    """
    if wanted_w <= present_w:
        return wanted_w
    return min(wanted_w, present_w + per_s * device.rated_w * dt_s)


class Sustained:
    """The lowest of what has been lately: of limits that were allowed, how far one may be raised.

    A limit that was lowered is thereby not raised for the hold time, and noise in the decision does
    not move it up and down.
    """

    def __init__(self, hold_s: float) -> None:
        """Args: hold_s: how long a limit has to be allowed."""
        self._hold_s = hold_s
        self._rising: deque[tuple[float, float]] = deque()  # bounded: one a cycle, hold_s long

    def note(self, limit_w: float, *, now: float) -> float:
        """Take in what is allowed now; the lowest limit within the hold time, this one included."""
        while self._rising and self._rising[-1][1] >= limit_w:
            self._rising.pop()
        self._rising.append((now, limit_w))
        while now - self._rising[0][0] > self._hold_s:
            self._rising.popleft()
        return self._rising[0][1]


@dataclass(frozen=True, slots=True)
class Rise:
    """A device that may have more. All powers are magnitudes in W.

    Attributes:
        present_w: its limit.
        next_w: how far its own ramp goes in this cycle.
        wanted_w: how far it may go in the end.
        asked_w: what it would draw without a limit; None if it does not say: as much as it may.
        settles_s: until what it is given shows in the measurements.
        feeds_in: whether it is feed-in that rises.
        step_w: it runs at multiples of this only; 0 for one that follows any limit.
    """

    device: str
    present_w: float
    next_w: float
    wanted_w: float
    asked_w: float | None
    settles_s: float
    feeds_in: bool = False
    step_w: float = 0.0

    def flow_w(self, limit_w: float) -> float:
        """How much more it would draw than now with a limit."""
        return max(0.0, self._drawn_w(limit_w) - self._drawn_w(self.present_w))

    def _drawn_w(self, limit_w: float) -> float:
        drawn_w = limit_w if self.asked_w is None else min(limit_w, self.asked_w)
        return drawn_w // self.step_w * self.step_w if self.step_w > 0 else drawn_w

    @property
    def level(self) -> float:
        """How much of what it may have it has already."""
        return self.present_w / self.wanted_w if self.wanted_w > 0 else 1.0


@dataclass(frozen=True, slots=True)
class _Given:
    """Power that a device was given and that the measurements need not show yet."""

    device: str
    power_w: float
    until: float


class Turns:
    """Who is raised now, and how far, so that a crowd does not return at once.

    At most `ROOM_SHARE` of the room is on its way at a time. Who has waited longest comes first,
    then who has least. Smaller rises pass one that does not fit yet; when it has waited as long as
    a rise takes to show they do so no more, and one device alone is always let through: what it may
    have was verified. Consumption and feed-in have rooms of their own: neither counts on the other
    to come as soon.
    """

    def __init__(self) -> None:
        self._rooms = (_Room(), _Room())

    def given_w(self, *, now: float) -> float:
        """Power on its way, in either direction."""
        return sum(room.given_w(now=now) for room in self._rooms)

    def taken_back(self, device: str, power_w: float) -> None:
        """A device was lowered by so much: what it was given last is no longer on its way."""
        for room in self._rooms:
            room.taken_back(device, power_w)

    def grant(
        self, rises: Iterable[Rise], *, now: float, over_w: tuple[float, float] = (0.0, 0.0)
    ) -> dict[str, float]:
        """The new limit of each device, W; its present one where it has to wait.

        Args:
            rises: all that may have more, by a decision that is verified.
            now: monotonic time, s.
            over_w: what others have still got beyond that decision, consumption and feed-in.
        """
        rises = tuple(rises)
        granted: dict[str, float] = {}
        for feeds_in, room in enumerate(self._rooms):
            granted |= room.grant(
                [one for one in rises if one.feeds_in == feeds_in], now, over_w[feeds_in]
            )
        return granted


class _Room:
    """Turns of one direction."""

    def __init__(self) -> None:
        self._given: list[_Given] = []  # bounded: one a device and cycle, as long as they settle
        self._waiting: dict[str, float] = {}  # since when

    def given_w(self, *, now: float) -> float:
        return sum(one.power_w for one in self._given if one.until > now)

    def taken_back(self, device: str, power_w: float) -> None:
        for place in range(len(self._given) - 1, -1, -1):
            one = self._given[place]
            if one.device == device and power_w > 0.0:
                self._given[place] = replace(one, power_w=max(0.0, one.power_w - power_w))
                power_w -= one.power_w

    def grant(self, rises: list[Rise], now: float, over_w: float) -> dict[str, float]:
        self._given = [one for one in self._given if one.until > now and one.power_w > 0.0]
        since = {rise.device: self._waiting.get(rise.device, now) for rise in rises}
        rises.sort(key=lambda rise: (since[rise.device], rise.level, rise.device))
        under_way_w = self.given_w(now=now)
        room_w = under_way_w + sum(rise.flow_w(rise.wanted_w) for rise in rises) - over_w
        left_w = ROOM_SHARE * room_w - under_way_w
        granted: dict[str, float] = {}
        passing = True
        for rise in rises:
            power_w = rise.flow_w(rise.next_w)
            alone = over_w <= 0.0 and not self._others_have(rise.device)
            fits = power_w <= max(left_w, 0.0) or alone
            if power_w <= 0.0 or (passing and fits):
                granted[rise.device] = rise.next_w
                left_w -= power_w
                if power_w > 0.0:
                    self._given.append(_Given(rise.device, power_w, now + rise.settles_s))
            else:
                granted[rise.device] = rise.present_w
                # its room is kept free, once it has waited as long as what was given takes to show
                passing = passing and now - since[rise.device] < rise.settles_s
        self._waiting = {
            rise.device: since[rise.device]
            for rise in rises
            if granted[rise.device] <= rise.present_w
        }
        return granted

    def _others_have(self, device: str) -> bool:
        """Whether somebody else's power is on its way."""
        return any(one.device != device for one in self._given)
