"""The limits of EN 50160:2010 for low voltage, and how a week is judged by them.

What is missing is never fine: a criterion is met only if it were met with every missing interval
beyond the limit, and is not met only if it were not with every missing interval within. Between the
two it is undecided. Intervals that the standard leaves out (interruptions; for the other criteria
all flagged ones, IEC 61000-4-30, 4.7) are counted and taken out of the whole.

A distortion from fewer orders than the standard asks for may be not met (more orders only add to
it), and else is met as far as it was measured: what the other orders had is not known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from ortsnetz_grid.functions.power_quality.samples import Flags, Real

EDITION = "EN 50160:2010"
NOT_JUDGED = (
    "rapid voltage changes (4.2.3.1)",
    "mains signalling voltages (4.2.7)",
    "transient overvoltages (4.3.4)",
)
"""What the standard has and nothing here measures; the report says so."""
THD_ORDERS = 40
"""The highest order in the THD (4.2.5)."""
HARMONIC_LIMITS = {
    # EN 50160:2010, table 1: orders up to 25, shares of the fundamental, 95 % of 10-minute values
    2: 0.02, 3: 0.05, 4: 0.01, 5: 0.06, 6: 0.005, 7: 0.05, 8: 0.005, 9: 0.015, 10: 0.005,
    11: 0.035, 12: 0.005, 13: 0.03, 14: 0.005, 15: 0.005, 16: 0.005, 17: 0.02, 18: 0.005,
    19: 0.015, 20: 0.005, 21: 0.005, 22: 0.005, 23: 0.015, 24: 0.005, 25: 0.015,
}  # fmt: skip
THD_LIMIT = 0.08
UNBALANCE_LIMIT = 0.02
LONG_TERM_FLICKER_LIMIT = 1.0
DIP_ROWS_PU = (0.90, 0.80, 0.70, 0.40, 0.05, 0.0)
DIP_COLUMNS_S = (0.2, 0.5, 1.0, 5.0, 60.0)
SWELL_ROWS_PU = (1.20, 1.10)
SWELL_COLUMNS_S = (0.5, 5.0, 60.0)
LONG_INTERRUPTION_S = 180.0
"""An interruption is long beyond three minutes (3.22)."""


class Judgement(StrEnum):
    """How a criterion stands."""

    MET = "met"
    MET_AS_MEASURED = "met as far as measured"
    NOT_MET = "not met"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Criterion:
    """One requirement of the standard and how it stands.

    Attributes:
        name: `voltage a within -10 % and +10 %`.
        clause: of EN 50160.
        unit: of `value`, `lowest` and `highest`.
        share: of the intervals that has to be within.
        expected: intervals in the period.
        within, beyond, missing, left_out: they are made of these.
        lowest, highest: of the measured values; None if there are none.
        value: the value that `share` of the measured ones does not exceed; with two limits None.
        judgement: see the module.
    """

    name: str
    clause: str
    unit: str
    share: float
    expected: int
    within: int
    beyond: int
    missing: int
    left_out: int
    lowest: float | None
    highest: float | None
    value: float | None
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Limits:
    """What a criterion allows: a lower limit, or an upper, or both."""

    name: str
    clause: str
    unit: str
    share: float
    lower: float | None = None
    upper: float | None = None


def criterion(limits: Limits, values: Real, left_out: Flags, expected: int) -> Criterion:
    """Judge one criterion.

    Args:
        limits: what it allows.
        values: one per interval that came; NaN where it has no value.
        left_out: per value, whether the standard leaves it out.
        expected: intervals of the whole period, those that never came included.
    """
    out = int(left_out.sum())
    known = values[~left_out & ~np.isnan(values)]
    good = np.ones(len(known), dtype=np.bool_)
    if limits.lower is not None:
        good &= known >= limits.lower
    if limits.upper is not None:
        good &= known <= limits.upper
    within, beyond = int(good.sum()), int((~good).sum())
    missing = max(expected - out - within - beyond, 0)
    one_sided = limits.lower is None and len(known) > 0
    return Criterion(
        limits.name,
        limits.clause,
        limits.unit,
        limits.share,
        expected,
        within,
        beyond,
        missing,
        out,
        float(known.min()) if len(known) else None,
        float(known.max()) if len(known) else None,
        float(np.quantile(known, limits.share, method="higher")) if one_sided else None,
        judged(within, beyond, missing, limits.share),
    )


def as_far_as_measured(found: Criterion) -> Criterion:
    """The same of a quantity that was measured in part and could only be larger."""
    if found.judgement is Judgement.MET:
        return replace(found, judgement=Judgement.MET_AS_MEASURED)
    return found


def judged(within: int, beyond: int, missing: int, share: float) -> Judgement:
    """Met or not whatever the missing ones were, or undecided."""
    whole = within + beyond + missing
    if whole == 0:
        return Judgement.UNDECIDED
    if within >= share * whole - 1e-9:
        return Judgement.MET
    if within + missing < share * whole - 1e-9:
        return Judgement.NOT_MET
    return Judgement.UNDECIDED
