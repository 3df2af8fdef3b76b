"""The small kernels of limiting (`limiting.c`) with arrays in, arrays out.

Each is a loop that numpy would need several calls for; the numpy that it stands for is beside its
caller. Addresses of what stays are looked up once: that takes longer than some of the loops.
"""

from __future__ import annotations

import ctypes
from ctypes import addressof
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.kernels.addresses import address
from ortsnetz_grid.kernels.native import library

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
Single = NDArray[np.complex64]

_POINTER, _LONG = ctypes.c_void_p, ctypes.c_int64
_ARGUMENTS = {
    "drawn": (4, 6),
    "rows": (6, 9),
    "excess": (2, 5),
    "worst": (2, 5),
    "answers": (3, 4),
    "asked": (1, 2),
}
"""How many numbers, and after them addresses, each function takes."""


class Kernels:
    """The functions of limiting in the shared library."""

    def __init__(self, loaded: ctypes.CDLL) -> None:
        """Look them up."""
        found = {name: _function(loaded, name, *counts) for name, counts in _ARGUMENTS.items()}
        self.drawn, self.rows, self.answers = found["drawn"], found["rows"], found["answers"]
        self.excess, self.worst = found["excess"], found["worst"]
        self.asked = found["asked"]


def kernels() -> Kernels | None:
    """The compiled functions, None where numpy has to do the work."""
    loaded = library()
    return None if loaded is None else _of(loaded)


@cache
def _of(loaded: ctypes.CDLL) -> Kernels:
    return Kernels(loaded)


def _function(loaded: ctypes.CDLL, name: str, numbers: int, addresses: int) -> Any:
    # a prototype of its own: the attributes of the library belong to all that use it
    prototype = ctypes.CFUNCTYPE(None, *[_LONG] * numbers, *[_POINTER] * addresses)
    return prototype((f"ortsnetz_limiting_{name}", loaded))


class Drawing:
    """Powers that controls of one kind draw at `k` loaded nodes."""

    def __init__(
        self, compiled: Kernels, column: NDArray[np.intp], place: NDArray[np.intp]
    ) -> None:
        """Keep what stays.

        Args:
            compiled: the functions.
            column: (g,) which controls.
            place: (g,) their nodes, as indices below k.
        """
        self._drawn = compiled.drawn
        self._kept = _long(column), _long(place)
        self._count = len(column)
        self._addresses = tuple(address(each) for each in self._kept)

    def at(self, controls: Real, power: Complex, base: Complex) -> Complex:
        """Powers (s, k, 3) at controls (s, c) that draw power (c, 3) at 1, beside a base (k, 3)."""
        controls, power, base = np.ascontiguousarray(controls), _complex(power), _complex(base)
        found = np.empty((len(controls), *base.shape), dtype=np.complex128)
        self._drawn(
            *(*controls.shape, len(base), self._count),
            *(address(controls), *self._addresses),
            *(address(each) for each in (power, base, found)),
        )
        return found


class _Rows(ctypes.Structure):
    _fields_ = [
        ("rows", _LONG),
        *((name, _POINTER) for name in ("start", "column", "weight", "second", "quotient")),
    ]


