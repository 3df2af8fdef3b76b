"""SimBench's year 2016 of profiles, cut to the calendar's window."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from typing import Any

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.time import NS_PER_S
from ortsnetz_hil.plant.profiles import STEP_S, Grid, Profile

YEAR = 2016
SOURCE = "SimBench's year 2016, quarters of an hour, ODbL"


def profiles(
    loads: Iterable[str], generators: Iterable[str], scenario: int, begin_ns: int, length_s: float
) -> dict[str, Profile]:
    """Cut the named profiles out of SimBench's year.

    Args:
        loads: profiles of loads and storages; storages have no reactive power.
        generators: profiles of generators.
        scenario: SimBench's scenario, 0, 1 or 2; only the later ones know storages.
        begin_ns: beginning of the window on SimBench's clock, which is taken as UTC.
        length_s: length of the window in calendar seconds.

    Raises:
        InputError: SimBench has no such profile, or no such year.
    """
    names, sources = sorted(set(loads)), sorted(set(generators))
    if not names and not sources:
        return {}
    grid = quarters(begin_ns, length_s)
    year = _year(scenario)
    stamps = list(year["load"]["time"])
    first = first_row(stamps, begin_ns)
    # after 31 December the year begins again
    rows = [(first + i) % len(stamps) for i in range(grid.points)]

    def cut(table: str, column: str) -> tuple[float, ...]:
        return tuple(float(v) for v in _column(year, table, column).iloc[rows])

    storages = set(year["storage"].columns)
    found = {}
    for name in names:
        if name in storages:
            found[name] = Profile(grid, cut("storage", name), (0.0,) * grid.points)
        else:
            active, reactive = cut("load", f"{name}_pload"), cut("load", f"{name}_qload")
            found[name] = Profile(grid, active, reactive)
    for name in sources:
        peak = float(_column(year, "renewables", name).max())
        found[name] = Profile(grid, cut("renewables", name), yearly_peak=peak)
    return found


@cache
def _year(scenario: int) -> Any:
    """All tables of a scenario; read once by a process that prepares many plants."""
    import simbench  # noqa: PLC0415 - takes seconds and 150 MB; only `plant prepare` needs it

    return simbench.get_all_simbench_profiles(scenario)


def _column(year: Any, table: str, column: str) -> Any:
    if column not in year[table]:
        raise InputError(f"SimBench has no profile '{column}'")
    return year[table][column]


def quarters(begin_ns: int, length_s: float) -> Grid:
    """The quarters of an hour that enclose a window."""
    offset_s = begin_ns % (int(STEP_S) * NS_PER_S) / NS_PER_S
    return Grid(0.0 - offset_s, STEP_S, max(math.ceil((length_s + offset_s) / STEP_S) + 1, 2))


def first_row(stamps: list[str], begin_ns: int) -> int:
    """Row of the quarter of an hour in which a window begins.

    SimBench's stamps are those of a clock that changes to summer time: an hour of 27 March is
    missing (the hour after it is played), one of 30 October is there twice (the first counts).

    Raises:
        InputError: the window does not begin in SimBench's year.
    """
    instant = datetime.fromtimestamp(begin_ns // NS_PER_S // int(STEP_S) * int(STEP_S), tz=UTC)
    if instant.year != YEAR:
        raise InputError(
            f"SimBench's profiles are those of {YEAR}; a window from {instant:%Y-%m-%d} needs "
            "profiles from a CSV file or a clear sky"
        )
    for hour in (instant.hour, instant.hour + 1):
        stamp = f"{instant:%d.%m.%Y} {hour:02d}:{instant:%M}"
        if stamp in stamps:
            return stamps.index(stamp)
    raise InputError(f"SimBench's year has no {instant:%d.%m.%Y %H:%M}")
