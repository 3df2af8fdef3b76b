"""What the journal has taken in is there, in order, until the cockpit has committed it."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ortsnetz_edge.journal.journal import FILE, Journal, JournalWriter
from ortsnetz_edge.journal.layout import Entry, JournalCorruptError, JournalError
from ortsnetz_edge.journal.store import JournalStore

BIG = 10**9


def opened(path: Path, max_bytes: int = BIG, in_flight: int = 100) -> JournalStore:
    return JournalStore(path / "j.sqlite", max_bytes=max_bytes, in_flight_bytes=in_flight)


def entries(*texts: str) -> list[Entry]:
    return [Entry(text.encode()) for text in texts]


def everything(store: JournalStore) -> list[bytes]:
    """All that would be sent, read in small batches."""
    found: list[bytes] = []
    after: tuple[str, int] | None = None
    while (stretch := store.read(after, 10, 3)) is not None:
        if after is not None and stretch.epoch == after[0]:
            assert stretch.first == after[1] + 1
        found += stretch.records
        after = (stretch.epoch, stretch.last)
    return found


def test_records_come_back_in_order_with_numbers_from_one(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.append(entries("a", "b"))
    store.append(entries("c"))
    stretch = store.read(None, BIG, 10)
    assert stretch is not None
    assert (stretch.first, stretch.records) == (1, (b"a", b"b", b"c"))
    assert store.backlog == 3


def test_only_what_is_committed_is_forgotten(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.append(entries("a", "b", "c"))
    assert store.commit(store.epoch, 2)
    assert everything(store) == [b"c"]
    store.append(entries("d"))
    assert everything(store) == [b"c", b"d"]
    assert store.size == 2


def test_a_restart_continues_epoch_and_numbers(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.append(entries("a", "b", "c"))
    store.commit(store.epoch, 3)
    epoch = store.epoch
    store.close()
    again = opened(tmp_path)
    again.append(entries("d"))
    stretch = again.read(None, BIG, 10)
    assert stretch is not None
    assert (stretch.epoch, stretch.first, stretch.records) == (epoch, 4, (b"d",))


def test_watermarks_of_another_epoch_or_beyond_the_newest_record_change_nothing(
    tmp_path: Path,
) -> None:
    store = opened(tmp_path)
    store.append(entries("a", "b"))
    assert not store.commit("another", 2)
    assert not store.commit(store.epoch, 3)
    assert everything(store) == [b"a", b"b"]


def test_a_full_journal_drops_the_oldest_and_says_so_by_a_new_epoch(tmp_path: Path) -> None:
    store = opened(tmp_path, max_bytes=100, in_flight=20)
    store.append([Entry(b"CATALOGUE", catalogue=True)])
    epoch = store.epoch
    for number in range(200):
        store.append(entries(f"{number:04d}"))
        assert store.size <= 100
    found = everything(store)
    assert store.epoch != epoch
    assert found[0] == b"CATALOGUE"
    assert found[-1] == b"0199"
    numbers = [int(text) for text in found[1:]]
    assert numbers == list(range(numbers[0], 200))
    assert store.dropped == 201 - len(numbers)


def test_the_catalogue_survives_its_own_commit_for_a_later_hole(tmp_path: Path) -> None:
    store = opened(tmp_path, max_bytes=100, in_flight=20)
    store.append([Entry(b"CATALOGUE", catalogue=True)])
    store.append(entries("a"))
    store.commit(store.epoch, 2)
    for number in range(100):
        store.append(entries(f"{number:04d}"))
    assert everything(store)[0] == b"CATALOGUE"
    store.close()
    again = opened(tmp_path, max_bytes=100, in_flight=20)
    assert everything(again)[0] == b"CATALOGUE"


def test_what_may_be_on_its_way_is_never_renumbered(tmp_path: Path) -> None:
    """A record that was sent and not acknowledged must not arrive a second time elsewhere."""
    store = opened(tmp_path, max_bytes=200, in_flight=60)
    sent: set[bytes] = set()
    for number in range(300):
        store.append(entries(f"{number:04d}"))
        if number == 30:  # the uplink sends as much as it may, and the link dies
            stretch = store.read(None, 60, 100)
            assert stretch is not None
            sent.update(stretch.records)
            sent_epoch = store.epoch
    assert store.epoch != sent_epoch
    assert not sent & set(everything(store))


def test_a_commit_in_the_epoch_of_a_hole_counts_its_copied_catalogue(tmp_path: Path) -> None:
    store = opened(tmp_path, max_bytes=60, in_flight=20)
    store.append([Entry(b"CATALOGUE", catalogue=True)])
    for number in range(40):
        store.append(entries(f"{number:04d}"))
    stretch = store.read(None, BIG, 100)
    assert stretch is not None
    assert stretch.first == 1
    assert store.committed == 0
    assert store.commit(store.epoch, 2)
    rest = store.read((store.epoch, 2), BIG, 100)
    assert rest is not None
    assert rest.records == stretch.records[2:]
    assert store.committed == 2


def test_a_renewed_journal_goes_on_under_a_new_epoch_with_its_catalogue(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.append([Entry(b"CATALOGUE", catalogue=True), *entries("a", "b")])
    epoch = store.epoch
    store.commit(epoch, 2)
    store.renew()
    assert store.epoch != epoch
    assert everything(store) == [b"CATALOGUE", b"b"]


def test_one_record_is_given_however_large(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.append([Entry(b"x" * 1000), Entry(b"y" * 1000)])
    stretch = store.read(None, 10, 100)
    assert stretch is not None
    assert stretch.records == (b"x" * 1000,)


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 4)),
        st.tuples(st.just("commit"), st.integers(0, 40)),
        st.tuples(st.just("reopen"), st.just(0)),
    ),
    max_size=40,
)


@given(OPERATIONS)
@settings(max_examples=60, deadline=None)
def test_any_interleaving_keeps_order_and_loses_nothing(
    operations: list[tuple[str, int]],
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        store = opened(Path(directory))
        written: list[bytes] = []
        committed = 0
        for operation, number in operations:
            if operation == "append":
                new = [f"{len(written) + n}".encode() for n in range(number)]
                store.append([Entry(text) for text in new])
                written += new
            elif operation == "commit":
                if store.commit(store.epoch, number):
                    committed = max(committed, number)
            else:
                store.close()
                store = opened(Path(directory))
            assert everything(store) == written[committed:]
            assert store.backlog == len(written) - committed
            assert store.last == len(written)
        store.close()


@given(st.lists(st.tuples(st.integers(1, 60), st.booleans()), min_size=1, max_size=60))
@settings(max_examples=40, deadline=None)
def test_a_full_journal_keeps_an_unbroken_tail(steps: list[tuple[int, bool]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        store = opened(Path(directory), max_bytes=200, in_flight=30)
        store.append([Entry(b"CATALOGUE", catalogue=True)])
        written = [b"CATALOGUE"]
        for size, commit in steps:
            text = f"{len(written):04d}".encode().ljust(size + 4, b".")
            store.append([Entry(text)])
            written.append(text)
            if commit:
                stretch = store.read(None, 50, 5)
                assert stretch is not None
                store.commit(stretch.epoch, stretch.last)
            found = [record for record in everything(store) if record != b"CATALOGUE"]
            assert found == written[len(written) - len(found) :]
        store.close()


def test_a_damaged_file_is_kept_aside_and_a_new_epoch_begins(tmp_path: Path) -> None:
    journal = Journal(tmp_path, max_bytes=BIG)
    journal.append([Entry(b"CATALOGUE", catalogue=True)])
    epoch = journal.store.epoch
    journal.store.close()
    (tmp_path / FILE).write_bytes(b"this is not a database" * 100)
    again = Journal(tmp_path, max_bytes=BIG)
    assert again.store.epoch != epoch
    assert [path.read_bytes()[:4] for path in again.moved_aside] == [b"this"]
    again.append(entries("a"))
    assert everything(again.store) == [b"a"]


def test_a_file_that_is_damaged_while_running_costs_no_record_that_comes_after(
    tmp_path: Path,
) -> None:
    journal = Journal(tmp_path, max_bytes=BIG)
    journal.append([Entry(b"CATALOGUE", catalogue=True), *entries("a")])
    broken = journal.store

    def append(new: list[Entry]) -> int:
        raise JournalCorruptError("database disk image is malformed")

    broken.append = append  # type: ignore[method-assign, assignment]
    journal.append(entries("b"))
    assert everything(journal.store) == [b"CATALOGUE", b"b"]


def test_missing_records_are_noticed(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.append(entries("a", "b", "c"))
    store.close()
    with sqlite3.connect(tmp_path / "j.sqlite") as db:
        db.execute("DELETE FROM record WHERE row = 2")
    with pytest.raises(JournalCorruptError, match="missing"):
        opened(tmp_path)


APPENDER = """
import sys
from pathlib import Path
from ortsnetz_edge.journal.layout import Entry
from ortsnetz_edge.journal.store import JournalStore
store = JournalStore(Path(sys.argv[1]), max_bytes=10**9)
number = store.last
while True:
    batch = [Entry(str(number + n + 1).encode() * 50) for n in range(7)]
    store.append(batch)
    number += 7
    print(number, flush=True)
