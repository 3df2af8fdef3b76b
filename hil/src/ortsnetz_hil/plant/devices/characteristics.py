"""Characteristics over voltage, and named presets of how inverters support and leave the grid.

Sources. VDE-AR-N 4105:2018-11 is cited from the project's knowledge of it. Confirmed elsewhere:
cos phi 0.90 at rated power and the triangle |Q| <= P tan(phi) below it are pandapower's
`PQArea4105`, variant 2 (above 4.6 kVA); U> as a sliding ten-minute mean is in makers' manuals.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from ortsnetz_common.errors import InputError
from ortsnetz_hil.plant.devices.specs import InverterControl, Point, Trip

VDE_POWER_FACTOR = 0.90
"""Lowest power factor asked of plants above 4.6 kVA (VDE-AR-N 4105, 5.7.2.2)."""
_Q = math.sin(math.acos(VDE_POWER_FACTOR))

VDE_Q_OF_U = (Point(0.93, -_Q), Point(0.97, 0.0), Point(1.03, 0.0), Point(1.07, _Q))
"""Standard Q(U) characteristic (VDE-AR-N 4105, 5.7.2.4); inductive positive."""

VDE_TIME_CONSTANT_S = 10.0 / 3.0
"""Reactive power settles like a first-order lag within 10 s, three time constants (5.7.2.4)."""

VDE_P_OF_U = (Point(1.08, 1.0), Point(1.10, 0.0))
"""Droop of active power. VDE-AR-N 4105 permits such a control, so that U> need not trip, and leaves
its curve open; these corners are a project assumption."""

VDE_TRIPS = (
    Trip(u_pu=1.25, over=True, after_s=0.1),
    Trip(u_pu=1.10, over=True, after_s=0.1, mean_s=600.0),
    Trip(u_pu=0.80, over=False, after_s=3.0),
    Trip(u_pu=0.45, over=False, after_s=0.3),
)
"""Protection settings U>>, U>, U<, U<< of inverters (VDE-AR-N 4105, 6.5, table 2)."""

UNITY = InverterControl()
"""Unity power factor, no characteristic; leaves a dead grid only."""

VDE_AR_N_4105 = InverterControl(
    q_of_u=VDE_Q_OF_U,
    p_of_u=VDE_P_OF_U,
    time_constant_s=VDE_TIME_CONSTANT_S,
    lowest_power_factor=VDE_POWER_FACTOR,
    trips=VDE_TRIPS,
    # conditions of connection (8.3.1): a minute within the band, then at most 10 % a minute
    reconnect_u_pu=(0.85, 1.10),
    reconnect_after_s=60.0,
    reconnect_ramp_per_s=0.10 / 60.0,
)
"""What VDE-AR-N 4105:2018-11 asks of an inverter above 4.6 kVA."""

PRESETS = {"unity": UNITY, "vde-ar-n-4105": VDE_AR_N_4105}


def preset(name: str) -> InverterControl:
    """The control that scenario files call `name`.

    Raises:
        InputError: there is no such preset; lists those there are.
    """
    if name not in PRESETS:
        known = ", ".join(sorted(PRESETS))
        raise InputError(f"inverter control '{name}' is unknown; known are: {known}")
    return PRESETS[name]


def share_at(points: tuple[Point, ...], u_pu: float) -> float:
    """Share at a voltage: linear between the corners, constant beyond the outer ones."""
    corners = [point.u_pu for point in points]
    return float(np.interp(u_pu, corners, [point.share for point in points]))


def check(control: InverterControl, device: str) -> None:
    """Refuse a control that no device could follow.

    Raises:
        InputError: corners out of order, shares beyond the rating, an empty band of reconnection.
    """
    for what, points, lowest in (("Q(U)", control.q_of_u, -1.0), ("P(U)", control.p_of_u, 0.0)):
        if any(left.u_pu >= right.u_pu for left, right in pairwise(points)):
            raise InputError(f"'{device}': the corners of {what} have to rise in voltage")
        if any(not lowest <= point.share <= 1.0 for point in points):
            raise InputError(f"'{device}': the shares of {what} lie within {lowest:g} and 1")
    low, high = control.reconnect_u_pu
    if not low < high:
        raise InputError(f"'{device}': it reconnects between {low:g} and {high:g}: an empty band")
