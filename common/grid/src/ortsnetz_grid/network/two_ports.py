"""Admittances of lines, links and transformers as three-phase two-ports, in per unit.

The models are those of power-grid-model, so that a state which that library found gives the same
flows here. Its component documentation describes them: a pi circuit per sequence, in per unit of
1 MVA (three phases) and the nodes' rated voltages. A two-port is a block (2, 2, 3, 3): current into
the branch at end i, phase p, for a voltage at end j, phase q.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from power_grid_model import BranchSide, WindingType

Complex = NDArray[np.complex128]
Real = NDArray[np.float64]

BASE_POWER_VA = 1e6
"""Of three phases; one phase's is a third of it."""
LINK_ADMITTANCE = 1e8 * (1 + 1j)
"""power-grid-model's admittance of a link, per unit."""
_NEGLIGIBLE = 1e-8  # below it the library takes a shunt admittance as absent
_WEAK_EARTHING = 1e-8  # the library's susceptance at windings without a path to earth

_TURN = np.exp(2j * np.pi / 3)
_TO_PHASES = np.array([[1, 1, 1], [1, _TURN**2, _TURN], [1, _TURN, _TURN**2]])
_TO_SEQUENCES = np.linalg.inv(_TO_PHASES)


def phases(zero: Complex, positive: Complex, negative: Complex) -> Complex:
    """Phase admittances (..., 3, 3) of sequence admittances (...)."""
    sequences = np.stack([zero, positive, negative], axis=-1)
    return np.asarray((_TO_PHASES * sequences[..., None, :]) @ _TO_SEQUENCES)


def pi_circuit(
    series: Complex, shunt: Complex, tap: Complex | Real, status: NDArray[np.bool_]
) -> Complex:
    """Two-port of one sequence.

    Args:
        series: (b,) series admittance, referred to the `to` end.
        shunt: (b,) total shunt admittance, half of it at each end, referred to the `to` end.
        tap: (b,) ratio, complex where the phase turns, `from` to `to`.
        status: (b, 2) whether the ends are connected.

    Returns:
        (b, 2, 2). With one end open the rest of the circuit hangs on the other as a shunt.
    """
    block = np.zeros((len(series), 2, 2), dtype=np.complex128)
    ratio = np.abs(tap) ** 2
    both = status.all(axis=1)
    own = series + shunt / 2
    block[both, 1, 1] = own[both]
    block[both, 0, 0] = (own / ratio)[both]
    block[both, 0, 1] = (-series / np.conj(tap))[both]
    block[both, 1, 0] = (-series / tap)[both]
    hangs = np.abs(shunt) >= _NEGLIGIBLE
    hanging = np.zeros_like(shunt)
    hanging[hangs] = shunt[hangs] / 2 + 1 / (1 / series[hangs] + 2 / shunt[hangs])
    from_only, to_only = status[:, 0] & ~status[:, 1], status[:, 1] & ~status[:, 0]
    block[from_only, 0, 0] = (hanging / ratio)[from_only]
    block[to_only, 1, 1] = hanging[to_only]
    return block


def lines(array: NDArray[Any], volts: Real, frequency: float) -> Complex:
    """Two-ports (b, 2, 2, 3, 3) of lines between nodes of the rated voltage `volts` (b,), V."""
    base = volts**2 / BASE_POWER_VA
    status = _status(array)
    omega, ratio = 2 * np.pi * frequency, np.ones(len(array), dtype=np.complex128)
    positive, zero = (
        pi_circuit(
            base / (array[f"r{n}"] + 1j * array[f"x{n}"]),
            base * omega * array[f"c{n}"] * (array[f"tan{n}"] + 1j),
            ratio,
            status,
        )
        for n in (1, 0)
    )
    return phases(zero, positive, positive)


def links(array: NDArray[Any]) -> Complex:
    """Two-ports (b, 2, 2, 3, 3) of links."""
    ratio = np.ones(len(array), dtype=np.complex128)
    sequence = pi_circuit(LINK_ADMITTANCE * ratio, 0 * ratio, ratio, _status(array))
    return phases(sequence, sequence, sequence)


