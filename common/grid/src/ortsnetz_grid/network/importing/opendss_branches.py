"""OpenDSS's lines and transformers as additional elements of the network file."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.importing.opendss_records import CircuitElement

Attributes = dict[str, object]
TERMINAL_NAMES = "nabc"
"""OpenDSS's node numbers: 0 is earth."""


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
        "from_status": int(not line.open_conductors[0]),
        "to_status": int(not line.open_conductors[1]),
        "phases": "".join(TERMINAL_NAMES[node] for node in sorted(line.nodes[0])),
        "r": total("rmatrix", 1),
        "x": total("xmatrix", 1),
        "b": susceptance if np.any(susceptance) else None,
        "i_n": line.number("normamps"),
    }


def winding_attributes(unit: CircuitElement) -> Iterator[tuple[str, Attributes]]:
    """The single-phase units of a transformer: the end of their names, and what they are.

    Raises:
        InputError: a winding begins and ends at the same node.
    """
    taps = unit.numbers("taps")
    resistances = unit.numbers("%Rs")
    rated = [rated_volts(unit, winding) for winding in (0, 1)]
    shared = {
        "from_status": int(not unit.open_conductors[0]),
        "to_status": int(not unit.open_conductors[1]),
        "u1": rated[0],
        "u2": rated[1],
        "sn": unit_va(unit),
        "r_pu": sum(resistances) / 100,
        "x_pu": unit.number("XHL") / 100,
        "g_pu": unit.number("%noloadloss") / 100 or None,
        "b_pu": -unit.number("%imag") / 100 or None,
        "tap_ratio_from": taps[0] if taps[0] != 1 else None,
        "tap_ratio_to": taps[1] if taps[1] != 1 else None,
    }
    pairs = [_terminals(unit, winding) for winding in (0, 1)]
    for place, (first, second) in enumerate(zip(*pairs, strict=True)):
        suffix = f" {'abc'[place]}" if unit.phases == 3 else ""
        yield suffix, {"from_terminals": first, "to_terminals": second, **shared}


def antifloat_susceptance(unit: CircuitElement) -> NDArray[np.float64]:
    """Susceptance to earth (2, 3) that OpenDSS adds at both windings' phases, S.

    Half of `ppm_antifloat` of the unit's rating at each end of each winding, inductive (OpenDSS,
    Transformer.pas, AntiFloatAdder).
    """
    found = np.zeros((2, 3))
    for winding in (0, 1):
        half = unit.number("ppm_antifloat") * 1e-6 * unit_va(unit) / 2
        for terminals in _terminals(unit, winding):
            for name in terminals:
                if name != "n":
                    found[winding, "abc".index(name)] -= half / rated_volts(unit, winding) ** 2
    return found


def unit_va(unit: CircuitElement) -> float:
    """Rated power of one phase, VA."""
    return unit.numbers("kVAs")[0] * 1e3 / unit.phases


def rated_volts(unit: CircuitElement, winding: int) -> float:
    """Rated voltage across a winding, V."""
    volts = unit.numbers("kVs")[winding] * 1e3
    star = unit.phases == 3 and not _is_delta(unit, winding)
    return volts / math.sqrt(3) if star else volts


def _is_delta(unit: CircuitElement, winding: int) -> bool:
    return unit.text["conns"].strip("[] ").split(",")[winding].strip().lower().startswith("d")


def _terminals(unit: CircuitElement, winding: int) -> list[str]:
    """Where the winding's phases begin and end: `an`, `ab`."""
    nodes = unit.nodes[winding]
    if unit.phases == 1:
        pairs = [(nodes[0], nodes[1])]
    elif _is_delta(unit, winding):
        step = _delta_step(unit, winding)
        pairs = [(nodes[i], nodes[(i + step) % 3]) for i in range(3)]
    else:
        pairs = [(nodes[i], nodes[3]) for i in range(3)]
    if any(first == second for first, second in pairs):
        raise InputError(f"{unit.words}: a winding begins and ends at the same node")
    return ["".join(TERMINAL_NAMES[node] for node in pair) for pair in pairs]


def _delta_step(unit: CircuitElement, winding: int) -> int:
    """Whether phase i of a delta ends at the next phase (1) or the one before (-1).

    Opposite a star, OpenDSS lets the lower voltage lag the higher one by 30 degrees, or lead it
    (its property LeadLag); with equal voltages the first winding counts as the higher one.
    """
    if _is_delta(unit, 1 - winding):
        return 1
    volts = unit.numbers("kVs")
    is_higher = winding == (0 if volts[0] >= volts[1] else 1)
    lags = not unit.text["LeadLag"].strip().lower().startswith(("lead", "euro"))
    return -1 if is_higher == lags else 1
