"""Latest value of every point, for live views."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import pyarrow as pa

from ortsnetz_cockpit.core.timeseries.ledger import Ledger
from ortsnetz_cockpit.core.timeseries.store import Store
from ortsnetz_cockpit.core.timeseries.transaction import NewPoint, Transaction
from ortsnetz_common.measurement.origin import Origin

WARM_UP_RECORDS = 2000
"""Records of the newest epoch that are read at start: older values are not live any more."""


@dataclass(frozen=True, slots=True)
class LiveValue:
    """Last committed sample of a point, with the quality it came with."""

    name: str
    value: float | None
    quality: int
    origin: Origin
    time_ns: int


Row = tuple[float | None, int, int, int]


class Latest:
    """Keeps one value a point, in the order of the log: no device's clock can hold it back."""

    def __init__(self, nodes: tuple[str, ...]) -> None:
        self._lock = threading.Lock()
        self._names: dict[int, str] = {}
        self._rows: dict[str, dict[int, Row]] = {node: {} for node in nodes}
        self._versions: dict[str, dict[int, int]] = {node: {} for node in nodes}
        self._version = 0

    def load(self, store: Store, ledger: Ledger) -> None:
        """Read the newest records of each node's newest epoch."""
        self._names = {number: key[1] for key, number in ledger.points.items()}
        for node in self._rows:
            stream = ledger.newest(node)
            if stream is None:
                continue
            with store.reading(deadline_s=60.0) as cursor:
                rows = cursor.execute(
                    """
                    SELECT point, arg_max(struct_pack(value := value, quality := quality,
                                          origin := origin, time_ns := time_ns), sequence)
                    FROM samples WHERE stream = ? AND sequence > ? GROUP BY point
                    """,
                    [stream.number, stream.watermark - WARM_UP_RECORDS],
                ).fetchall()
            self._set(
                node,
                {
                    point: (row["value"], row["quality"], row["origin"], row["time_ns"])
                    for point, row in rows
                },
            )

    def follow(self, transaction: Transaction) -> None:
        """Take over what was committed."""
        self._name(transaction.points)
        changed: dict[str, dict[int, Row]] = {}
        for node, batch in transaction.samples:
            changed.setdefault(node, {}).update(_rows(batch))
        for node, rows in changed.items():
            self._set(node, rows)

    def _name(self, points: list[NewPoint]) -> None:
        with self._lock:
            for point in points:
                self._names[point.number] = point.name

    def _set(self, node: str, rows: dict[int, Row]) -> None:
        with self._lock:
            if node not in self._rows:
                return
            self._version += 1
            self._rows[node].update(rows)
            self._versions[node].update(dict.fromkeys(rows, self._version))

    def values(self, node: str, since: int = -1) -> tuple[int, list[LiveValue]]:
        """Values that changed after a version, and the version now; -1 for all."""
        with self._lock:
            rows = self._rows[node]
            found = [
                LiveValue(self._names[point], row[0], row[1], Origin(row[2]), row[3])
                for point, version in self._versions[node].items()
                if version > since
                for row in (rows[point],)
            ]
            return self._version, found


def _rows(batch: pa.RecordBatch) -> dict[int, Row]:
    columns = batch.to_pydict()
    rows = zip(
        columns["value"], columns["quality"], columns["origin"], columns["time_ns"], strict=True
    )
    return dict(zip(columns["point"], rows, strict=True))
