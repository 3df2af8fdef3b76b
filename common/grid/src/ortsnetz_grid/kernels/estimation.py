"""The kernel of state estimation (`estimation.c`) with arrays in, arrays out."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
Index = NDArray[np.int32]

BLOCK = 12
"""Unknowns of a node: three voltage changes along and across, six multipliers of injections."""

SINGULAR, DIVERGED = 1, 2
"""Answers other than 0: the system has no solution; its steps do not become short."""

_POINTER, _INT = ctypes.c_void_p, ctypes.c_int32


class _Grid(ctypes.Structure):
    _fields_ = [
        ("nodes", _INT),
        ("links", _INT),
        *((name, _POINTER) for name in ("start", "row", "pair", "pair_start")),
        *((name, _POINTER) for name in ("own", "low", "up")),
    ]


class _Measured(ctypes.Structure):
    _fields_ = [
        *((name, _POINTER) for name in ("injection", "injection_variance", "reach")),
        *((name, _POINTER) for name in ("magnitude", "magnitude_weight")),
        *((name, _POINTER) for name in ("angle", "angle_weight")),
        ("flows", _INT),
        *((name, _POINTER) for name in ("kind", "at", "other", "link")),
        *((name, _POINTER) for name in ("flow_own", "flow_mutual", "flow", "flow_weight")),
    ]


_NAMES = tuple(str(field[0]) for field in _Measured._fields_)


class _Factors(ctypes.Structure):
    _fields_ = [(name, _POINTER) for name in ("factor", "inverse", "frame", "turn")]


class _Work(ctypes.Structure):
    _fields_ = [
        *((name, _POINTER) for name in ("own", "low", "right", "step")),
        *((name, _POINTER) for name in ("size", "turn", "current", "changing")),
        ("at", _Factors),
    ]


@dataclass(frozen=True, slots=True)
class BlockGrid:
    """A network of `m` nodes in the order of their elimination, with `l` pairs of neighbours.

    Attributes:
        start, row, pair, pair_start: see `functions.state_estimation.elimination.Elimination`.
        own: (m, 3, 3) current into the network at a node for its voltage, per unit.
        low: (l, 3, 3) current at the later node of a pair for the earlier one's voltage.
        up: (l, 3, 3) current at the earlier node for the later one's voltage.
    """

    start: Index
    row: Index
    pair: Index
    pair_start: Index
    own: Complex
    low: Complex
    up: Complex


@dataclass(frozen=True, slots=True)
class BlockMeasurements:
    """What is measured of `m` nodes and `f` branch ends and shunts, per unit.

    Attributes:
        injection: (m, 3) complex power into the network.
        injection_variance: (m, 2, 3) of its parts; 0 is exact, infinite is unknown.
        reach: (m,) standard deviation of a current that nobody knows.
        magnitude: (m, 3) voltage magnitudes.
        magnitude_weight: (m, 3) their inverse variances, 0 where not measured.
        angle: (m, 3) rad.
        angle_weight: (m, 3).
        kind: (f,) `places.Kind` of the flows.
        at: (f,) node where it is measured.
        other: (f,) node at the other end, -1 for shunts.
        link: (f,) their pair, -1 for shunts.
        flow_own: (f, 3, 3) current there for its own voltage.
        flow_mutual: (f, 3, 3) current there for the other end's voltage.
        flow: (f, 3) complex value.
        flow_weight: (f, 2, 3) inverse variances of real and imaginary part, 0 is not measured.
    """

    injection: Complex
    injection_variance: Real
    reach: Real
    magnitude: Real
    magnitude_weight: Real
    angle: Real
    angle_weight: Real
    kind: Index
    at: Index
    other: Index
    link: Index
    flow_own: Complex
    flow_mutual: Complex
    flow: Complex
    flow_weight: Real


@dataclass(frozen=True, slots=True)
class Report:
    """How a solution ended.

    Attributes:
        code: 0, `SINGULAR` or `DIVERGED`.
        steps: steps taken.
        factorisations: how often the system was factorised.
        longest: largest change of a voltage in the last step, per unit.
    """

    code: int
    steps: int
    factorisations: int
    longest: float


@dataclass(frozen=True, slots=True)
class Inverse:
    """Blocks of the inverse of the system at a state.

    Attributes:
        voltage: (m, 3) after one more step from that state.
        own: (m, 12, 12) of the nodes.
        low: (l, 12, 12) of the pairs: the later node's rows, the earlier node's columns.
    """

    voltage: Complex
    own: Real
    low: Real


class BlockSolver:
    """Memory for networks of one shape, for one computation at a time.

    Args:
        library: the compiled kernels.
        grid: the network.

    Attributes:
        turn: to be held from `solve` until all that belongs to its solution has been fetched.
    """

    def __init__(self, library: ctypes.CDLL, grid: BlockGrid) -> None:
        nodes, links = len(grid.own), len(grid.low)
        self._library, self._grid = library, grid
        self._inputs: _Inputs | None = None
        self.turn = Lock()
        self._at, self._flow = _factors(nodes, links), _factors(nodes, links)
        self._arrays: dict[str, NDArray[Any]] = {
            "own": np.zeros((nodes, BLOCK, BLOCK)),
            "low": np.zeros((links, BLOCK, BLOCK)),
            "right": np.zeros((nodes, BLOCK)),
            "step": np.zeros((nodes, BLOCK)),
            "size": np.zeros((nodes, 3)),
            "turn": np.zeros((nodes, 3), dtype=np.complex128),
            "current": np.zeros((nodes, 3), dtype=np.complex128),
            "changing": np.zeros((nodes, 3, 6)),
        }
        names = ("start", "row", "pair", "pair_start", "own", "low", "up")
        self._c_grid = _Grid(nodes, links, *(_address(getattr(grid, name)) for name in names))
        self._c_flow = _Factors(*(_address(array) for array in self._flow.values()))
        at = _Factors(*(_address(array) for array in self._at.values()))
        self._c_work = _Work(*(_address(array) for array in self._arrays.values()), at)

    def _measured(self, measured: BlockMeasurements) -> _Measured:
        if self._inputs is None or self._inputs.flows != len(measured.kind):
            self._inputs = _Inputs.like(measured)
        return self._inputs.filled(measured)

    def prepare(self, measured: BlockMeasurements, voltage: Complex) -> bool:
        """Factorise the power flow that `solve` starts with, at voltages (m, 3).

        Args:
            measured: injections as exactly known, voltages at the sources firmly.
            voltage: without load.

        Returns:
            Whether that can be done.
        """
        at = np.ascontiguousarray(voltage)
        code = self._library.ortsnetz_prepare_estimation(
            ctypes.byref(self._c_grid),
            ctypes.byref(self._measured(measured)),
            ctypes.byref(self._c_work),
            ctypes.c_void_p(_address(at)),
        )
        for name, array in self._at.items():
            # without factors the step of the power flow is no step
            self._flow[name][...] = 0 if code else array
        return bool(code == 0)

    def solve(
        self, measured: BlockMeasurements, start: Complex, most_steps: int, tolerance: float
    ) -> tuple[Complex, Report]:
        """Most probable voltages (m, 3) from a start (m, 3)."""
        measures = self._measured(measured)
        voltage, report = self._stepped(measures, start, most_steps, tolerance, follow=True)
        if report.code == DIVERGED:
            # a voltmeter that says ten times the voltage: steps that look less far do converge
            voltage, report = self._stepped(measures, start, most_steps, tolerance, follow=False)
        return voltage, report

    def _stepped(
        self,
        measures: _Measured,
        start: Complex,
        most_steps: int,
        tolerance: float,
        *,
        follow: bool,
    ) -> tuple[Complex, Report]:
        voltage = np.array(start, dtype=np.complex128, order="C")
        report = np.zeros(3)
        code = self._library.ortsnetz_estimate(
            ctypes.byref(self._c_grid),
            ctypes.byref(measures),
            ctypes.byref(self._c_flow),
            ctypes.byref(self._c_work),
            ctypes.c_void_p(_address(voltage)),
            ctypes.c_int32(most_steps),
            ctypes.c_double(tolerance),
            ctypes.c_int32(follow),
            ctypes.c_void_p(_address(report)),
        )
        return voltage, Report(int(code), int(report[0]), int(report[1]), float(report[2]))

    def row_turns(self) -> Complex:
        """Directions (m, 3) by which the rows of the injections are turned against the voltages."""
        return np.asarray(self._at["frame"] * np.conj(self._at["turn"]))

    def inverse(self, measured: BlockMeasurements, voltage: Complex) -> Inverse | None:
        """The inverse of the system at voltages (m, 3); None where it is singular."""
        own = np.empty_like(self._arrays["own"])
        low = np.empty_like(self._arrays["low"])
        moved = np.array(voltage, dtype=np.complex128, order="C")
        code = self._library.ortsnetz_selected_inverse(
            ctypes.byref(self._c_grid),
            ctypes.byref(self._measured(measured)),
            ctypes.byref(self._c_work),
            ctypes.c_void_p(_address(moved)),
            ctypes.c_void_p(_address(own)),
            ctypes.c_void_p(_address(low)),
        )
        if code:
            return None
        # rounding leaves the diagonal blocks skew, which admittances of short lines enlarge
        return Inverse(moved, (own + own.swapaxes(1, 2)) / 2, low)


def _factors(nodes: int, links: int) -> dict[str, NDArray[Any]]:
    return {
        "factor": np.zeros((links, BLOCK, BLOCK)),
        "inverse": np.zeros((nodes, BLOCK, BLOCK)),
        "frame": np.zeros((nodes, 3), dtype=np.complex128),
        "turn": np.zeros((nodes, 3), dtype=np.complex128),
    }


@dataclass(frozen=True, slots=True)
class _Inputs:
    """Memory for what is measured at `flows` flows; its addresses are looked up once."""

    flows: int
    arrays: dict[str, NDArray[Any]]
    structure: _Measured

    @classmethod
    def like(cls, measured: BlockMeasurements) -> _Inputs:
        arrays = {
            name: np.empty(getattr(measured, name).shape, dtype=getattr(measured, name).dtype)
            for name in _NAMES
            if name != "flows"
        }
        flows = len(measured.kind)
        addresses = (flows if name == "flows" else _address(arrays[name]) for name in _NAMES)
        return cls(flows, arrays, _Measured(*addresses))

    def filled(self, measured: BlockMeasurements) -> _Measured:
        """The C structure with these values."""
        for name, array in self.arrays.items():
            array[...] = getattr(measured, name)
        return self.structure


def _address(array: NDArray[Any]) -> int:
    """Address of an array that C may read; it must be in C's order."""
    if not array.flags.c_contiguous:
        raise ValueError("an array for the kernel is not in C's order")
    return int(array.ctypes.data)
