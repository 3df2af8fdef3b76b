"""How a row is judged, whatever was lost in it."""

from __future__ import annotations

from fail_safe.charge_point import Change
from fail_safe.node import FALLBACK_A, TIMING
from fail_safe.station import Row, Seen, Station

FALLBACK = (FALLBACK_A,) * 3
MOST_RAISED_A = 3
"""A tenth of 16 A a second, for at most two cycles; whole amperes."""


def raised(row: Row, until_s: float) -> list[Change]:
    """What anybody raised from the first cycle without a verified state on."""
    since_s = row.verified_before.at_s  # what is written in a cycle comes before its status
    return [c for c in row.written(since_s, until_s) if c.after > c.before]


def goes_through_the_fallback(row: Row, since_ns: int | None = None) -> None:
    """Blind after the stated time, not sooner; down by a ramp; nothing raised until it is over.

    Args:
        row: what was seen.
        since_ns: when the fail-safe's time began; the last verified state without it.
    """
    verified = next(one for one in row.seen if one.mode == "active" and one.at_s > row.healed_s)
    blind = next(one for one in row.lost if one.mode == "blind")
    assert raised(row, row.healed_s) == []
    assert row.at_its_end == FALLBACK
    # the mode is decided when the functions have answered, at most their deadline after the image
    blind_s = (blind.time_ns - (since_ns or row.verified_before.time_ns)) / 1e9
    assert blind_s >= TIMING.blind_fallback_s - TIMING.function_deadline_s
    down = [c for c in row.changes if c.after == FALLBACK_A < c.before and c.at_s < row.healed_s]
    assert min(c.at_s for c in down) >= blind.at_s, "the ramp begins when the agent is blind"
    assert not any(c.by_itself for c in row.changes), "devices were fed meanwhile"
    assert "blind" in row.alarms
    is_raised_by_the_rules(row, verified)


def is_raised_by_the_rules(row: Row, verified: Seen) -> None:
    raises = [c for c in row.written(row.healed_s, row.ended_s) if c.after > c.before]
    assert raises, "limits come back"
    assert min(c.at_s for c in raises) >= verified.at_s - 1.0
    assert max(c.after - c.before for c in raises) <= MOST_RAISED_A


def goes_on(row: Row) -> None:
    """Control is not concerned: it is never blind, and the devices are fed."""
    assert row.seen
    assert all(one.mode != "blind" for one in row.seen)
    assert not any(c.by_itself for c in row.changes)


def fell_back_by_themselves(row: Row, since_s: float) -> None:
    assert row.written(since_s, row.healed_s) == [], "nobody feeds a watchdog"
    assert row.at_its_end == FALLBACK
    own = [c for c in row.changes if c.by_itself and c.at_s < row.healed_s]
    assert {c.device for c in own} == {"ev-1", "ev-2", "ev-3"}


def of_the_cycle(station: Station, at_s: float) -> Seen | None:
    """The status of the cycle in which something was written: the next one that is seen."""
    return next((one for one in station.seen if one.at_s > at_s), None)


def longest_overload_s(station: Station, since_s: float) -> float:
    longest, since = 0.0, None
    for at_s, loading in station.loadings:
        if at_s < since_s or loading <= 1.0:
            since = None
        else:
            since = at_s if since is None else since
            longest = max(longest, at_s - since)
    return longest
