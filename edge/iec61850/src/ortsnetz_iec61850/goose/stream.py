"""One subscribed control block: supervised, and the values that it holds."""

from __future__ import annotations

from dataclasses import dataclass

from ortsnetz_common.measurement.quality import Quality
from ortsnetz_common.measurement.time import TimeQuality
from ortsnetz_iec61850.goose.data import Bits, Datum, Kind, UtcTime, flat
from ortsnetz_iec61850.goose.frames import Frame
from ortsnetz_iec61850.goose.subscription import (
    Expected,
    Subscription,
    in_another_vlan,
    misaddressed,
    misconfigured,
)
from ortsnetz_iec61850.goose.supervision import Counts, Outcome, Supervision

NEVER = "no message has come yet"
_MISSING = int(Quality.INVALID | Quality.FAILURE)
_NOT_THERE = int(Quality.INVALID | Quality.BAD_REFERENCE)
_LOST = int(Quality.INVALID | Quality.OLD_DATA)
_CLOCK_FAILURE, _NOT_SYNCHRONISED = 0x40, 0x20


@dataclass(frozen=True, slots=True)
class Held:
    """One value as it is known.

    Attributes:
        value: None where it is no number, or cannot be believed.
        quality: bits of `measurement.quality`.
        time_ns: of its own time stamp, else of the state's.
        time_quality: flags of `measurement.time.TimeQuality`.
    """

    value: float | None
    quality: int
    time_ns: int
    time_quality: int


class Stream:
    """A control block that somebody subscribed to.

    Attributes:
        subscription: what it should be.
        why: why its values are invalid, in words; None while they are good.
        last: the last message that was taken.
        arrived_s: when it arrived, monotonic seconds.
    """

    def __init__(self, subscription: Subscription, *, accepts_simulation: bool = False) -> None:
        self.subscription = subscription
        self.why: str | None = NEVER
        self.last: Frame | None = None
        self.arrived_s = 0.0
        self._supervision = Supervision(accepts_simulation=accepts_simulation)
        self._quality_places, self._time_places = _companions(subscription.values)
        self._data: list[Datum] = []

    @property
    def counts(self) -> Counts:
        """What happened to it."""
        return self._supervision.counts

    @property
    def deadline_s(self) -> float | None:
        """When the next message has to be here; None while it is lost. Monotonic seconds."""
        return self._supervision.deadline_s

    @property
    def is_simulating(self) -> bool:
        """Whether a test set is followed instead of the device."""
        return self._supervision.is_simulating

    def take(self, frame: Frame, arrived_s: float, arrived_ns: int) -> bool:
        """Take a frame of this control block; when it arrived in monotonic s, and in UTC ns.

        Returns:
            Whether a value or its validity changed.
        """
        reason = misaddressed(frame, self.subscription)
        if reason is not None:
            self.counts.misaddressed += 1
            return False
        self.counts.other_vlan += in_another_vlan(frame, self.subscription)
        outcome = self._supervision.take(
            frame.message, arrived_s, arrived_ns, is_simulation=frame.is_simulation
        )
        if not outcome.is_taken:
            return False
        before, why = self._data, self.why
        self.why = misconfigured(frame, self.subscription)
        self.counts.misconfigured += self.why is not None
        self._data = [] if self.why is not None else flat(frame.message.data)
        self.last, self.arrived_s = frame, arrived_s
        return outcome is not Outcome.RETRANSMISSION or self._data != before or self.why != why

    def expire(self, now_s: float) -> bool:
        """Whether the stream has just been lost: its values are invalid from now on."""
        if not self._supervision.expire(now_s):
            return False
        if self.last is not None:
            allowed = self.last.message.time_allowed_to_live_ms
            self.why = f"no message within the {allowed} ms that the last one allowed"
        self._data = []
        return True

    def held(self, place: int, now_ns: int) -> Held:
        """The value at a place of the data set, with its own quality and time where it has them."""
        if self.last is None or not self._data:
            quality = _MISSING if self.deadline_s is not None or self.last is None else _LOST
            return Held(None, quality, now_ns, int(TimeQuality.SET_BY_RECEIVER))
        stamp = self.last.message.time
        if (where := self._time_places[place]) is not None:
            own = self._data[where].value
            stamp = own if isinstance(own, UtcTime) and own.time_ns else stamp
        quality = 0
        if (where := self._quality_places[place]) is not None:
            quality = quality_of(self._data[where])
        value = number_of(self._data[place])
        if value is None:
            quality |= _MISSING
        return Held(value, quality, stamp.time_ns, time_quality_of(stamp))


def not_there(now_ns: int) -> Held:
    """What is known of a value that does not travel: nothing."""
    return Held(None, _NOT_THERE, now_ns, int(TimeQuality.SET_BY_RECEIVER))


def number_of(datum: Datum) -> float | None:
    """A value as a number: two bits of a position are 0 to 3; None for texts and the like."""
    value = datum.value
    if isinstance(value, Bits):
        return float(value.number)
    if isinstance(value, bool | int | float):
        return float(value)
    return None


def quality_of(datum: Datum) -> int:
    """Quality from its bit string, in the bits of `measurement.quality`.

    Validity is a number of two bits, the first of them the higher one (IEC 61850-8-1, 8.2: good 00,
    invalid 01, reserved 10, questionable 11); the details follow bit by bit.
    """
    bits = datum.value
    if datum.kind is not Kind.BITS or not isinstance(bits, Bits):
        return _MISSING
    text = f"{bits.number:0{bits.count}b}"
    validity = int(text[:2], 2)
    details = sum(1 << place for place, bit in enumerate(text) if bit == "1" and place > 1)
    return validity | details


def quality_bits(quality: int) -> Bits:
    """The bit string of a quality; the opposite of `quality_of`."""
    details = "".join(str(quality >> place & 1) for place in range(2, 13))
    return Bits(int(f"{quality & 3:02b}{details}", 2), 13)


def time_quality_of(stamp: UtcTime) -> int:
    """Flags of `measurement.time.TimeQuality`."""
    quality = TimeQuality.SYNCHRONISED
    if stamp.quality & _NOT_SYNCHRONISED:
        quality |= TimeQuality.CLOCK_NOT_SYNCHRONISED
    if stamp.quality & _CLOCK_FAILURE:
        quality |= TimeQuality.CLOCK_FAILURE
    return int(quality)


def _companions(values: tuple[Expected, ...]) -> tuple[list[int | None], list[int | None]]:
    """Places of the quality and time that belong to each value: the nearest ones above it."""
    places = {
        (each.at.device, each.at.node, each.at.constraint, each.at.path): place
        for place, each in enumerate(values)
    }

    def nearest(each: Expected, name: str) -> int | None:
        at = each.at
        for depth in range(len(at.path) - 1, 0, -1):
            path = (*at.path[:depth], name)
            found = places.get((at.device, at.node, at.constraint, path))
            if found is not None:
                return found
        return None

    return [nearest(each, "q") for each in values], [nearest(each, "t") for each in values]
