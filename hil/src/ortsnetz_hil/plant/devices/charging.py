"""How a car's battery takes its energy: at constant current, at the end at constant voltage."""

from __future__ import annotations

from ortsnetz_hil.plant.devices.specs import Session

FULL_WH = 1.0
"""A battery that misses less counts as full: what a session served is exact to this."""
CUT_OFF_A = 1.0
"""Current per phase at which charging at constant voltage ends (project assumption)."""


def asked_current_a(session: Session, missing_wh: float) -> float:
    """Current that a car asks for, A per phase.

    In the tail the current falls linearly with the energy that is still missing, from the car's
    own current to the cut-off. Power being proportional to current, that is an exponential decay
    in time, and the cut-off is reached exactly when nothing is missing. A step holds the current
    that was asked for at its beginning, so the decay is exact to the first order of the step.

    Args:
        session: the stay of the car.
        missing_wh: energy that its battery still takes.
    """
    if missing_wh <= FULL_WH:
        return 0.0
    tail_wh = session.tail_share * session.energy_wh
    if missing_wh >= tail_wh:
        return session.max_a
    last_a = min(CUT_OFF_A, session.max_a)
    return last_a + (session.max_a - last_a) * missing_wh / tail_wh
