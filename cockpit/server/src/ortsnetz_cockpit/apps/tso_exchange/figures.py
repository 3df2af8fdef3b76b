"""Figures with the quality that their inputs leave them. Pure.

Validity after IEC 61850-7-3: a figure from too few samples has no value and is invalid (failure);
one from fewer than expected, or from questionable ones, is questionable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ortsnetz_cockpit.sdk.contract import Window
from ortsnetz_common.measurement.origin import Origin
from ortsnetz_common.measurement.quality import Quality, Validity, validity

_DETAILS = 0xFFFF & ~int(Quality.QUESTIONABLE)


@dataclass(frozen=True, slots=True)
class Shares:
    """Which share of expected samples makes a figure.

    Attributes:
        expected: samples of one point in one interval.
        good: from this share on a figure may be good.
        least: below this share there is no figure.
    """

    expected: float
    good: float
    least: float


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean power.

    Attributes:
        value: in W or var; None where the inputs do not carry one.
        quality: bit string of IEC 61850-7-3.
        share: smallest share of expected samples among the inputs, 0 to 1.
    """

    value: float | None
    quality: int
    origin: Origin
    share: float


def nothing(share: float, origin: Origin = Origin.MEASURED) -> Figure:
    """A figure that cannot be given."""
    return Figure(None, int(Quality.INVALID | Quality.FAILURE), origin, share)


def source_total(phases: Sequence[Window | None], phase_count: int, shares: Shares) -> Figure:
    """Total of one meter or device over its phases.

    Args:
        phases: windows of its three phases, None where nothing came.
        phase_count: phases that it has; which ones is the station's business, so the best served
            ones count, and others add what they have.
        shares: what is enough.
    """
    found = sorted((w for w in phases if w is not None), key=lambda w: w.count, reverse=True)
    served = [min(1.0, window.count / shares.expected) for window in found]
    share = served[phase_count - 1] if len(served) >= phase_count else 0.0
    origin = max((window.origin for window in found), default=Origin.MEASURED)
    if share < shares.least:
        return nothing(share, origin)
    used = [window for window, its in zip(found, served, strict=True) if its >= shares.least]
    means = [window.mean for window in used]
    total = 0.0
    for mean in means:
        if mean is None:
            return nothing(share, origin)
        total += mean
    quality = 0
    for window in used:
        quality = worse(quality, window.worst_quality)
    if share < shares.good:
        quality = worse(quality, int(Quality.QUESTIONABLE | Quality.INACCURATE))
    return Figure(total, quality, origin, share)


def worse(first: int, second: int) -> int:
    """The worse validity of two qualities with the details of both."""
    bits = {
        Validity.GOOD: Quality.GOOD,
        Validity.QUESTIONABLE: Quality.QUESTIONABLE,
        Validity.INVALID: Quality.INVALID,
    }[max(validity(first), validity(second))]
    return int(bits) | ((first | second) & _DETAILS)


def add(figures: Sequence[Figure]) -> Figure:
    """Sum: without value as soon as one has none. Nothing to add is a true zero."""
    total, quality, share = 0.0, 0, 1.0
    origin = max((figure.origin for figure in figures), default=Origin.MEASURED)
    for figure in figures:
        share = min(share, figure.share)
    for figure in figures:
        if figure.value is None:
            return nothing(share, origin)
        total += figure.value
        quality = worse(quality, figure.quality)
    return Figure(total, quality, origin, share)


def negated(figure: Figure) -> Figure:
    """The same figure counted in the other direction."""
    if figure.value is None:
        return figure
    return Figure(-figure.value, figure.quality, figure.origin, figure.share)


def residual(total: Figure, parts: Sequence[Figure]) -> Figure:
    """What is left of a total: nobody measured it, so it is estimated and questionable at best."""
    rest = add([total, *(negated(part) for part in parts)])
    if rest.value is None:
        return nothing(rest.share, Origin.ESTIMATED)
    quality = worse(rest.quality, int(Quality.QUESTIONABLE | Quality.INACCURATE))
    return Figure(rest.value, quality, Origin.ESTIMATED, rest.share)
