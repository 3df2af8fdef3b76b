"""What the log tells about a node besides samples: facts, decisions, health, counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from ortsnetz_cockpit.core.timeseries.store import Store
from ortsnetz_common.link.messages import Decision, Health
from ortsnetz_common.measurement.origin import Origin
from ortsnetz_common.measurement.quality import Quality

_VALIDITY = int(Quality.QUESTIONABLE)
_QUESTIONABLE = int(Quality.QUESTIONABLE)
_DECISION = msgspec.json.Decoder(Decision)


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What the node's catalogues have told: the newest of each."""

    parameters_hash: str
    network: str | None
    station: str | None


@dataclass(frozen=True, slots=True)
class PointRow:
    """A point of a node."""

    name: str
    unit: str
    element: int | None


@dataclass(frozen=True, slots=True)
class Committed:
    """Numbers of committed rows of a node, counted in the store."""

    epochs: int
    records: int
    samples: int
    samples_measured: int
    samples_estimated: int
    decisions: int
    interventions: int
    alarms: int
    health: int
    quarantined: int
    first_ns: int | None
    last_ns: int | None


@dataclass(frozen=True, slots=True)
class ReadCounter:
    """Whether a device's read counter was stored without gap or repetition.

    Attributes:
        count: samples with a valid value.
        missing: numbers of 1 to `maximum` that are not there.
        doubled: samples beyond the first of a number.
        out_of_order: samples that do not rise, in the order of source time.
        without_value: samples without a valid value.
    """

    device: str
    count: int
    minimum: int | None
    maximum: int | None
    missing: int
    doubled: int
    out_of_order: int
    without_value: int


def facts(store: Store, node: str) -> NodeFacts | None:
    """The newest facts of a node, None before its first catalogue."""
    with store.reading() as cursor:
        row = cursor.execute(
            """
            SELECT arg_max(parameters_hash, (stream, sequence)),
                   arg_max(network, (stream, sequence)) FILTER (network IS NOT NULL),
                   arg_max(station, (stream, sequence)) FILTER (station IS NOT NULL)
            FROM facts WHERE stream IN (SELECT stream FROM streams WHERE node = ?)
            """,
            [node],
        ).fetchone()
    return None if row is None or row[0] is None else NodeFacts(*row)


def points(store: Store, node: str) -> list[PointRow]:
    """All points of a node, newest definition of each name."""
    with store.reading() as cursor:
        rows = cursor.execute(
            """
            SELECT name, arg_max(unit, point), arg_max(coalesce(element, -1), point)
            FROM points WHERE node = ? GROUP BY name ORDER BY name
            """,
            [node],
        ).fetchall()
    return [PointRow(name, unit, None if element < 0 else element) for name, unit, element in rows]


def decisions(store: Store, node: str, limit: int) -> list[Decision]:
    """The newest decisions, newest first."""
    with store.reading() as cursor:
        rows = cursor.execute(
            """
            SELECT body FROM events
            WHERE kind = 'decision' AND stream IN (SELECT stream FROM streams WHERE node = ?)
            ORDER BY position DESC LIMIT ?
            """,
            [node, limit],
        ).fetchall()
    return [_DECISION.decode(body) for (body,) in rows]


def decisions_in_force(store: Store, node: str) -> list[Decision]:
    """The decisions that set each device's last setpoints of any kind, oldest first."""
    with store.reading(deadline_s=60.0) as cursor:
        rows = cursor.execute(
            """
            WITH own AS (SELECT stream FROM streams WHERE node = ?)
            SELECT body FROM events WHERE position IN (
                SELECT max(position) FROM setpoints
                WHERE stream IN (SELECT stream FROM own) GROUP BY device
                UNION
                SELECT max(position) FROM adjustments
                WHERE stream IN (SELECT stream FROM own) GROUP BY device, quantity)
            ORDER BY position
            """,
            [node],
        ).fetchall()
    return [_DECISION.decode(body) for (body,) in rows]


def last_health(store: Store, node: str) -> Health | None:
    """The newest health record."""
    with store.reading(deadline_s=60.0) as cursor:
        row = cursor.execute(
            """
            SELECT body FROM events
            WHERE kind = 'health' AND stream IN (SELECT stream FROM streams WHERE node = ?)
            ORDER BY position DESC LIMIT 1
            """,
            [node],
        ).fetchone()
    return None if row is None else msgspec.json.decode(row[0], type=Health)


def committed(store: Store, node: str) -> Committed:
    """Count what is committed."""
    with store.reading() as cursor:
        rows = cursor.execute(
            """
            WITH own AS (SELECT stream, watermark FROM streams WHERE node = $node),
            taken AS (
                SELECT count(*), count(*) FILTER (origin = $measured),
                       count(*) FILTER (origin = $estimated)
                FROM samples WHERE stream IN (SELECT stream FROM own)),
            span AS (
                SELECT min(time_ns), max(time_ns)
                FROM samples WHERE stream IN (SELECT stream FROM own)),
            logged AS (
                SELECT count(*) FILTER (kind = 'decision'), count(*) FILTER (kind = 'intervention'),
                       count(*) FILTER (kind = 'alarm'), count(*) FILTER (kind = 'health')
                FROM events WHERE stream IN (SELECT stream FROM own)),
            raw AS (SELECT count(*) FROM quarantine WHERE stream IN (SELECT stream FROM own)),
            total AS (SELECT count(*), coalesce(sum(watermark), 0)::BIGINT FROM own)
            SELECT total.*, taken.*, logged.*, raw.*, span.* FROM total, taken, logged, raw, span
            """,
            {
                "node": node,
                "measured": int(Origin.MEASURED),
                "estimated": int(Origin.ESTIMATED),
            },
        ).fetchall()
    return Committed(*rows[0])


