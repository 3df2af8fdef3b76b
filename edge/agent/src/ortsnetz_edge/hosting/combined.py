"""Decisions of one cycle that belong together, made into one answer. Pure.

A slow device that has just been told less goes on drawing for a minute. Two questions follow: who
has how much once everybody has followed, and what have the others to give up until then? The first
is answered for all devices, the second with the slow ones where they still may be; who is fast
takes the lower answer. A device that is only advised is load to the others, and its own limit is
the one that it would have if everybody took part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from msgspec.structs import replace

from ortsnetz_edge.hosting.calls import DeviceLimit, LimitingCall, LimitingResult
from ortsnetz_edge.hosting.missed import missed_by, worst_of_each

Once = Callable[[frozenset[str], Mapping[str, float]], LimitingResult]
"""One decision: devices that stay as estimated, and what slow devices can still be at, W."""

Keeps = Callable[[frozenset[str], Mapping[str, float], Mapping[str, float]], bool]
"""Whether powers of all devices keep the limits: devices that stay as estimated, powers, W, and
reactive power that is told, var."""

_HALVINGS = 4
"""Between the reactive power of two answers: to a sixteenth of their difference."""

_NOBODY: Mapping[str, float] = MappingProxyType({})
_THE_LIMITS = "the network's limits"


def combined(once: Once, call: LimitingCall, keeps: Keeps | None = None) -> LimitingResult:
    """The answer to a call, by as many decisions as it needs: one, if nothing special is on.

    Args:
        once: decides for the call's state and readings.
        call: what is asked.
        keeps: looks at given powers alone; without it a decision says whether they are kept.
    """
    deaf = frozenset(call.deaf)
    advisory = frozenset(call.advisory) - deaf
    result = once(deaf | advisory, _NOBODY)
    slow = {name: watts for name, watts in call.may_draw.items() if name not in deaf | advisory}
    if slow:
        result = _until_followed(result, once(deaf | advisory, slow), frozenset(slow))
    if call.present and result.verified and result.limits:  # else nobody would be lowered
        # all of them where they are, none of them to be changed: what is left to say is yes or no
        at = {name: w for name, w in call.present.items() if name not in deaf | advisory}
        if keeps is not None:
            kept = keeps(deaf | advisory, at, result.reactive)
        else:
            held = once(deaf | advisory, at)
            kept = held.verified and held.status == "ok" and not held.reserve_given_up
        result = replace(result, present_kept=kept)
    if deaf:
        result = _with_limits_of(result, once(advisory, _NOBODY), deaf)
    if advisory:
        result = _advised(result, once(deaf, _NOBODY), advisory)
    return result


def both_directions(
    consumers: LimitingResult,
    feeders: LimitingResult,
    feeding: frozenset[str],
    told: Mapping[str, float] | None = None,
) -> LimitingResult:
    """One answer of two that were found for one direction each.

    Args:
        consumers: with feed-in at no more than now.
        feeders: with consumption at no more than now.
        feeding: devices that feed in.
        told: reactive power that holds for both; None for what the feeders need.
    """
    order = ("ok", "limited", "infeasible")
    return LimitingResult(
        status=max(consumers.status, feeders.status, key=order.index),
        verified=consumers.verified and feeders.verified,
        worst_loading=_larger(consumers.worst_loading, feeders.worst_loading),
        limits=(
            *(limit for limit in consumers.limits if limit.device not in feeding),
            *(limit for limit in feeders.limits if limit.device in feeding),
        ),
        violated=tuple(dict.fromkeys((*consumers.violated, *feeders.violated))),
        uncontrolled=consumers.uncontrolled,
        reserve_given_up=tuple(
            dict.fromkeys((*consumers.reserve_given_up, *feeders.reserve_given_up))
        ),
        reactive={**consumers.reactive, **feeders.reactive} if told is None else dict(told),
        missed=worst_of_each((*consumers.missed, *feeders.missed)),
        meanwhile=worst_of_each((*consumers.meanwhile, *feeders.meanwhile)),
        margins_given_up=tuple(
            dict.fromkeys((*consumers.margins_given_up, *feeders.margins_given_up))
        ),
    )


def reactive_for_both(
    consumers: LimitingResult,
    feeders: LimitingResult,
    keeps: Callable[[Mapping[str, float]], bool],
) -> Mapping[str, float] | None:
    """Reactive power between that of both answers, as near to the feeders' as consumers allow.

    It is told at once, while the feed-in for which it makes room comes later, if the sun likes.
    Until then it must not overload what is there.

    Args:
        consumers: with feed-in at no more than now.
        feeders: with consumption at no more than now.
        keeps: whether the consumers' answer keeps everything with a reactive power, var by device.

    Returns:
        None where the feeders' own does no harm.
    """
    least = {**dict.fromkeys(feeders.reactive, 0.0), **consumers.reactive}
    most = {**consumers.reactive, **feeders.reactive}
    if most == least or keeps(most):
        return None
    kept, beyond, found = 0.0, 1.0, least
    for _ in range(_HALVINGS):
        share = (kept + beyond) / 2
        trial = {name: least[name] + share * (var - least[name]) for name, var in most.items()}
        if keeps(trial):
            kept, found = share, trial
        else:
            beyond = share
    return found


def until_reactive(later: LimitingResult, now: LimitingResult) -> LimitingResult:
    """Limits that hold with the reactive power that is told, and those needed until it is there.

    Args:
        later: with reactive power as it is told; it goes on being told.
        now: with reactive power as it is.
    """
    limits = {limit.device: limit for limit in later.limits}
    joined = _lower_of(limits, now.limits)
    return _waiting(later, now, joined, "reactive power is there")


def _until_followed(
    later: LimitingResult, now: LimitingResult, slow: frozenset[str]
) -> LimitingResult:
    """Limits that hold later, and those that the fast devices need until then."""
    limits = {limit.device: limit for limit in later.limits}
    joined = _lower_of(limits, (limit for limit in now.limits if limit.device not in slow))
    found = _waiting(later, now, joined, f"{', '.join(sorted(slow))} has followed")
    return replace(found, reactive=now.reactive or later.reactive)  # what comes later is told later


def _lower_of(
    limits: Mapping[str, DeviceLimit], others: Iterable[DeviceLimit]
) -> tuple[DeviceLimit, ...]:
    found = dict(limits)
    for limit in others:
        known = found.get(limit.device)
        if known is None or limit.limit_w < known.limit_w:
            found[limit.device] = limit
    return tuple(found.values())


def _waiting(
    later: LimitingResult, now: LimitingResult, limits: tuple[DeviceLimit, ...], until: str
) -> LimitingResult:
    """What holds later with limits for both, and what is missed until then."""
    missed = () if now.verified else now.violated or (_THE_LIMITS,)
    not_kept = () if now.verified else missed_by(now)
    meanwhile = (replace(one, until=until) for one in not_kept)
    return replace(
        later,
        status="limited" if later.status == "ok" and now.status != "ok" else later.status,
        worst_loading=_larger(later.worst_loading, now.worst_loading),
        limits=limits,
        reserve_given_up=(
            *later.reserve_given_up,
            *(f"{words}, until {until}" for words in missed),
        ),
        meanwhile=worst_of_each((*later.meanwhile, *now.meanwhile, *meanwhile)),
    )


def _with_limits_of(
    result: LimitingResult, everybody: LimitingResult, deaf: frozenset[str]
) -> LimitingResult:
    """The same with limits of devices that do not follow theirs: nobody counts on these.

    They are told all the same. One that was only late would otherwise keep what it has while it
    makes the overload, and one that is mended is where it has to be.
    """
    own = (limit for limit in everybody.limits if limit.device in deaf)
    return replace(result, limits=(*result.limits, *own))


def _advised(
    result: LimitingResult, everybody: LimitingResult, advisory: frozenset[str]
) -> LimitingResult:
    """The same with limits of devices that are only advised."""
    own: tuple[DeviceLimit, ...] = tuple(
        limit for limit in everybody.limits if limit.device in advisory
    )
    silent = set(everybody.uncontrolled)
    return replace(
        result,
        limits=(*result.limits, *own),
        uncontrolled=tuple(
            name for name in result.uncontrolled if name not in advisory or name in silent
        ),
    )


def _larger(one: float | None, other: float | None) -> float | None:
    """The larger of two loadings; unknown if one is."""
    return None if one is None or other is None else max(one, other)
