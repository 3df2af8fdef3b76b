"""A building as one heat capacity behind one heat loss."""

from __future__ import annotations

import math


def temperature_after(
    start_c: float,
    outdoor_c: float,
    heat_w: float,
    hours: float,
    *,
    loss_w_per_k: float,
    capacity_wh_per_k: float,
) -> float:
    """Temperature after some hours at constant heating power and outdoor temperature, exactly.

    Solves `C dT/dt = P - L (T - T_outdoor)`; any division of the hours gives the same end.

    Args:
        start_c: temperature at the beginning.
        outdoor_c: outdoor temperature.
        heat_w: heating power into the building, W.
        hours: length.
        loss_w_per_k: heat loss L, W/K; 0 for a building that loses nothing.
        capacity_wh_per_k: heat capacity C, Wh/K.
    """
    if loss_w_per_k == 0.0:
        return start_c + heat_w * hours / capacity_wh_per_k
    end_c = outdoor_c + heat_w / loss_w_per_k
    decay = -math.expm1(-hours * loss_w_per_k / capacity_wh_per_k)
    return start_c + (end_c - start_c) * decay
