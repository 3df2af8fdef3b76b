"""Profiles from a CSV file: `time,<name>,...`, values relative to the power of the element.

Times are RFC 3339 instants with their offset from UTC, or seconds since the beginning of the
window; one distance from row to row. Nothing is filled in: what is missing is an error.
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.time import NS_PER_S
from ortsnetz_hil.plant.profiles import Grid, Profile

PREFIX = "csv:"
"""Names of profiles from a file begin with it, so that none is taken for one of SimBench."""
EVERYBODY = "all"
"""Column for the elements that have none of their own."""
TIME = "time"
CLOCK_TOLERANCE_S = 1e-6


@dataclass(frozen=True, slots=True)
class CsvProfiles:
    """Profiles of a file, cut to the window.

    Attributes:
        profiles: by name, with the prefix; reactive power follows active power, so that elements
            keep their power factor; the yearly peak is 1: values are shares of the rating.
    """

    path: Path
    profiles: dict[str, Profile]

    def choose(self, wanted: Sequence[str], element: str) -> str:
        """Profile of an element: the first column of those wanted, or the one for all.

        Raises:
            InputError: there is none; names file, element and the columns that would do.
        """
        for column in (*wanted, EVERYBODY):
            if PREFIX + column in self.profiles:
                return PREFIX + column
        names = ", ".join(f"'{column}'" for column in (*wanted, EVERYBODY))
        raise InputError(f"{self.path}: no column for {element}: it needs one of {names}")


def read(path: Path, begin_ns: int, length_s: float) -> CsvProfiles:
    """Read a file strictly.

    Args:
        path: the file.
        begin_ns: beginning of the window, calendar instant (UTC, ns).
        length_s: its length in calendar seconds.

    Raises:
        InputError: names the file, the line and the reason.
    """
    rows = _rows(path)
    names = _header(path, rows)
    times, values = _body(path, rows[1:], names, begin_ns)
    grid, first = _grid(path, [line for line, _ in rows[1:]], times, length_s)
    last = first + grid.points
    found = {}
    for column, name in enumerate(names):
        curve = tuple(row[column] for row in values[first:last])
        found[PREFIX + name] = Profile(grid, curve, curve, yearly_peak=1.0)
    return CsvProfiles(path, found)


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Rows with their line numbers."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as CSV: {error}") from error
    if not rows:
        raise InputError(f"{path}:1: the file is empty")
    return rows


def _header(path: Path, rows: list[tuple[int, list[str]]]) -> list[str]:
    line, header = rows[0]
    cells = [cell.strip() for cell in header]
    if cells[:1] != [TIME] or len(cells) < 2:
        raise InputError(f"{path}:{line}: the header must read '{TIME},<name>,...'")
    for name, often in Counter(cells).items():
        if not name:
            raise InputError(f"{path}:{line}: a column has no name")
        if often > 1:
            raise InputError(f"{path}:{line}: the column '{name}' is there {often} times")
    return cells[1:]


def _body(
    path: Path, rows: list[tuple[int, list[str]]], names: list[str], begin_ns: int
) -> tuple[list[float], list[list[float]]]:
    times: list[float] = []
    values: list[list[float]] = []
    for line, row in rows:
        where = f"{path}:{line}"
        if len(row) != len(names) + 1:
            raise InputError(f"{where}: {len(row)} cells, the header has {len(names) + 1}")
        time_s = _time(row[0].strip(), begin_ns, where)
        if times and time_s <= times[-1]:
            raise InputError(f"{where}: the time '{row[0].strip()}' is not after the row before")
        times.append(time_s)
        values.append([_value(c, n, where) for c, n in zip(row[1:], names, strict=True)])
    if len(times) < 2:
        raise InputError(f"{path}: a profile needs at least two rows")
    return times, values


def _time(cell: str, begin_ns: int, where: str) -> float:
    """Calendar seconds since the beginning of the window."""
    try:
        seconds = float(cell)
    except ValueError:
        return _instant(cell, begin_ns, where)
    if not math.isfinite(seconds):
        raise InputError(f"{where}: time: '{cell}' is not a time")
    return seconds


def _instant(cell: str, begin_ns: int, where: str) -> float:
    try:
        instant = datetime.fromisoformat(cell)
    except ValueError as error:
        raise InputError(
            f"{where}: time: '{cell}' is neither an RFC 3339 instant nor seconds"
        ) from error
    if instant.tzinfo is None:
        raise InputError(f"{where}: time: '{cell}' does not state its offset from UTC (e.g. Z)")
    # a difference of datetimes keeps microseconds, a time stamp as float would not
    whole_s, rest_ns = divmod(begin_ns, NS_PER_S)
    begin = datetime.fromtimestamp(whole_s, tz=UTC)
    return (instant - begin).total_seconds() - rest_ns / NS_PER_S


def _value(cell: str, name: str, where: str) -> float:
    if not cell.strip():
        raise InputError(f"{where}: column '{name}' has a gap; nothing is filled in")
    try:
        value = float(cell)
    except ValueError as error:
        raise InputError(f"{where}: column '{name}': '{cell}' is not a number") from error
    if not math.isfinite(value):
        raise InputError(f"{where}: column '{name}': '{cell}' is not a finite number")
    return value


def _grid(path: Path, lines: list[int], times: list[float], length_s: float) -> tuple[Grid, int]:
    """Grid of the part that encloses the window, and its first row."""
    step_s = times[1] - times[0]
    for i, time_s in enumerate(times):
        if abs(time_s - (times[0] + i * step_s)) > CLOCK_TOLERANCE_S:
            raise InputError(
                f"{path}:{lines[i]}: {time_s - times[i - 1]:g} s after the row before, "
                f"{step_s:g} s until there: a row is missing or there is one too many"
            )
    if times[0] > 0 or times[-1] < length_s:
        raise InputError(
            f"{path}: covers second {times[0]:g} to {times[-1]:g} of the window, which is "
            f"{length_s:g} s long"
        )
    first = min(int(-times[0] / step_s), len(times) - 2)
    last = min(math.ceil((length_s - times[0]) / step_s), len(times) - 1)
    return Grid(times[first], step_s, max(last - first, 1) + 1), first