@dataclass(frozen=True, slots=True)
class Integrity:
    """Whether the log of a node is whole.

    Attributes:
        samples_served: measured samples that carry a value.
        records_missing: sequence numbers up to the watermark that left no row anywhere.
    """

    samples_served: int
    records_missing: int


def integrity(store: Store, node: str) -> Integrity:
    """Count what must be there and is not."""
    with store.reading(deadline_s=30.0) as cursor:
        rows = cursor.execute(
            """
            WITH own AS (SELECT stream, watermark FROM streams WHERE node = $node),
            kept AS (
                SELECT stream, sequence FROM samples
                UNION SELECT stream, sequence FROM events
                UNION SELECT stream, sequence FROM facts
                UNION SELECT stream, sequence FROM quarantine),
            found AS (SELECT count(*) AS n FROM kept WHERE stream IN (SELECT stream FROM own)),
            due AS (SELECT coalesce(sum(watermark), 0)::BIGINT AS n FROM own)
            SELECT (SELECT count(*) FROM samples WHERE stream IN (SELECT stream FROM own)
                    AND origin = $measured AND value IS NOT NULL),
                   due.n - found.n FROM due, found
            """,
            {"node": node, "measured": int(Origin.MEASURED)},
        ).fetchall()
    return Integrity(*rows[0])


def read_counters(store: Store, node: str, suffix: str) -> list[ReadCounter]:
    """Check the read counters of all devices of a node.

    Args:
        store: the log.
        node: name of the node.
        suffix: data object of the counter, `LPHD1.RdCnt`.
    """
    with store.reading(deadline_s=30.0) as cursor:
        rows = cursor.execute(
            """
            WITH own AS (
                SELECT point, name[1:-(length($suffix) + 2)] AS device
                FROM points WHERE node = $node AND ends_with(name, '/' || $suffix)),
            told AS (
                SELECT device, time_ns, stream, sequence, value::BIGINT AS number,
                       value IS NOT NULL AND (quality & $validity) IN (0, $questionable) AS valid
                FROM samples JOIN own USING (point)),
            ordered AS (
                SELECT device, number, lag(number) OVER (
                    PARTITION BY device ORDER BY time_ns, stream, sequence) AS before
                FROM told WHERE valid),
            judged AS (
                SELECT device, count(*) AS count, min(number) AS low, max(number) AS high,
                       count(DISTINCT number) AS different,
                       count(*) FILTER (number <= before) AS disorder
                FROM ordered GROUP BY device),
            silent AS (
                SELECT device, count(*) FILTER (NOT valid) AS without FROM told GROUP BY device)
            SELECT device, coalesce(count, 0), low, high,
                   coalesce(greatest(high - different, 0), 0), coalesce(count - different, 0),
                   coalesce(disorder, 0), without
            FROM silent LEFT JOIN judged USING (device) ORDER BY device
            """,
            {
                "node": node,
                "suffix": suffix,
                "validity": _VALIDITY,
                "questionable": _QUESTIONABLE,
            },
        ).fetchall()
    return [ReadCounter(*row) for row in rows]


def samples_by_source(store: Store, node: str) -> dict[str, int]:
    """Measured samples that carry a value, by the source in their point's name."""
    with store.reading(deadline_s=30.0) as cursor:
        rows = cursor.execute(
            """
            SELECT split_part(name, '/', 1) AS source, count(*)
            FROM samples JOIN points USING (point)
            WHERE node = $node AND origin = $measured AND value IS NOT NULL
            GROUP BY source ORDER BY source
            """,
            {"node": node, "measured": int(Origin.MEASURED)},
        ).fetchall()
    return dict(rows)


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample as it is stored; `time_ns` is its source's own time, UTC."""

    point: str
    time_ns: int
    value: float | None
    quality: int
    time_quality: int


def last_samples(store: Store, node: str, sources: Sequence[str], count: int) -> list[Sample]:
    """The last measured samples of each point of some sources, oldest first, by point.

    Args:
        store: the log.
        node: name of the node.
        sources: meters and devices.
        count: at most so many of each point.
    """
    with store.reading(deadline_s=30.0) as cursor:
        rows = cursor.execute(
            """
            WITH told AS (
                SELECT name, time_ns, value, quality, time_quality, row_number() OVER (
                    PARTITION BY point ORDER BY stream DESC, sequence DESC, time_ns DESC) AS place
                FROM samples JOIN points USING (point)
                WHERE node = $node AND origin = $measured
                      AND list_contains($sources, split_part(name, '/', 1)))
            SELECT name, time_ns, value, quality, time_quality FROM told
            WHERE place <= $count ORDER BY name, place DESC
            """,
            {
                "node": node,
                "measured": int(Origin.MEASURED),
                "sources": list(sources),
                "count": count,
            },
        ).fetchall()
    return [Sample(*row) for row in rows]
