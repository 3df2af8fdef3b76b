"""Which limits bind, and who is held back by which of them, in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.congestion.constraints import VERIFIED, Constraints
from ortsnetz_grid.functions.congestion.linear_model import LinearModel
from ortsnetz_grid.functions.congestion.operating_points import DeviceFlows, Point
from ortsnetz_grid.functions.congestion.problem import ControlledDevice, LimitSet
from ortsnetz_grid.functions.congestion.result import Binding, DeviceSetting
from ortsnetz_grid.functions.congestion.search import Learned
from ortsnetz_grid.network.loading import PHASES, QUANTITIES
from ortsnetz_grid.network.model import Network

_REACHED = 1e-3
"""Weighted distance from a bound at which it counts as reached: 0.1 % loading, 0.0001 pu."""

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
    flows: DeviceFlows
    limits: LimitSet
    constraints: Constraints

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
        branches = self.flows.branches
        elements: dict[int, None] = {}
        for row in np.flatnonzero(self.constraints.reserve < wanted).tolist():
            if row < len(branches.terms):
                element = branches.ids[branches.terms[row].branch]
            else:
                node = self.flows.lv_nodes[(row - len(branches.terms)) // 3]
                element = self.network.data["node"]["id"][node]
            elements.setdefault(int(element))
        return tuple(self.network.label(element) for element in elements)

    def pull(self, reached: list[Reached], learned: Learned) -> NDArray[np.float64]:
        """How strongly each of these limits holds each device back, (len(reached), d).

        The prices of the optimum tell. Where none of these limits has one (the answer was found on
        the way to the optimum), the slope of its magnitude tells.
        """
        model, step = learned.model, learned.step
        rows_of = [np.array(one.rows, dtype=np.intp) for one in reached]
        priced = [step.pull[np.isin(step.rows, rows)].sum(axis=0) for rows in rows_of]
        if any((one > 0).any() for one in priced):
            return np.array(priced)
        return np.array([self._slopes(rows[0], model) for rows in rows_of])

    def _slopes(self, row: int, model: LinearModel) -> NDArray[np.float64]:
        """Slope of a row's magnitude towards its bound, (d,)."""
        phasor = model.phasors[row]
        size = abs(phasor)
        slope = np.real(np.conj(phasor / size if size else 1.0) * model.slopes[row])
        below = self.constraints.lower[row] - size > size - self.constraints.upper[row]
        return np.asarray(-slope if below else slope)

    def row(
        self, row: int, phasors: NDArray[np.complex128], *, high: bool | None = None
    ) -> Binding:
        """One row as a limit with its value.

        Args:
            row: of the problem.
            phasors: (r,)
            high: for a voltage, which limit to compare with; None for the nearer one.
        """
        value = float(np.abs(phasors[row]) + self.constraints.bias[row])
        branches = self.flows.branches
        if row < len(branches.terms):
            term = branches.terms[row]
            element = int(branches.ids[term.branch])
            what = _LOADING_NAMES[QUANTITIES[term.quantity]]
            limit = self.limits.loading
        else:
            place, phase = divmod(row - len(branches.terms), 3)
            element = int(self.network.data["node"]["id"][self.flows.lv_nodes[place]])
            lower, upper = self.limits.u_pu
            is_high = value > (lower + upper) / 2 if high is None else high
            what = f"u_pu phase {PHASES[phase]} {'high' if is_high else 'low'}"
            limit = upper if is_high else lower
        return Binding(element, self.network.label(element), what, value, limit)

    def extremes(
        self, phasors: NDArray[np.complex128]
    ) -> tuple[Binding | None, Binding | None, Binding | None]:
        """Most loaded branch, lowest and highest LV voltage."""
        values = np.abs(phasors) + self.constraints.bias
        terms = len(self.flows.branches.terms)
        live = np.flatnonzero(np.isfinite(self.constraints.high[terms:])) + terms
        loading = self.row(int(np.argmax(values[:terms])), phasors) if terms else None
        if not len(live):
            return loading, None, None
        lowest = self.row(int(live[np.argmin(values[live])]), phasors, high=False)
        highest = self.row(int(live[np.argmax(values[live])]), phasors, high=True)
        return loading, lowest, highest

    def settings(
        self,
        devices: tuple[ControlledDevice, ...],
        point: Point,
        reached: list[Reached],
        learned: Learned | None,
    ) -> tuple[DeviceSetting, ...]:
        """The answer for each device.

        Args:
            devices: d devices.
            point: the answer.
            reached: limits that it reaches.
            learned: what the search knows about them; None where nothing was searched.
        """
        pull = np.zeros((len(reached), len(devices)))
        if reached and learned is not None:
            pull = self.pull(reached, learned)
        answers = []
        for place, device in enumerate(devices):
            k = float(point.factors[place])
            strongest = [
                int(i) for i in np.argsort(-pull[:, place]) if k < 1 and pull[i, place] > 0
            ]
            reason = _reason(device, k, [reached[i].binding for i in strongest])
            answers.append(
                DeviceSetting(device.id, k, device.power_at(k), reason, tuple(strongest))
            )
        return tuple(answers)


def _reason(device: ControlledDevice, k: float, binding: list[Binding]) -> str:
    """Why a device is limited; empty if it is not."""
    if k >= 1:
        return ""
    asked = sum(device.request_w)
    direction = " feed-in" if asked < 0 else ""
    limited = f"limited to {abs(k * asked) / 1e3:.2f} of {abs(asked) / 1e3:.2f} kW{direction}"
    by = f" by {binding[0].words}" if binding else ""
    floor = " (its floor)" if k <= device.lowest_factor else ""
    return f"{limited}{floor}{by}"
