"""What is kept of an evening: one JSON line."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from studies.limiting.evening import CYCLE_S, Played
from studies.limiting.judging import Excess, excess, grace_s

from ortsnetz_hil.verdict.energy import jain, requested_wh

CLASSES = ("metered branches", "other lines", "voltages")


@dataclass(frozen=True, slots=True)
class Energy:
    """Of all devices of a kind, Wh: what they would have taken or fed in, and what they did."""

    requested_wh: float
    served_wh: float
    fairness: float | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """One evening, judged.

    Attributes:
        excesses: by class of elements, see `CLASSES`.
        changes_max, changes_mean: commands that changed a limit, per device and hour of plant time.
        limited_s: time with limits below what devices ask for.
        below_floor: commands below a guaranteed floor.
        counts: cycles of the agent without a state and so on.
        failed: why the evening could not be played, in words.
    """

    seed: int
    network: str
    noon: bool
    seconds: int = 0
    excesses: tuple[Excess, ...] = ()
    below_floor: int = 0
    changes_max: float = 0.0
    changes_mean: float = 0.0
    limited_s: float = 0.0
    cars: Energy | None = None
    roofs: Energy | None = None
    counts: dict[str, int] = field(default_factory=dict)
    failed: str = ""

    def line(self) -> dict[str, Any]:
        """For a JSON line."""
        return asdict(self)


def outcome_of(played: Played) -> Outcome:
    """Judge an evening."""
    case = played.case
    devices = played.node.parameters.station.devices
    slowest_s = max((device.reaction_s for device in devices), default=0.0)
    grace = grace_s(CYCLE_S, slowest_s, case.wires.late_s)
    hours = len(played.ratio) * CYCLE_S / 3600.0
    changes = [played.changes[device.name] / hours for device in devices]
    return Outcome(
        seed=case.seed,
        network=case.network,
        noon=case.noon,
        seconds=len(played.ratio),
        excesses=tuple(
            excess(played.ratio[:, one], played.keep[:, one], CYCLE_S, grace)
            for one in classes(played)
        ),
        below_floor=played.below_floor,
        changes_max=max(changes, default=0.0),
        changes_mean=float(np.mean(changes)) if changes else 0.0,
        limited_s=sum(
            CYCLE_S for one in played.decided if one.limits is None or one.limits.status != "ok"
        ),
        cars=_cars(played),
        roofs=_roofs(played),
        counts={name: count for name, count in played.node.counts.items() if count},
    )


def classes(played: Played) -> tuple[np.ndarray, ...]:
    """Which elements belong to each of `CLASSES`."""
    elements = played.elements
    return (
        elements.metered,
        ~elements.metered & ~elements.is_node,
        elements.is_node,
    )


def _cars(played: Played) -> Energy:
    window = played.configuration.window
    points = played.plant.charge_points
    asked = [requested_wh(p.spec, 0.0, window.length_s, window.length_s) for p in points]
    return _energy(asked, [p.served_wh for p in points])


def _roofs(played: Played) -> Energy:
    roofs = played.plant.inverters
    return _energy([r.offered_wh for r in roofs], [r.served_wh for r in roofs])


def _energy(asked_wh: list[float], served_wh: list[float]) -> Energy:
    shares = [got / asked for asked, got in zip(asked_wh, served_wh, strict=True) if asked > 0]
    return Energy(sum(asked_wh), sum(served_wh), jain(shares))
