"""Arbitration: the lowest limit wins, and source and reason stay with it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ortsnetz_common.link.messages import SetpointSource
from ortsnetz_common.parameters.station import Device


@dataclass(frozen=True, slots=True)
class Claim:
    """A limit that somebody asks for at one device.

    Attributes:
        limit_w: magnitude.
        reason: in words, without the limit itself.
        binding: elements that made it necessary, by name.
    """

    source: SetpointSource
    limit_w: float
    reason: str
    binding: tuple[str, ...] = ()


def unlimited(device: Device) -> Claim:
    """What holds where nobody asks for a limit."""
    return Claim(SetpointSource.NONE, device.rated_w, "no limit needed")


def arbitrate(device: Device, claims: Iterable[Claim]) -> Claim:
    """The claim that holds at a device.

    The lowest limit wins; of equal ones safety before fallback before operator before market. No
    source can go below the guaranteed floor nor above the rating.
    """
    winner = min(claims, key=lambda claim: (claim.limit_w, claim.source), default=unlimited(device))
    limit_w = min(device.rated_w, max(device.floor_w, winner.limit_w))
    return Claim(winner.source, limit_w, winner.reason, winner.binding)


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
