"""From batch to rows: what of a batch is new, what it means, and what cannot be understood.

Pure but for the ledger, which it moves on: the caller commits the transaction, or loads the
ledger anew.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from ortsnetz_cockpit.core.ingest.columns import SampleError, sample_rows
from ortsnetz_cockpit.core.timeseries.ledger import Ledger, Stream
from ortsnetz_cockpit.core.timeseries.transaction import (
    Facts,
    LoggedEvent,
    NewCatalogue,
    NewPoint,
    Quarantined,
    Transaction,
)
from ortsnetz_common.link.codec import CodecError, decode_record
from ortsnetz_common.link.messages import Batch, Catalogue, Record, Samples

MAX_POINTS = 200_000
"""Most points of one epoch's catalogue."""
_INT64 = 2**63


class Verdict(StrEnum):
    """What became of a batch."""

    COMMITTED = "committed"
    REPEATED = "repeated"
    GAP = "gap"


class RecordError(ValueError):
    """A record that is well-formed and still makes no sense; the text says why."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a batch brought.

    Attributes:
        watermark: the stream's watermark after it.
        records: new records, quarantined ones included.
        repeated: records that were already committed.
        samples: new samples.
        quarantined: new records that could not be understood.
    """

    verdict: Verdict
    watermark: int
    records: int = 0
    repeated: int = 0
    samples: int = 0
    quarantined: int = 0


def take(
    ledger: Ledger,
    batch: Batch,
    received_ns: int,
    transaction: Transaction,
    *,
    quarantine_all: str | None = None,
) -> Outcome:
    """Add a batch's new records to a transaction.

    Args:
        ledger: what is committed or about to be; it is moved on.
        batch: admitted batch.
        received_ns: when it arrived.
        transaction: receives the rows.
        quarantine_all: reason to store every record raw instead of reading it; the last resort when
            the store refuses what a batch contains, so that one batch never blocks a link.
    """
    stream = ledger.stream(batch.node, batch.epoch)
    watermark = stream.watermark if stream else 0
    last = batch.first + len(batch.records) - 1
    if batch.first > watermark + 1:
        return Outcome(Verdict.GAP, watermark)
    repeated = min(watermark - batch.first + 1, len(batch.records))
    if last <= watermark:
        return Outcome(Verdict.REPEATED, watermark, repeated=repeated)
    if stream is None:
        stream = ledger.begin(batch.node, batch.epoch)
        transaction.began.append(stream)
    samples = quarantined = 0
    for sequence in range(watermark + 1, last + 1):
        raw = batch.records[sequence - batch.first]
        try:
            _refuse(quarantine_all)
            samples += _take_record(ledger, stream, sequence, raw, transaction)
        except (CodecError, SampleError, RecordError) as error:
            reason = str(error)[:500]
            quarantined += 1
            transaction.quarantined.append(
                Quarantined(stream.number, sequence, received_ns, reason, raw)
            )
    transaction.advance(stream, last)
    return Outcome(Verdict.COMMITTED, last, last - watermark, repeated, samples, quarantined)


def _refuse(reason: str | None) -> None:
    if reason is not None:
        raise RecordError(reason)


def _take_record(
    ledger: Ledger, stream: Stream, sequence: int, raw: bytes, transaction: Transaction
) -> int:
    """Rows of one record; returns the number of samples."""
    record = decode_record(raw)
    if isinstance(record, Samples):
        rows = sample_rows(record, stream.number, sequence, stream.catalogue)
        transaction.samples.append((stream.node, rows))
        return int(rows.num_rows)
    if isinstance(record, Catalogue):
        _take_catalogue(ledger, stream, sequence, record, transaction)
        return 0
    _check_storable(record)
    body = msgspec.json.encode(record).decode()
    transaction.events.append(
        LoggedEvent(ledger.next_position, stream.node, stream.number, sequence, record, body)
    )
    ledger.next_position += 1
    return 0


def _take_catalogue(
    ledger: Ledger, stream: Stream, sequence: int, record: Catalogue, transaction: Transaction
) -> None:
    _check_storable(record)
    if record.first not in {0, len(stream.catalogue)}:
        raise RecordError(
            f"catalogue begins at {record.first}: 0 or {len(stream.catalogue)} would go on"
        )
    if record.first + len(record.points) > MAX_POINTS:
        raise RecordError(f"catalogue of more than {MAX_POINTS} points")
    numbers = []
    for point in record.points:
        key = (stream.node, point.name, point.unit.value, point.element)
        number = ledger.points.get(key)
        if number is None:
            number = len(ledger.points) + 1
            ledger.points[key] = number
            transaction.points.append(NewPoint(number, *key))
        numbers.append(number)
    if record.first or numbers != stream.catalogue:
        stream.catalogue[record.first :] = numbers
        transaction.catalogues.append(NewCatalogue(stream.number, record.first, tuple(numbers)))
    transaction.facts.append(
        Facts(
            stream.node,
            stream.number,
            sequence,
            record.parameters_hash,
            record.network,
            record.station,
        )
    )


def _check_storable(record: Record) -> None:
    """Refuse numbers that neither 64-bit columns nor JSON can hold."""
    pending: list[object] = [msgspec.to_builtins(record)]
    while pending:
        value = pending.pop()
        if isinstance(value, float) and not math.isfinite(value):
            raise RecordError("a number is not finite")
        if isinstance(value, int) and not -_INT64 <= value < _INT64:
            raise RecordError(f"the number {value} exceeds 64 bits")
        if isinstance(value, Mapping):
            pending.extend(value.values())
        elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
            pending.extend(value)
