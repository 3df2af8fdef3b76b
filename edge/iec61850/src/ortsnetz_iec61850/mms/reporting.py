"""Reports of a device: which are asked for, what they bring, what was lost.

Buffered control blocks come first. After a break the device is told the last entry that arrived
here, and sends what has come since; what its buffer no longer holds is a gap, said in words and
counted. A value of a report is believed between scans for as long as the block is enabled, which
each scan asks; until the first general interrogation over a connection is answered it is polled.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from ortsnetz_common.drivers.values import DriverError, FailureKind
from ortsnetz_common.measurement.time import NS_PER_S
from ortsnetz_common.scl.object_reference import ObjectReference
from ortsnetz_iec61850.library.reports import Report, Trigger
from ortsnetz_iec61850.library.values import Value
from ortsnetz_iec61850.mms.covering import Block
from ortsnetz_iec61850.mms.enabling import Enabled, Outcome, Wish, enable_all
from ortsnetz_iec61850.mms.life import Life
from ortsnetz_iec61850.mms.places import Variable
from ortsnetz_iec61850.mms.reported import QUIET_S, Subscribed
from ortsnetz_iec61850.mms.samples import Sample
from ortsnetz_iec61850.mms.sequence import missed
from ortsnetz_iec61850.mms.session import Session

log = logging.getLogger(__name__)
MOST_WAITING = 10_000
"""Reports that have arrived and were not looked at; beyond it they are dropped and counted."""
ASK_AGAIN_S = 10.0
"""So often blocks that others hold are asked for again."""
PATIENT_S = 30.0
"""So long after a break a buffered block is waited for that the device still keeps for the
connection before."""
REQUESTS_OF_A_SET_UP = 600
HISTORY_S = 1.5
"""What a buffer held is at least so old, whatever the device's clock says."""
_NS_PER_MS = 1_000_000

Took = Callable[[Mapping[ObjectReference, Sample], float], None]
"""Takes what a report has brought, and how many seconds ago it was true."""


