"""What is on its way helps nobody yet: consumption against feed-in. Pure.

A decision finds where everybody may end up. Cars that may charge make room for roofs in it, and
sunshine for cars. But limits rise slowly, a car may not want what it may have, and a cloud takes
seconds: until then the others overload the network, with limits that a power flow has verified.
So what one direction may do is decided with the other at no more than it does now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ortsnetz_grid.functions.congestion.problem import ControlledDevice
from ortsnetz_grid.functions.congestion.situation import Situation

CONSUMPTION, FEED_IN = 1.0, -1.0


def direction_of(device: ControlledDevice) -> float:
    """`CONSUMPTION` or `FEED_IN`; a device that asks for nothing has the one of its floor."""
    asked = sum(device.request_w) or sum(device.floor_w)
    return FEED_IN if asked < 0 else CONSUMPTION


def is_mixed(situation: Situation) -> bool:
    """Whether some ask to consume and others to feed in."""
    asked = [sum(device.request_w) for device in situation.devices]
    return any(watts > 0 for watts in asked) and any(watts < 0 for watts in asked)


def at_most_now(
    situation: Situation, direction: float, allowed_w: Mapping[int, float] | None = None
) -> Situation:
    """The same with devices of one direction asking for no more than they have now.

    Args:
        situation: of this cycle.
        direction: `CONSUMPTION` or `FEED_IN`.
        allowed_w: by device, limits that have just been found for that direction, W, magnitude, as
            its setpoint counts: what somebody is about to lose helps nobody either.
    """
    allowed_w = allowed_w or {}
    most_w = {
        device.id: min(
            max(drawn_w, 0.0), situation.used[device.id] * allowed_w.get(device.id, np.inf)
        )
        for device, drawn_w in zip(situation.devices, situation.drawn_w, strict=True)
        if direction_of(device) == direction
    }
    return _asking_at_most(situation, most_w)


def at_limits(situation: Situation, allowed_w: Mapping[int, float]) -> Situation:
    """The same with devices asking for no more than limits that were found for them.

    Args:
        situation: of this cycle.
        allowed_w: by device, W, magnitude, as its setpoint counts; others ask for what they want.
    """
    most_w = {element: situation.used[element] * limit_w for element, limit_w in allowed_w.items()}
    return _asking_at_most(situation, most_w)


def _asking_at_most(situation: Situation, most_w: Mapping[int, float]) -> Situation:
    """The same with lower requests; most_w by device, W, magnitude, of all its phases together."""
    shares = np.ones(len(situation.devices))
    for place, device in enumerate(situation.devices):
        asked_w = abs(sum(device.request_w))
        if device.id in most_w and asked_w > 0:
            shares[place] = min(1.0, most_w[device.id] / asked_w)
    loads = situation.network.data["asym_load"].copy()
    rows = slice(len(loads) - len(shares), None)
    for name in ("p_specified", "q_specified"):
        loads[name][rows] *= shares[:, np.newaxis]
    return replace(
        situation,
        network=replace(situation.network, data={**situation.network.data, "asym_load": loads}),
        devices=tuple(
            replace(device, request_w=_scaled(device, share))
            for device, share in zip(situation.devices, shares.tolist(), strict=True)
        ),
    )


def _scaled(device: ControlledDevice, share: float) -> tuple[float, float, float]:
    a, b, c = device.request_w
    return share * a, share * b, share * c
