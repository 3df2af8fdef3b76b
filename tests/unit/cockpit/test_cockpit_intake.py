"""However a node's records arrive, each is stored once, in order, and nothing beyond a gap."""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ortsnetz_cockpit.core.ingest.intake import Outcome, Verdict, take
from ortsnetz_cockpit.core.timeseries.ledger import Ledger
from ortsnetz_cockpit.core.timeseries.store import Store, StoreError
from ortsnetz_cockpit.core.timeseries.transaction import Transaction
from ortsnetz_common.link.codec import encode_record
from ortsnetz_common.link.messages import (
    Adjusted,
    Alarm,
    AlarmState,
    Batch,
    Catalogue,
    Decision,
    Health,
    Intervention,
    Samples,
    Setpoint,
    SetpointSource,
)
from ortsnetz_common.measurement.origin import Origin
from ortsnetz_common.measurement.point import Point, Unit
from ortsnetz_common.measurement.quality import Quality, validity

POINTS = tuple(Point(f"meter-{n}/MMXU1.W.phsA", Unit.WATT, n) for n in range(3))


def samples(number: int, count: int = 3) -> Samples:
    return Samples(
        Origin.MEASURED,
        tuple(range(count)),
        tuple(float(number) for _ in range(count)),
        (0,) * count,
        (number * 10**9,) * count,
        (0,) * count,
    )


def journal() -> list[bytes]:
    """One epoch as a node would write it: all kinds of records."""
    setpoint = Setpoint("ev-1", 4830.0, SetpointSource.SAFETY, "because", ("transformer",))
    records = [
        Catalogue(0, POINTS[:2], "aa"),
        samples(2, 2),
        Decision(3, 1, "limited", (setpoint,), (Adjusted("pv-1", "reactive_power", 1.0, ""),)),
        Catalogue(2, POINTS[2:], "aa"),
        samples(5),
        Alarm("device-lost/ev-1", 6, AlarmState.ACTIVE, 2, "cause", "consequence", "action"),
        Intervention("ev-1@3", "ev-1", 3, None, "why", ("b",), 4830.0, 4200.0, "rule", None),
        samples(8),
        Health(9, 9, "active", "", 12.0, 0.5, {"dropped": 0}),
    ]
    encoded = [encode_record(record) for record in records]
    encoded.insert(5, b"\xc1 no record")
    return [*encoded, *(encode_record(samples(n)) for n in range(11, 15))]


JOURNAL = journal()


def memory_store() -> Store:
    return Store(duckdb.connect(":memory:"))


def deliver(store: Store, ledger: Ledger, batch: Batch) -> Outcome:
    transaction = Transaction()
    outcome = take(ledger, batch, 7, transaction)
    if not transaction.is_empty:
        store.commit(transaction)
    return outcome


def contents(store: Store) -> dict[str, list[tuple[object, ...]]]:
    tables = (
        *("streams", "points", "catalogue", "facts", "samples", "events"),
        *("setpoints", "adjustments"),
    )
    with store.reading() as cursor:
        found = {
            table: cursor.table(table).order("ALL").fetchall() for table in (*tables, "quarantine")
        }
    found["streams"] = [row[:4] for row in found["streams"]]  # without the time of creation
    return found


def reference() -> dict[str, list[tuple[object, ...]]]:
    store = memory_store()
    deliver(store, store.ledger(), Batch("ons-1", "e", 1, tuple(JOURNAL)))
    return contents(store)


REFERENCE = reference()