class Reporting:
    """The reports of one session.

    Attributes:
        lost: what was lost, by kind: `gap` (the device's buffer does not reach back), `overflow`
            (the buffer has lost entries), `sequence` (reports that did not arrive), `dropped`
            (that could not be taken).
        last_loss: in words; None if there was none.
    """

    def __init__(self, session: Session) -> None:
        self.lost: Counter[str] = Counter()
        self.last_loss: str | None = None
        self.received = 0
        self._session = session
        self._integrity_s = math.inf  # until the first source says it
        self._wanted: dict[str, tuple[frozenset[ObjectReference], Took]] = {}
        self._entries: dict[str, bytes] = {}
        self._blocks: dict[str, Subscribed] = {}
        self._latest: dict[ObjectReference, Sample] = {}
        self._set_up_for: tuple[int, int] | None = None
        self._again_at: float | None = None
        self._patient_until = 0.0
        self._next_interrogation = 0.0
        self._waiting = 0
        self._dropped_before = 0
        self._setting_up: asyncio.Task[None] | None = None
        self._settling: asyncio.Task[None] | None = None

    def join(self, name: str, references: Iterable[ObjectReference], took: Took) -> None:
        """One more source that wants what is reported of its values."""
        self._wanted[name] = (frozenset(references), took)

    def ask_within(self, integrity_s: float) -> None:
        """One more source that wants everything this often; the most frequent counts for all."""
        self._integrity_s = min(self._integrity_s, integrity_s)

    def leave(self, name: str) -> None:
        """One source less."""
        self._wanted.pop(name, None)
        if not self._wanted:
            self._stop_tasks()

    @property
    def beats(self) -> frozenset[Variable]:
        """What says whether the blocks are still enabled; read with each scan."""
        return frozenset(
            Variable(one.enabled.block.domain, one.enabled.block.item("RptEna"))
            for one in self._blocks.values()
        )

    def current(self) -> Mapping[ObjectReference, Sample]:
        """What was reported and still holds, as long as the blocks are enabled."""
        covered = {
            reference
            for one in self._blocks.values()
            if one.complete
            for reference in one.enabled.cells
        }
        return {
            reference: self._latest[reference] for reference in covered if reference in self._latest
        }

    async def ready(self) -> None:
        """See to it that what is wanted is reported over the present connection.

        It takes as long as the device takes; what is not reported yet is polled meanwhile.

        Raises:
            DriverError: there is no connection.
        """
        life = await self._session.opened()
        now = self._session.clock.monotonic()
        if self.lost["dropped"] != self._dropped_before:
            self._dropped_before = self.lost["dropped"]
            self._doubt(self._blocks.values())
        key = (life.generation, len(self._wanted))
        again = self._again_at is not None and now >= self._again_at
        under_way = self._setting_up is not None and not self._setting_up.done()
        if key != self._set_up_for or again:
            if under_way and self._set_up_for is not None and key[0] == self._set_up_for[0]:
                return  # first things first: who joined meanwhile is next
            self._begin(life, key)
        elif now >= self._next_interrogation and self._blocks:
            self._next_interrogation = now + self._integrity_s
            asked = [one for one in self._blocks.values() if one.asked]
            await self._session.call(
                functools.partial(_interrogate, blocks=asked),
                generation=life.generation,
                requests=len(asked),
            )

    def beaten(self, found: Mapping[Variable, Value], generation: int) -> bool:
        """What the blocks say of themselves; whether all still report.

        Somebody else, or the device, may have disabled one: it is enabled again, and what it did
        not report meanwhile is a gap.
        """
        good = True
        for reference, one in list(self._blocks.items()):
            block = one.enabled.block
            said = found.get(Variable(block.domain, block.item("RptEna")))
            if said is not True and one.enabled.generation == generation and said is not None:
                self._lose("gap", f"{reference} was disabled")
                del self._blocks[reference]
                self._again_at = 0.0
                good = False
        return good

    def _begin(self, life: Life, key: tuple[int, int]) -> None:
        now = self._session.clock.monotonic()
        if self._set_up_for is None or self._set_up_for[0] != life.generation:
            self._patient_until = now + PATIENT_S
            self._blocks.clear()
            self._latest.clear()
        self._stop_tasks()
        self._set_up_for, self._again_at = key, None
        self._next_interrogation = now + self._integrity_s
        self._setting_up = asyncio.create_task(self._set_up(life))

    async def _set_up(self, life: Life) -> None:
        """Have what is wanted reported, one logical device after the other: reads come between."""
        wanted = frozenset(one for references, _ in self._wanted.values() for one in references)
        covered = {one for block in self._blocks.values() for one in block.enabled.cells}
        by_device: dict[str, set[ObjectReference]] = {}
        for reference in wanted - covered:
            by_device.setdefault(reference.device, set()).add(reference)
        held = False
        try:
            for device in sorted(by_device):
                if not self._is_there(life.generation):
                    return
                held |= await self._enable(life, frozenset(by_device[device]))
        except DriverError:
            # the next scan says it; where the connection stands, what reports goes on
            self._again_at = self._session.clock.monotonic() + ASK_AGAIN_S
            return
        if held:
            patient = self._session.clock.monotonic() < self._patient_until
            wait_s = 1.0 if patient and self._entries else ASK_AGAIN_S
            self._again_at = self._session.clock.monotonic() + wait_s
        if self._settling is not None:
            self._settling.cancel()
        self._settling = asyncio.create_task(self._settle(life.generation))

    async def _enable(self, life: Life, references: frozenset[ObjectReference]) -> bool:
        """Enable what brings some values; whether others hold what would. Raises DriverError."""
        loop = asyncio.get_running_loop()
        wish = Wish(
            references=references,
            entries=dict(self._entries),
            taken=frozenset(self._blocks),
            integrity_ms=round(self._integrity_s * 1000),
            arrived=lambda report: self._arrived(loop, life.generation, report),
            failed=self._dropped,
            enabled=lambda one: loop.call_soon_threadsafe(self._enabled, one),
            patient=self._session.clock.monotonic() < self._patient_until,
        )
        outcome = Outcome()
        try:
            await self._session.call(
                lambda there: enable_all(there, wish, outcome),
                generation=life.generation,
                requests=REQUESTS_OF_A_SET_UP,
            )
        finally:
            for gap in outcome.gaps:
                self._lose("gap", gap)
            for reference in self._blocks.keys() - outcome.enabled - wish.taken:
                del self._blocks[reference]  # refused at the last step
        return outcome.held_by_others

    def _is_there(self, generation: int) -> bool:
        return self._session.connected and self._session.generation == generation

    def _stop_tasks(self) -> None:
        for task in (self._setting_up, self._settling):
            if task is not None:
                task.cancel()

    async def _settle(self, generation: int) -> None:
        """Interrogate each block as soon as its buffer is empty."""
        with contextlib.suppress(DriverError):  # the next scan says it
            while any(one.is_open for one in self._blocks.values()):
                await asyncio.sleep(QUIET_S)
                if not self._is_there(generation):
                    return
                now_s = time.monotonic()
                due = [
                    one
                    for one in self._blocks.values()
                    if not one.interrogated and one.is_due(now_s)
                ]
                for one in due:
                    one.asked_s, one.asked = now_s, one.asked + 1
                if due:
                    work = functools.partial(_interrogate, blocks=due)
                    await self._session.call(work, generation=generation, requests=len(due))

    def _doubt(self, blocks: Iterable[Subscribed]) -> None:
        """Something was lost: what these report is polled until they have said it all again."""
        for one in blocks:
            one.complete = False
        self._next_interrogation = 0.0

    def _enabled(self, one: Enabled) -> None:
        if one.generation != self._session.generation:
            return  # of a connection that was given up while its blocks were set up
        self._blocks[one.block.reference] = Subscribed(one)

    def _arrived(self, loop: asyncio.AbstractEventLoop, generation: int, report: Report) -> None:
        """In the library's thread."""
        if self._waiting >= MOST_WAITING:
            self._dropped()
            return
        self._waiting += 1
        loop.call_soon_threadsafe(self._take, generation, report)

    def _dropped(self) -> None:
        """In the library's thread; with the next scan all is asked for again."""
        self.lost["dropped"] += 1

    def _take(self, generation: int, report: Report) -> None:
        self._waiting -= 1
        one = self._blocks.get(report.block)
        if one is None or one.enabled.generation != generation:
            return
        if report.revision not in (None, 0, one.enabled.revision) and one.enabled.revision:
            self._give_up(one, report)
            return
        self.received += 1
        one.heard_s = time.monotonic()
        first = one.sequence is None
        self._check_sequence(one, report)
        # the first report of a block that was not gone on with says that there were others before
        if report.overflow and not (first and not one.enabled.resumed):
            self._lose("overflow", f"{report.block}: the device's buffer has lost reports")
            self._doubt([one])
        live = one.interrogated  # until then a buffer is emptied: what it held was true then
        samples = one.samples_of(report)
        if report.entry_id is not None and not report.more_follows:
            self._entries[report.block] = report.entry_id
        answers = any(reason & Trigger.GENERAL_INTERROGATION for reason in report.reasons)
        if answers and one.asked and not report.more_follows:
            one.interrogated = one.complete = True
        self._latest.update(samples)
        self._hand_over(samples, 0.0 if live else max(self._age_s(report), HISTORY_S))

    def _give_up(self, one: Subscribed, report: Report) -> None:
        """A block was configured anew: over a new connection, what it sends is asked for again."""
        words = (
            f"{report.block}: confRev is {report.revision} and was {one.enabled.revision}: its "
            "reports are not taken"
        )
        self._lose("gap", words)
        self._session.give_up(FailureKind.WRONG_DEVICE, words, one.enabled.generation)

    def _check_sequence(self, one: Subscribed, report: Report) -> None:
        """Reports of a block count up; segments of one have the same number."""
        if report.sequence is None:
            return
        before, segmented = one.sequence, one.segmented
        one.sequence, one.segmented = report.sequence, report.more_follows
        if before is None or (segmented and report.sequence == before):
            return
        count = missed(before, report.sequence, buffered=one.enabled.block.buffered)
        if count:
            self._lose("sequence", f"{report.block}: {count} reports did not arrive", count)
            self._doubt([one])

    def _age_s(self, report: Report) -> float:
        """How long ago an entry of a buffer was true, by the device's clock."""
        if report.time_ms is None:
            return 0.0
        age_ns = self._session.clock.now_ns() - report.time_ms * _NS_PER_MS
        return max(0.0, age_ns / NS_PER_S)

    def _hand_over(self, samples: Mapping[ObjectReference, Sample], age_s: float) -> None:
        for references, took in self._wanted.values():
            mine = {one: samples[one] for one in samples if one in references}
            if mine:
                took(mine, age_s)

    def _lose(self, kind: str, words: str, count: int = 1) -> None:
        self.lost[kind] += count
        self.last_loss = f"{self._session.endpoint}: {words}"
        log.warning("%s", self.last_loss)


def _interrogate(life: Life, blocks: Iterable[Subscribed]) -> None:
    for one in blocks:
        one.enabled.interrogate(life)


__all__ = ["Block", "Reporting", "Took"]
