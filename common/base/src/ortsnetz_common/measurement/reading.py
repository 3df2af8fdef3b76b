"""Readings: what one meter or device said in one cycle, by physical quantity.

The functions take readings, not points: a value that is not good is None here, so that nothing
can be computed from it by accident.
"""

from __future__ import annotations

from msgspec import Struct

PhaseValues = tuple[float | None, float | None, float | None]
NOTHING: PhaseValues = (None, None, None)


class Reading(Struct, frozen=True):
    """Usable values of one meter or device in one cycle; None is missing or not good.

    Attributes:
        voltage_v: phase to neutral at terminals 1, 2, 3, in V.
        active_w: per terminal; meters: into the branch at their end, or consumption; devices:
            consumption (a PV inverter that feeds in reads negative).
        reactive_var: same signs, inductive consumption positive.
        limit_w: limit in force as read back from the device, magnitude.
        available_w: what the device would draw or feed in without limit, magnitude; 0 for a charge
            point without a car that wants to charge. A store that can say so has a sign: negative
            where it would feed in.
    """

    voltage_v: PhaseValues = NOTHING
    active_w: PhaseValues = NOTHING
    reactive_var: PhaseValues = NOTHING
    limit_w: float | None = None
    available_w: float | None = None
