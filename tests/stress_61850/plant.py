"""The plant behind the IED: values that count upwards, and answers that follow from a number."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from dataclasses import dataclass, field

from ortsnetz_common.link.bench_ied import TAKEN, VERSION, Bay, Begin, Command
from ortsnetz_hil.servers.ied_process import IedProcess, started

HOST = "127.0.0.1"
IED = "STRESS"
OPERATORS = 2
"""With a reader and two subscribers five connections: more the IED does not take."""
FEEDERS = 2
PERIOD_S = 0.02
BLOCKED_BY_MODE, BLOCKED_BY_PROCESS = 8, 9
LATE_S = 0.05
PHASES = [f"{q}.phs{p}" for q in ("PhV", "A", "W", "VAr") for p in "ABC"]


def refused_at_check(number: int) -> bool:
    return number % 11 == 3


def refused_at_operate(number: int) -> bool:
    return number % 7 == 2


def late(number: int) -> bool:
    return number % 13 == 4


def never(number: int) -> bool:
    return number % 499 == 5


def _points() -> tuple[str, ...]:
    feeders = [f"FD{n}" for n in range(1, FEEDERS + 1)]
    return tuple(f"{fd}/MMXU1.{p}.cVal.mag.f[MX]" for fd in feeders for p in PHASES)


@dataclass
class Plant:
    """Shows a new number in each value every `period_s`; remembers every command.

    Attributes:
        executed: how often each operate was carried out, by its number.
        refused: additional cause by number, of what it refused; checks and operates.
        answers: how many operates it answered in which way.
    """

    period_s: float = PERIOD_S
    executed: Counter[int] = field(default_factory=Counter)
    refused: dict[int, int] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)
    step: int = 0
    ied: IedProcess | None = None
    _later: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self) -> IedProcess:
        bays = tuple(Bay("FD", f"FD{n}", "feeder", f"f{n}") for n in range(1, FEEDERS + 1))
        bays += tuple(Bay("CP", f"CP{n}", "charger", f"c{n}") for n in range(1, OPERATORS + 1))
        self.ied = await started(Begin(VERSION, IED, HOST, 0, _points(), bays), self.decide)
        return self.ied

    async def live(self) -> None:
        """Show values until cancelled, each period; what is late is late."""
        assert self.ied is not None
        places = tuple(range(len(_points())))
        while True:
            began = time.monotonic()
            self.step += 1
            values = tuple(float(self.step + place % 3) for place in places)
            now = (time.time_ns(),) * len(places)
            await self.ied.show(places, values, (0,) * len(places), now)
            await asyncio.sleep(max(0.0, self.period_s - (time.monotonic() - began)))

    def decide(self, command: Command) -> int | None:
        number = int(command.value) if isinstance(command.value, float) else -1
        if command.step == "check":
            if refused_at_check(number):
                self.refused[number] = BLOCKED_BY_MODE
                return BLOCKED_BY_MODE
            return TAKEN
        if never(number):
            self.answers["never"] += 1
            return None
        if refused_at_operate(number):
            self.refused[number] = BLOCKED_BY_PROCESS
            self.answers["refused"] += 1
            return BLOCKED_BY_PROCESS
        self.executed[number] += 1
        self.answers["taken"] += 1
        if late(number):
            task = asyncio.create_task(self._answer_late(command.number))
            self._later.add(task)
            task.add_done_callback(self._later.discard)
            return None
        return TAKEN

    async def _answer_late(self, number: int) -> None:
        await asyncio.sleep(LATE_S)
        assert self.ied is not None
        with contextlib.suppress(ConnectionError):
            self.ied.answer(number, TAKEN)
