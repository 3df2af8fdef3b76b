"""Power flows of a network at different settings of its devices."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.congestion.constraints import Constraints
from ortsnetz_grid.functions.congestion.rows import RowLayout
from ortsnetz_grid.network.two_ports import Complex, Real


class Rows(Protocol):
    """What limits apply to at computed points."""

    def at(self, lanes: slice) -> tuple[Complex, Complex | None]:
        """Rows (s, r) of some points, and the functionals (s, f) behind them if there are any."""

    def worst(self, constraints: Constraints) -> Real:
        """Largest excess (s,) of each point; NaN or infinite where its rows are no numbers."""


class Point:
    """A computed operating point; its rows are looked at when they are first asked for.

    Attributes:
        controls: (c,)
        voltage: (n, 3) pu; None where slopes need none.
    """

    __slots__ = "_found", "_number", "_rows", "controls", "voltage"

    def __init__(self, controls: Real, voltage: Complex | None, rows: Rows, number: int) -> None:
        """One of the points of these rows."""
        self.controls, self.voltage = controls, voltage
        self._rows, self._number = rows, number
        self._found: tuple[Complex, Complex | None] | None = None

    def _looked_at(self) -> tuple[Complex, Complex | None]:
        if self._found is None:
            phasors, values = self._rows.at(slice(self._number, self._number + 1))
            self._found = phasors[0], None if values is None else values[0]
        return self._found

    @property
    def phasors(self) -> Complex:
        """(r,) see `Points.phasors`."""
        return self._looked_at()[0]

    @property
    def values(self) -> Complex | None:
        """(f,) functionals behind the rows; None where slopes need none."""
        return self._looked_at()[1]


class Points:
    """Computed operating points.

    Attributes:
        controls: (s, c) settings of the controls.
        converged: (s,) whether there is a power flow.
        voltage: (s, n, 3) pu, or None.
    """

    __slots__ = "_rows", "controls", "converged", "voltage"

    def __init__(
        self,
        controls: Real,
        converged: NDArray[np.bool_],
        voltage: Complex | None,
        rows: Rows,
    ) -> None:
        """Rows are looked at when they are asked for."""
        self.controls, self.converged, self.voltage = controls, converged, voltage
        self._rows = rows

    @property
    def phasors(self) -> Complex:
        """(s, r) what limits apply to.

        The rows of `RowLayout`, then the apparent power over its bound of the devices with reactive
        power. Of no meaning where the power flow did not converge.
        """
        return self._rows.at(slice(None))[0]

    def __getitem__(self, number: int) -> Point:
        """One of them."""
        voltage = None if self.voltage is None else self.voltage[number]
        return Point(self.controls[number], voltage, self._rows, number)

    def worst(self, constraints: Constraints) -> Real:
        """Largest excess (s,); infinite where there is no power flow or a row is no number."""
        worst = self._rows.worst(constraints)
        worst[~self.converged | np.isnan(worst)] = np.inf
        return worst


class DeviceFlows(Protocol):
    """Power flows of one instant as a function of the controls.

    Attributes:
        layout: what the rows are.
        computed: power flows so far.
        failure: why a power flow last failed, in words.
    """

    layout: RowLayout
    computed: int
    failure: str

    def at(self, controls: Real) -> Points:
        """Compute operating points at controls (s, c); those that did not converge are marked."""

    def driving_point(self, node: int) -> Complex | None:
        """Voltages (3, 3), pu, at a node's phases for a current of 1 pu into each of them.

        None if it cannot be had.
        """

    def slopes(self, point: Point, rows: NDArray[np.intp]) -> Complex | None:
        """Derivative (w, c) of some rows by the controls; None if it cannot be had."""
