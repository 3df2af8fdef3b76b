"""An OpenDSS circuit as records: read once, so that nothing depends on OpenDSS's active element."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError, MissingExtraError

_EXTRA = "ortsnetz-grid[opendss]"
_PROPERTIES = {
    "Line": ("rmatrix", "xmatrix", "cmatrix", "length", "normamps"),
    "Transformer": (
        "windings",
        "conns",
        "kVs",
        "kVAs",
        "%Rs",
        "XHL",
        "taps",
        "%noloadloss",
        "%imag",
        "ppm_antifloat",
        "LeadLag",
    ),
    "Load": (
        "kW",
        "kvar",
        "kV",
        "model",
        "conn",
        "status",
        "Vminpu",
        "Vmaxpu",
        "CVRwatts",
        "CVRvars",
        "ZIPV",
    ),
    "Capacitor": ("kvar", "kV", "conn", "states"),
    "Vsource": ("basekv", "pu", "angle", "R1", "X1", "R0", "X0"),
    "RegControl": ("transformer", "winding"),
}
"""What is read of an element, as OpenDSS calls it."""


@dataclass(frozen=True, slots=True)
class CircuitElement:
    """An enabled element.

    Attributes:
        kind: OpenDSS's class: `Line`.
        name: without its class.
        buses: bus of each terminal.
        nodes: node numbers of each terminal's conductors; 1 to 3 are phases a to c, 0 is earth.
        phases: number of phases.
        open_conductors: of each terminal, how many conductors are open.
        admittance: OpenDSS's primitive matrix, S, conductors in the order of `nodes`; empty for an
            element without.
        text: properties by name.
    """

    kind: str
    name: str
    buses: tuple[str, ...]
    nodes: tuple[tuple[int, ...], ...]
    phases: int
    open_conductors: tuple[int, ...]
    admittance: NDArray[np.complex128]
    text: Mapping[str, str]

    @property
    def words(self) -> str:
        """For errors: `Line.l115`."""
        return f"{self.kind}.{self.name}"

    def numbers(self, name: str) -> list[float]:
        """All numbers of a property."""
        return [
            float(each) for each in re.findall(r"[-+]?[\d.]+(?:[eE][-+]?\d+)?", self.text[name])
        ]

    def number(self, name: str) -> float:
        """The number of a property.

        Raises:
            InputError: the property is not a single number.
        """
        found = self.numbers(name)
        if len(found) != 1 or not math.isfinite(found[0]):
            raise InputError(f"{self.words}: {name} is {self.text[name]!r}, a number is needed")
        return found[0]

    def triangle(self, name: str) -> NDArray[np.float64]:
        """A symmetric matrix (phases, phases), given by its lower triangle.

        Raises:
            InputError: the property has another shape.
        """
        rows = self.text[name].strip("[]() ").split("|")
        matrix = np.zeros((self.phases, self.phases))
        for i, row in enumerate(rows):
            for j, value in enumerate(row.split()[: i + 1]):
                matrix[i, j] = matrix[j, i] = float(value)
        if len(rows) != self.phases:
            raise InputError(f"{self.words}: {name} has {len(rows)} rows, not {self.phases}")
        return matrix


@dataclass(frozen=True, slots=True)
class Bus:
    """A bus: rated line-to-line voltage (V), or None where the file sets none, and where it is."""

    name: str
    rated_v: float | None
    place: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Circuit:
    """A circuit with its solution.

    Attributes:
        buses: in OpenDSS's order.
        elements: the enabled ones, in OpenDSS's order.
        solved: whether OpenDSS's solution converged.
        voltages: V to earth at OpenDSS's solution, by bus and node number.
        load_multiplier: factor on the power of all loads that are not fixed.
        frequency_hz: what it was solved at.
    """

    buses: tuple[Bus, ...]
    elements: tuple[CircuitElement, ...]
    solved: bool
    voltages: Mapping[tuple[str, int], complex]
    load_multiplier: float
    frequency_hz: float

    def of_kind(self, kind: str) -> list[CircuitElement]:
        """Elements of one class."""
        return [each for each in self.elements if each.kind == kind]


def read_circuit(path: Path, taps: Mapping[str, float]) -> Circuit:
    """Compile a file, let OpenDSS solve it, and read what it then consists of.

    OpenDSS runs every command that the file holds: import only files whose author you trust.

    Args:
        path: the circuit's master file.
        taps: tap of the second winding by transformer; with any, no control moves anything.

    Raises:
        InputError: OpenDSS refuses the file.
        MissingExtraError: dss_python is not installed.
    """
    try:
        from dss import DSS, DSSException  # noqa: PLC0415 (an extra, not on a node)
    except ImportError as error:
        raise MissingExtraError("reading an OpenDSS file", _EXTRA) from error
    DSS.AllowChangeDir = False
    engine = DSS.NewContext()
    try:
        engine.Text.Command = f'compile "{path.resolve()}"'
        if taps:
            engine.Text.Command = "set controlmode=off"
        for name, tap in taps.items():
            engine.Text.Command = f"transformer.{name}.wdg=2 tap={tap!r}"
        engine.ActiveCircuit.Solution.Solve()
    except DSSException as error:
        raise InputError(f"{path}: OpenDSS: {' '.join(str(error).split())}") from error
    circuit = engine.ActiveCircuit
    names = [_bus_and_node(name) for name in circuit.AllNodeNames]
    return Circuit(
        buses=tuple(_buses(circuit)),
        elements=tuple(_elements(circuit)),
        solved=bool(circuit.Solution.Converged),
        voltages=dict(zip(names, _complex(circuit.AllBusVolts).tolist(), strict=True)),
        load_multiplier=float(circuit.Solution.LoadMult),
        frequency_hz=float(circuit.Solution.Frequency),
    )


def _bus_and_node(name: str) -> tuple[str, int]:
    bus, node = name.rsplit(".", 1)
    return bus.lower(), int(node)


def _buses(circuit: Any) -> Iterator[Bus]:
    for name in circuit.AllBusNames:
        circuit.SetActiveBus(name)
        bus = circuit.ActiveBus
        rated = float(bus.kVBase) * 1e3 * math.sqrt(3)
        place = (float(bus.x), float(bus.y)) if bus.Coorddefined else None
        yield Bus(name.lower(), rated or None, place)


def _elements(circuit: Any) -> Iterator[CircuitElement]:
    for full_name in circuit.AllElementNames:
        circuit.SetActiveElement(full_name)
        active = circuit.ActiveCktElement
        if not active.Enabled:
            continue
        kind, name = full_name.split(".", 1)
        conductors = int(active.NumConductors)
        nodes = [int(node) for node in active.NodeOrder]
        terminals = range(int(active.NumTerminals))
        admittance = _complex(active.Yprim) if kind in _PROPERTIES else np.zeros(0, complex)
        size = math.isqrt(len(admittance))
        yield CircuitElement(
            kind=kind,
            name=name,
            buses=tuple(bus.split(".")[0].lower() for bus in active.BusNames),
            nodes=tuple(
                tuple(nodes[conductors * each : conductors * (each + 1)]) for each in terminals
            ),
            phases=int(active.NumPhases),
            open_conductors=tuple(
                sum(bool(active.IsOpen(each + 1, phase)) for phase in range(1, conductors + 1))
                for each in terminals
            ),
            admittance=admittance.reshape(size, size),
            text={
                wanted: str(active.Properties(wanted).Val) for wanted in _PROPERTIES.get(kind, ())
            },
        )


def _complex(pairs: Any) -> NDArray[np.complex128]:
    """OpenDSS's arrays of alternating real and imaginary parts."""
    values = np.asarray(pairs)
    if np.iscomplexobj(values):
        return values.astype(np.complex128).ravel()
    if values.size < 2:  # it says "nothing" with a single zero
        return np.zeros(0, dtype=np.complex128)
    return np.asarray(values[::2] + 1j * values[1::2], dtype=np.complex128)
