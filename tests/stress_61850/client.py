# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m stress_61850.client PORT FOLDER`: clients that read, take reports and operate.

Each is a thread with a connection of its own. A line of numbers goes to standard output each
second; the end of standard input ends it. FOLDER/operates has a line for each operate:
number, outcome, additional cause.
"""

from __future__ import annotations

import faulthandler
import json
import queue
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from pathlib import Path

from ortsnetz_iec61850.library.connection import Association, associated
from ortsnetz_iec61850.library.control import Checks, ControlObject, ControlRefusedError
from ortsnetz_iec61850.library.errors import LibraryError
from ortsnetz_iec61850.library.reports import Changes, Handler, Report, write_block
from stress_61850.plant import HOST, IED, OPERATORS

CONNECT_S, REQUEST_S = 2.0, 2.0
END_OF_COMMAND_S = 4.0
PAUSE_S = 0.01
FIRST = 4_000_000
"""Numbers of each operator begin at a multiple: exact as floats."""
BLOCK = f"{IED}FD1/LLN0.BR.brcbMeas01"
BLOCKS_ON_DEMAND = f"{IED}FD2/LLN0.RP.urcbMeas01"
counts: Counter[str] = Counter()
progress: dict[str, int] = {}
ending = threading.Event()
lock = threading.Lock()


def count(name: str, number: int = 1) -> None:
    with lock:
        counts[name] += number


class Worker(threading.Thread):
    """Connects again and again, and works until its connection is lost."""

    def __init__(self, name: str, port: int) -> None:
        super().__init__(name=name, daemon=True)
        self._port = port

    def run(self) -> None:
        while not ending.is_set():
            progress[self.name] = progress.get(self.name, 0) + 1
            try:
                association, _ = associated(
                    HOST, self._port, connect_s=CONNECT_S, request_s=REQUEST_S
                )
            except LibraryError:
                count("connections refused")
                ending.wait(0.2)
                continue
            count("connections")
            try:
                self.work(association)
                self.leave()
            except LibraryError as error:
                count(f"lost: {error.code}")
                self.leave()
            except Exception:  # noqa: BLE001 - is judged
                traceback.print_exc()
                count("mistakes")
            finally:
                association.close()

    def beat(self) -> bool:
        progress[self.name] = progress.get(self.name, 0) + 1
        return not ending.wait(PAUSE_S)

    def work(self, association: Association) -> None:
        raise NotImplementedError

    def leave(self) -> None:
        pass


class Reader(Worker):
    def work(self, association: Association) -> None:
        while self.beat():
            values = association.read_data_set(f"{IED}FD1", "LLN0$dsMeas")
            if len(values) != 12:
                count("wrong reads")
            count("reads")


class Subscriber(Worker):
    """A buffered block: nothing may be lost between two connections, nothing come twice."""

    def __init__(self, name: str, port: int) -> None:
        super().__init__(name, port)
        self.entry: bytes | None = None
        self.shown: int | None = None
        self.arrived: queue.SimpleQueue[Report] = queue.SimpleQueue()
        self.handler: Handler | None = None

    def work(self, association: Association) -> None:
        self.arrived = queue.SimpleQueue()
        self.handler = Handler(BLOCK, self.arrived.put)
        write_block(association, BLOCK, Changes(reserved_s=30))
        if self.entry is not None:
            try:
                write_block(association, BLOCK, Changes(entry_id=self.entry))
            except LibraryError as error:
                if error.code in (1, 3, 20):
                    raise
                count("gaps said")
                self.shown = None
        self.handler.install(association, f"{IED}FD1/LLN0$BR$brcbMeas01")
        write_block(association, BLOCK, Changes(enabled=True))
        quiet = 0
        while self.beat():
            quiet = 0 if self.take() else quiet + 1
            if quiet * PAUSE_S > REQUEST_S:
                association.domains()  # does it live?
                quiet = 0

    def leave(self) -> None:
        self.take()

    def take(self) -> int:
        taken = 0
        while not self.arrived.empty():
            report = self.arrived.get()
            taken += 1
            count("reports")
            self.entry = report.entry_id
            numbers = [value for place, value in report.values if place == 0]
            if not numbers:
                continue
            step = int(numbers[0][0][0][0])  # type: ignore[index, call-overload]
            if report.overflow:
                count("overflows said")
                self.shown = None
            if self.shown is not None and step != self.shown + 1:
                count("reports missing" if step > self.shown else "reports twice")
            self.shown = step
        return taken


class Unbuffered(Worker):
    def work(self, association: Association) -> None:
        self.handler = Handler(BLOCKS_ON_DEMAND, lambda _: count("unbuffered reports"))
        write_block(association, BLOCKS_ON_DEMAND, Changes(reserved=True))
        self.handler.install(association, f"{IED}FD2/LLN0$RP$urcbMeas01")
        write_block(association, BLOCKS_ON_DEMAND, Changes(enabled=True))
        rounds = 0
        while self.beat():
            rounds += 1
            if rounds % 50 == 0:
                write_block(association, BLOCKS_ON_DEMAND, Changes(interrogate=True))


class Operator(Worker):
    """Operates one object with ever new numbers."""

    def __init__(self, place: int, port: int, log: Path) -> None:
        super().__init__(f"operator {place}", port)
        self._reference = f"{IED}CP{place}/DECP1.ALim"
        self._domain = f"{IED}CP{place}"
        self._next = place * FIRST
        self._log = log.open("a", buffering=1)

    def work(self, association: Association) -> None:
        kind = association.type_of(self._domain, "DECP1$CO$ALim$Oper$ctlVal")
        control = ControlObject(association, self._reference)
        try:
            while self.beat():
                self._operate(control, kind)
        finally:
            control.close()

    def _operate(self, control: ControlObject, kind: object) -> None:
        number, self._next = self._next, self._next + 1
        count("operates")
        ended: queue.SimpleQueue[ControlRefusedError | None] = queue.SimpleQueue()
        try:
            control.operate(kind, float(number), Checks(), ended.put)  # type: ignore[arg-type]
            said = ended.get(timeout=END_OF_COMMAND_S)
        except ControlRefusedError as refusal:
            self._note(number, "refused", refusal.cause)
        except queue.Empty:
            self._note(number, "failed", 0)
            raise LibraryError(20, "a command's end") from None
        except LibraryError as error:
            self._note(number, "failed", error.code)
            raise
        else:
            self._note(number, "confirmed" if said is None else "refused", said and said.cause)

    def _note(self, number: int, outcome: str, cause: int | None) -> None:
        count(outcome)
        self._log.write(f"{number} {outcome} {cause or 0}\n")


def main() -> int:
    faulthandler.register(signal.SIGUSR1)
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    workers: list[Worker] = [Reader("reader", port)]
    workers += [Subscriber("subscriber", port), Unbuffered("unbuffered", port)]
    workers += [Operator(n, port, folder / "operates") for n in range(1, OPERATORS + 1)]
    for worker in workers:
        worker.start()
    threading.Thread(target=_until_told, daemon=True).start()
    while not ending.wait(1.0):
        _say()
    for worker in workers:
        worker.join(timeout=END_OF_COMMAND_S + 4 * REQUEST_S)
    _say(ended=sum(not worker.is_alive() for worker in workers), of=len(workers))
    return 0


def _until_told() -> None:
    sys.stdin.read()
    ending.set()


def _say(**more: int) -> None:
    with lock:
        said = {"counts": dict(counts), "progress": dict(progress), **more}
    print(json.dumps(said), flush=True)
    time.sleep(0)


if __name__ == "__main__":
    sys.exit(main())
