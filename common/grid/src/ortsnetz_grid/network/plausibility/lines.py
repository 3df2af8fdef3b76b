"""Lines: impedances in sequence components."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.plausibility.levels import LEVELS
from ortsnetz_grid.network.plausibility.rule import (
    Mask,
    Real,
    Rule,
    column_from_file,
    outside,
    rated_volts,
    rows,
)
from ortsnetz_grid.network.problem import Problem, Severity

OMEGA = 2 * np.pi * 50.0

NEGATIVE = "negative-impedance"
SWAPPED = Rule("r-x-ratio", ("r1", "x1"), "see whether R and X, or their units, were confused")
NO_RESISTANCE = Rule("no-resistance", ("r1",), "give the conductor's resistance")
LIKE_A_LINK = Rule("zero-impedance", ("r1", "x1"), "make it a link, or give its true length")
ZERO_RESISTANCE = Rule(
    "zero-sequence", ("r0", "r1"), "see whether zero and positive sequence were confused"
)
ZERO_REACTANCE = Rule("zero-sequence", ("x0", "x1"), ZERO_RESISTANCE.advice)
SURGE = Rule("capacitance", ("c1", "x1"), "see whether c1 is in F, for the whole line")
LOSS_FACTOR = Rule("loss-factor", ("tan1",), "tan1 is the loss factor, not an angle or a per cent")
NO_LENGTH = Rule("zero-length", ("length_km",), "give the length, or make it a link")
PER_LENGTH = "impedance-per-length"

SMALLEST_IMPEDANCE = 1e-6
"""Ohm: two centimetres of 240 mm2. A line that short is a busbar; beside it, kilometres of
others make the equations stiff without making the result better."""
R0_BY_R1 = (0.99, 40.0)
"""The return path adds three times its resistance. 4 is usual for four equal cores; 500 mm2 copper
with a screen of 25 mm2 reaches 21 (Oeding, Oswald: Elektrische Kraftwerke und Netze, tables of
zero-sequence impedances)."""
X0_BY_X1 = (0.1, 25.0)
"""0.3 where the screen carries the return current, 1 to 4 four-core cables, 3 to 5 overhead lines,
20 single cores whose current returns through earth (same source)."""
SURGE_OHM = (5.0, 1500.0)
"""sqrt(L/C) does not depend on the length: 27 to 63 ohm of cables, 230 to 430 ohm of overhead
lines in pandapower's standard types; a factor of 3 to 5 for parallel systems and stated stubs."""
LARGEST_LOSS_FACTOR = 0.2
"""PVC cables have 0.1, all others a hundredth of it (IEC 60502-1, IEC 60287-1-1 table 3)."""
OHM_PER_KM = (0.002, 20.0)
"""2500 mm2 copper has 0.0072 ohm/km, and a few systems may be in parallel; 1.5 mm2 copper 12.1
ohm/km, warm 15 (IEC 60228)."""
REACTANCE_PER_KM = (0.004, 1.0)
"""One system has 0.05 to 0.5 ohm/km at 50 Hz, ten in parallel a tenth; 60 Hz adds a fifth."""


def impossible(network: Network) -> Iterator[Problem]:
    """A passive line has no negative resistance, reactance or capacitance."""
    array = rows(network, "line")
    if array is None:
        return
    for field in ("r1", "x1", "c1", "r0", "x0", "c0"):
        rule = Rule(NEGATIVE, (field,), "a line is passive: correct the sign", Severity.ERROR)
        reason = "{value} is negative; a line would be a source of power"
        yield from rule.where(network, "line", array[field] < 0, reason, value=array[field])


