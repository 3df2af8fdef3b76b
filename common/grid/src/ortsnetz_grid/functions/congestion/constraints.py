"""The limits as rows: bounds on the magnitudes of the phasors of an operating point."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.congestion.operating_points import DeviceFlows
from ortsnetz_grid.functions.congestion.problem import LimitSet, Offsets
from ortsnetz_grid.network.model import Network

VOLTAGE_WEIGHT = 10.0
"""0.1 pu beyond a voltage limit weighs as much as 100 % beyond a loading limit."""

VERIFIED = 1e-9
"""Rounding by which a verified point may lie beyond a limit."""


@dataclass(frozen=True, slots=True)
class Constraints:
    """Bounds on the r rows of `Points.phasors`: first loading terms, then LV voltages.

    Attributes:
        low: (r,) lower limit on the magnitude, without reserve; 0 where there is none.
        high: (r,) upper limit on the magnitude, without reserve; infinite at dead nodes.
        bias: (r,) what the present has more than the model of it; `low` and `high` contain it.
        reserve: (r,) distance that is kept from both limits.
        weight: (r,) makes excesses of loading and of voltage comparable.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    bias: NDArray[np.float64]
    reserve: NDArray[np.float64]
    weight: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        network: Network,
        flows: DeviceFlows,
        limits: LimitSet,
        *,
        bias: Offsets | None = None,
        margin: Offsets | None = None,
    ) -> Constraints:
        """Rows of a network, such that model + bias + margin <= limit, and so from below.

        Raises:
            InputError: bias or margin do not fit the network or are not numbers.
        """
        terms = len(flows.branches.terms)
        live = flows.live_rows
        added = _rows(network, flows, bias, "bias")
        high = np.where(np.arange(len(added)) < terms, limits.loading, limits.u_pu[1]) - added
        low = limits.u_pu[0] - added
        low[:terms] = 0.0
        weight = np.full(len(added), VOLTAGE_WEIGHT)
        weight[:terms] = 1.0
        return cls(
            low=np.where(live, low, 0.0),
            high=np.where(live, high, np.inf),
            bias=added,
            reserve=_rows(network, flows, margin, "margin"),
            weight=weight,
        )

    @property
    def lower(self) -> NDArray[np.float64]:
        """(r,) lower bound that decisions keep."""
        return np.where(self.low > 0, self.low + self.reserve, 0.0)

    @property
    def upper(self) -> NDArray[np.float64]:
        """(r,) upper bound that decisions keep."""
        return self.high - self.reserve

    def excess(self, phasors: NDArray[np.complex128]) -> NDArray[np.float64]:
        """Weighted distance beyond the bounds (..., r); negative inside."""
        size = np.abs(phasors)
        beyond = np.maximum(size - self.upper, np.where(self.low > 0, self.lower - size, -np.inf))
        return np.asarray(beyond * self.weight)

    def worst(self, phasors: NDArray[np.complex128]) -> NDArray[np.float64]:
        """Largest excess of each point (...,); negative if all bounds are kept with room left."""
        return np.asarray(self.excess(phasors).max(axis=-1, initial=-np.inf))

    def only(self, rows: NDArray[np.intp]) -> Constraints:
        """Some of the rows."""
        columns = (self.low, self.high, self.bias, self.reserve, self.weight)
        return Constraints(*(column[rows] for column in columns))

    def with_reserve(self, reserve: NDArray[np.float64]) -> Constraints:
        """The same limits with another reserve."""
        return replace(self, reserve=reserve)


def _rows(
    network: Network, flows: DeviceFlows, offsets: Offsets | None, name: str
) -> NDArray[np.float64]:
    """Offsets by row; zero where none are given."""
    terms = flows.branches.terms
    rows = np.zeros(len(terms) + 3 * len(flows.lv_nodes))
    if offsets is None:
        return rows
    nodes = network.data["node"]["id"]
    if offsets.u_pu.shape != (len(nodes), 3) or offsets.loading.shape != flows.branches.ids.shape:
        raise InputError(f"{name}: its shape does not fit the network's nodes and branches")
    branch = np.array([term.branch for term in terms], dtype=np.intp)
    rows[: len(terms)] = offsets.loading[branch]
    rows[len(terms) :] = offsets.u_pu[flows.lv_nodes].reshape(-1)
    for row in np.flatnonzero(~np.isfinite(rows)):
        place = int(row)
        element = (
            flows.branches.ids[terms[place].branch]
            if place < len(terms)
            else nodes[flows.lv_nodes[(place - len(terms)) // 3]]
        )
        raise InputError(f"{network.label(int(element))}: its {name} is not a number")
    return rows
