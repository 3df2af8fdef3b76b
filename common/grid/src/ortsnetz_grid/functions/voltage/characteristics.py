"""Q(U) and P(U): what a voltage asks of an inverter. Pure.

Sources. VDE-AR-N 4105:2018-11 is cited from the project's knowledge of it: 5.7.2.4 (standard Q(U),
settled within 10 s) and 5.7.2.2 (power factor 0.90 above 4.6 kVA, of which `reactive_var` of a
device follows: 0.436 of its rated apparent power). It permits a P(U) and leaves its curve open.
"""

from __future__ import annotations

import math
from itertools import pairwise

from ortsnetz_common.parameters.voltage import Points

VDE_Q_OF_U: Points = ((0.93, -1.0), (0.97, 0.0), (1.03, 0.0), (1.07, 1.0))
"""Standard Q(U) (VDE-AR-N 4105:2018-11, 5.7.2.4): share of the most reactive power, inductive
consumption positive: a high voltage is pulled down."""

P_OF_U: Points = ((1.08, 1.0), (1.10, 0.0))
"""Highest feed-in over voltage, share of the rating. A project assumption: full up to just below
the upper end of EN 50160, where U> trips the inverter, and nothing there."""

TIME_CONSTANT_S = 10.0
"""First-order lag of set points that travel over a field bus. Three times that of an inverter's own
loop (10 s for three time constants, 5.7.2.4): the way there and back takes up to 4 s (cycle,
reading, reaction), and with a loop gain g it is stable while g < sqrt(1 + (w T)^2) with
w D + atan(w T) = pi, which is 4.6 for D = 4 s."""


def share_at(points: Points, u_pu: float) -> float:
    """Value of a characteristic: straight between its corners, constant beyond the outer ones.

    Args:
        points: corners, as `parameters.voltage.check_voltage` accepts them.
        u_pu: voltage, pu.

    Raises:
        ValueError: the voltage is no number; a missing voltage has no answer.
    """
    if not math.isfinite(u_pu):
        raise ValueError("a characteristic has no value at a voltage that is no number")
    first, last = points[0], points[-1]
    if u_pu <= first[0]:
        return first[1]
    if u_pu >= last[0]:
        return last[1]
    for (left, below), (right, above) in pairwise(points):
        if u_pu <= right:
            return below + (above - below) * (u_pu - left) / (right - left)
    return last[1]


def reactive_var(
    points: Points, u_pu: float, most_var: float, apparent_va: float | None = None
) -> float:
    """Reactive power that Q(U) asks for, var, inductive consumption positive.

    Args:
        points: shares of `most_var`.
        u_pu: mean voltage of the device's terminals, pu.
        most_var: largest magnitude that the device can be told.
        apparent_va: rating of the inverter, which bounds it as well; None for no other bound.
    """
    most = most_var if apparent_va is None else min(most_var, apparent_va)
    return share_at(points, u_pu) * most


def lagged(present: float, target: float, passed_s: float, time_constant_s: float) -> float:
    """First-order lag, exact for a target that holds meanwhile."""
    if time_constant_s <= 0:
        return target
    return present + (target - present) * -math.expm1(-max(passed_s, 0.0) / time_constant_s)
