"""Which limits bind, and who is held back by which of them, in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.congestion.constraints import (
    VERIFIED,
    Constraints,
    branch_limits,
)
from ortsnetz_grid.functions.congestion.controls import Asked, Controls
from ortsnetz_grid.functions.congestion.operating_points import Point
from ortsnetz_grid.functions.congestion.problem import ControlledDevice, LimitSet
from ortsnetz_grid.functions.congestion.result import Binding, DeviceSetting
from ortsnetz_grid.functions.congestion.rows import RowLayout
from ortsnetz_grid.functions.congestion.search import Learned
from ortsnetz_grid.network.loading import PHASES, QUANTITIES
from ortsnetz_grid.network.model import Network

_REACHED = 1e-3
"""Weighted distance from a bound at which it counts as reached: 0.1 % loading, 0.0001 pu."""

_GRANTED = 1.0 - 1e-9
"""Factor from which on a device has what it asked for: the rest is rounding, a hundredth of a
milliwatt at a charge point, and nobody is held back for it."""

_LOADING_NAMES = {
    quantity: quantity.replace("current", "loading") if "current" in quantity else quantity
    for quantity in QUANTITIES
}


@dataclass(frozen=True, slots=True)
class Reached:
    """A limit that is reached, and the rows of the problem behind it."""

    binding: Binding
    rows: list[int]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Names rows of the problem for people."""

    network: Network
    layout: RowLayout
    limits: LimitSet
    constraints: Constraints
    inverters: tuple[int, ...] = ()

    def reached(
        self,
        phasors: NDArray[np.complex128],
        shown: NDArray[np.complex128],
        *,
        violated: bool = False,
    ) -> list[Reached]:
        """Limits that a point reaches or violates (or only those violated), worst first.

        Both ends of a line usually reach a limit together: the larger value is named.

        Args:
            phasors: (r,) of the point.
            shown: (r,) of the point whose values are shown (the same, or the one on setpoint steps
                beside it).
            violated: leave out what is reached but not violated.
        """
        excess = self.constraints.excess(phasors)
        rows = np.flatnonzero(excess > (VERIFIED if violated else -_REACHED))
        named: dict[tuple[int | None, str], Reached] = {}
        for row in rows[np.argsort(-excess[rows], kind="stable")].tolist():
            binding = self.row(row, shown)
            named.setdefault((binding.element, binding.what), Reached(binding, [])).rows.append(row)
        return list(named.values())

    def given_up(self, wanted: NDArray[np.float64]) -> tuple[str, ...]:
        """Elements, by label, whose reserve is smaller than it was wanted."""
        if self.constraints.reserve is wanted:
            return ()
        elements: dict[int, None] = {}
        for row in np.flatnonzero(self.constraints.reserve < wanted).tolist():
            elements.setdefault(self.element(row))
        return tuple(self.network.label(element) for element in elements)

    def element(self, row: int) -> int:
        """Id of the element of a row."""
        layout, terms = self.layout, len(self.layout.branch_of)
        if row < terms:
            return int(layout.branches.ids[layout.branch_of[row]])
        if row >= layout.count:
            return self.inverters[row - layout.count]
        if row < layout.voltages.stop:
            node = layout.lv_nodes[(row - terms) // 3]
        else:
            node = layout.unbalanced[row - layout.voltages.stop]
        return int(self.network.data["node"]["id"][node])

    def row(
        self, row: int, phasors: NDArray[np.complex128], *, high: bool | None = None
    ) -> Binding:
        """One row as a limit with its value.

        Args:
            row: of the problem.
            phasors: (r,)
            high: for a voltage, which limit to compare with; None for the nearer one.
        """
        value = abs(complex(phasors[row])) + float(self.constraints.bias[row])
        layout, terms = self.layout, len(self.layout.branch_of)
        element = self.element(row)
        if row < terms:
            what = _LOADING_NAMES[QUANTITIES[layout.branches.terms[row].quantity]]
            limit = self.limits.loading_of.get(element, self.limits.loading)
        elif row >= layout.count:
            what, limit = "apparent power", 1.0
        elif row >= layout.voltages.stop:
            what, limit = "unbalance", self.limits.unbalance or 0.0
        else:
            lower, upper = self.limits.u_pu
            is_high = value > (lower + upper) / 2 if high is None else high
            what = f"u_pu phase {PHASES[(row - terms) % 3]} {'high' if is_high else 'low'}"
            limit = upper if is_high else lower
        return Binding(element, self.network.label(element), what, value, limit)

    def extremes(
        self, phasors: NDArray[np.complex128]
    ) -> tuple[Binding | None, Binding | None, Binding | None]:
        """Branch nearest to its limit, lowest and highest LV voltage."""
        re, im = phasors.real, phasors.imag
        values = np.sqrt(re * re + im * im) + self.constraints.bias
        terms = len(self.layout.branch_of)
        loading = None
        if terms:
            shares = values[:terms]
            if self.limits.loading_of:
                own = branch_limits(self.network, self.layout, self.limits)
                shares = shares / own[self.layout.branch_of]
            loading = self.row(int(np.argmax(shares)), phasors)
        voltages = self.layout.voltages
        sizes = values[voltages]
        if self.layout.live_nodes.all():
            live = None
        else:
            live = np.flatnonzero(np.isfinite(self.constraints.high[voltages]))
            sizes = sizes[live]
        if not len(sizes):
            return loading, None, None
        least, most = int(np.argmin(sizes)), int(np.argmax(sizes))
        if live is not None:
            least, most = int(live[least]), int(live[most])
        lowest = self.row(voltages.start + least, phasors, high=False)
        highest = self.row(voltages.start + most, phasors, high=True)
        return loading, lowest, highest


def pull(
    reached: list[Reached], learned: Learned | None, constraints: Constraints, count: int
) -> NDArray[np.float64]:
    """How strongly each of these limits holds each device back, (len(reached), count).

    The prices of the optimum tell. Where none of these limits has one (the answer was found on the
    way to the optimum), the slope of its magnitude tells.
    """
    found = np.zeros((len(reached), count))
    if learned is None or not reached:
        return found
    place_of = {row: place for place, one in enumerate(reached) for row in one.rows}
    for row, pulls in zip(learned.step.rows.tolist(), learned.step.pull, strict=True):
        if row in place_of:
            found[place_of[row]] += pulls[:count]
    if (found > 0).any():
        return found
    for place, one in enumerate(reached):
        found[place] = _slope(one.rows[0], learned, constraints)[:count]
    return found


def _slope(row: int, learned: Learned, constraints: Constraints) -> NDArray[np.float64]:
    """Slope of a row's magnitude towards its bound, (c,); zero where it was not linearised."""
    model = learned.model
    place = int(np.searchsorted(model.rows, row))
    if place >= len(model.rows) or model.rows[place] != row:
        return np.zeros(len(model.point))
    phasor = model.phasors[place]
    size = abs(phasor)
    slope = np.real(np.conj(phasor / size if size else 1.0) * model.slopes[place])
    below = constraints.lower[row] - size > size - constraints.upper[row]
    return np.asarray(-slope if below else slope)


def settings_of(
    devices: tuple[ControlledDevice, ...],
    asked: Asked,
    controls: Controls,
    point: Point,
    *,
    reached: list[Reached],
    pulls: NDArray[np.float64],
) -> tuple[DeviceSetting, ...]:
    """The answer for each of the d devices.

    Args:
        devices: d devices.
        asked: their numbers.
        controls: what could be set.
        point: the answer.
        reached: limits that it reaches.
        pulls: (len(reached), d) see `pull`.
    """
    count = len(devices)
    factors = point.controls[:count]
    watts = asked.power_at(factors).tolist()
    reactive: dict[int, tuple[float, float, float]] = {}
    if len(point.controls) > count:
        var = controls.reactive_of(point.controls).tolist()
        reactive = dict(zip(controls.device[count:].tolist(), map(tuple, var), strict=True))
    lowest, totals = asked.lowest.tolist(), asked.request_w.sum(axis=1).tolist()
    held_by = _strongest_first(pulls)
    words = [one.binding.words for one in reached]
    answers = []
    for place, (device, k) in enumerate(zip(devices, factors.tolist(), strict=True)):
        a, b, c = watts[place]
        q_var = reactive.get(place)
        if k >= _GRANTED:
            answers.append(DeviceSetting(device.id, 1.0, (a, b, c), (), q_var))
            continue
        strongest = held_by[place]
        by = words[strongest[0]] if strongest else ""
        asked_w, is_lowest = totals[place], k <= lowest[place]
        answers.append(
            DeviceSetting(device.id, k, (a, b, c), strongest, q_var, asked_w, is_lowest, by)
        )
    return tuple(answers)


def _strongest_first(pulls: NDArray[np.float64]) -> list[tuple[int, ...]]:
    """For each column of pulls (l, d) the rows that pull, strongest first."""
    if len(pulls) == 1:  # mostly
        return [(0,) if pull > 0 else () for pull in pulls[0].tolist()]
    order = np.argsort(-pulls, axis=0, kind="stable").T.tolist()
    holds = (pulls > 0).T.tolist()
    return [
        tuple(place for place in places if held[place])
        for places, held in zip(order, holds, strict=True)
    ]
