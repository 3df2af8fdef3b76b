"""How limits come back: after a hold, by a ramp, in turn, and within the room that was seen. Pure.

Lowering needs none of this: it happens at once.
"""

from __future__ import annotations

from ortsnetz_common.parameters.station import Device


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
