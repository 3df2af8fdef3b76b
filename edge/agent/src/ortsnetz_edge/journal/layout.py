"""What goes into the journal and comes out of it, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass


class JournalError(Exception):
    """The store cannot take or give records now; the text says why."""


class JournalCorruptError(JournalError):
    """The file is damaged; it has to be moved aside."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A record to append: its encoded form, and whether it is a complete catalogue."""

    payload: bytes
    catalogue: bool = False


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive records of one epoch, as they go into a batch."""

    epoch: str
    first: int
    records: tuple[bytes, ...]

    @property
    def last(self) -> int:
        """Sequence number of the last record."""
        return self.first + len(self.records) - 1

    @property
    def size(self) -> int:
        """Bytes of the records."""
        return sum(len(record) for record in self.records)


@dataclass(slots=True)
class Progress:
    """Where the journal stands; written in the transaction of every append.

    Attributes:
        first_row: first row of the epoch.
        head: catalogue that precedes that row as sequence number 1; None where the epoch began with
            a catalogue of its own.
        committed: every row up to this one is committed by the cockpit, or dropped.
        stored_from: oldest row that is still stored.
        last: newest row.
        size: bytes of the stored payloads.
        dropped: records dropped since the file was made.
    """

    epoch: str
    first_row: int
    head: bytes | None
    committed: int
    dropped: int
    stored_from: int
    last: int
    size: int

    @property
    def offset(self) -> int:
        """Difference of row and sequence number."""
        return self.first_row - (1 if self.head is None else 2)
