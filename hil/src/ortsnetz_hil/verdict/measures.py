"""Numbers over time, cut out of the truth of a run."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ortsnetz_hil.verdict.excursions import (
    LONGEST_STEP_S,
    Excursion,
    Flags,
    Vector,
    durations,
    excursions,
)
from ortsnetz_hil.verdict.recording import CannotJudgeError, Recording
from ortsnetz_hil.verdict.truth import Row


def judged(recording: Recording, first_s: float = 0.0, last_s: float | None = None) -> list[Row]:
    """The truth between two instants, whole.

    Args:
        recording: the run.
        first_s: plant seconds.
        last_s: plant seconds; None for the end of the run.

    Raises:
        CannotJudgeError: a part of it is missing.
    """
    end_s = recording.seconds if last_s is None else last_s
    return whole(recording, recording.rows, first_s, end_s)


def whole(recording: Recording, rows: Sequence[Row], first_s: float, last_s: float) -> list[Row]:
    """Rows of a run or of its replay between two instants.

    Raises:
        CannotJudgeError: there are none, or they have a gap: longer than a second, and than two
            steps, since in real time a step of a second begins a little late.
    """
    found = [row for row in rows if first_s - 1e-9 <= row.time_s < last_s - 1e-9]
    if not found:
        raise CannotJudgeError(f"there is no truth between {first_s:g} s and {last_s:g} s")
    longest_s = max(LONGEST_STEP_S, 2.0 * recording.configuration.pace.step_s) + 1e-6
    times = [first_s, *(row.time_s for row in found), last_s]
    for before, after in pairwise(times):
        if after - before > longest_s:
            raise CannotJudgeError(f"the truth has a gap from {before:.1f} s to {after:.1f} s")
    return found


def column(rows: Sequence[Row], name: str) -> NDArray[np.float64]:
    """A field of all rows, shape (rows,) or (rows, elements).

    Raises:
        CannotJudgeError: the truth does not have it, or not everywhere.
    """
    values: list[Any] = [getattr(row, name, None) for row in rows]
    if any(value is None or np.size(value) == 0 for value in values):
        raise CannotJudgeError(f"the truth does not have '{name}'")
    return np.asarray(values, float)


def numbers(rows: Sequence[Row], name: str) -> NDArray[np.float64]:
    """A field of all rows that has to be a number everywhere; else CannotJudgeError."""
    found = column(rows, name)
    if not np.isfinite(found).all():
        at_s = rows[int(np.argmin(np.isfinite(found).reshape(len(rows), -1).all(axis=1)))].time_s
        raise CannotJudgeError(f"the truth has no number for '{name}' at {at_s:.1f} s")
    return found


def outside(rows: list[Row], flags: Flags) -> list[Excursion]:
    """Times outside a limit."""
    return excursions(rows, flags, durations(rows))


def longest(found: list[Excursion]) -> Excursion | None:
    """The longest of them, the first of equals."""
    return max(found, key=lambda one: (one.seconds, -one.first_s), default=None)


def by_device(recording: Recording, rows: Sequence[Row], name: str) -> dict[str, Vector]:
    """A field of the truth that has one number a device, by its name.

    Raises:
        CannotJudgeError: the truth does not have it for every device.
    """
    values = numbers(rows, name)
    devices = recording.device_names()
    if values.ndim != 2 or values.shape[1] != len(devices):
        raise CannotJudgeError(f"'{name}' does not belong to the {len(devices)} devices of the run")
    return {device: values[:, i] for i, device in enumerate(devices)}


def matching(names: Sequence[str], pattern: str, what: str) -> list[str]:
    """Names that a pattern with shell wildcards stands for.

    Raises:
        CannotJudgeError: none.
    """
    found = [name for name in names if fnmatchcase(name, pattern)]
    if not found:
        raise CannotJudgeError(f"there is no {what} '{pattern}' in this run")
    return found
