"""Rows that are written together: those of one or several batches, with their watermarks."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa

from ortsnetz_cockpit.core.timeseries.ledger import Stream
from ortsnetz_common.link.messages import Alarm, Decision, Health, Intervention, OrderState

Event = Decision | Intervention | Alarm | Health | OrderState


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """A record other than samples, at its position in the log."""

    position: int
    node: str
    stream: int
    sequence: int
    record: Event
    body: str

    @property
    def kind(self) -> str:
        """Kind of the record, as on the wire."""
        return str(self.record.__struct_config__.tag)

    @property
    def time_ns(self) -> int:
        """When it happened, by the node's clock."""
        record = self.record
        if isinstance(record, Intervention):
            return record.start_ns if record.end_ns is None else record.end_ns
        return record.time_ns


@dataclass(frozen=True, slots=True)
class NewPoint:
    """A point that the log has not seen before."""

    number: int
    node: str
    name: str
    unit: str
    element: int | None


@dataclass(frozen=True, slots=True)
class NewCatalogue:
    """Catalogue entries of a stream from an index on; index 0 replaces what was there."""

    stream: int
    first: int
    points: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """What a catalogue says about its node besides the points."""

    node: str
    stream: int
    sequence: int
    parameters_hash: str
    network: str | None
    station: str | None


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A record that could not be understood, kept as it came."""

    stream: int
    sequence: int
    received_ns: int
    reason: str
    raw: bytes


@dataclass(slots=True)
class Transaction:
    """Collects rows; the store writes all of them or none.

    Attributes:
        began: streams that are new.
        advanced: streams whose watermark moves, by number, with the watermark it moves from.
        samples: sample rows by node, in the order of their sequence.
    """

    began: list[Stream] = field(default_factory=list)
    advanced: dict[int, tuple[Stream, int]] = field(default_factory=dict)
    points: list[NewPoint] = field(default_factory=list)
    catalogues: list[NewCatalogue] = field(default_factory=list)
    facts: list[Facts] = field(default_factory=list)
    samples: list[tuple[str, pa.RecordBatch]] = field(default_factory=list)
    events: list[LoggedEvent] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether nothing would be written."""
        return not self.advanced

    def advance(self, stream: Stream, watermark: int) -> None:
        """Move a stream's watermark, remembering where the transaction found it."""
        self.advanced.setdefault(stream.number, (stream, stream.watermark))
        stream.watermark = watermark
