"""What limiting is asked: devices, limits, offsets, settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain
from math import inf

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.station import DeviceKind
from ortsnetz_grid.network.model import Network

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


_RATED = ("line", "asym_line", "transformer", "three_winding_transformer")


def check_limits(network: Network, limits: LimitSet) -> None:
    """Check limits against the network.

    Raises:
        InputError: a limit is for an element that is no line or transformer.
    """
    for element in limits.loading_of:
        if network.components.get(element) not in _RATED:
            name = network.label(element) if element in network.components else str(element)
            raise InputError(f"limits: loading_of {name}: it is no line or transformer")


def check_devices(network: Network, devices: tuple[ControlledDevice, ...]) -> None:
    """Check devices against the network and against each other.

    Raises:
        InputError: names the device and what is wrong with it.
    """
    seen: set[int] = set()
    for device in devices:
        component = network.components.get(device.id)
        if component is None:
            raise InputError(f"device {device.id}: the network has no element with this id")
        if component not in ("asym_load", "asym_gen"):
            label = network.label(device.id)
            raise InputError(f"device {device.id}: {label} is neither an asym_load nor an asym_gen")
        if device.id in seen:
            raise InputError(f"device {device.id} ({network.label(device.id)}) is listed twice")
        seen.add(device.id)
    checked_table(devices)


def checked_table(devices: tuple[ControlledDevice, ...]) -> NDArray[np.float64]:
    """Numbers of the devices, (d, 12), checked.

    Three phases of the request, three of the floor, step (0 for none), smallest power, weight,
    price, reactive power, apparent power (infinite for none).

    Raises:
        InputError: names the device and what is wrong with it.
    """
    numbers = chain.from_iterable(
        (
            *device.request_w,
            *device.floor_w,
            0.0 if device.step_w is None else device.step_w,
            device.smallest_w,
            device.weight,
            device.price,
            device.reactive_var,
            inf if device.apparent_va is None else device.apparent_va,
        )
        for device in devices
    )
    # from an iterator: several times as fast as from nested tuples
    table = np.fromiter(numbers, np.float64, 12 * len(devices)).reshape(-1, 12)
    request, floor, rest = table[:, :3], table[:, 3:6], table[:, 6:]
    suspect = ~(np.isfinite(table[:, :11]).all(axis=1) & (rest >= 0).all(axis=1))
    # a request of one direction and a floor of the other, on whatever phases
    draws, feeds = (request > 0).any(axis=1), (request < 0).any(axis=1)
    suspect |= (request * floor < 0).any(axis=1)
    suspect |= (floor > 0).any(axis=1) & feeds | (floor < 0).any(axis=1) & draws
    suspect |= (rest[:, [2, 5]] <= 0).any(axis=1)
    suspect |= np.fromiter((device.step_w == 0 for device in devices), np.bool_, len(devices))
    for place in np.flatnonzero(suspect).tolist():
        _check_finite(devices[place])
        _check_signs(devices[place])
        _check_numbers(devices[place])
    return table


def _check_finite(device: ControlledDevice) -> None:
    for name, watts in (("request_w", device.request_w), ("floor_w", device.floor_w)):
        if not np.isfinite(watts).all():
            raise InputError(f"device {device.id}: {name} needs three finite numbers, has {watts}")


def _check_signs(device: ControlledDevice) -> None:
    for phase, request, floor in zip("abc", device.request_w, device.floor_w, strict=True):
        if request * floor < 0:
            raise InputError(
                f"device {device.id}: phase {phase}: request {request:g} W and floor {floor:g} W "
                f"have opposite signs"
            )
    directions = {1 if watts > 0 else -1 for watts in device.request_w if watts}
    for phase, floor in zip("abc", device.floor_w, strict=True):
        if floor and directions == {-1 if floor > 0 else 1}:  # on a phase without request, too
            raise InputError(
                f"device {device.id}: phase {phase}: a floor of {floor:g} W and the request have "
                f"opposite signs"
            )


def _check_numbers(device: ControlledDevice) -> None:
    """What is no power per phase; comparisons with NaN are false."""
    if device.step_w is not None and not 0 < device.step_w < inf:
        raise InputError(f"device {device.id}: step_w must be a positive number")
    if not 0 < device.weight < inf:
        raise InputError(f"device {device.id}: weight must be a positive number")
    for name, value in (
        ("smallest_w", device.smallest_w),
        ("price", device.price),
        ("reactive_var", device.reactive_var),
    ):
        if not 0 <= value < inf:
            raise InputError(f"device {device.id}: {name} must be a number that is not negative")
    if device.apparent_va is not None and not 0 < device.apparent_va < inf:
        raise InputError(f"device {device.id}: apparent_va must be a positive number")