@st.composite
def deliveries(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Batches (first, length) in any order, overlapping, repeated, with gaps."""
    last = len(JOURNAL)
    firsts = st.integers(1, last)
    pairs = draw(st.lists(st.tuples(firsts, st.integers(0, 6)), max_size=25))
    return [(first, min(length, last - first + 1)) for first, length in pairs]


@settings(max_examples=60, deadline=None)
@given(deliveries(), st.booleans())
def test_any_order_and_repetition_gives_the_same_store(
    parts: list[tuple[int, int]], restart: bool
) -> None:
    store = memory_store()
    ledger = store.ledger()
    arrived: set[int] = set()
    for first, length in parts:
        records = tuple(JOURNAL[first - 1 : first - 1 + length])
        outcome = deliver(store, ledger, Batch("ons-1", "e", first, records))
        arrived |= set(range(first, first + length))
        contiguous = next(n for n in range(len(JOURNAL) + 1) if n + 1 not in arrived)
        assert outcome.watermark <= contiguous, "the watermark passed a gap"
        if restart:
            ledger = store.ledger()
    # the node sends again from the watermark: then everything is there, once
    stream = ledger.stream("ons-1", "e")
    watermark = stream.watermark if stream else 0
    deliver(store, ledger, Batch("ons-1", "e", watermark + 1, tuple(JOURNAL[watermark:])))
    assert contents(store) == REFERENCE


def test_the_reference_holds_every_record_once() -> None:
    assert [row[3] for row in REFERENCE["streams"]] == [len(JOURNAL)]
    assert len(REFERENCE["samples"]) == 2 + 3 + 3 + 4 * 3
    assert [row[3] for row in REFERENCE["events"]] == [
        "decision",
        "alarm",
        "intervention",
        "health",
    ]
    assert [(row[1], row[4]) for row in REFERENCE["quarantine"]] == [(6, b"\xc1 no record")]
    assert [row[2] for row in REFERENCE["setpoints"]] == ["ev-1"]
    assert [row[2:] for row in REFERENCE["adjustments"]] == [("pv-1", "reactive_power")]


def test_a_gap_commits_nothing_and_answers_where_to_go_on() -> None:
    store = memory_store()
    ledger = store.ledger()
    assert deliver(store, ledger, Batch("ons-1", "e", 2, tuple(JOURNAL[1:3]))) == Outcome(
        Verdict.GAP, 0
    )
    assert contents(store)["streams"] == []
    assert deliver(store, ledger, Batch("ons-1", "e", 1, tuple(JOURNAL[:2]))).watermark == 2
    assert deliver(store, ledger, Batch("ons-1", "e", 5, tuple(JOURNAL[4:6]))).watermark == 2


def test_a_batch_without_records_asks_for_the_watermark() -> None:
    store = memory_store()
    ledger = store.ledger()
    assert deliver(store, ledger, Batch("ons-1", "e", 1, ())) == Outcome(Verdict.REPEATED, 0)
    deliver(store, ledger, Batch("ons-1", "e", 1, tuple(JOURNAL[:4])))
    assert deliver(store, ledger, Batch("ons-1", "e", 5, ())).watermark == 4


def test_a_new_epoch_counts_from_one_and_keeps_the_points() -> None:
    store = memory_store()
    ledger = store.ledger()
    for epoch in ("first", "second"):
        deliver(store, ledger, Batch("ons-1", epoch, 1, tuple(JOURNAL)))
    found = contents(store)
    assert [row[2:] for row in found["streams"]] == [
        ("first", len(JOURNAL)),
        ("second", len(JOURNAL)),
    ]
    assert len(found["points"]) == 3
    assert len(found["samples"]) == 2 * len(REFERENCE["samples"])


def test_a_catalogue_from_zero_numbers_the_points_anew() -> None:
    store = memory_store()
    ledger = store.ledger()
    turned = Catalogue(0, tuple(reversed(POINTS)), "bb")
    records = [Catalogue(0, POINTS, "aa"), samples(1), turned, samples(2)]
    deliver(store, ledger, Batch("ons-1", "e", 1, tuple(encode_record(r) for r in records)))
    ledger = store.ledger()  # also after a restart
    deliver(store, ledger, Batch("ons-1", "e", 5, (encode_record(samples(3, 1)),)))
    with store.reading() as cursor:
        rows = cursor.execute(
            "SELECT sequence, name FROM sample_log WHERE sequence IN (4, 5) ORDER BY ALL"
        ).fetchall()
    assert rows[-1] == (5, "meter-2/MMXU1.W.phsA")
    assert len(rows) == 4


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (samples(1, 4), "outside the catalogue"),
        (samples(1, 0), "without samples"),
        (Samples(Origin.MEASURED, (0, 1), (1.0,), (0, 0), (1, 1), (0, 0)), "different length"),
        (Samples(Origin.MEASURED, (-1,), (1.0,), (0,), (1,), (0,)), "outside the catalogue"),
        (Samples(Origin.MEASURED, (0,), (1.0,), (70_000,), (1,), (0,)), "out of range"),
        (Samples(Origin.MEASURED, (0,), (1.0,), (-1,), (1,), (0,)), "out of range"),
        (Samples(Origin.MEASURED, (0,), (1.0,), (0,), (2**63,), (0,)), "out of range"),
        (Samples(Origin.MEASURED, (0,), (1.0,), (0,), (1,), (256,)), "out of range"),
        (Catalogue(7, POINTS, "aa"), "begins at 7"),
        (Health(1, 1, "active", "", float("nan"), None), "not finite"),
        (Health(2**63, 1, "active", "", 1.0, None), "64 bits"),
        (Health(1, 1, "active", "", 1.0, None, {"n": 2**64 - 1}), "64 bits"),
    ],
)
def test_a_record_that_makes_no_sense_is_kept_raw_and_does_not_block(
    record: Samples | Catalogue | Health, reason: str
) -> None:
    store = memory_store()
    ledger = store.ledger()
    good = [encode_record(Catalogue(0, POINTS, "aa")), encode_record(samples(2))]
    bad = encode_record(record)
    outcome = deliver(store, ledger, Batch("ons-1", "e", 1, (*good, bad, good[1])))
    assert (outcome.watermark, outcome.quarantined, outcome.samples) == (4, 1, 6)
    [row] = contents(store)["quarantine"]
    assert row[1] == 3
    assert reason in str(row[3])
    assert row[4] == bad


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
@pytest.mark.parametrize("quality", [0, int(Quality.QUESTIONABLE), int(Quality.INVALID)])
def test_no_value_is_never_good(value: float | None, quality: int) -> None:
    store = memory_store()
    detail = int(Quality.OLD_DATA)
    record = Samples(Origin.MEASURED, (0, 1), (value, 5.0), (quality | detail, 0), (1, 1), (0, 0))
    records = (encode_record(Catalogue(0, POINTS, "aa")), encode_record(record))
    deliver(store, store.ledger(), Batch("ons-1", "e", 1, records))
    rows = contents(store)["samples"]
    assert [row[4] for row in rows] == [None, 5.0]
    assert validity(int(str(rows[0][5]))).name == "INVALID"
    assert int(str(rows[0][5])) & detail
    assert rows[1][5] == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=60), min_size=1, max_size=8))
def test_hostile_records_are_quarantined_and_the_link_goes_on(records: list[bytes]) -> None:
    store = memory_store()
    outcome = deliver(store, store.ledger(), Batch("ons-1", "e", 1, tuple(records)))
    assert outcome.watermark == len(records)


def test_text_that_databases_stumble_over_is_stored() -> None:
    store = memory_store()
    odd = "nul \0 quote ' emoji \N{HIGH VOLTAGE SIGN}"
    alarm = Alarm(odd, 1, AlarmState.ACTIVE, 1, odd, odd, odd)
    outcome = deliver(store, store.ledger(), Batch("ons-1", "e", 1, (encode_record(alarm),)))
    assert outcome.quarantined == 0
    with store.reading() as cursor:
        [(body,)] = cursor.execute("SELECT body FROM events").fetchall()
    assert msgspec.json.decode(body, type=Alarm) == alarm


def test_a_transaction_on_a_stale_ledger_is_refused_as_a_whole() -> None:
    store = memory_store()
    mine, other = store.ledger(), store.ledger()
    deliver(store, mine, Batch("ons-1", "e", 1, tuple(JOURNAL[:3])))
    deliver(store, store.ledger(), Batch("ons-1", "e", 4, tuple(JOURNAL[3:5])))
    before = contents(store)
    for ledger in (mine, other):
        with pytest.raises(StoreError):
            deliver(store, ledger, Batch("ons-1", "e", 1, tuple(JOURNAL[:6])))
    assert contents(store) == before


def test_what_the_store_cannot_take_is_stored_raw_as_a_last_resort(
    bench: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = bench.cockpit._writer  # type: ignore[attr-defined]
    commit: Callable[[Transaction], None] = writer._store.commit

    def picky(transaction: Transaction) -> None:
        if transaction.events:
            raise StoreError("this does not fit", is_content=True)
        commit(transaction)

    monkeypatch.setattr(writer._store, "commit", picky)
    bench.take(Catalogue(0, POINTS, "aa"), samples(2))  # type: ignore[attr-defined]
    bench.take(Health(1, 1, "active", "", 1.0, None), samples(4))  # type: ignore[attr-defined]
    bench.take(samples(5))  # type: ignore[attr-defined]
    found = contents(writer._store)
    assert [row[3] for row in found["streams"]] == [5]
    assert [row[1] for row in found["quarantine"]] == [3, 4]
    assert writer.failure is None
