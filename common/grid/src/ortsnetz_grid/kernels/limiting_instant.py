"""The kernels of limiting that know a whole instant (`limiting_flows.c`, `limiting_slopes.c`).

From the controls to the worst excess in two calls, and all slopes in one: what is between them
stays in C. An instant belongs to one decision; nothing here is for several threads.
"""

from __future__ import annotations

import ctypes
from ctypes import addressof
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.kernels.addresses import address
from ortsnetz_grid.kernels.limiting import Bounds, RowsOfVoltages
from ortsnetz_grid.kernels.native import library
from ortsnetz_grid.kernels.power_flow import Factors, aligned

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
Single = NDArray[np.complex64]
Planes = NDArray[np.float32]

_WIDE = 16
"""Numbers of a vector in `limiting_slopes.c`."""

_POINTER, _LONG = ctypes.c_void_p, ctypes.c_int64
_LONGS = "nodes", "loaded", "controls"
_ARRAYS = "load", "node", "kind", "place", "power", "base", "idle"


class _Instant(ctypes.Structure):
    _fields_ = [
        ("grid", _POINTER),
        *((name, _LONG) for name in _LONGS),
        *((name, _POINTER) for name in _ARRAYS),
        ("unit", ctypes.c_double),
    ]


class _Kernels:
    """The functions in the shared library."""

    def __init__(self, loaded: ctypes.CDLL) -> None:
        """Look them up."""

        def found(name: str, result: Any, *arguments: Any) -> Any:
            return ctypes.CFUNCTYPE(result, *arguments)((f"ortsnetz_limiting_{name}", loaded))

        self.flow_scratch = found("flow_scratch", _LONG, _POINTER)
        self.slopes_scratch = found("slopes_scratch", _LONG, *[_LONG] * 3)
        self.flow = found("flow", None, _POINTER, _LONG, _POINTER, _LONG, *[_POINTER] * 4)
        self.worst_at = found("worst_at", None, *[_POINTER] * 2, _LONG, *[_POINTER] * 6)
        self.slopes = found("slopes", None, *[_POINTER] * 2, *[_LONG] * 3, *[_POINTER] * 10)


@cache
def _of(loaded: ctypes.CDLL) -> _Kernels:
    return _Kernels(loaded)


class Workspace:
    """Memory that calls of one thread share, one after the other."""

    def __init__(self) -> None:
        """None yet."""
        self._memory, self._size, self._address = aligned(0), 0, 0

    def at_least(self, size: int) -> int:
        """Address of so many bytes; what was there before may be gone."""
        if self._size < size:
            self._memory, self._size = aligned(size), size
            self._address = address(self._memory)
        return self._address


