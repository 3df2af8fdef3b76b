"""Windings of OpenDSS's transformers: ratings, and where they begin and end."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.importing.opendss_records import TERMINAL_NAMES, CircuitElement


def antifloat_susceptance(unit: CircuitElement) -> NDArray[np.float64]:
    """Susceptance to earth (w, 3) that OpenDSS adds at the phases of all windings, S.

    Half of `ppm_antifloat` of the unit's rating at each end of each winding, inductive (OpenDSS,
    Transformer.pas, AntiFloatAdder).
    """
    found = np.zeros((len(unit.buses), 3))
    for winding in range(len(unit.buses)):
        half = unit.number("ppm_antifloat") * 1e-6 * unit_va(unit) / 2
        for terminals in terminals_of(unit, winding):
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
    star = unit.phases == 3 and not is_delta(unit, winding)
    return volts / math.sqrt(3) if star else volts


def is_delta(unit: CircuitElement, winding: int) -> bool:
    """Whether a winding is connected in delta."""
    return unit.text["conns"].strip("[] ").split(",")[winding].strip().lower().startswith("d")


def terminals_of(unit: CircuitElement, winding: int) -> list[str]:
    """Where the winding's phases begin and end: `an`, `ab`.

    Raises:
        InputError: one begins and ends at the same node.
    """
    nodes = unit.nodes[winding]
    if unit.phases == 1:
        pairs = [(nodes[0], nodes[1])]
    elif is_delta(unit, winding):
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
    if is_delta(unit, 1 - winding):
        return 1
    volts = unit.numbers("kVs")
    is_higher = winding == (0 if volts[0] >= volts[1] else 1)
    lags = not unit.text["LeadLag"].strip().lower().startswith(("lead", "euro"))
    return -1 if is_higher == lags else 1
