"""The small kernels of limiting (`limiting.c`) with arrays in, arrays out.

Each is a loop that numpy would need several calls for; the numpy that it stands for is beside its
caller. Addresses of what stays are looked up once: that takes longer than some of the loops.
"""

from __future__ import annotations

import ctypes
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
    "functionals": (3, 5),
    "phasors": (5, 6),
    "excess": (2, 5),
    "worst": (2, 5),
    "answers": (3, 4),
}
"""How many numbers, and after them addresses, each function takes."""


class Kernels:
    """The functions of limiting in the shared library."""

    def __init__(self, loaded: ctypes.CDLL) -> None:
        """Look them up."""
        found = {name: _function(loaded, name, *counts) for name, counts in _ARGUMENTS.items()}
        self.drawn, self.functionals = found["drawn"], found["functionals"]
        self.phasors, self.answers = found["phasors"], found["answers"]
        self.excess, self.worst = found["excess"], found["worst"]


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


class Functionals:
    """A sparse matrix (f, w) by its rows."""

    def __init__(
        self,
        compiled: Kernels,
        start: NDArray[np.integer],
        column: NDArray[np.integer],
        weight: Complex,
    ) -> None:
        """Keep what stays.

        Args:
            compiled: the functions.
            start: (f + 1,) first entry of each row.
            column: (e,) of each entry, below w.
            weight: (e,) its value.
        """
        self._functionals = compiled.functionals
        self._kept = _long(start), _long(column), _complex(weight)
        self._addresses = tuple(address(each) for each in self._kept)

    def of(self, voltage: Complex) -> Complex:
        """Values (s, f) at voltages (s, n, 3) with 3n = w."""
        voltage = _complex(voltage)
        count = len(voltage)
        found = np.empty((count, len(self._kept[0]) - 1), dtype=np.complex128)
        self._functionals(
            *(count, found.shape[1], 3 * voltage.shape[1]),
            *(*self._addresses, address(voltage), address(found)),
        )
        return found


class Phasors:
    """Which of r rows are more than their functional."""

    def __init__(
        self,
        compiled: Kernels,
        products: NDArray[np.intp],
        quotients: NDArray[np.intp],
        second: NDArray[np.intp],
    ) -> None:
        """Keep what stays.

        Args:
            compiled: the functions.
            products: rows that are the first functional times the conjugate of the second.
            quotients: rows that are the first over the second.
            second: (r,) the second functional of a row.
        """
        self._phasors = compiled.phasors
        self._kept = _long(products), _long(quotients), _long(second)
        self._counts = len(second), len(products), len(quotients)
        self._addresses = tuple(address(each) for each in self._kept)

    def of(self, values: Complex) -> tuple[Complex, NDArray[np.bool_]]:
        """Rows (s, r) from the values (s, f) of functionals; row i begins with the i-th.

        And (s,) whether all of a scenario's rows are finite.
        """
        values = _complex(values)
        found = np.empty((len(values), self._counts[0]), dtype=np.complex128)
        finite = np.empty(len(values))
        self._phasors(
            *(*values.shape, *self._counts),
            *(*self._addresses, address(values), address(found), address(finite)),
        )
        return found, finite > 0


class Bounds:
    """Bounds on the magnitudes of r phasors, and the weights of what lies beyond them."""

    def __init__(self, compiled: Kernels, lower: Real, upper: Real, weight: Real) -> None:
        """Keep them; all (r,)."""
        self._excess, self._worst = compiled.excess, compiled.worst
        self._kept = tuple(np.ascontiguousarray(each) for each in (lower, upper, weight))
        self._addresses = tuple(address(each) for each in self._kept)

    def _shape(self, phasors: Complex) -> tuple[int, int]:
        rows = phasors.shape[-1]
        if rows != len(self._kept[0]):
            raise ValueError(f"{rows} phasors for {len(self._kept[0])} bounds")
        return phasors.size // max(rows, 1), rows

    def excess(self, phasors: Complex) -> Real:
        """Weighted distance beyond the bounds (..., r) of phasors (..., r)."""
        phasors = _complex(phasors)
        found = np.empty(phasors.shape)
        self._excess(*self._shape(phasors), address(phasors), *self._addresses, address(found))
        return found

    def worst(self, phasors: Complex) -> Real:
        """The largest of each point (...,); NaN if one of them is."""
        phasors = _complex(phasors)
        found = np.empty(phasors.shape[:-1])
        self._worst(*self._shape(phasors), address(phasors), *self._addresses, address(found))
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
