"""What limiting is asked: devices, limits, offsets, settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.station import DeviceKind

LV_LIMIT_V = 1000.0
"""Low voltage ends here (phase to phase, IEC 60038); voltage limits apply to LV nodes."""

PhaseWatts = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class ControlledDevice:
    """A device whose power may be limited. Consumption is positive for every kind.

    Attributes:
        id: its `asym_load` or `asym_gen` in the network.
        request_w: power per phase that it would draw without limit.
        floor_w: guaranteed minimum, per phase; adds up to the device's floor.
        step_w: total power of one step of its setpoint; None for a device that takes any value.
        smallest_w: lowest total power above zero that its setpoint can have (6 A of a charge
            point); it is either off or at least there.
        weight: its curtailment costs so much more than that of a device of weight 1.
        price: value of a served watt, for `Objective.ENERGY`.
        reactive_var: most reactive power, in all, that it can be told to draw or to give; 0 for a
            device that takes no such setpoint.
        apparent_va: rating of its inverter; with reactive power its active power is at most
            sqrt(apparent_va^2 - q^2). None for no such bound.
        held_w: power that its setpoint in force stands for, in all, magnitude. Where a step is left
            for one of several, who has it already keeps it. 0 where nobody knows.
    """

    id: int
    kind: DeviceKind
    request_w: PhaseWatts
    floor_w: PhaseWatts
    step_w: float | None = None
    smallest_w: float = 0.0
    weight: float = 1.0
    price: float = 1.0
    reactive_var: float = 0.0
    apparent_va: float | None = None
    held_w: float = 0.0

    def power_at(self, k: float) -> PhaseWatts:
        """Power per phase at a factor, W; rounding never cuts the floor of a phase."""
        a, b, c = (
            min(k * request, max(floor, request))
            if request < 0
            else max(k * request, min(floor, request))
            for request, floor in zip(self.request_w, self.floor_w, strict=True)
        )
        return a, b, c

    @property
    def lowest_factor(self) -> float:
        """Smallest factor on the request that cuts neither the floor's total nor a phase's floor.

        A floor beyond the request counts as the request. One factor acts on all phases, so the
        most demanding of total and phases decides.
        """
        pairs = list(zip(self.request_w, self.floor_w, strict=True))
        asked = sum(abs(request) for request, _ in pairs)
        if asked == 0:
            return 1.0
        total = sum(abs(floor) for _, floor in pairs) / asked
        phases = max(min(abs(floor / request), 1.0) for request, floor in pairs if request)
        return min(1.0, max(total, phases))


@dataclass(frozen=True, slots=True)
class LimitSet:
    """Limits to keep.

    Attributes:
        u_pu: band of the phase-to-neutral voltage at LV nodes, lower and upper; a lower limit of 0
            is none.
        loading: highest loading of a line or transformer; 1.0 is the rating.
        unbalance: highest negative over positive sequence voltage at LV nodes; None for none.
        loading_of: highest loading of single branches, by id, instead of `loading` (time-limited
            ratings, thermal model).
    """

    u_pu: tuple[float, float]
    loading: float
    unbalance: float | None = None
    loading_of: Mapping[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        low, high = self.u_pu
        if not (np.isfinite(low) and np.isfinite(high) and 0 <= low < high):
            raise InputError(f"limits: u_pu: {low:g} .. {high:g} is no band of positive voltages")
        if not (np.isfinite(self.loading) and self.loading > 0):
            raise InputError(f"limits: loading is {self.loading:g}, it must be a positive number")
        if self.unbalance is not None and not 0 < self.unbalance < inf:
            raise InputError(
                f"limits: unbalance is {self.unbalance:g}, it must be a positive number"
            )
        for element, loading in self.loading_of.items():
            if not 0 < loading < inf:
                raise InputError(
                    f"limits: loading_of {element} is {loading:g}, it must be a positive number"
                )


@dataclass(frozen=True, slots=True)
class Offsets:
    """Amounts by node and branch, in the order of the network's nodes and of `RatedBranches.ids`.

    Attributes:
        u_pu: (n, 3).
        loading: (b,).
    """

    u_pu: NDArray[np.float64]
    loading: NDArray[np.float64]


class Fairness(StrEnum):
    """How curtailment is shared: the weight of each device's squared relative curtailment."""

    EQUAL = "equal"  # every device counts once
    POWER = "power"  # every requested watt counts once


class Objective(StrEnum):
    """What limiting looks for. Reactive power costs next to nothing: it comes first."""

    LEAST_SQUARES = "least-squares"  # least sum of weight * (1 - k)^2
    MAX_MIN = "max-min"  # largest smallest k, then the next smallest, and so on
    ENERGY = "energy"  # most priced power served


class Infeasible(StrEnum):
    """What to answer where no setting keeps all limits."""

    FLOORS = "floors"  # everybody at the floor
    LEAST_EXCESS = "least excess"  # what no setting can mend is eased, as little as possible


@dataclass(frozen=True, slots=True)
class Settings:
    """How to search.

    Attributes:
        objective: what is looked for.
        fairness: weights of the objective.
        infeasible: what to answer where no setting keeps all limits.
        passes: most rounds of linearise, optimise, verify.
        aim: distance from a limit that is aimed at, as a share of the limit for loading; a tenth of
            it in pu for voltage. It absorbs what linearisation leaves over.
        settled: relative saving of curtailment, and relative change of served power, below which a
            verified point is final.
    """

    objective: Objective = Objective.LEAST_SQUARES
    fairness: Fairness = Fairness.EQUAL
    infeasible: Infeasible = Infeasible.FLOORS
    passes: int = 12
    aim: float = 2e-5
    settled: float = 1e-3
