"""The durable store: records in order, on SQLite, numbered without gaps within an epoch.

Layout. Records lie in one table in the order of their arrival (`row`). The epoch begins at a row;
one that began by dropping carries, as its sequence number 1, a copy of the catalogue that was valid
at that place (its *head*).

Discard policy, when the journal is full: the oldest records go, a chunk at a time. Sequence numbers
have no gaps within an epoch, so what remains is renumbered under a new epoch: the hole lies between
two epochs, and it is counted. A chunk is never smaller than what may be on its way to the cockpit
without having been acknowledged; so no record can arrive under two epochs.

Durability. WAL with synchronous=FULL: one fsync a commit. Trimming waits for the next append and
shares its commit.
"""

from __future__ import annotations

import sqlite3
import threading
import uuid
from dataclasses import replace
from pathlib import Path

from ortsnetz_edge.journal.layout import (
    Entry,
    JournalCorruptError,
    JournalError,
    Progress,
    Stretch,
)

IN_FLIGHT_BYTES = 8 * 1024 * 1024
"""Upper bound of what the uplink may have sent beyond the watermark."""
_CHUNKS = 16
_SCHEMA = """
CREATE TABLE IF NOT EXISTS record (row INTEGER PRIMARY KEY, payload BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS catalogue (row INTEGER PRIMARY KEY, payload BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS progress (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    epoch TEXT NOT NULL,
    first_row INTEGER NOT NULL,
    head BLOB,
    committed INTEGER NOT NULL,
    dropped INTEGER NOT NULL);
"""