"""


def test_sigkill_in_the_middle_of_appending_loses_nothing_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    acknowledged = 0
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", APPENDER, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _ in range(20):
            acknowledged = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        acknowledged = max([acknowledged, *map(int, process.stdout.read().split())])
        process.wait(10)
        process.stdout.close()
        store = opened(tmp_path)
        found = [int(record[: len(record) // 50]) for record in everything(store)]
        assert len(found) >= acknowledged
        assert found == list(range(1, len(found) + 1))
        store.close()


def test_the_writer_keeps_order_and_survives_a_disk_that_is_full_for_a_while(
    tmp_path: Path,
) -> None:
    async def check() -> None:
        journal = Journal(tmp_path, max_bytes=BIG)
        writer = JournalWriter(journal)
        real, fail = journal.append, True

        def append(new: list[Entry]) -> int:
            nonlocal fail
            if fail:
                fail = False
                raise JournalError("database or disk is full")
            return real(new)

        journal.append = append  # type: ignore[method-assign, assignment]
        for number in range(50):
            writer.put(entries(f"{number:02d}"))
            await asyncio.sleep(0)
        assert await writer.flush(5.0)
        await writer.stop(5.0)
        assert [int(record) for record in everything(journal.store)] == list(range(50))
        assert writer.counters["journal_failures"] == 1
        assert writer.failure is None

    asyncio.run(asyncio.wait_for(check(), 20))
