"""Admittances of lines and transformers in phases, from the parameters of a network file.

Phases are built from sequence quantities (P. M. Anderson, Analysis of Faulted Power Systems, ch. 2
and 6), in siemens.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

OMEGA = 2 * np.pi * 50
WYE_N, DELTA, ZIGZAG_N = 1, 2, 4
ZIGZAG_SHARE = 0.1
"""Zero- over positive-sequence impedance of a zigzag winding, as power-grid-model has it."""
_TURN = np.exp(2j * np.pi / 3)
PHASES = np.array([[1, 1, 1], [1, _TURN**2, _TURN], [1, _TURN, _TURN**2]])
"""Phase quantities from zero, positive and negative sequence."""

Complex = NDArray[np.complex128]


@dataclass(frozen=True)
class TwoPort:
    """A branch: rows of its nodes, and its admittance (6, 6) in siemens, from end first."""

    component: str
    row: int
    nodes: tuple[int, int]
    siemens: Complex


def lines(data: dict[str, Any], row: dict[int, int]) -> Iterator[TwoPort]:
    for place, line in enumerate(data["line"]):
        series = _in_phases(*(1 / (line[f"r{s}"] + 1j * line[f"x{s}"]) for s in "01"))
        shunt = _in_phases(*(OMEGA * line[f"c{s}"] * (line[f"tan{s}"] + 1j) for s in "01")) / 2
        block = np.block([[series + shunt, -series], [-series, series + shunt]])
        yield TwoPort(
            "line", place, (row[int(line["from_node"])], row[int(line["to_node"])]), block
        )


def _in_phases(zero: complex, positive: complex) -> Complex:
    return _sequences(zero, positive, positive)


def _sequences(zero: complex, positive: complex, negative: complex) -> Complex:
    diagonal = np.diag([zero, positive, negative])
    return np.asarray(PHASES @ diagonal @ np.linalg.inv(PHASES))


def transformers(data: dict[str, Any], row: dict[int, int]) -> Iterator[TwoPort]:
    for place, each in enumerate(data["transformer"]):
        u1, u2 = _tapped(each)
        impedance = each["uk"] * each["u2"] ** 2 / each["sn"]
        r = each["pk"] * each["u2"] ** 2 / each["sn"] ** 2
        series = 1 / (r + 1j * np.sqrt(impedance**2 - r**2))
        size, g = each["i0"] * each["sn"] / each["u2"] ** 2, each["p0"] / each["u2"] ** 2
        shunt = g - 1j * np.sqrt(max(size**2 - g**2, 0.0))
        ratio = u1 / u2 * np.exp(1j * np.pi / 6 * each["clock"])  # the from side leads
        zero = _zero_sequence(each, series, shunt)
        blocks = [
            [_sequences(zero[a][b], *(_positive(series, shunt, t)[a][b]
                                      for t in (ratio, np.conj(ratio)))) for b in (0, 1)]
            for a in (0, 1)
        ]  # fmt: skip
        yield TwoPort(
            "transformer",
            place,
            (row[int(each["from_node"])], row[int(each["to_node"])]),
            np.block(blocks),
        )


def _tapped(each: Any) -> tuple[float, float]:
    """Voltages of both windings at the tap's position."""
    nominal = each["tap_nom"] if each["tap_nom"] > -128 else 0
    sign = 1 if each["tap_max"] >= each["tap_min"] else -1
    change = sign * (int(each["tap_pos"]) - int(nominal)) * each["tap_size"]
    change = change if np.isfinite(change) else 0.0
    return (each["u1"] + change * (each["tap_side"] == 0),
            each["u2"] + change * (each["tap_side"] == 1))  # fmt: skip


def _positive(series: complex, shunt: complex, ratio: complex) -> list[list[complex]]:
    own = series + shunt / 2
    return [[own / abs(ratio) ** 2, -series / np.conj(ratio)], [-series / ratio, own]]


def _zero_sequence(each: Any, series: complex, shunt: complex) -> list[list[complex]]:
    """Of a transformer whose to side alone has a neutral."""
    nothing = [[0j, 0j], [0j, 0j]]
    start, end = int(each["winding_from"]), int(each["winding_to"])
    if start == DELTA and end == WYE_N:
        nothing[1][1] = series + shunt
    elif start not in (WYE_N, ZIGZAG_N) and end == ZIGZAG_N:
        nothing[1][1] = series / ZIGZAG_SHARE
    else:
        raise NotImplementedError(f"a transformer with windings {start} and {end}")
    return nothing
