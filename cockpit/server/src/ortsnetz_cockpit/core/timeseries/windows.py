"""Means of points over fixed windows, with what they rest on: for apps that aggregate."""

from __future__ import annotations

from dataclasses import dataclass

from ortsnetz_cockpit.core.timeseries.series import COUNTS_ONLY, VALIDITY_RANK
from ortsnetz_cockpit.core.timeseries.store import Store
from ortsnetz_common.measurement.origin import Origin


@dataclass(frozen=True, slots=True)
class Window:
    """A point's samples in one window of time.

    Attributes:
        start_ns: begin of the window, UTC.
        count: samples that are there and not invalid.
        mean: of those, in the point's unit; None without any.
        worst_quality: quality bit string of the worst of those, 0 without any.
        origin: origin of the newest sample.
    """

    point: str
    start_ns: int
    count: int
    mean: float | None
    worst_quality: int
    origin: Origin


def windows(
    store: Store,
    node: str,
    names: tuple[str, ...],
    *,
    start_ns: int,
    end_ns: int,
    width_ns: int,
) -> list[Window]:
    """Windows of the points from `start_ns` up to `end_ns`; those without samples are absent.

    Windows begin at whole multiples of their width since 1970.
    """
    if not names:
        return []
    with store.reading() as cursor:
        rows = cursor.execute(
            f"""
            WITH own AS (
                SELECT point, name FROM points
                WHERE node = $node AND name IN (SELECT unnest($names)))
            SELECT name, (time_ns // $width) * $width AS start, count(*) FILTER {COUNTS_ONLY},
                   avg(value) FILTER {COUNTS_ONLY},
                   coalesce(arg_max(quality, {VALIDITY_RANK}) FILTER {COUNTS_ONLY}, 0),
                   arg_max(origin, time_ns)
            FROM samples JOIN own USING (point)
            WHERE time_ns >= $start AND time_ns < $end
            GROUP BY name, start ORDER BY name, start
            """,  # noqa: S608  constants of a module
            {
                "node": node,
                "names": list(names),
                "width": width_ns,
                "start": start_ns,
                "end": end_ns,
            },
        ).fetchall()
    return [
        Window(name, start, count, mean, quality, Origin(origin))
        for name, start, count, mean, quality, origin in rows
    ]
