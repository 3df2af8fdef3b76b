"""Decisions of one cycle that belong together, made into one answer. Pure.

A slow device that has just been told less goes on drawing for a minute. Two questions follow: who
has how much once everybody has followed, and what have the others to give up until then? The first
is answered for all devices, the second with the slow ones where they still may be; who is fast
takes the lower answer. A device that is only advised is load to the others, and its own limit is
the one that it would have if everybody took part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from msgspec.structs import replace

from ortsnetz_edge.hosting.calls import DeviceLimit, LimitingCall, LimitingResult

Once = Callable[[frozenset[str], Mapping[str, float]], LimitingResult]
"""One decision: devices that stay as estimated, and what slow devices can still be at, W."""

Keeps = Callable[[frozenset[str], Mapping[str, float]], bool]
"""Whether powers of all devices keep the limits: devices that stay as estimated, and powers, W."""

_NOBODY: Mapping[str, float] = MappingProxyType({})


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
            kept = keeps(deaf | advisory, at)
        else:
            held = once(deaf | advisory, at)
            kept = held.verified and held.status == "ok" and not held.reserve_given_up
        result = replace(result, present_kept=kept)
    if advisory:
        result = _advised(result, once(deaf, _NOBODY), advisory)
    return result


def both_directions(
    consumers: LimitingResult, feeders: LimitingResult, feeding: frozenset[str]
) -> LimitingResult:
    """One answer of two that were found for one direction each.

    Args:
        consumers: with feed-in at no more than now.
        feeders: with consumption at no more than now.
        feeding: devices that feed in.
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
        reactive={**consumers.reactive, **feeders.reactive},
    )


def _until_followed(
    later: LimitingResult, now: LimitingResult, slow: frozenset[str]
) -> LimitingResult:
    """Limits that hold later, and those that the fast devices need until then."""
    limits = {limit.device: limit for limit in later.limits}
    for limit in now.limits:
        known = limits.get(limit.device)
        if limit.device not in slow and (known is None or limit.limit_w < known.limit_w):
            limits[limit.device] = limit
    waiting = ", ".join(sorted(slow))
    missed = () if now.verified else now.violated or ("the network's limits",)
    return replace(
        later,
        status="limited" if later.status == "ok" and now.status != "ok" else later.status,
        worst_loading=_larger(later.worst_loading, now.worst_loading),
        limits=tuple(limits.values()),
        reserve_given_up=(
            *later.reserve_given_up,
            *(f"{words}, until {waiting} has followed" for words in missed),
        ),
    )


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
