"""The limits as rows: bounds on the magnitudes of the phasors of an operating point."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.congestion.checks import check_limits
from ortsnetz_grid.functions.congestion.problem import LimitSet, Offsets
from ortsnetz_grid.functions.congestion.rows import RowLayout
from ortsnetz_grid.kernels.limiting import Bounds, kernels
from ortsnetz_grid.network.model import Network

VOLTAGE_WEIGHT = 10.0
"""0.1 pu beyond a limit of voltage or unbalance weighs as much as 100 % beyond one of loading."""

VERIFIED = 1e-9
"""Rounding by which a verified point may lie beyond a limit."""


@dataclass(frozen=True, slots=True)
class Constraints:
    """Bounds on the r rows of `Points.phasors`.

    Attributes:
        low: (r,) lower limit on the magnitude, without reserve; 0 where there is none.
        high: (r,) upper limit on the magnitude, without reserve; infinite at dead nodes.
        bias: (r,) what the present has more than the model of it; `low` and `high` contain it.
        reserve: (r,) distance that is kept from both limits.
        weight: (r,) makes excesses of loading and of voltage comparable.
        lower: (r,) lower bound that decisions keep: limit and reserve.
        upper: (r,) upper bound that decisions keep.
        compiled: the bounds for the compiled kernel, None where there is none.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    bias: NDArray[np.float64]
    reserve: NDArray[np.float64]
    weight: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    compiled: Bounds | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        compiled = kernels()
        bounds = Bounds(compiled, self.lower, self.upper, self.weight) if compiled else None
        object.__setattr__(self, "compiled", bounds)

    @classmethod
    def of(
        cls,
        network: Network,
        layout: RowLayout,
        limits: LimitSet,
        *,
        inverters: int = 0,
        bias: Offsets | None = None,
        margin: Offsets | None = None,
    ) -> Constraints:
        """Rows of a network, such that model + bias + margin <= limit, and so from below.

        Args:
            network: the network.
            layout: its rows.
            limits: to keep.
            inverters: how many rows of apparent power follow those of the network.
            bias: what the present has more than the model.
            margin: distance to keep.

        Raises:
            InputError: bias or margin do not fit the network or are not numbers, or a limit is for
                a branch that is not there.
        """
        terms, rows, voltages = len(layout.branch_of), layout.count + inverters, layout.voltages
        added = _offsets(network, layout, bias, "bias", rows)
        check_limits(network, limits)
        high = np.ones(rows)
        high[:terms] = (
            branch_limits(network, layout, limits)[layout.branch_of]
            if limits.loading_of
            else limits.loading
        )
        high[voltages] = limits.u_pu[1]
        low = np.zeros(rows)
        low[voltages] = limits.u_pu[0]
        if limits.unbalance is not None:
            high[voltages.stop : layout.count] = limits.unbalance
        if bias is not None:
            high -= added
            low[voltages] -= added[voltages]
        if not layout.live_nodes.all():
            dead = ~layout.live_rows()
            high[: layout.count][dead] = np.inf
            low[: layout.count][dead] = 0.0
        weight = np.ones(rows)
        weight[terms : layout.count] = VOLTAGE_WEIGHT
        reserve = _offsets(network, layout, margin, "margin", rows)
        return _bounded(low, high, added, reserve, weight)

    def excess(self, phasors: NDArray[np.complex128]) -> NDArray[np.float64]:
        """Weighted distance beyond the bounds (..., r); negative inside."""
        if self.compiled is not None:
            return self.compiled.excess(phasors)
        re, im = phasors.real, phasors.imag
        size = np.sqrt(re * re + im * im)  # several times as fast as the magnitude by hypot
        return np.asarray(np.maximum(size - self.upper, self.lower - size) * self.weight)

    def worst(self, phasors: NDArray[np.complex128]) -> NDArray[np.float64]:
        """Largest excess of each point (...,); negative if all bounds are kept with room left."""
        if self.compiled is not None:
            return self.compiled.worst(phasors)
        return np.asarray(self.excess(phasors).max(axis=-1, initial=-np.inf))

    def only(self, rows: NDArray[np.intp]) -> Constraints:
        """Some of the rows."""
        return Constraints(
            *(
                column[rows]
                for column in (
                    self.low,
                    self.high,
                    self.bias,
                    self.reserve,
                    self.weight,
                    self.lower,
                    self.upper,
                )
            )
        )

    def with_reserve(self, reserve: NDArray[np.float64]) -> Constraints:
        """The same limits with another reserve."""
        return _bounded(self.low, self.high, self.bias, reserve, self.weight)

    def with_limits(self, low: NDArray[np.float64], high: NDArray[np.float64]) -> Constraints:
        """Other limits, without reserve."""
        return _bounded(low, high, self.bias, np.zeros_like(self.reserve), self.weight)


def _bounded(
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    bias: NDArray[np.float64],
    reserve: NDArray[np.float64],
    weight: NDArray[np.float64],
) -> Constraints:
    # a magnitude has no lower bound where none is given, not even that of zero
    lower = np.where(low > 0, low + reserve, -np.inf)
    return Constraints(low, high, bias, reserve, weight, lower, high - reserve)


def branch_limits(network: Network, layout: RowLayout, limits: LimitSet) -> NDArray[np.float64]:
    """Highest loading (b,) of each rated branch.

    Raises:
        InputError: a limit is for an element that is no line or transformer.
    """
    check_limits(network, limits)
    found = np.full(len(layout.branches.ids), limits.loading)
    if limits.loading_of:
        place = {element: row for row, element in enumerate(layout.branches.ids.tolist())}
        for element, loading in limits.loading_of.items():
            found[place[element]] = loading
    return found


def _offsets(
    network: Network, layout: RowLayout, offsets: Offsets | None, name: str, count: int
) -> NDArray[np.float64]:
    """Offsets by row; zero where none are given."""
    rows = np.zeros(count)
    if offsets is None:
        return rows
    nodes, branches = network.data["node"]["id"], layout.branches.ids
    if offsets.u_pu.shape != (len(nodes), 3) or offsets.loading.shape != branches.shape:
        raise InputError(f"{name}: its shape does not fit the network's nodes and branches")
    rows[: len(layout.branch_of)] = offsets.loading[layout.branch_of]
    rows[layout.voltages] = offsets.u_pu[layout.lv_nodes].reshape(-1)
    if np.isfinite(rows).all():
        return rows
    place = int(np.flatnonzero(~np.isfinite(rows))[0])
    terms = len(layout.branch_of)
    element = (
        branches[layout.branch_of[place]]
        if place < terms
        else nodes[layout.lv_nodes[(place - terms) // 3]]
    )
    raise InputError(f"{network.label(int(element))}: its {name} is not a number")
