"""Power flows of a network at different settings of its devices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.congestion.rows import RowLayout
from ortsnetz_grid.network.two_ports import Complex, Real


@dataclass(frozen=True, slots=True)
class Point:
    """A computed operating point.

    Attributes:
        controls: (c,)
        phasors: (r,)
        voltage: (n, 3) pu; None where slopes need none.
        values: (f,) functionals behind the rows, the same.
    """

    controls: Real
    phasors: Complex
    voltage: Complex | None = None
    values: Complex | None = None


@dataclass(frozen=True, slots=True)
class Points:
    """Computed operating points.

    Attributes:
        controls: (s, c) settings of the controls.
        phasors: (s, r) what limits apply to: the rows of `RowLayout`, then the apparent power over
            its bound of the devices with reactive power. Of no meaning where the power flow did not
            converge.
        converged: (s,)
        voltage: (s, n, 3) pu, or None.
        values: (s, f) functionals behind the rows, or None.
    """

    controls: Real
    phasors: Complex
    converged: NDArray[np.bool_]
    voltage: Complex | None = None
    values: Complex | None = None

    def __getitem__(self, number: int) -> Point:
        """One of them."""
        return Point(
            self.controls[number],
            self.phasors[number],
            None if self.voltage is None else self.voltage[number],
            None if self.values is None else self.values[number],
        )


@dataclass(frozen=True, slots=True)
class Solved:
    """Power flows whose rows are not looked at yet.

    Attributes:
        controls: (s, c) settings of the controls.
        converged: (s,)
        result: what the solver gave.
    """

    controls: Real
    converged: NDArray[np.bool_]
    result: Any


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

    def solve(self, controls: Real) -> Solved:
        """Compute power flows at controls (s, c)."""

    def points(self, solved: Solved, lanes: slice) -> Points:
        """The operating points of some of them; those that did not converge are marked."""

    def at(self, controls: Real) -> Points:
        """Both in one."""

    def driving_point(self, node: int) -> Complex | None:
        """Voltages (3, 3), pu, at a node's phases for a current of 1 pu into each of them.

        None if it cannot be had.
        """

    def slopes(self, point: Point, rows: NDArray[np.intp]) -> Complex | None:
        """Derivative (w, c) of some rows by the controls; None if it cannot be had."""
