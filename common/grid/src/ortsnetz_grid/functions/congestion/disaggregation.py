"""From one request at the interface to setpoints of devices that add up to it. Pure.

A TSO asks for an amount; whose devices give it is the DSO's matter. Each gives the same share of
what it can, divided by its weight (water-filling: one that has given all it can leaves the rest to
the others). Ends are staggered, so that what was held back does not return all at once.

Signs: consumption positive. A request is a change of the sum, or the sum itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ortsnetz_common.errors import InputError

TOLERANCE = 0.01
"""Requirement F12: setpoints add up to the request within this share of it."""
_HALVINGS = 100


@dataclass(frozen=True, slots=True)
class Contributor:
    """A device that may give a part.

    Attributes:
        present_w: what it draws now; negative where it feeds in. None where nobody knows: then it
            is left alone, and named.
        lowest_w, highest_w: between these it can be set: guaranteed floor and what it draws for a
            load, what the sun gives and the least feed-in for an inverter.
        weight: a device of weight 2 gives half as much as one of weight 1.
        step_w: it takes multiples of this only; None for any value.
    """

    name: str
    present_w: float | None
    lowest_w: float
    highest_w: float
    weight: float = 1.0
    step_w: float | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for at the interface.

    Attributes:
        change_w: by how much the sum shall change; None where `sum_w` is given.
        sum_w: what the sum of all contributors shall be.
        least_feed_in_w: that the contributors have to keep together, magnitude: the TSO's minimum
            generation (requirement F09). None where there is none.
        duration_s: how long it lasts.
        spread_s: over which the ends are staggered after that.
    """

    change_w: float | None = None
    sum_w: float | None = None
    least_feed_in_w: float | None = None
    duration_s: float = 900.0
    spread_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Part:
    """What one device is told.

    Attributes:
        setpoint_w: power, consumption positive.
        change_w: against what it does now.
        ends_after_s: when it is released, from now.
    """

    name: str
    setpoint_w: float
    change_w: float
    ends_after_s: float


@dataclass(frozen=True, slots=True)
class Disaggregation:
    """A request, divided.

    Attributes:
        parts: of the devices that give something.
        asked_w: change that was asked for.
        given_w: change that the parts add up to.
        shortfall_w: magnitude of what is missing beyond the tolerance; 0 where nothing is.
        fairness: Jain's index of the shares that the devices give, times their weights: 1 is equal,
            1/n is one for all (Jain, Chiu, Hawe 1984). None where nobody gives anything.
        unknown: devices of which nobody knows what they do.
        reason: why something is missing, in words; empty where nothing is.
    """

    parts: tuple[Part, ...]
    asked_w: float
    given_w: float
    shortfall_w: float
    fairness: float | None
    unknown: tuple[str, ...]
    reason: str


def disaggregate(request: Request, contributors: Sequence[Contributor]) -> Disaggregation:
    """Divide a request.

    Raises:
        InputError: the request or a contributor makes no sense; names it.
    """
    _check(request, contributors)
    known = [(one, one.present_w) for one in contributors if one.present_w is not None]
    present_w = sum(power for _, power in known)
    asked_w = request.change_w if request.sum_w is None else request.sum_w - present_w
    asked_w = asked_w or 0.0
    kept_w, why = _least_feed_in_kept(request, present_w, asked_w)
    rooms = [_room(one, power, kept_w) for one, power in known]
    shares = _shares(rooms, [one.weight for one, _ in known], abs(kept_w))
    changes = [
        math.copysign(share * room, kept_w) for share, room in zip(shares, rooms, strict=True)
    ]
    changes = _whole_steps([one for one, _ in known], [p for _, p in known], changes, kept_w)
    given_w = sum(changes)
    missing_w = abs(asked_w - given_w)
    is_short = missing_w > TOLERANCE * abs(asked_w) + 1e-6
    if is_short and not why:
        why = _why_short(sum(rooms), abs(asked_w))
    ends = _staggered(changes, request)
    return Disaggregation(
        parts=tuple(
            Part(one.name, power + change, change, end)
            for (one, power), change, end in zip(known, changes, ends, strict=True)
            if change != 0.0
        ),
        asked_w=asked_w,
        given_w=given_w,
        shortfall_w=missing_w if is_short else 0.0,
        fairness=_jain(
            abs(change) / room * one.weight
            for (one, _), change, room in zip(known, changes, rooms, strict=True)
            if room > 0
        ),
        unknown=tuple(one.name for one in contributors if one.present_w is None),
        reason=why if is_short else "",
    )


