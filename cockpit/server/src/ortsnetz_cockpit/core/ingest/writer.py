"""The writer: one thread that commits what was admitted and answers with watermarks."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Protocol

from ortsnetz_cockpit.core.ingest.admission import Admitted
from ortsnetz_cockpit.core.ingest.intake import Outcome, take
from ortsnetz_cockpit.core.metrics import Metrics
from ortsnetz_cockpit.core.timeseries.store import Store, StoreError
from ortsnetz_cockpit.core.timeseries.transaction import Transaction
from ortsnetz_common.link.messages import Batch, Presence, Watermark

LOGGER = logging.getLogger("ortsnetz.cockpit.ingest")
GROUP_MESSAGES = 32
GROUP_BYTES = 8 * 1024 * 1024
GIVE_UP_AFTER_S = 30.0


class Observer(Protocol):
    """What follows the log."""

    def committed(self, transaction: Transaction, outcomes: list[tuple[Admitted, Outcome]]) -> None:
        """The transaction is durable."""

    def present(self, presence: Presence, received_ns: int) -> None:
        """A node came or went."""


class IngestWriter:
    """Commits messages in groups: one transaction for all that wait, so that backlogs drain fast.

    Args:
        store: the log; this thread is its only writer.
        inbox: admitted messages.
        metrics: what is counted.
        answer: sends a watermark to its node; False when it could not.
        acknowledge: tells the broker that a message is dealt with.
        observer: follows the log.
        on_fatal: called with the reason when the store stays unwritable; the process should end.
    """

    def __init__(
        self,
        store: Store,
        inbox: queue.Queue[Admitted],
        metrics: Metrics,
        *,
        answer: Callable[[Watermark], bool],
        acknowledge: Callable[[Admitted], None],
        observer: Observer,
        on_fatal: Callable[[str], None],
    ) -> None:
        self._store = store
        self._inbox = inbox
        self._metrics = metrics
        self._answer = answer
        self._acknowledge = acknowledge
        self._observer = observer
        self._on_fatal = on_fatal
        self._ledger = store.ledger()
        self._stopping = threading.Event()
        self._failing_since: float | None = None
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)
        self.failure: str | None = None

    def start(self) -> None:
        """Begin to commit."""
        self._thread.start()

    def stop(self, deadline_s: float = 10.0) -> None:
        """Finish the group in hand and end; what still waits is sent again by its node."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(deadline_s)

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                group = self._next_group()
                if group:
                    self._handle(group)
        except Exception as error:
            LOGGER.exception("the ingest writer failed")
            self._give_up(f"the ingest writer failed: {error}")

    def _next_group(self) -> list[Admitted]:
        try:
            group = [self._inbox.get(timeout=0.2)]
        except queue.Empty:
            return []
        size = group[0].size
        while len(group) < GROUP_MESSAGES and size < GROUP_BYTES:
            try:
                group.append(self._inbox.get_nowait())
            except queue.Empty:
                break
            size += group[-1].size
        self._metrics.queue.set(self._inbox.qsize())
        return group

    def _handle(self, group: list[Admitted]) -> None:
        for admitted in group:
            if isinstance(admitted.message, Presence):
                self._observer.present(admitted.message, admitted.received_ns)
                self._acknowledge(admitted)
        batches = [admitted for admitted in group if isinstance(admitted.message, Batch)]
        if not batches:
            return
        try:
            self._commit(batches)
        except StoreError as error:
            self._note_failure(error)
            for admitted in batches:
                self._insist(admitted)

    def _insist(self, admitted: Admitted) -> None:
        """Commit one batch alone; again until it works or the process is given up.

        Where the store works and only this batch does not fit, its records are stored raw.
        """
        quarantine_all: str | None = None
        while not self._stopping.is_set():
            try:
                self._commit([admitted], quarantine_all)
            except StoreError as error:
                self._note_failure(error)
                if error.is_content and quarantine_all is None:
                    quarantine_all = str(error)
                else:
                    self._stopping.wait(1.0)
            else:
                return

    def _commit(self, group: list[Admitted], quarantine_all: str | None = None) -> None:
        transaction = Transaction()
        outcomes = [
            (admitted, self._take(admitted, transaction, quarantine_all)) for admitted in group
        ]
        if not transaction.is_empty:
            with self._metrics.commit_seconds.time():
                self._store.commit(transaction)
        self._failing_since = self.failure = None
        self._reply(outcomes)
        self._count(outcomes)
        self._time(transaction)
        self._observer.committed(transaction, outcomes)

    def _take(
        self, admitted: Admitted, transaction: Transaction, quarantine_all: str | None
    ) -> Outcome:
        batch = admitted.message
        if not isinstance(batch, Batch):
            raise TypeError("only batches have records")
        try:
            return take(
                self._ledger,
                batch,
                admitted.received_ns,
                transaction,
                quarantine_all=quarantine_all,
            )
        except Exception as error:  # an unforeseen record must not stop the link
            LOGGER.exception("a batch of node %s could not be read", batch.node)
            raise StoreError(f"could not be read: {error!r}", is_content=True) from error

    def _reply(self, outcomes: list[tuple[Admitted, Outcome]]) -> None:
        watermarks: dict[tuple[str, str], int] = {}
        for admitted, outcome in outcomes:
            self._acknowledge(admitted)
            if isinstance(admitted.message, Batch):
                key = (admitted.message.node, admitted.message.epoch)
                watermarks[key] = outcome.watermark
        for (node, epoch), sequence in watermarks.items():
            if not self._answer(Watermark(node, epoch, sequence)):
                self._metrics.answers_unsent.inc()

    def _count(self, outcomes: list[tuple[Admitted, Outcome]]) -> None:
        metrics = self._metrics
        for _, outcome in outcomes:
            metrics.batches.labels(outcome.verdict.value).inc()
            metrics.records.inc(outcome.records)
            metrics.samples.inc(outcome.samples)
            metrics.repeated.inc(outcome.repeated)
            metrics.quarantined.inc(outcome.quarantined)

    def _time(self, transaction: Transaction) -> None:
        """How long events took from the node to the store; records of a backlog took long."""
        now_ns = time.time_ns()
        for event in transaction.events:
            took_s = (now_ns - event.time_ns) / 1e9
            if took_s < 0:
                self._metrics.edge_clocks_disagree.inc()
            else:
                self._metrics.edge_seconds.observe(took_s)

    def _note_failure(self, error: StoreError) -> None:
        LOGGER.warning("%s", error)
        self._metrics.commit_failures.inc()
        self.failure = str(error)
        self._ledger = self._store.ledger()
        now = time.monotonic()
        self._failing_since = self._failing_since or now
        if now - self._failing_since > GIVE_UP_AFTER_S:
            self._give_up(
                f"the store refused every transaction for {GIVE_UP_AFTER_S:.0f} s: {error}"
            )

    def _give_up(self, reason: str) -> None:
        self.failure = reason
        self._stopping.set()
        self._on_fatal(reason)