class RowsOfVoltages:
    """A sparse matrix (f, w) of functionals, and which of r rows are more than their functional.

    Attributes:
        at: address of the same as a structure, for other kernels.
    """

    def __init__(
        self,
        compiled: Kernels,
        start: NDArray[np.integer],
        column: NDArray[np.integer],
        weight: Complex,
        *,
        products: NDArray[np.intp],
        quotients: NDArray[np.intp],
        second: NDArray[np.intp],
    ) -> None:
        """Keep what stays.

        Args:
            compiled: the functions.
            start: (f + 1,) first entry of each functional.
            column: (e,) of each entry, below w.
            weight: (e,) its value.
            products: rows that are the first functional times the conjugate of the second.
            quotients: rows that are the first over the second.
            second: (r,) the second functional of a row.
        """
        self._rows = compiled.rows
        places = tuple(_long(each) for each in (start, column, products, quotients, second))
        self._kept = *places[:2], _complex(weight), *places[2:]
        self._addresses = tuple(address(each) for each in self._kept)
        self._count = len(start) - 1
        self._row_counts = len(second), len(products), len(quotients)
        start_at, column_at, weight_at = self._addresses[:3]
        self._divided = np.zeros(len(second), dtype=np.int64)
        self._divided[quotients] = 1
        self._structure = _Rows(
            *(len(second), start_at, column_at, weight_at),
            *(self._addresses[-1], address(self._divided)),
        )
        self.at = addressof(self._structure)

    def of(self, voltage: Complex) -> tuple[Complex, Complex]:
        """Functionals (s, f) and rows (s, r) at voltages (s, n, 3) with 3n = w.

        Row i begins with the i-th functional.
        """
        voltage = _complex(voltage)
        count, nodes, _ = voltage.shape
        values = np.empty((count, self._count), dtype=np.complex128)
        phasors = np.empty((count, self._row_counts[0]), dtype=np.complex128)
        self._rows(
            *(count, 3 * nodes, self._count, *self._row_counts, *self._addresses),
            *(address(voltage), address(values), address(phasors)),
        )
        return values, phasors


class Bounds:
    """Bounds on the magnitudes of r phasors, and the weights of what lies beyond them.

    Attributes:
        addresses: of lower and upper bounds and weights, for other kernels.
    """

    def __init__(self, compiled: Kernels, lower: Real, upper: Real, weight: Real) -> None:
        """Keep them; all (r,)."""
        self._excess, self._worst = compiled.excess, compiled.worst
        self._kept = tuple(np.ascontiguousarray(each) for each in (lower, upper, weight))
        self.addresses = tuple(address(each) for each in self._kept)

    def _shape(self, phasors: Complex) -> tuple[int, int]:
        rows = phasors.shape[-1]
        if rows != len(self._kept[0]):
            raise ValueError(f"{rows} phasors for {len(self._kept[0])} bounds")
        return phasors.size // max(rows, 1), rows

    def excess(self, phasors: Complex) -> Real:
        """Weighted distance beyond the bounds (..., r) of phasors (..., r)."""
        phasors = _complex(phasors)
        found = np.empty(phasors.shape)
        self._excess(*self._shape(phasors), address(phasors), *self.addresses, address(found))
        return found

    def worst(self, phasors: Complex) -> Real:
        """The largest of each point (...,); NaN if one of them is."""
        phasors = _complex(phasors)
        found = np.empty(phasors.shape[:-1])
        self._worst(*self._shape(phasors), address(phasors), *self.addresses, address(found))
        return found


def asked(compiled: Kernels, table: Real) -> Real:
    """What a table (d, 13) of devices asks for, (6, d).

    Total power, lowest factor, factors of a step, of the smallest setpoint and of the one in force;
    and 1 where it is certain that nothing is wrong with a device; see `controls.Asked`, `checks`.
    """
    table = np.ascontiguousarray(table)
    found = np.empty((6, len(table)))
    compiled.asked(len(table), address(table), address(found))
    return found


def answers(
    compiled: Kernels, weights: Single, place: NDArray[np.intp], currents: Single
) -> Single:
    """Sum (j, c) over the phases of weights (j, 3k) at places (c,) times currents (c, 3)."""
    weights, currents = np.ascontiguousarray(weights), np.ascontiguousarray(currents)
    place = _long(place)
    found = np.empty((len(weights), len(place)), dtype=np.complex64)
    compiled.answers(
        *(len(weights), weights.shape[1] // 3, len(place)),
        *(address(each) for each in (weights, place, currents, found)),
    )
    return found


def _long(array: NDArray[np.integer]) -> NDArray[np.int64]:
    return np.ascontiguousarray(array, dtype=np.int64)


def _complex(array: Complex) -> Complex:
    return np.ascontiguousarray(array, dtype=np.complex128)
