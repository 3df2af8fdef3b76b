"""The largest common level between planes (`limiting_levels.c`) with arrays in, arrays out."""

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

_POINTER, _LONG = ctypes.c_void_p, ctypes.c_int64


@cache
def _function(loaded: ctypes.CDLL) -> Any:
    prototype = ctypes.CFUNCTYPE(_LONG, *[_LONG] * 3, *[_POINTER] * 15)
    return prototype(("ortsnetz_limiting_level", loaded))


class Descent:
    """Down from a level at which `c` devices exceed `m` planes to the highest at which they do not.

    Attributes:
        height: of the level.
        price: (m,) of each plane at the last level that was too high; 0 before there was one.
        pressed: (c,) of each device there.
        steps: levels that were looked at.
    """

    def __init__(self, planes: int, devices: int) -> None:
        """From the level 1."""
        self.height, self.steps = 1.0, 0
        self.price, self.pressed = np.zeros(planes), np.zeros(devices)

    def run(self, most: int, fixed: tuple[Real, ...], excess_price: float, tolerance: float) -> int:
        """Come down as far as a single plane decides.

        Args:
            most: levels that are looked at.
            fixed: gradient (m, c), room (m,) and softness (m,) of the planes; weight, wish, lowest
                and highest of the devices, and whether they are free, as numbers, all (c,). Kept in
                C's order by the caller.
            excess_price: of the weighted excess.
            tolerance: excess that counts as none.

        Returns:
            1 where the level is found, 0 where there is none, -1 where it is left to another
            solver to go on at this height.
        """
        loaded = library()
        if loaded is None:
            return -1
        planes, devices = len(self.price), len(self.pressed)
        height, used = ctypes.c_double(self.height), _LONG(0)
        price_of, enough = ctypes.c_double(excess_price), ctypes.c_double(tolerance)
        scratch = np.empty(2 * devices)
        found = int(
            _function(loaded)(
                *(planes, devices, most),
                *(address(each) for each in fixed),
                *(addressof(price_of), addressof(enough)),
                *(address(each) for each in (scratch, self.price, self.pressed)),
                *(addressof(height), addressof(used)),
            )
        )
        self.height, self.steps = height.value, used.value
        return found
