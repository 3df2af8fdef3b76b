"""One driver, scanned without a pause, and everything that happens to its device."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from dataclasses import dataclass, field

from ortsnetz_edge.drivers.contract import DriverError
from soak.peers import Peer
from soak.subjects import LIMIT_A, WATCHDOG, Subject

PERIOD_S = 0.1
ENDING_S = 30.0
FAULTS = {"reset": 4, "cut": 3, "hold": 3, "restart": 1}
"""Ways to lose a device, and how often."""


@dataclass
class Ledger:
    """What happened to one driver.

    Attributes:
        longest_scan_s: of those that ended.
        longest_recovery_s: from the end of a fault to the first scan that brought values.
        slow_scans, slow_recoveries: in words: those that took too long.
        unwanted_writes: that reached the device while nobody wrote.
    """

    answers: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    longest_scan_s: float = 0.0
    longest_recovery_s: float = 0.0
    slow_scans: list[str] = field(default_factory=list)
    slow_recoveries: list[str] = field(default_factory=list)
    unwanted_writes: int = 0


class Watch:
    """Scans a driver and disturbs its device.

    Attributes:
        patience: times the stated deadlines may be exceeded on a busy machine.
    """

    def __init__(self, subject: Subject, peer: Peer, seed: int, patience: float) -> None:
        self.subject, self.peer, self.patience = subject, peer, patience
        self.ledger = Ledger()
        # one scan may be under way, and one brings the values
        self._allowed_s = (subject.cap_s + 2 * subject.scan_s) * patience
        self._faults = FAULTS if subject.remote is None else {**FAULTS, "crash": 2}
        self._chance = random.Random(f"{subject.kind} {seed}")
        self._begun = 0.0  # of the last scan that brought values
        self._answered = asyncio.Event()
        self._scanning: asyncio.Task[None] | None = None
        self._writes = 0

    async def begin(self) -> None:
        """Connect, write a limit once, and scan from then on."""
        await self.peer.start()
        self.subject.driver.subscribe(lambda _: None)
        self._scanning = asyncio.create_task(self._scan_on())
        await self.write()

    async def write(self) -> None:
        """Write a limit: the only writes that the device may see."""
        await self.recovered("a write")
        self._note_unwanted()
        before = self.peer.writes
        try:
            async with asyncio.timeout(self._allowed_s):
                await self._written()
        except TimeoutError:
            self.ledger.slow_recoveries.append(f"a limit: not taken in {self._allowed_s:.1f} s")
            return
        self._writes = self.peer.writes
        if self._writes == before:
            raise AssertionError(f"{self.subject.kind}: a write is not seen at the device")

    async def _written(self) -> None:
        while True:
            try:
                await self.subject.driver.write(LIMIT_A, WATCHDOG)
            except DriverError:
                await asyncio.sleep(PERIOD_S)
            else:
                return

    async def warm_up(self) -> None:
        """Lose the device once in each way."""
        for fault in self._faults:
            await self._lose(fault)

    async def disturb(self, until: float) -> None:
        """Lose the device again and again until an instant of the loop's clock."""
        loop = asyncio.get_running_loop()
        while loop.time() < until:
            await asyncio.sleep(self._chance.uniform(0.0, 1.0))
            (fault,) = self._chance.choices([*self._faults], [*self._faults.values()])
            await self._lose(fault)

    async def _lose(self, fault: str) -> None:
        self.ledger.faults[fault] += 1
        await self._happens(fault)
        await self.recovered(fault)
        self._note_unwanted()

    async def recovered(self, fault: str) -> None:
        """Wait for the first scan that began after this instant and brought values."""
        loop = asyncio.get_running_loop()
        ended = loop.time()
        try:
            async with asyncio.timeout(self._allowed_s):
                while self._begun <= ended:
                    self._answered.clear()
                    await self._answered.wait()
        except TimeoutError:
            self.ledger.slow_recoveries.append(f"{fault}: not within {self._allowed_s:.1f} s")
            return
        if fault != "a write":
            took_s = loop.time() - ended
            self.ledger.longest_recovery_s = max(self.ledger.longest_recovery_s, took_s)

    async def end(self) -> None:
        """Stop the driver, then its device."""
        while self._scanning is not None and not self._scanning.done():
            # `wait_for` of Python 3.11, in libraries, loses a cancellation that comes with the
            # answer: the scan ends well, and the loop goes on
            self._scanning.cancel()
            await asyncio.wait({self._scanning}, timeout=1.0)
        async with asyncio.timeout(ENDING_S):
            await self.subject.driver.stop()
        async with asyncio.timeout(ENDING_S):
            await self.peer.kill()

    def _note_unwanted(self) -> None:
        self.ledger.unwanted_writes += self.peer.writes - self._writes
        self._writes = self.peer.writes

    async def _happens(self, fault: str) -> None:
        if fault == "restart":
            await self.peer.kill()
            await asyncio.sleep(self._chance.uniform(0.0, 1.0))
            await self.peer.start()
        elif fault == "crash" and self.subject.remote is not None:
            pid = self.subject.remote.session.pid
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
        elif fault == "hold" or (fault == "cut" and self.subject.kind == "modbus-rtu"):
            await self.peer.order(fault)
            await asyncio.sleep(self._chance.uniform(0.2, 3.0))
            await self.peer.order("let-go")
        else:
            await self.peer.order(fault)

    async def _scan_on(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            begun = loop.time()
            try:
                await self.subject.driver.scan()
            except DriverError as error:
                self.ledger.failures[error.kind] += 1
            else:
                self.ledger.answers += 1
                self._begun = begun
                self._answered.set()
            took_s = loop.time() - begun
            self.ledger.longest_scan_s = max(self.ledger.longest_scan_s, took_s)
            if took_s > self.subject.scan_s * self.patience:
                self.ledger.slow_scans.append(f"{took_s:.1f} s")
            await asyncio.sleep(PERIOD_S)
