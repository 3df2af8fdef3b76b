"""Rows near their bounds and their planes (`limiting_planes.c`) with arrays in, arrays out."""

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
Places = NDArray[np.intp]

_POINTER, _LONG = ctypes.c_void_p, ctypes.c_int64


class Kernels:
    """The functions in the shared library."""

    def __init__(self, loaded: ctypes.CDLL) -> None:
        """Look them up."""

        def found(name: str, result: Any, numbers: int, addresses: int) -> Any:
            prototype = ctypes.CFUNCTYPE(result, *[_LONG] * numbers, *[_POINTER] * addresses)
            return prototype((f"ortsnetz_limiting_{name}", loaded))

        self._near, self._aimed = found("near", _LONG, 5, 5), found("aimed", None, 2, 12)
        self._planes, self._reached = found("planes", None, 2, 10), found("reached", None, 2, 10)

    def near(
        self, excess: Real, partner: Places, always: Places, *, most: int, least: int, near: float
    ) -> Places:
        """Rows with the largest excess (r,), rising.

        All above `-near`, but at most `most` (64 or less) and at least `least` of those with a
        bound; one for both ends of a branch; and those of `always` in any case.
        """
        always = np.ascontiguousarray(always)
        chosen = np.empty(most + len(always) + 1, dtype=np.intp)
        distance = ctypes.c_double(near)
        count = self._near(
            *(len(excess), len(partner), most, least, len(always), addressof(distance)),
            *(address(each) for each in (excess, partner, always, chosen)),
        )
        return chosen[:count]

    def aimed(self, rows: Places, arrays: tuple[Any, ...], aim: float, weak: float) -> Real:
        """Bounds aimed at, (5, w): upper, lower, weight, weighted distance above and below.

        Args:
            rows: (w,) of the model.
            arrays: phasors (w,) and slopes (w, c) of the model; upper and lower bounds, weights and
                upper limits of all rows; lowest and highest controls (c,).
            aim: weighted distance to keep from each bound.
            weak: slope from which on a control moves a row; where none does, it has no bound.
        """
        found = np.empty((5, len(rows)))
        distance, least = ctypes.c_double(aim), ctypes.c_double(weak)
        self._aimed(
            *(len(rows), len(arrays[-1]), address(rows)),
            *(address(each) for each in arrays),
            *(addressof(distance), addressof(least), address(found)),
        )
        return found

    def planes(
        self, place: Places, directions: Complex, below: NDArray[np.bool_], arrays: tuple[Any, ...]
    ) -> tuple[Real, Real]:
        """Gradient (p, c) and room (p,) of planes.

        Args:
            place: (p,) of the planes' rows in the model.
            directions: (p,) in which they are bounded, of size 1.
            below: (p,) whether from below.
            arrays: phasors (w,), slopes (w, c) and point (c,) of the model, upper and lower bounds.
        """
        controls = len(arrays[2])
        gradient, room = np.empty((len(place), controls)), np.empty(len(place))
        self._planes(
            *(len(place), controls),
            *(address(each) for each in (place, directions, below, *arrays, gradient, room)),
        )
        return gradient, room

    def reached(
        self, controls: Real, model: tuple[Any, ...], bounds: tuple[Real, ...], excess: float
    ) -> tuple[Complex, Real]:
        """Phasors (w,) of a linear model, and how far they lie above and below bounds, (2, w).

        Args:
            controls: (c,).
            model: phasors (w,), slopes (w, c) and point (c,).
            bounds: upper, lower and weight (w,).
            excess: weighted, that does not count.
        """
        rows = len(bounds[0])
        found, beyond = np.empty(rows, dtype=np.complex128), np.empty((2, rows))
        allowed = ctypes.c_double(excess)
        self._reached(
            *(rows, len(controls)),
            *(address(each) for each in (*model, controls, *bounds)),
            *(addressof(allowed), address(found), address(beyond)),
        )
        return found, beyond


def kernels() -> Kernels | None:
    """The compiled functions, None where numpy has to do the work."""
    loaded = library()
    return None if loaded is None else _of(loaded)


@cache
def _of(loaded: ctypes.CDLL) -> Kernels:
    return Kernels(loaded)