class JournalStore:
    """The journal's file. Thread-safe: appended to by the cycle, read by the uplink."""

    def __init__(
        self, path: Path, *, max_bytes: int, in_flight_bytes: int = IN_FLIGHT_BYTES
    ) -> None:
        """Open or create a journal.

        Args:
            path: file; its directory exists.
            max_bytes: bound of the stored payloads.
            in_flight_bytes: see `IN_FLIGHT_BYTES`.

        Raises:
            JournalCorruptError: the file is no journal, or damaged.
            JournalError: it cannot be opened.
        """
        self._lock = threading.Lock()
        self._max_bytes = max_bytes
        self._chunk_bytes = max(max_bytes // _CHUNKS, in_flight_bytes)
        try:
            self._db = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False, timeout=5.0
            )
        except sqlite3.Error as error:
            raise JournalError(f"{path}: {error}") from error
        try:
            self._at = self._prepare()
        except (sqlite3.Error, JournalError) as error:
            self._db.close()
            if isinstance(error, sqlite3.Error):
                raise _translated(error) from error
            raise

    def _prepare(self) -> Progress:
        db = self._db
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.executescript(_SCHEMA)
        low, high, count, size = db.execute(
            "SELECT min(row), max(row), count(*), sum(length(payload)) FROM record"
        ).fetchone()
        stored = db.execute(
            "SELECT epoch, first_row, head, committed, dropped FROM progress"
        ).fetchone()
        if stored is None:
            if count:
                raise JournalCorruptError("there are records and no epoch they belong to")
            stored = (uuid.uuid4().hex, 1, None, 0, 0)
            db.execute("INSERT INTO progress VALUES (1, ?, ?, ?, ?, ?)", stored)
        epoch, first_row, head, committed, dropped = stored
        if count and (low != committed + 1 or high - low + 1 != count):
            raise JournalCorruptError(f"records are missing between {committed + 1} and {high}")
        return Progress(
            epoch=epoch,
            first_row=first_row,
            head=head,
            committed=committed,
            dropped=dropped,
            stored_from=committed + 1,
            last=high if count else committed,
            size=size or 0,
        )

    @property
    def epoch(self) -> str:
        """Name of the epoch."""
        return self._at.epoch

    @property
    def last(self) -> int:
        """Sequence number of the newest record; 0 for none."""
        return self._at.last - self._at.offset

    @property
    def committed(self) -> int:
        """Sequence number up to which the cockpit has committed; 0 for none."""
        at = self._at
        return at.committed - at.offset if at.committed >= at.first_row else 0

    @property
    def backlog(self) -> int:
        """Records that the cockpit has not committed yet."""
        return self._at.last - self._at.committed

    @property
    def size(self) -> int:
        """Bytes of stored payloads."""
        return self._at.size

    @property
    def dropped(self) -> int:
        """Records dropped because the journal was full, since it was made."""
        return self._at.dropped

    def append(self, entries: list[Entry]) -> int:
        """Append records in one transaction; they are durable when this returns.

        Returns:
            How many old records had to be dropped to make room.

        Raises:
            JournalCorruptError: the file is damaged.
            JournalError: nothing was appended (disk full, locked).
        """
        with self._lock:
            before = replace(self._at)
            try:
                self._db.execute("BEGIN IMMEDIATE")
                self._delete_up_to(self._at.committed)
                incoming = sum(len(entry.payload) for entry in entries)
                gone = self._make_room(incoming)
                for row, entry in enumerate(entries, start=self._at.last + 1):
                    self._db.execute("INSERT INTO record VALUES (?, ?)", (row, entry.payload))
                    if entry.catalogue:
                        self._db.execute(
                            "INSERT INTO catalogue VALUES (?, ?)", (row, entry.payload)
                        )
                self._at.last += len(entries)
                self._at.size += incoming
                self._save()
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                self._roll_back()
                self._at = before
                raise _translated(error) from error
            return gone

    def read(
        self, after: tuple[str, int] | None, max_bytes: int, max_records: int
    ) -> Stretch | None:
        """Records that are not committed yet.

        Args:
            after: epoch and sequence behind which to go on; None, or an epoch that is gone, starts
                at the oldest record that is not committed.
            max_bytes: bound of the records' size; one record is always given.
            max_records: bound of their number.

        Returns:
            Consecutive records; None when there are none.

        Raises:
            JournalCorruptError: the file is damaged.
        """
        with self._lock:
            at = self._at
            start, has_head = at.committed + 1, False
            if after is not None and after[0] == at.epoch:
                start = max(start, after[1] + 1 + at.offset)
            records: list[bytes] = []
            if at.head is not None and start <= at.first_row and after != (at.epoch, 1):
                records, has_head = [at.head], True
            size = len(records[0]) if has_head else 0
            try:
                rows = self._db.execute(
                    "SELECT payload FROM record WHERE row >= ? ORDER BY row LIMIT ?",
                    (start, max_records - len(records)),
                )
                for (payload,) in rows:
                    size += len(payload)
                    if records and size > max_bytes:
                        break
                    records.append(payload)
                rows.close()
            except sqlite3.Error as error:
                raise _translated(error) from error
            first = 1 if has_head else start - at.offset
            return Stretch(at.epoch, first, tuple(records)) if records else None

    def commit(self, epoch: str, sequence: int) -> bool:
        """Note the cockpit's watermark; what it covers is deleted with the next append.

        Returns:
            Whether it is one of this journal's: a watermark of another epoch, or beyond the newest
            record, changes nothing.
        """
        with self._lock:
            row = sequence + self._at.offset
            if epoch != self._at.epoch or row > self._at.last:
                return False
            self._at.committed = max(self._at.committed, row)
            return True

    def renew(self) -> None:
        """Continue under a new epoch, because the cockpit knows more of this one than we do.

        That happens when an older copy of the file was put back: its next records would be taken
        for repetitions.

        Raises:
            JournalError: the change could not be written.
        """
        with self._lock:
            before = replace(self._at)
            try:
                self._db.execute("BEGIN IMMEDIATE")
                self._delete_up_to(self._at.committed)
                self._begin_epoch()
                self._save()
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                self._roll_back()
                self._at = before
                raise _translated(error) from error

    def close(self) -> None:
        """Delete what is committed and close the file."""
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                self._delete_up_to(self._at.committed)
                self._save()
                self._db.execute("COMMIT")
            except sqlite3.Error:  # the records stay and are sent again: nothing is lost
                self._roll_back()
            self._db.close()

    def _save(self) -> None:
        at = self._at
        self._db.execute(
            "UPDATE progress SET epoch = ?, first_row = ?, head = ?, committed = ?, dropped = ?",
            (at.epoch, at.first_row, at.head, at.committed, at.dropped),
        )

    def _delete_up_to(self, row: int) -> None:
        if row < self._at.stored_from:
            return
        size = self._db.execute(
            "SELECT sum(length(payload)) FROM record WHERE row <= ?", (row,)
        ).fetchone()[0]
        self._db.execute("DELETE FROM record WHERE row <= ?", (row,))
        self._db.execute("PRAGMA incremental_vacuum(64)").fetchall()
        # the catalogue that is valid at the first remaining row stays
        self._db.execute(
            "DELETE FROM catalogue WHERE row < (SELECT max(row) FROM catalogue WHERE row <= ?)",
            (row,),
        )
        self._at.size -= size or 0
        self._at.stored_from = row + 1
        self._at.committed = max(self._at.committed, row)

    def _make_room(self, incoming: int) -> int:
        """Drop the oldest chunk when full; the rest goes on under a new epoch."""
        excess = self._at.size + incoming - self._max_bytes
        if excess <= 0 or self._at.last < self._at.stored_from:
            return 0
        freed, last_gone = 0, self._at.stored_from
        rows = self._db.execute("SELECT row, length(payload) FROM record ORDER BY row")
        for row, size in rows:
            freed, last_gone = freed + size, row
            if freed >= excess + self._chunk_bytes:
                break
        rows.close()
        gone: int = last_gone - self._at.stored_from + 1
        self._delete_up_to(last_gone)
        self._begin_epoch()
        self._at.dropped += gone
        return gone

    def _begin_epoch(self) -> None:
        found = self._db.execute(
            "SELECT payload FROM catalogue WHERE row < ? ORDER BY row DESC LIMIT 1",
            (self._at.stored_from,),
        ).fetchone()
        self._at.epoch = uuid.uuid4().hex
        self._at.first_row = self._at.stored_from
        self._at.head = None if found is None else bytes(found[0])

    def _roll_back(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")


def _translated(error: sqlite3.Error) -> JournalError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return JournalCorruptError(str(error))
    return JournalError(str(error))
