"""The judge: whether true values were above true limits for longer than could be helped. Pure.

An excess counts from `grace_s` on after its beginning: three cycles, the slowest device's stated
reaction, and the injected delay. It counts only while devices at their floors would keep the limit:
an excess begins when it is there and could be helped.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
Values = NDArray[np.float64]

CYCLES = 3
TOLERANCE = 1e-6
"""Of the limit: what is equal to it is not above it."""


@dataclass(frozen=True, slots=True)
class Excess:
    """What counts of a class of elements.

    Attributes:
        elements: how many.
        raw_s: time with any of them above its limit, whatever could be helped.
        helpable_s: time of these in which floors would have kept the limit.
        counted_s: time of these beyond the grace.
        counted_element_s: the same, summed over elements.
        worst: highest value over limit while it counted; 0 where nothing did.
        worst_raw: highest value over limit at all.
    """

    elements: int
    raw_s: float
    helpable_s: float
    counted_s: float
    counted_element_s: float
    worst: float
    worst_raw: float


def grace_s(cycle_s: float, slowest_reaction_s: float, injected_s: float) -> float:
    """From when on an excess counts, s after its beginning."""
    return CYCLES * cycle_s + slowest_reaction_s + injected_s


def over(ratio: Values) -> Flags:
    """Which values are above their limits; `ratio` is value over limit."""
    return np.asarray(ratio > 1.0 + TOLERANCE)


def counted(helpable: Flags, step_s: float, grace: float) -> Flags:
    """Which steps of each element count: those of a run from `grace` after its beginning on.

    Args:
        helpable: (steps, elements) above the limit, and the floors would keep it.
        step_s: time between steps; a step stands for the time until the next.
        grace: s.
    """
    running = np.zeros(helpable.shape[1])
    found = np.zeros_like(helpable)
    for step, flags in enumerate(helpable):
        running = np.where(flags, running + step_s, 0.0)
        found[step] = running > grace + TOLERANCE * step_s
    return found


def excess(ratio: Values, floors_keep: Flags, step_s: float, grace: float) -> Excess:
    """Judge a class of elements.

    Args:
        ratio: (steps, elements) value over limit.
        floors_keep: the same shape: whether devices at their floors would keep it.
        step_s: time between steps.
        grace: from when on an excess counts, s.
    """
    if not ratio.size:
        return Excess(ratio.shape[1], 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    above = over(ratio)
    helpable = above & floors_keep
    counting = counted(helpable, step_s, grace)
    return Excess(
        elements=ratio.shape[1],
        raw_s=float(above.any(axis=1).sum() * step_s),
        helpable_s=float(helpable.any(axis=1).sum() * step_s),
        counted_s=float(counting.any(axis=1).sum() * step_s),
        counted_element_s=float(counting.sum() * step_s),
        worst=float(ratio[counting].max(initial=0.0)),
        worst_raw=float(ratio.max()),
    )