class Instant:
    """Powers at the `k` loaded nodes of a factorised network as a function of `c` controls."""

    def __init__(  # noqa: PLR0917 - as the kernel has it
        self,
        compiled: _Kernels,
        factors: Factors,
        workspace: Workspace,
        loaded: NDArray[np.intp],
        kind: NDArray[np.intp],
        place: NDArray[np.intp],
        power: Complex,
        base: Complex,
        idle: Complex,
        unit: float,
    ) -> None:
        """See `instant_of`."""
        self._compiled, self._workspace = compiled, workspace
        self._nodes, self._islands = idle.shape[1], factors.island_count
        load = factors.load(loaded, self._nodes)
        self._kept = tuple(
            map(np.ascontiguousarray, (load, loaded, kind, place, power, base, idle))
        )
        self._instant = _Instant(
            factors.grid,
            *(self._nodes, len(loaded), len(kind)),
            *(address(each) for each in self._kept),
            unit,
        )
        self._at = addressof(self._instant)
        self._loaded, self._controls = len(loaded), len(kind)
        self._scratch = int(compiled.flow_scratch(self._at))

    def flow(self, controls: Real, tolerance: float, most: int) -> tuple[Complex, Real]:
        """Voltages (s, n, 3) and their largest changes in the last step (s, islands).

        Args:
            controls: (s, c).
            tolerance: on the change of a voltage in a step.
            most: steps.
        """
        controls = np.ascontiguousarray(controls)
        count = len(controls)
        voltage = np.zeros((count, self._nodes, 3), dtype=np.complex128)
        change, least = np.empty((count, self._islands)), ctypes.c_double(tolerance)
        self._compiled.flow(
            *(self._at, count, address(controls), most, addressof(least)),
            *(address(voltage), address(change), self._workspace.at_least(self._scratch)),
        )
        return voltage, change

    def worst(self, rows: RowsOfVoltages, bounds: Bounds, voltage: Complex) -> Real:
        """Largest excess (s,) of the rows at voltages (s, n, 3); NaN if one of them is.

        Bounds on further rows than these are not looked at.
        """
        found = np.empty(len(voltage))
        self._compiled.worst_at(
            *(self._at, rows.at, len(voltage), address(voltage), *bounds.addresses),
            *(address(found), self._workspace.at_least(self._scratch)),
        )
        return found

    def slopes(  # noqa: PLR0917 - as the kernel has it
        self,
        rows: RowsOfVoltages,
        wanted: NDArray[np.intp],
        values: Complex,
        slots: NDArray[np.intp],
        kept: Single,
        columns: NDArray[np.intp],
        moved: Planes,
        voltage: Complex,
        controls: Real,
    ) -> Complex:
        """Derivative (w, c) of rows by the controls.

        Args:
            rows: all of them.
            wanted: (w,) which.
            values: (f,) functionals at the point.
            slots: (j,) rows of `kept`: the functionals of the wanted rows, then the second ones of
                those that have one.
            kept: (f, 3k) answers of functionals to currents.
            columns: (p,) controls that draw anything; the others move nothing.
            moved: (p, 3, 2, w) voltages of the loaded nodes for currents there, see `planes_of`.
            voltage: (n, 3) at which the slopes hold.
            controls: (c,) the same.
        """
        count, points = len(slots), len(columns)
        floats = int(self._compiled.slopes_scratch(self._loaded, count, points))
        scratch = self._workspace.at_least(4 * floats)
        found = np.empty((count, self._controls), dtype=np.complex128)
        arrays = wanted, values, slots, columns, kept, moved, voltage, controls
        self._compiled.slopes(
            *(self._at, rows.at, len(wanted), count, points),
            *(address(each) for each in arrays),
            *(scratch, address(found)),
        )
        return found[: len(wanted)]


def instant_of(
    factors: object,
    workspace: Workspace,
    loaded: NDArray[np.intp],
    *,
    kind: NDArray[np.intp],
    place: NDArray[np.intp],
    power: Complex,
    base: Complex,
    idle: Complex,
    unit: float,
) -> Instant | None:
    """An instant, None where numpy has to do the work.

    Args:
        factors: of the network.
        workspace: of the caller.
        loaded: (k,) rows of the loaded nodes; none is passive.
        kind: (c,) how a control's power depends on the voltage: 0 not at all, 1 as a current of
            given magnitude, 2 as an impedance.
        place: (c,) its node as an index below k, -1 for none.
        power: (c, 3) complex that it draws at 1.
        base: (3, k, 3) complex that is drawn beside it, by kind.
        idle: (1, n, 3) voltages without load.
        unit: per unit of what powers count in.
    """
    shared = library()
    if shared is None or not isinstance(factors, Factors):
        return None
    return Instant(_of(shared), factors, workspace, loaded, kind, place, power, base, idle, unit)


def planes_of(moved: Single) -> Planes:
    """Voltages (p, 3, 3k) as the kernel has them: real parts, then imaginary ones, padded."""
    count = moved.shape[-1]
    found = np.zeros((*moved.shape[:2], 2, -(-count // _WIDE) * _WIDE), dtype=np.float32)
    found[:, :, 0, :count], found[:, :, 1, :count] = moved.real, moved.imag
    return found
