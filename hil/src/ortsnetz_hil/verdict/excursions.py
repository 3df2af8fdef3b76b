"""Excursions: when a limited quantity is outside its limit, and for how long."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from ortsnetz_hil.verdict.truth import Row

LONGEST_STEP_S = 1.0
"""A row stands for the time until the next one, but not for longer: the rest is a gap."""

Flags = NDArray[np.bool_]
Vector = NDArray[np.float64]


class Limits(Struct, frozen=True):
    """The limits by which a run is judged: band of LV phase voltages, loading (1 is the rating)."""

    u_pu: tuple[float, float]
    loading: float


class ByQuantity(Struct, frozen=True):
    """One number for each limited quantity."""

    transformer: float
    line: float
    u_low: float
    u_high: float


@dataclass(frozen=True, slots=True)
class Excursion:
    """Consecutive steps outside a limit; wall seconds since the beginning of the window."""

    first_s: float
    end_s: float

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end_s - self.first_s


@dataclass(frozen=True, slots=True)
class Outside:
    """Which steps are outside, by quantity, each of shape (rows,)."""

    transformer: Flags
    line: Flags
    u_low: Flags
    u_high: Flags

    @property
    def any(self) -> Flags:
        """Steps at which anything is outside."""
        return self.transformer | self.line | self.u_low | self.u_high


def outside(rows: list[Row], limits: Limits) -> Outside:
    """Compare rows with limits; an area in which no node is alive is below its band."""
    return Outside(
        transformer=np.array([row.transformer_loading > limits.loading for row in rows], bool),
        line=np.array([row.line_loading > limits.loading for row in rows], bool),
        u_low=np.array([not row.u_min >= limits.u_pu[0] for row in rows], bool),
        u_high=np.array([row.u_max > limits.u_pu[1] for row in rows], bool),
    )


def durations(rows: list[Row]) -> Vector:
    """Wall seconds that each row stands for, shape (rows,); the last one as long as usual."""
    times = np.array([row.time_s for row in rows])
    if times.size < 2:
        return np.zeros(times.size)
    steps = np.diff(times)
    return np.asarray(np.minimum(np.append(steps, np.median(steps)), LONGEST_STEP_S))


def gaps_s(rows: list[Row]) -> float:
    """Wall seconds for which there is no truth."""
    steps = np.diff([row.time_s for row in rows])
    return float(np.maximum(steps - LONGEST_STEP_S, 0.0).sum())


def excursions(rows: list[Row], flags: Flags, lengths: Vector) -> list[Excursion]:
    """Runs of consecutive rows that are outside; a gap in the truth does not end one."""
    found: list[Excursion] = []
    first: float | None = None
    for row, flag, length in zip(rows, flags, lengths, strict=True):
        if flag:
            first = row.time_s if first is None else first
            end = row.time_s + float(length)
        elif first is not None:
            found.append(Excursion(first, end))
            first = None
    if first is not None:
        found.append(Excursion(first, end))
    return found


def seconds_by_quantity(flags: Outside, lengths: Vector) -> ByQuantity:
    """Wall seconds outside, by quantity."""
    return ByQuantity(
        transformer=_total(flags.transformer, lengths),
        line=_total(flags.line, lengths),
        u_low=_total(flags.u_low, lengths),
        u_high=_total(flags.u_high, lengths),
    )


def longest_by_quantity(rows: list[Row], flags: Outside, lengths: Vector) -> ByQuantity:
    """Longest excursion in wall seconds, by quantity."""
    return ByQuantity(
        transformer=longest(excursions(rows, flags.transformer, lengths)),
        line=longest(excursions(rows, flags.line, lengths)),
        u_low=longest(excursions(rows, flags.u_low, lengths)),
        u_high=longest(excursions(rows, flags.u_high, lengths)),
    )


def longest(found: list[Excursion]) -> float:
    """Length of the longest excursion, 0 without any."""
    return round(max((excursion.seconds for excursion in found), default=0.0), 3)


def _total(flags: Flags, lengths: Vector) -> float:
    return round(float(lengths[flags].sum()), 3)