def _check(request: Request, contributors: Sequence[Contributor]) -> None:
    if (request.change_w is None) == (request.sum_w is None):
        raise InputError("request: give either change_w or sum_w")
    numbers = {
        "change_w": request.change_w,
        "sum_w": request.sum_w,
        "least_feed_in_w": request.least_feed_in_w,
        "duration_s": request.duration_s,
        "spread_s": request.spread_s,
    }
    for name, value in numbers.items():
        if value is not None and not math.isfinite(value):
            raise InputError(f"request: {name} is {value}: give a number")
    if (request.least_feed_in_w or 0.0) < 0 or request.duration_s <= 0 or request.spread_s < 0:
        raise InputError("request: least_feed_in_w, duration_s and spread_s are not negative")
    seen: set[str] = set()
    for one in contributors:
        if one.name in seen:
            raise InputError(f"device '{one.name}': it is named twice")
        seen.add(one.name)
        powers = (one.present_w or 0.0, one.lowest_w, one.highest_w, one.weight, one.step_w or 1.0)
        if not all(map(math.isfinite, powers)) or one.lowest_w > one.highest_w:
            raise InputError(
                f"device '{one.name}': {one.lowest_w} .. {one.highest_w} W around "
                f"{one.present_w} W is no range"
            )
        if one.weight <= 0 or (one.step_w is not None and one.step_w <= 0):
            raise InputError(f"device '{one.name}': weight and step must be positive")


def _least_feed_in_kept(request: Request, present_w: float, asked_w: float) -> tuple[float, str]:
    """The change that leaves the least feed-in, and why it is less than asked."""
    if request.least_feed_in_w is None or asked_w <= 0:
        return asked_w, ""
    allowed_w = max(0.0, -request.least_feed_in_w - present_w)
    if asked_w <= allowed_w:
        return asked_w, ""
    kept = request.least_feed_in_w / 1000.0
    return allowed_w, f"the least feed-in of {kept:g} kW is kept"


def _room(one: Contributor, present_w: float, change_w: float) -> float:
    """How far a device can go in the direction that is asked for, magnitude."""
    if change_w < 0:
        return max(0.0, present_w - one.lowest_w)
    return max(0.0, one.highest_w - present_w)


def _shares(rooms: Sequence[float], weights: Sequence[float], asked_w: float) -> list[float]:
    """Share of its room that each gives: the same divided by its weight, at most all of it."""
    if asked_w >= sum(rooms):
        return [1.0] * len(rooms)
    low, high = 0.0, max(weights, default=1.0)
    for _ in range(_HALVINGS):
        level = (low + high) / 2
        given = sum(
            min(1.0, level / weight) * room for weight, room in zip(weights, rooms, strict=True)
        )
        low, high = (level, high) if given < asked_w else (low, level)
    return [min(1.0, high / weight) for weight in weights]


def _whole_steps(
    known: Sequence[Contributor],
    present: Sequence[float],
    changes: Sequence[float],
    asked_w: float,
) -> list[float]:
    """Changes that end at whole steps; what rounding leaves is given in single steps."""
    found = list(changes)
    stepped = [
        number for number, one in enumerate(known) if one.step_w is not None and found[number]
    ]
    for number in stepped:
        found[number] = _at_step(known[number], present[number], present[number] + found[number])
    # who was rounded down most goes first
    for number in sorted(stepped, key=lambda n: abs(found[n]) - abs(changes[n])):
        one, missing_w = known[number], asked_w - sum(found)
        step_w = math.copysign(one.step_w or 0.0, missing_w)
        further = present[number] + found[number] + step_w
        inside = one.lowest_w - 1e-9 <= further <= one.highest_w + 1e-9
        if inside and abs(missing_w - step_w) < abs(missing_w):
            found[number] += step_w
    return found


def _at_step(one: Contributor, present_w: float, wanted_w: float) -> float:
    """Change to the last whole step on the way to what is wanted; none where there is none."""
    step_w = one.step_w or 1.0
    if wanted_w < present_w:
        whole = math.ceil(wanted_w / step_w - 1e-9) * step_w
        return min(0.0, whole - present_w)
    whole = math.floor(wanted_w / step_w + 1e-9) * step_w
    return max(0.0, whole - present_w)


def _why_short(room_w: float, asked_w: float) -> str:
    if room_w < asked_w * (1 - TOLERANCE):
        return (
            f"all devices together can give {room_w / 1000:.1f} kW of {asked_w / 1000:.1f} kW: "
            "floors and ratings hold"
        )
    return "the devices' steps are too coarse for the amount"


def _staggered(changes: Sequence[float], request: Request) -> list[float]:
    """Ends one after the other, so that power returns evenly over the spread; the small first."""
    total = sum(map(abs, changes))
    ends = [request.duration_s] * len(changes)
    released = 0.0
    for number in sorted(range(len(changes)), key=lambda n: abs(changes[n])):
        if total > 0:
            ends[number] += request.spread_s * released / total
        released += abs(changes[number])
    return ends


def _jain(values: Iterable[float]) -> float | None:
    found = list(values)
    squares = sum(value * value for value in found)
    if squares == 0:
        return None
    return sum(found) ** 2 / (len(found) * squares)
