"""Series of a point over time: raw, or in buckets that a screen can show."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from ortsnetz_cockpit.core.timeseries.store import Store
from ortsnetz_common.measurement.origin import Origin
from ortsnetz_common.measurement.time import NS_PER_S

_STEPS_S = (
    *(0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1800),
    *(3600, 7200, 10800, 21600, 43200),
    *(86400, 7 * 86400, 28 * 86400),
)
# IEC 61850 validity as a rank: good, questionable, invalid
VALIDITY_RANK = "CASE quality & 3 WHEN 0 THEN 0 WHEN 3 THEN 1 ELSE 2 END"
COUNTS = f"(value IS NOT NULL AND {VALIDITY_RANK} < 2)"
"""Condition under which a value enters a mean: there, and not invalid."""
COUNTS_ONLY = f"(WHERE {COUNTS})"


@dataclass(frozen=True, slots=True)
class Series:
    """One point over time; all columns have the same length.

    Attributes:
        origin: origin of the newest sample, None without samples.
        bucket_ns: width of a bucket, 0 for raw samples.
        t_ns: start of the bucket, or source time of the sample.
        mean, minimum, maximum: over the samples that are not invalid; None where there are none.
        worst_quality: quality of the worst sample in the bucket.
    """

    point: str
    unit: str
    origin: Origin | None
    bucket_ns: int
    t_ns: tuple[int, ...]
    mean: tuple[float | None, ...]
    minimum: tuple[float | None, ...]
    maximum: tuple[float | None, ...]
    worst_quality: tuple[int, ...]


def bucket_width(span_ns: int, max_points: int) -> int:
    """Narrowest usual width with at most `max_points` buckets in the span."""
    for step_s in _STEPS_S:
        width = round(step_s * NS_PER_S)
        if span_ns / width <= max_points:
            return width
    return -(-span_ns // max_points)


def series(
    store: Store, node: str, name: str, *, start_ns: int, end_ns: int, max_points: int
) -> Series | None:
    """One point from `start_ns` up to, not including, `end_ns`; None when there is none."""
    with store.reading() as cursor:
        found = cursor.execute(
            "SELECT point, unit FROM points WHERE node = ? AND name = ? ORDER BY point DESC",
            [node, name],
        ).fetchall()
        if not found:
            return None
        unit = found[0][1]
        # a point that moved in the network goes on; one whose unit changed does not
        numbers = [number for number, its_unit in found if its_unit == unit]
        where = [numbers, start_ns, end_ns]
        count = cursor.execute(
            "SELECT count(*) FROM samples WHERE point IN (SELECT unnest(?)) AND time_ns >= ? "
            "AND time_ns < ?",
            where,
        ).fetchall()[0][0]
        is_raw = count <= max_points
        width = 0 if is_raw else bucket_width(end_ns - start_ns, max_points)
        rows = _raw(cursor, where) if is_raw else _buckets(cursor, where, width)
    columns = list(zip(*rows, strict=True)) if rows else [()] * 6
    origins = columns[5]
    return Series(name, unit, Origin(origins[-1]) if origins else None, width, *columns[:5])


def _raw(cursor: duckdb.DuckDBPyConnection, where: list[object]) -> list[tuple[object, ...]]:
    return cursor.execute(
        f"""
        SELECT time_ns, counted, counted, counted, quality, origin FROM (
            SELECT time_ns, CASE WHEN {COUNTS} THEN value END AS counted, quality, origin, stream,
                   sequence
            FROM samples WHERE point IN (SELECT unnest(?)) AND time_ns >= ? AND time_ns < ?)
        ORDER BY time_ns, stream, sequence
        """,  # noqa: S608  constants of this module
        where,
    ).fetchall()


def _buckets(
    cursor: duckdb.DuckDBPyConnection, where: list[object], width: int
) -> list[tuple[object, ...]]:
    return cursor.execute(
        f"""
        SELECT (time_ns // {width}) * {width} AS bucket, avg(value) FILTER {COUNTS_ONLY},
               min(value) FILTER {COUNTS_ONLY}, max(value) FILTER {COUNTS_ONLY},
               arg_max(quality, {VALIDITY_RANK}), arg_max(origin, time_ns)
        FROM samples WHERE point IN (SELECT unnest(?)) AND time_ns >= ? AND time_ns < ?
        GROUP BY bucket ORDER BY bucket
        """,  # noqa: S608  constants of this module
        where,
    ).fetchall()
