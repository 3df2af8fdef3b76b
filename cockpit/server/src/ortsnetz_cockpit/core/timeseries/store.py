"""The store of the transactional log: one DuckDB file, one writer, many readers."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from ortsnetz_cockpit.core.timeseries import schema
from ortsnetz_cockpit.core.timeseries.ledger import Ledger, Stream
from ortsnetz_cockpit.core.timeseries.transaction import LoggedEvent, Transaction
from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_common.link.messages import Decision
from ortsnetz_common.measurement.time import now_ns

QUERY_DEADLINE_S = 10.0
_CONTENT_ERRORS = (pa.ArrowException, duckdb.DataError, duckdb.NotSupportedError)


class StoreError(OrtsnetzError):
    """The store cannot be opened, read or written; nothing of a failed transaction remains.

    Attributes:
        is_content: the store works; what it was given does not fit into it.
    """

    def __init__(self, message: str, *, is_content: bool = False) -> None:
        super().__init__(message)
        self.is_content = is_content


class QueryTimeoutError(StoreError):
    """A query took longer than it may; the text says what to do."""


class Store:
    """Owns the DuckDB file. `commit` is called by one thread only; `reading` by any."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._connection.execute(schema.TABLES)

    @classmethod
    def open(cls, path: Path, *, threads: int = 2, memory_limit: str = "512MB") -> Store:
        """Open or create the file.

        Raises:
            StoreError: the file is in use, damaged or not writable.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        settings: dict[str, str | bool | int | float | list[str]] = {
            "threads": threads,
            "memory_limit": memory_limit,
            # fewer, larger checkpoints: each one stalls commits while it runs
            "checkpoint_threshold": "64MB",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        try:
            return cls(duckdb.connect(str(path), config=settings))
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            if "lock" in reason.lower():
                raise StoreError(
                    f"{path} is in use by another process: stop the running cockpit first, or ask "
                    "its API"
                ) from error
            raise StoreError(f"{path} cannot be opened: {reason}") from error

    def close(self) -> None:
        """Write everything into the main file and release it."""
        self._connection.close()

    @contextmanager
    def reading(self, deadline_s: float = QUERY_DEADLINE_S) -> Generator[duckdb.DuckDBPyConnection]:
        """A connection that sees what is committed; its queries end at the deadline.

        Raises:
            QueryTimeoutError: the deadline passed.
            StoreError: the store cannot be read.
        """
        cursor = self._connection.cursor()
        alarm = threading.Timer(deadline_s, cursor.interrupt)
        alarm.daemon = True
        alarm.start()
        try:
            yield cursor
        except duckdb.InterruptException as error:
            raise QueryTimeoutError(
                f"the query took longer than {deadline_s:.0f} s: ask for a shorter time or fewer "
                "points"
            ) from error
        except duckdb.Error as error:
            raise StoreError(f"the store cannot be read: {_first_line(error)}") from error
        finally:
            alarm.cancel()
            cursor.close()

    def ledger(self) -> Ledger:
        """What is committed, for the writer to go on from."""
        ledger = Ledger()
        with self.reading(deadline_s=60.0) as cursor:
            rows = cursor.execute(
                "SELECT stream, node, epoch, watermark FROM streams ORDER BY stream"
            ).fetchall()
            for number, node, epoch, watermark in rows:
                ledger.streams[node, epoch] = Stream(number, node, epoch, watermark)
            by_number = {stream.number: stream for stream in ledger.streams.values()}
            for number, point in cursor.execute(
                "SELECT stream, point FROM catalogue ORDER BY stream, idx"
            ).fetchall():
                by_number[number].catalogue.append(point)
            for number, node, name, unit, element in cursor.execute(
                "SELECT point, node, name, unit, element FROM points"
            ).fetchall():
                ledger.points[node, name, unit, element] = number
            last = cursor.execute("SELECT max(position) FROM events").fetchone()
            ledger.next_position = 1 + ((last[0] or 0) if last else 0)
        return ledger

    def commit(self, transaction: Transaction) -> None:
        """Write everything, durable on return (DuckDB syncs its log at commit).

        Raises:
            StoreError: nothing was written; load the ledger anew.
        """
        connection = self._connection
        try:
            connection.begin()
            self._write(transaction)
            connection.commit()
        except (duckdb.Error, pa.ArrowException, StoreError) as error:
            self._roll_back()
            raise StoreError(
                f"the store refused a transaction: {_first_line(error)}",
                is_content=isinstance(error, _CONTENT_ERRORS),
            ) from error

    def _roll_back(self) -> None:
        try:
            self._connection.rollback()
        except duckdb.Error:  # no transaction is open: it failed before or during `begin`
            return

    def _write(self, transaction: Transaction) -> None:
        connection = self._connection
        if transaction.began:
            connection.executemany(
                "INSERT INTO streams VALUES (?, ?, ?, 0, ?)",
                [[s.number, s.node, s.epoch, now_ns()] for s in transaction.began],
            )
        self._write_catalogues(transaction)
        if transaction.samples:
            self._insert("samples", pa.Table.from_batches([b for _, b in transaction.samples]))
        if transaction.events:
            self._insert("events", _events(transaction.events))
            self._insert("setpoints", _setpoints(transaction.events))
            self._insert("adjustments", _adjustments(transaction.events))
        if transaction.quarantined:
            connection.executemany(
                "INSERT INTO quarantine VALUES (?, ?, ?, ?, ?)",
                [
                    [q.stream, q.sequence, q.received_ns, q.reason, q.raw]
                    for q in transaction.quarantined
                ],
            )
        for stream, before in transaction.advanced.values():
            moved = connection.execute(
                "UPDATE streams SET watermark = ? WHERE stream = ? AND watermark = ?",
                [stream.watermark, stream.number, before],
            ).fetchone()
            if moved is None or moved[0] != 1:
                raise StoreError(f"the watermark of epoch {stream.epoch} is not {before} any more")

    def _write_catalogues(self, transaction: Transaction) -> None:
        connection = self._connection
        if transaction.points:
            columns = zip(
                *((p.number, p.node, p.name, p.unit, p.element) for p in transaction.points),
                strict=True,
            )
            self._insert("points", pa.table(list(columns), schema=schema.POINTS))
        for entry in transaction.catalogues:
            connection.execute(
                "DELETE FROM catalogue WHERE stream = ? AND idx >= ?", [entry.stream, entry.first]
            )
            count = len(entry.points)
            columns_of = [
                [entry.stream] * count,
                list(range(entry.first, entry.first + count)),
                list(entry.points),
            ]
            self._insert("catalogue", pa.table(columns_of, schema=schema.CATALOGUE))
        for fact in transaction.facts:
            connection.execute(
                "INSERT INTO facts VALUES (?, ?, ?, ?, ?)",
                [fact.stream, fact.sequence, fact.parameters_hash, fact.network, fact.station],
            )

    def _insert(self, table: str, rows: pa.Table) -> None:
        self._connection.register("incoming", rows)
        try:
            self._connection.execute(f"INSERT INTO {table} SELECT * FROM incoming")  # noqa: S608
        finally:
            self._connection.unregister("incoming")


def _events(events: list[LoggedEvent]) -> pa.Table:
    rows = [(e.position, e.stream, e.sequence, e.kind, e.time_ns, e.body) for e in events]
    return pa.table([list(column) for column in zip(*rows, strict=True)], schema=schema.EVENTS)


def _setpoints(events: list[LoggedEvent]) -> pa.Table:
    rows = [
        {
            "position": event.position,
            "stream": event.stream,
            "device": setpoint.device,
            "limit_w": setpoint.limit_w,
        }
        for event in events
        if isinstance(event.record, Decision)
        for setpoint in event.record.setpoints
    ]
    return pa.Table.from_pylist(rows, schema=schema.SETPOINTS)


def _adjustments(events: list[LoggedEvent]) -> pa.Table:
    rows = [
        {
            "position": event.position,
            "stream": event.stream,
            "device": adjusted.device,
            "quantity": adjusted.quantity,
        }
        for event in events
        if isinstance(event.record, Decision)
        for adjusted in event.record.adjusted
    ]
    return pa.Table.from_pylist(rows, schema=schema.ADJUSTMENTS)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
