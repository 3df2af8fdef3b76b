"""What limiting answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import msgspec

from ortsnetz_grid.functions.congestion.problem import PhaseWatts


class Status(StrEnum):
    """Outcome of limiting."""

    OK = "ok"  # the requests keep all limits
    LIMITED = "limited"  # some devices are held below their request, and all limits are kept
    INFEASIBLE = "infeasible"  # no setting was found that keeps all limits; devices at floors


class Stage(StrEnum):
    """How far limiting had to go."""

    REQUESTS = "requests"  # everybody gets what was asked for
    REACTIVE = "reactive power"  # the same, with other reactive power
    ACTIVE = "active power"  # some devices are held below their request
    EXHAUSTED = "exhausted"  # nothing within the floors keeps all limits


@dataclass(frozen=True, slots=True)
class Shortfall:
    """By how much a limit is missed where nothing within the floors keeps it.

    Attributes:
        element: id of a node, line or transformer.
        label: component, id and name, for people.
        what: as in `Binding`.
        value: at the answer.
        limit: in the same unit.
        relief_w: active power less at the element's phase (more, where feed-in is the cause or a
            voltage is low because of it) that would bring the value to the limit, on the linear
            model of the answer; None where active power has no such effect.
        relief_var: the same by reactive power alone; None where it has no such effect or the limit
            is one of apparent power or current.
    """

    element: int
    label: str
    what: str
    value: float
    limit: float
    relief_w: float | None
    relief_var: float | None = None

    @property
    def words(self) -> str:
        """For people."""
        ways = []
        if self.relief_w is not None:
            ways.append(f"{self.relief_w / 1e3:.2f} kW")
        if self.relief_var is not None:
            ways.append(f"{self.relief_var / 1e3:.2f} kvar")
        missing = " or ".join(ways) if ways else "more than power at this element can give"
        return f"{self.label} {self.what}: {missing} of relief missing"


@dataclass(frozen=True, slots=True)
class Binding:
    """A limit that is reached or, where limiting is infeasible, violated.

    Attributes:
        element: id of a node, line or transformer; None if no power flow converges.
        label: component, id and name, for people.
        what: `loading phase b`, `loading neutral`, `apparent power phase b`, `u_pu phase c high`,
            `unbalance`, `apparent power` (of a device), `power flow does not converge`.
        value: at the answer; None if there is none.
        limit: in the same unit: ratio to the rating, or pu.
    """

    element: int | None
    label: str
    what: str
    value: float | None
    limit: float | None

    @property
    def words(self) -> str:
        """For people: `transformer 12 'T1' loading phase b at 100.0 %`."""
        if self.value is None or self.limit is None:
            return f"{self.label}: {self.what}"
        if self.what.startswith("u_pu"):
            return f"{self.label} {self.what} at {self.value:.4f} (limit {self.limit:g})"
        if self.what == "unbalance":
            return (
                f"{self.label} {self.what} at {100 * self.value:.2f} % "
                f"(limit {100 * self.limit:g} %)"
            )
        return (
            f"{self.label} {self.what} at {100 * self.value:.1f} % (limit {100 * self.limit:g} %)"
        )


class DeviceSetting(msgspec.Struct, frozen=True, gc=False):
    """The answer for one device; a struct, because one for each device is made in each decision.

    Attributes:
        id: as in the problem.
        k: factor on the request, the same for all phases; 1 is not limited.
        p_w: power per phase, consumption positive.
        q_var: reactive power per phase that the device is told, inductive consumption positive;
            None for a device that takes no such setpoint.
        binding: places in `LimitResult.binding` of the limits that hold it back, strongest first.
        asked_w: power that it asked for, in all, consumption positive.
        is_lowest: whether it stands at its floor.
        held_by: in words, what holds it back most; empty where that is not known.
        instead: what is said in place of all that; mostly empty.
    """

    id: int
    k: float
    p_w: PhaseWatts
    binding: tuple[int, ...] = ()
    q_var: PhaseWatts | None = None
    asked_w: float = 0.0
    is_lowest: bool = False
    held_by: str = ""
    instead: str = ""

    @property
    def reason(self) -> str:
        """Why it is limited, in words; empty for a device that is not.

        Put together when it is read: nobody reads all of them each second.
        """
        if self.k >= 1 or self.instead:
            return self.instead
        asked = self.asked_w
        direction = " feed-in" if asked < 0 else ""
        limited = f"limited to {_told_apart(abs(self.k * asked), abs(asked))} kW"
        floor = " (its floor)" if self.is_lowest else ""
        by = f" by {self.held_by}" if self.held_by else ""
        return f"{limited}{direction}{floor}{by}"


def _told_apart(given_w: float, asked_w: float) -> str:
    """Two powers in kW with so many digits that it shows that they differ: `5.995 of 6.000`."""
    for digits in (2, 3, 4):
        given, asked = f"{given_w / 1e3:.{digits}f}", f"{asked_w / 1e3:.{digits}f}"
        if given != asked:
            break
    return f"{given} of {asked}"


@dataclass(frozen=True, slots=True)
class LimitResult:
    """Answer of limiting.

    Attributes:
        devices: in the order of the problem.
        binding: limits that are reached, or violated where the status is infeasible.
        worst_loading: most loaded branch at the answer; None without rated branches or where no
            power flow converges.
        lowest_voltage: at LV nodes; None where there is none.
        highest_voltage: the same.
        verified: a three-phase power flow has shown that the answer keeps all limits.
        reserve_given_up: elements, by label, whose margin could not be kept; their limit is.
        without_supply: devices at nodes that are not energised; nothing limits them.
        power_flows: how many it took.
        stage: how far limiting had to go.
        shortfall: by how much limits are missed, largest first; empty unless infeasible.
        trouble: what went wrong in the search, in words; empty if nothing. The answer is verified
            (or infeasible) all the same.
    """

    status: Status
    devices: tuple[DeviceSetting, ...]
    binding: tuple[Binding, ...]
    worst_loading: Binding | None
    lowest_voltage: Binding | None
    highest_voltage: Binding | None
    verified: bool
    reserve_given_up: tuple[str, ...]
    without_supply: tuple[int, ...]
    power_flows: int
    stage: Stage = Stage.ACTIVE
    shortfall: tuple[Shortfall, ...] = ()
    trouble: str = ""
