"""The kernel of power flow (`power_flow.c`) with arrays in, arrays out."""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from ctypes import addressof
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.kernels.addresses import address

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
Index = NDArray[np.int32]

LANES = 8
"""Scenarios that the kernel computes at once."""

_CACHE_LINE = 64
_SPARE = 2
"""Pieces of memory that are kept for the next call."""

_POINTER, _INT, _LONG = ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64


class _Grid(ctypes.Structure):
    _fields_ = [
        *((name, _INT) for name in ("nodes", "passive", "islands")),
        *((name, _POINTER) for name in ("start", "row", "node", "island")),
        *((name, _POINTER) for name in ("inverse", "lower", "upper")),
    ]


class _Cases(ctypes.Structure):
    _fields_ = [
        *((name, _LONG) for name in ("scenarios", "all_nodes", "loaded")),
        ("load", _POINTER),
        ("injection", _POINTER * 6),
        ("injection_stride", _LONG * 6),
        ("unit", ctypes.c_double),
        ("idle", _POINTER),
        ("idle_stride", _LONG),
    ]


class _Flows(ctypes.Structure):
    _fields_ = [(name, _POINTER) for name in ("voltage", "change", "mismatch", "iterations")]


@dataclass(frozen=True, slots=True)
class Blocks:
    """A matrix of `m` 3x3 complex blocks in the order of elimination, `e` entries beside them.

    Attributes:
        passive: how many of the first never carry an injection.
        start: (m + 1,) first entry of each node.
        later: (e,) the later node of each entry.
        node: (m,) row of each node in the caller's arrays.
        island: (m,) number of its connected part.
        own: (m, 3, 3) blocks (k, k).
        lower: (e, 3, 3) blocks (later, k), 0 where elimination makes them.
        upper: (e, 3, 3) blocks (k, later).
    """

    passive: int
    start: Index
    later: Index
    node: Index
    island: Index
    own: Complex
    lower: Complex
    upper: Complex


@dataclass(frozen=True, slots=True)
class Settled:
    """Where the fixed point ended, `b` scenarios and `i` islands, per unit.

    Attributes:
        voltage: (b, n, 3); rows that are no node of the matrix are not set.
        change: (b, i) largest change of a voltage in the last step, NaN or large if it failed.
        mismatch: (b, i) largest difference of a phase's power from what was asked.
        iterations: (b,).
    """

    voltage: Complex
    change: Real
    mismatch: Real
    iterations: Index


class SingularError(ArithmeticError):
    """The matrix has no inverse.

    Attributes:
        node: row in the caller's arrays where that shows.
    """

    def __init__(self, node: int) -> None:
        super().__init__(f"singular at row {node}")
        self.node = node


