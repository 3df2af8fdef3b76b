"""Arbitration: the lowest limit wins, and source, reason and expiry stay with it. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType

from ortsnetz_common.link.messages import SetpointSource
from ortsnetz_common.measurement.time import rfc3339
from ortsnetz_common.parameters.station import Device

PRECEDENCE = MappingProxyType(
    {
        SetpointSource.SAFETY: 0,
        SetpointSource.FALLBACK: 1,
        SetpointSource.RESPONSE: 2,
        SetpointSource.OPERATOR: 3,
        SetpointSource.TSO: 4,
        SetpointSource.MARKET: 5,
        SetpointSource.NONE: 6,
    }
)
"""Who is named where several ask for the same limit, first to last. It decides no limit: the lowest
one always wins. Numbers on the wire (`SetpointSource`) have no order."""

NECESSARY = frozenset({SetpointSource.SAFETY, SetpointSource.FALLBACK, SetpointSource.RESPONSE})
"""Sources that protect the network; what is good for a device does not stand against them."""

OUTSIDE = frozenset(
    {
        SetpointSource.RESPONSE,
        SetpointSource.OPERATOR,
        SetpointSource.TSO,
        SetpointSource.MARKET,
    }
)
"""Sources that need no estimate of the network."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A limit that somebody asks for at one device.

    Attributes:
        limit_w: magnitude.
        reason: in words, without the limit itself and its expiry.
        binding: elements that made it necessary, by name.
        until_ns: it ends by itself then, UTC ns, for people: who makes the claim ends it (the order
            book knows about clocks that jump); None for what is asked for anew in each cycle.
    """

    source: SetpointSource
    limit_w: float
    reason: str
    binding: tuple[str, ...] = ()
    until_ns: int | None = None

    @property
    def words(self) -> str:
        """Reason with its expiry, for people."""
        if self.until_ns is None:
            return self.reason
        return f"{self.reason} (until {rfc3339(self.until_ns)})"


def unlimited(device: Device) -> Claim:
    """What holds where nobody asks for a limit."""
    return Claim(SetpointSource.NONE, device.rated_w, "no limit needed")


def arbitrate(device: Device, claims: Iterable[Claim], floor_w: float | None = None) -> Claim:
    """The claim that holds at a device.

    The lowest limit wins; of equal ones the first of `PRECEDENCE`, then the one that lasts longest.
    What lies below the guaranteed floor counts as the floor, what lies above the rating as the
    rating: two orders below the floor are equal.

    Args:
        device: with its rating and its floor at nominal voltage.
        claims: of whoever asks for a limit.
        floor_w: what the floor is at the present voltage, where that is less (`Amounts.floor_w`).
    """
    least_w = device.floor_w if floor_w is None else floor_w
    bounded = [(_bounded(device, least_w, one.limit_w), one) for one in claims]
    if not bounded:
        return unlimited(device)
    limit_w, winner = min(
        bounded,
        key=lambda pair: (pair[0], PRECEDENCE[pair[1].source], -(pair[1].until_ns or math.inf)),
    )
    return Claim(winner.source, limit_w, winner.reason, winner.binding, winner.until_ns)


def _bounded(device: Device, least_w: float, limit_w: float) -> float:
    """Who asks for the floor asks for it as it is now, in whatever watts he says it."""
    if limit_w <= least_w or math.isclose(limit_w, device.floor_w):
        return least_w
    return min(device.rated_w, limit_w)