def implausible(network: Network) -> Iterator[Problem]:
    """Numbers that no line has."""
    array = rows(network, "line")
    if array is None:
        return
    volts = rated_volts(network, array["from_node"])
    positive = np.hypot(array["r1"], array["x1"])
    short = positive < SMALLEST_IMPEDANCE
    reason = "{value} ohm is no more than a joint"
    yield from LIKE_A_LINK.where(network, "line", short, reason, value=positive)
    yield from _ratio(network, volts, ~short)
    yield from _zero_sequence(network, ~short)
    yield from _shunt(network)
    yield from _per_length(network)


def _ratio(network: Network, volts: Real, judged: Mask) -> Iterator[Problem]:
    r, x = (network.data["line"][name] for name in ("r1", "x1"))
    none = judged & (r == 0) & (x > 0)
    reason = "is 0; every conductor has a resistance"
    yield from NO_RESISTANCE.where(network, "line", none, reason)
    lower = 0.0
    for level in LEVELS:
        here = judged & (volts > lower) & (volts <= level.highest) & (r > 0) & (x >= 0)
        lower = level.highest
        ratio = np.divide(r, x, out=np.full(len(r), np.inf), where=x != 0)
        lowest, highest = level.r_by_x
        yield from SWAPPED.where(
            network,
            "line",
            here & outside(ratio, lowest, highest),
            f"R/X is {{ratio}}; lines at {level.name} have {lowest:g} to {highest:g}",
            ratio=ratio,
        )


def _zero_sequence(network: Network, judged: Mask) -> Iterator[Problem]:
    array = network.data["line"]
    for rule, letter, (lowest, highest) in (
        (ZERO_RESISTANCE, "r", R0_BY_R1),
        (ZERO_REACTANCE, "x", X0_BY_X1),
    ):
        positive, zero = array[f"{letter}1"], array[f"{letter}0"]
        known = judged & (positive > 0) & (zero >= 0)
        ratio = np.divide(zero, positive, out=np.full(len(array), np.nan), where=known)
        name = letter.upper()
        what = f"{name}0 is {{ratio}} times {name}1; lines have {lowest:g} to {highest:g}"
        if letter == "r":
            what += ", because the return path adds its resistance"
        yield from rule.where(network, "line", outside(ratio, lowest, highest), what, ratio=ratio)


def _shunt(network: Network) -> Iterator[Problem]:
    array = network.data["line"]
    charged = (array["c1"] > 0) & (array["x1"] > 0)
    square = np.divide(
        array["x1"] / OMEGA, array["c1"], out=np.full(len(array), np.nan), where=charged
    )
    surge = np.sqrt(square)
    lowest, highest = SURGE_OHM
    yield from SURGE.where(
        network,
        "line",
        outside(surge, lowest, highest),
        f"sqrt(L/C) is {{surge}} ohm; cables have 20 to 70, overhead lines 200 to 450, and none "
        f"is outside {lowest:g} to {highest:g}",
        surge=surge,
    )
    yield from LOSS_FACTOR.where(
        network,
        "line",
        (array["c1"] > 0) & outside(array["tan1"], 0.0, LARGEST_LOSS_FACTOR),
        f"{{value}}; insulation has 0 to {LARGEST_LOSS_FACTOR:g}",
        value=array["tan1"],
    )


def _per_length(network: Network) -> Iterator[Problem]:
    """Where the file says `length_km`, which power-grid-model's format lacks."""
    array = network.data["line"]
    length = column_from_file(network, "line", "length_km")
    reason = "{value} km; a line has a length"
    yield from NO_LENGTH.where(network, "line", length <= 0, reason, value=length)
    for field, (lowest, highest) in (("r1", OHM_PER_KM), ("x1", REACTANCE_PER_KM)):
        known = (length > 0) & (array[field] > 0)
        each = np.divide(array[field], length, out=np.full(len(array), np.nan), where=known)
        rule = Rule(PER_LENGTH, (field, "length_km"), "see whether ohm and ohm/km were confused")
        reason = f"{{each}} ohm/km; conductors have {lowest:g} to {highest:g}"
        yield from rule.where(network, "line", outside(each, lowest, highest), reason, each=each)