class Factors:
    """A factorised matrix; solutions may be asked for by several threads at once.

    Attributes:
        island_count: how many connected parts it has.
        grid: address of its structure, for other kernels.
    """

    def __init__(self, library: ctypes.CDLL, blocks: Blocks) -> None:
        """Factorise.

        Raises:
            SingularError: the matrix has no inverse.
            ValueError: its structure is incomplete.
        """
        self._library = library
        self.island_count = int(blocks.island.max(initial=-1)) + 1
        self._blocks = blocks
        self._known: tuple[bytes, Index] | None = None
        self._spare: deque[NDArray[np.uint8]] = deque(maxlen=_SPARE)
        self._matrices = [_parts(each) for each in (blocks.own, blocks.lower, blocks.upper)]
        self._grid = _Grid(
            len(blocks.own),
            blocks.passive,
            self.island_count,
            *(address(each) for each in (blocks.start, blocks.later, blocks.node, blocks.island)),
            *(address(each) for each in self._matrices),
        )
        self.grid = addressof(self._grid)
        self._scratch, self._run = _functions(library)
        failed = int(library.ortsnetz_power_flow_factorise(ctypes.byref(self._grid)))
        if failed < 0:
            raise ValueError("the structure of the matrix lacks an entry that elimination makes")
        if failed:
            raise SingularError(int(blocks.node[failed - 1]))

    def solve(self, right: Complex) -> Complex:
        """Voltages (b, n, 3) for currents (b, n, 3) into the nodes."""
        found = np.array(right, dtype=np.complex128, order="C")
        for each in found:
            self._library.ortsnetz_power_flow_solve(ctypes.byref(self._grid), _pointer(each))
        return found

    def iterate(
        self,
        idle: Complex,
        loaded: NDArray[np.intp],
        injections: Sequence[Complex | None],
        *,
        unit: float,
        scenarios: int,
        tolerance: float,
        most: int,
        threads: int,
    ) -> Settled:
        """Find voltages at which the injections hold.

        Args:
            idle: (b or 1, n, 3) voltages without them.
            loaded: (k,) rows with injections; none is passive.
            injections: (b or 1, k, 3) drawn power of six kinds: power, current and impedance to
                neutral, then between phases; None for a kind that does not occur.
            unit: per unit of what the injections count in.
            scenarios: b.
            tolerance: on the change of a voltage in a step.
            most: steps.
            threads: that share the scenarios.
        """
        count = idle.shape[1]
        load, idle = self.load(loaded, count), _complex(idle)
        kept = [each if each is None else _complex(each) for each in injections]
        cases = _Cases(
            scenarios,
            count,
            len(loaded),
            address(load),
            (_POINTER * 6)(*(None if each is None else address(each) for each in kept)),
            (_LONG * 6)(*(0 if each is None else _stride(each) for each in kept)),
            unit,
            address(idle),
            _stride(idle),
        )
        found = Settled(
            np.zeros((scenarios, count, 3), dtype=np.complex128),
            np.zeros((scenarios, self.island_count)),
            np.zeros((scenarios, self.island_count)),
            np.zeros(scenarios, dtype=np.int32),
        )
        arrays = found.voltage, found.change, found.mismatch, found.iterations
        flows = _Flows(*(address(each) for each in arrays))

        places = self.grid, addressof(cases), addressof(flows)

        def run(part: tuple[int, int]) -> None:
            scratch = self._memory(int(self._scratch(*places[:2])))
            self._run(*places, *part, most, tolerance, address(scratch))
            self._spare.append(scratch)

        parts = _shares(scenarios, threads)
        if len(parts) == 1:
            run(parts[0])
        elif parts:
            with ThreadPoolExecutor(len(parts)) as pool:
                list(pool.map(run, parts))
        return found

    def load(self, loaded: NDArray[np.intp], count: int) -> Index:
        """Place of each node's injection in the order of elimination, or -1.

        Of the last rows it is remembered.

        Args:
            loaded: (k,) rows with injections, of `count`.
            count: n.
        """
        known, key = self._known, loaded.tobytes()
        if known is None or known[0] != key:
            place = np.full(count, -1, dtype=np.int32)
            place[loaded] = np.arange(len(loaded))
            known = self._known = key, place[self._blocks.node]
        return known[1]

    def _memory(self, size: int) -> NDArray[np.uint8]:
        """Memory for one thread: what an earlier one left, if there is enough of it."""
        try:
            spare = self._spare.pop()
        except IndexError:
            return aligned(size)
        return spare if len(spare) >= size else aligned(size)


@cache
def _functions(library: ctypes.CDLL) -> tuple[Any, Any]:
    """What says how much memory is needed, and what iterates.

    With prototypes of their own: the attributes of the library belong to all that use it.
    """
    size = ctypes.CFUNCTYPE(_LONG, *[_POINTER] * 2)
    run = ctypes.CFUNCTYPE(None, *[_POINTER] * 3, _LONG, _LONG, _INT, ctypes.c_double, _POINTER)
    return (
        size(("ortsnetz_power_flow_scratch", library)),
        run(("ortsnetz_power_flow", library)),
    )


def _shares(scenarios: int, threads: int) -> list[tuple[int, int]]:
    """First scenario and number for each thread; whole groups of lanes, but for the last."""
    if 0 < scenarios <= LANES:
        return [(0, scenarios)]
    groups = -(-scenarios // LANES)
    each = LANES * -(-groups // max(threads, 1))
    return [(first, min(each, scenarios - first)) for first in range(0, scenarios, each or 1)]


def aligned(size: int) -> NDArray[np.uint8]:
    """So many bytes of memory on the border of a cache line."""
    memory = np.empty(int(size) + _CACHE_LINE, dtype=np.uint8)
    begin = -memory.ctypes.data % _CACHE_LINE
    return memory[begin : begin + int(size)]


def _parts(blocks: Complex) -> Real:
    """Blocks (m, 3, 3) as the kernel has them: nine real parts, then nine imaginary ones."""
    return np.stack([blocks.real, blocks.imag], axis=1).reshape(-1, 18)


def _complex(array: Complex) -> Complex:
    """The array as the kernel reads it, a copy only where it has to be."""
    return np.ascontiguousarray(array, dtype=np.complex128)


def _stride(array: Complex) -> int:
    """Doubles from one scenario to the next; 0 if there is one for all."""
    return 0 if len(array) == 1 else int(array.strides[0] // 8)


def _pointer(array: NDArray[Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(address(array))