def asymmetric_lines(array: NDArray[Any], volts: Real, frequency: float) -> Complex:
    """Two-ports (b, 2, 2, 3, 3) of lines given by phase matrices; the neutral is eliminated."""
    base = (volts**2 / BASE_POWER_VA)[:, None, None]
    impedance = _matrix(array, "r") + 1j * _matrix(array, "x")
    with_neutral = ~np.isnan(impedance[:, 3, 3])
    reduced = impedance[:, :3, :3].copy()
    column = impedance[with_neutral, :3, 3:]
    reduced[with_neutral] -= column @ column.swapaxes(1, 2) / impedance[with_neutral, 3:, 3:]
    series = base * np.linalg.inv(reduced)
    sequence_given = ~(np.isnan(array["c0"]) | np.isnan(array["c1"]))
    capacitance = _matrix(array, "c")[:, :3, :3]
    unit = np.eye(3)
    from_sequences = (
        array["c1"][:, None, None] * unit + ((array["c0"] - array["c1"]) / 3)[:, None, None]
    )
    capacitance = np.where(sequence_given[:, None, None], from_sequences, capacitance)
    shunt = base * 2j * np.pi * frequency * capacitance
    status = _status(array)
    block = np.zeros((len(array), 2, 2, 3, 3), dtype=np.complex128)
    both = status.all(axis=1)
    block[both, 0, 0] = block[both, 1, 1] = (series + shunt / 2)[both]
    block[both, 0, 1] = block[both, 1, 0] = -series[both]
    for side in (0, 1):
        alone = status[:, side] & ~status[:, 1 - side]
        alone &= (np.abs(shunt) >= _NEGLIGIBLE).all(axis=(1, 2))
        far = np.linalg.inv(np.linalg.inv(series[alone]) + 2 * np.linalg.inv(shunt[alone]))
        block[alone, side, side] = shunt[alone] / 2 + far
    return block


def _matrix(array: NDArray[Any], letter: str) -> Real:
    """Symmetric (b, 4, 4) of `r_aa`, `r_ba`, ...; NaN where the component has no such attribute."""
    matrix = np.full((len(array), 4, 4), np.nan)
    for i, first in enumerate("abcn"):
        for j, second in enumerate("abcn"[: i + 1]):
            name = f"{letter}_{first}{second}"
            if name in (array.dtype.names or ()):
                matrix[:, i, j] = matrix[:, j, i] = array[name]
    return matrix


def transformers(array: NDArray[Any], volts_from: Real, volts_to: Real) -> Complex:
    """Two-ports (b, 2, 2, 3, 3) of two-winding transformers.

    Args:
        array: power-grid-model's input.
        volts_from: (b,) rated voltages of the `from` nodes, V; `volts_to` likewise.
        volts_to: see `volts_from`.
    """
    series, shunt, shunt_zero, ratio = _circuit(array, volts_from, volts_to)
    status = _status(array)
    turn = np.exp(1j * np.pi / 6 * (array["clock"] % 12))
    positive = pi_circuit(series, shunt, ratio * turn, status)
    negative = pi_circuit(series, shunt, ratio * np.conj(turn), status)
    earthing = _earthing(array, ratio, volts_from, volts_to)
    zero = _zero_sequence(array, series, shunt_zero, ratio, earthing)
    return phases(zero, positive, negative)


def _circuit(
    array: NDArray[Any], volts_from: Real, volts_to: Real
) -> tuple[Complex, Complex, Complex, Real]:
    """Series, shunt and zero-sequence shunt admittance at the `to` end, and the ratio, all (b,)."""
    nominal = _number(array, "tap_nom", 0)
    position = _number(array, "tap_pos", nominal)
    lowest, highest = array["tap_min"].astype(float), array["tap_max"].astype(float)
    position = np.clip(position, np.minimum(lowest, highest), np.maximum(lowest, highest))
    change = np.where(highest > lowest, 1, -1) * (position - nominal) * array["tap_size"]
    at_from = array["tap_side"] == BranchSide.from_side
    u1, u2 = array["u1"] + np.where(at_from, change, 0), array["u2"] + np.where(at_from, 0, change)
    uk, pk = (_at_tap(array, name, position, nominal) for name in ("uk", "pk"))
    base = volts_to**2 / BASE_POWER_VA
    sn = array["sn"]
    resistance = pk * u2**2 / sn**2
    reactance = np.sqrt(np.maximum((uk * u2**2 / sn) ** 2 - resistance**2, 0))
    series = base / (resistance + 1j * reactance)
    i0, p0 = array["i0"], array["p0"]
    i0_zero = _number(array, "i0_zero_sequence", i0)
    p0_zero = _number(array, "p0_zero_sequence", p0 + array["pk"] * (i0_zero**2 - i0**2))
    shunt, shunt_zero = (
        base / u2**2 * (p - 1j * np.sqrt(np.maximum((i * sn) ** 2 - p**2, 0)))
        for i, p in ((i0, p0), (i0_zero, p0_zero))
    )
    return series, shunt, shunt_zero, (u1 / u2) * (volts_to / volts_from)


