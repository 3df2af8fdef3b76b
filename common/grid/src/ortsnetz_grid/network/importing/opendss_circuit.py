"""OpenDSS reads and solves a file; what it holds becomes records.

Everything is read at once, so that nothing depends on OpenDSS's active element.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError, MissingExtraError
from ortsnetz_grid.network.importing.opendss_records import Bus, Circuit, CircuitElement

_EXTRA = "ortsnetz-grid[opendss]"
_ITERATIONS = 200
_PROPERTIES = {
    "Line": ("rmatrix", "xmatrix", "cmatrix", "length", "normamps"),
    "Transformer": (
        "windings",
        "conns",
        "kVs",
        "kVAs",
        "%Rs",
        "XHL",
        "XHT",
        "XLT",
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
    "Reactor": ("R", "X", "normamps"),
    "Vsource": ("basekv", "pu", "angle", "R1", "X1", "R0", "X0"),
    "RegControl": ("transformer", "winding"),
}
"""What is read of an element, as OpenDSS calls it."""


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
        # bounds alone: what converges within OpenDSS's own ones is what it was
        engine.Text.Command = f"set maxiterations={_ITERATIONS} maxcontroliter={_ITERATIONS}"
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
            open_phases=tuple(
                sum(bool(active.IsOpen(each + 1, phase + 1)) for phase in range(active.NumPhases))
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
