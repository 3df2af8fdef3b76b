"""What is kept of an evening: one JSON line."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from studies.limiting.evening import CYCLE_S, Played
from studies.limiting.judging import Excess, excess, grace_s

from ortsnetz_hil.plant.configuration import PlantConfiguration
from ortsnetz_hil.plant.core import Plant
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
        changes_max, changes_mean: commands that changed a limit, per device in this evening.
        limited_s: time with limits below what devices ask for.
        below_floor: commands below a guaranteed floor.
        counts: cycles of the agent without a state and so on.
        uniform_cars, uniform_roofs: what uniform scaling would have served, where it was asked.
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
    uniform_cars: Energy | None = None
    uniform_roofs: Energy | None = None
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
    cars, roofs = served(played.configuration, played.plant)
    changes = [float(played.changes[device.name]) for device in devices]
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
        cars=cars,
        roofs=roofs,
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


def served(configuration: PlantConfiguration, plant: Plant) -> tuple[Energy, Energy]:
    """Energy of cars and roofs at the end of an evening."""
    length_s = configuration.window.length_s
    points, roofs = plant.charge_points, plant.inverters
    asked = [requested_wh(point.spec, 0.0, length_s, length_s) for point in points]
    return (
        _energy(asked, [point.served_wh for point in points]),
        _energy([roof.offered_wh for roof in roofs], [roof.served_wh for roof in roofs]),
    )


def _energy(asked_wh: list[float], served_wh: list[float]) -> Energy:
    shares = [got / asked for asked, got in zip(asked_wh, served_wh, strict=True) if asked > 0]
    return Energy(sum(asked_wh), sum(served_wh), jain(shares))