def _at_tap(array: NDArray[Any], name: str, position: Real, nominal: Real) -> Real:
    """Short-circuit voltage or loss, interpolated between the nominal and an end position."""
    middle = array[name].astype(float)
    value = middle.copy()
    for end in ("max", "min"):
        far = array[f"tap_{end}"].astype(float)
        there = _number(array, f"{name}_{end}", middle)
        low, high = np.minimum(nominal, far), np.maximum(nominal, far)
        between = (far != nominal) & (low <= position) & (position <= high)
        share = (position[between] - nominal[between]) / (far - nominal)[between]
        value[between] = middle[between] + share * (there - middle)[between]
    return value


def _earthing(
    array: NDArray[Any], ratio: Real, volts_from: Real, volts_to: Real
) -> tuple[Complex, Complex]:
    """Three times the impedance from neutral to earth at both ends, (b,), at the `to` end."""
    found = [
        3
        * (_number(array, f"r_grounding_{end}", 0) + 1j * _number(array, f"x_grounding_{end}", 0))
        * BASE_POWER_VA
        / volts**2
        for end, volts in (("from", volts_from), ("to", volts_to))
    ]
    return np.asarray(found[0] / ratio**2, dtype=np.complex128), np.asarray(found[1])


def _zero_sequence(
    array: NDArray[Any],
    series: Complex,
    shunt: Complex,
    ratio: Real,
    earthing: tuple[Complex, Complex],
) -> Complex:
    """Zero-sequence two-port (b, 2, 2): who is earthed, and what the other winding allows."""
    status = _status(array)
    windings = [array["winding_from"], array["winding_to"]]
    # a star-star unit that turns by 60, 180 or 300 degrees is connected in reverse
    reverse = np.isin(array["clock"] % 12, (2, 6, 10))
    through = pi_circuit(
        1 / (1 / series + earthing[0] + earthing[1]),
        shunt,
        ratio * np.where(reverse, -1, 1),
        status,
    )
    both_stars = (windings[0] == WindingType.wye_n) & (windings[1] == WindingType.wye_n)
    block = np.where(both_stars[:, None, None], through, 0)
    weak = -1j * _WEAK_EARTHING * array["sn"] / BASE_POWER_VA / array["uk"]
    for side in (0, 1):
        scale = 1 / ratio**2 if side == 0 else np.ones(len(array))
        own, other = windings[side], windings[1 - side]
        star = (own == WindingType.wye_n) & ~both_stars
        path = shunt + np.where(other == WindingType.delta, series, 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            to_earth = np.where(path != 0, 1 / (1 / path + earthing[side]), 0)
        # a zigzag winding's zero-sequence impedance is taken as a tenth of its short-circuit one
        zigzag = own == WindingType.zigzag_n
        to_earth = np.where(zigzag, 1 / (0.1 / series + earthing[side]), to_earth)
        # without a delta opposite, the library does not count the core's path as an earth
        floating = ~(zigzag | both_stars | (star & (other == WindingType.delta)))
        value = np.where(star | zigzag, scale * to_earth, 0) + np.where(floating, weak, 0)
        block[:, side, side] += np.where(status[:, side], value, 0)
    return block


def _status(array: NDArray[Any]) -> NDArray[np.bool_]:
    return np.stack([array["from_status"] == 1, array["to_status"] == 1], axis=1)


def _number(array: NDArray[Any], name: str, default: Any) -> Real:
    """An optional attribute (b,) as float, with its default where it is absent."""
    values = array[name]
    whole = values.dtype.kind == "i"
    absent = values == np.iinfo(values.dtype).min if whole else np.isnan(values)
    return np.where(absent, default, values.astype(float))
