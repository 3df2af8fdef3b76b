"""The journal as the agent uses it: opened whatever state its file is in, appended to off the loop.

A damaged file is moved aside and kept; a new one begins a new epoch. The cycle hands records over
and does not wait for the disk: a writer commits whatever has gathered, in order, in one
transaction.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ortsnetz_edge.journal.layout import Entry, JournalCorruptError, JournalError, Stretch
from ortsnetz_edge.journal.store import IN_FLIGHT_BYTES, JournalStore

log = logging.getLogger(__name__)

FILE = "journal.sqlite"
MAX_WAITING = 1000
"""Records that may wait for a disk that takes none; then the oldest are dropped and counted."""


class Journal:
    """A journal that survives its file. Thread-safe."""

    def __init__(
        self, directory: Path, *, max_bytes: int, in_flight_bytes: int = IN_FLIGHT_BYTES
    ) -> None:
        """Open the journal in a directory; a damaged file is moved aside and kept.

        Raises:
            JournalError: the directory cannot be written to.
        """
        self.moved_aside: tuple[Path, ...] = ()
        self._path = directory / FILE
        self._max_bytes = max_bytes
        self._in_flight_bytes = in_flight_bytes
        self._catalogue: Entry | None = None
        self._lock = threading.Lock()
        try:
            self._store = self._open()
        except JournalCorruptError as error:
            self._store = self._replace(error)

    @property
    def store(self) -> JournalStore:
        """The store in use."""
        return self._store

    def append(self, entries: list[Entry]) -> int:
        """Append records; durable when this returns. See `JournalStore.append`.

        Raises:
            JournalError: nothing was appended.
        """
        for entry in entries:
            if entry.catalogue:
                self._catalogue = entry
        store = self._store
        try:
            return store.append(entries)
        except JournalCorruptError as error:
            return self._renewed(store, error).append(entries)

    def read(
        self, after: tuple[str, int] | None, max_bytes: int, max_records: int
    ) -> Stretch | None:
        """Records that are not committed; see `JournalStore.read`.

        Raises:
            JournalError: they cannot be read now.
        """
        store = self._store
        try:
            return store.read(after, max_bytes, max_records)
        except JournalCorruptError as error:
            return self._renewed(store, error).read(after, max_bytes, max_records)

    def _renewed(self, broken: JournalStore, error: JournalCorruptError) -> JournalStore:
        """A new file in place of a damaged one; a new epoch begins with the catalogue."""
        with self._lock:
            if self._store is broken:
                broken.close()
                self._store = self._replace(error)
                if self._catalogue is not None:
                    self._store.append([self._catalogue])
            return self._store

    def _open(self) -> JournalStore:
        return JournalStore(
            self._path, max_bytes=self._max_bytes, in_flight_bytes=self._in_flight_bytes
        )

    def _replace(self, error: JournalCorruptError) -> JournalStore:
        for number in range(1, 10_000):
            aside = self._path.with_name(f"{FILE}.damaged-{number}")
            if not aside.exists():
                break
        log.error("journal is damaged (%s): kept as %s, a new epoch begins", error, aside.name)
        for suffix in ("", "-wal", "-shm"):
            part = self._path.with_name(self._path.name + suffix)
            if part.exists():
                part.rename(aside.with_name(aside.name + suffix))
        self.moved_aside += (aside,)
        return self._open()


class JournalWriter:
    """Appends in a thread of its own, in order, group by group."""

    def __init__(self, journal: Journal) -> None:
        self.counters: Counter[str] = Counter()
        self.failure: str | None = None
        self._journal = journal
        self._waiting: deque[Entry] = deque()
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._task = asyncio.create_task(self._run())

    def put(self, entries: list[Entry]) -> None:
        """Take over records; they will be durable soon, in this order.

        Raises:
            RuntimeError: the writer has ended: the agent cannot go on.
        """
        if self._task.done():
            raise RuntimeError("the journal's writer has ended")
        self._waiting.extend(entries)
        while len(self._waiting) > MAX_WAITING:
            self._waiting.popleft()
            self.counters["journal_not_written"] += 1
        self._idle.clear()
        self._work.set()

    async def flush(self, timeout_s: float) -> bool:
        """Wait until everything taken over is durable; whether it is, within the deadline."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    async def stop(self, timeout_s: float) -> None:
        """Write what is left, then end."""
        if not await self.flush(timeout_s):
            self.counters["journal_not_written"] += len(self._waiting)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._thread.shutdown(wait=True)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._work.wait()
            self._work.clear()
            while self._waiting:
                group = list(self._waiting)
                self._waiting.clear()
                try:
                    dropped = await loop.run_in_executor(self._thread, self._journal.append, group)
                except JournalError as error:
                    self._failed(group, error)
                    await asyncio.sleep(1.0)
                    continue
                if self.failure is not None:
                    log.info("journal: writing again")
                self.failure = None
                self.counters["journal_records"] += len(group)
                self.counters["journal_dropped"] += dropped
                self.counters["journal_commits"] += 1
            self._idle.set()

    def _failed(self, group: list[Entry], error: JournalError) -> None:
        if self.failure is None:
            log.error("journal: cannot write: %s", error)
        self.failure = str(error)
        self.counters["journal_failures"] += 1
        self._waiting.extendleft(reversed(group))
        while len(self._waiting) > MAX_WAITING:
            self._waiting.popleft()
            self.counters["journal_not_written"] += 1
