"""OpenDSS's lines and series reactors as additional elements of the network file."""

from __future__ import annotations

import math

import numpy as np

from ortsnetz_grid.network.importing.opendss_records import TERMINAL_NAMES, CircuitElement

Attributes = dict[str, object]


def line_attributes(line: CircuitElement, frequency_hz: float) -> Attributes:
    """A `matrix_line` without its nodes."""
    length = line.number("length")
    omega = 2 * math.pi * frequency_hz
    order = np.argsort(line.nodes[0])

    def total(name: str, scale: float) -> list[list[float]]:
        matrix = line.triangle(name)[np.ix_(order, order)] * length * scale
        return [[float(value) for value in row] for row in matrix]

    susceptance = total("cmatrix", omega * 1e-9)
    return {
        **_ends(line),
        "r": total("rmatrix", 1),
        "x": total("xmatrix", 1),
        "b": susceptance if np.any(susceptance) else None,
    }


def reactor_attributes(reactor: CircuitElement) -> Attributes:
    """A `matrix_line` without its nodes, of a reactor in series."""
    size = reactor.phases
    r, x = (np.diag([reactor.number(name)] * size).tolist() for name in ("R", "X"))
    return {**_ends(reactor), "r": r, "x": x}


def _ends(element: CircuitElement) -> Attributes:
    return {
        "from_status": int(not element.open_phases[0]),
        "to_status": int(not element.open_phases[1]),
        "phases": "".join(TERMINAL_NAMES[node] for node in sorted(element.nodes[0])),
        "i_n": element.number("normamps"),
    }
