"""Voltage times current beside the power of a terminal: scales and swapped phases show. Pure.

|S| = U I holds for each terminal by definition of apparent power (IEEE 1459-2010, 3.1.1.5, for
sinusoidal quantities), whatever the load is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations

TOLERANCE = 0.05
SMALL_VA = 25.0
"""Below it, 0.1 A and 1 W of resolution decide: nothing can be told."""
_RATIOS = (
    (math.sqrt(3), "the square root of 3: is it the voltage between phases?"),
    (1 / math.sqrt(3), "the square root of 1/3: is it the voltage between phases?"),
    (3.0, "3: is a total taken for a terminal's value?"),
    (1 / 3, "1/3: is a total taken for a terminal's value?"),
    *((10.0**n, f"{10.0**n:g}: a scale is wrong") for n in (-3, -2, -1, 1, 2, 3)),
)


@dataclass(frozen=True, slots=True)
class Terminal:
    """Magnitudes at one terminal.

    Attributes:
        q: None where it is not measured.
    """

    u: float
    i: float
    p: float
    q: float | None

    @property
    def ui_va(self) -> float:
        """Voltage times current."""
        return self.u * abs(self.i)

    @property
    def s_va(self) -> float:
        """Apparent power from active and reactive power; at least that, without the latter."""
        return math.hypot(self.p, self.q or 0.0)


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Terminals whose power does not fit, and what may be the matter."""

    terminals: tuple[int, ...]
    sees: str
    advice: str


def mismatch(terminals: Mapping[int, Terminal]) -> Mismatch | None:
    """Where U I and |S| differ by more than 5 %; None if nowhere.

    Args:
        terminals: those whose voltage, current and power are known.
    """
    off = tuple(number for number, terminal in terminals.items() if not _fits(terminal))
    if not off:
        return None
    sees = ", ".join(
        f"terminal {n}: U*I {terminals[n].ui_va:.0f} VA, |S| {terminals[n].s_va:.0f} VA"
        for n in off
    )
    return Mismatch(off, sees, _cause(terminals, off))


def _fits(terminal: Terminal) -> bool:
    ui, s = terminal.ui_va, terminal.s_va
    room = TOLERANCE * max(ui, s) + SMALL_VA
    if terminal.q is None:
        return s <= ui + room
    return abs(ui - s) <= room


def _cause(terminals: Mapping[int, Terminal], off: tuple[int, ...]) -> str:
    """What explains all terminals at once: another order of currents, a common factor, or both."""
    numbers = tuple(terminals)
    orders = [order for order in permutations(numbers) if order != numbers]
    for order in orders:
        if _explains(terminals, order, 1.0):
            return _swapped(numbers, order)
    for ratio, words in _RATIOS:
        only_off = {n: terminals[n] for n in off}
        if _explains(only_off, off, ratio):
            return f"|S| is U*I times {words}"
    for ratio, words in _RATIOS:
        for order in orders:
            if _explains(terminals, order, ratio):
                return f"{_swapped(numbers, order)}; and |S| is U*I times {words}"
    return "check scales, current transformers, and whether all come from the same instant"


def _explains(terminals: Mapping[int, Terminal], order: tuple[int, ...], ratio: float) -> bool:
    """Whether everything fits with the currents in an order and the powers divided by a factor."""
    known = False
    for (_, terminal), other in zip(terminals.items(), order, strict=True):
        ui, s = terminal.u * abs(terminals[other].i), terminal.s_va
        if ratio != 1.0:
            if min(ui, s / ratio) <= SMALL_VA:
                continue  # too little to tell a factor
            if abs(s / ratio / ui - 1) > TOLERANCE:
                return False
        elif not _fits(Terminal(terminal.u, terminals[other].i, terminal.p, terminal.q)):
            return False
        known = True
    return known


def _swapped(numbers: tuple[int, ...], order: tuple[int, ...]) -> str:
    pairs = ", ".join(
        f"power {n} with current {other}"
        for n, other in zip(numbers, order, strict=True)
        if n != other
    )
    return f"the currents fit in another order: {pairs}; swap phases in wiring or profile"
