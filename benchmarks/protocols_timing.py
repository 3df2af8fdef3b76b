"""A driver and the plain loop in turn, each in a process of its own before the same server."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

WARM_UP = 50
ROUND_S = 0.4
FEWEST, MOST = 20, 2000
ANSWER_S = 60.0
HERE = Path(__file__).parent


@dataclass
class Measured:
    """What a side took; one entry of `cpu_s` and `all_cpu_s` a round.

    Attributes:
        brings: points or values a read.
        apart: whether a further process works for it.
        cpu_s: of its process, a read.
        all_cpu_s: the same with the further process.
        seconds: of each read.
    """

    brings: int
    apart: bool
    cpu_s: list[float] = field(default_factory=list)
    all_cpu_s: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


class ChildError(Exception):
    """A process of the comparison has failed; says which."""


class Child:
    """A process that says one JSON line after each order."""

    def __init__(self, program: str, *arguments: str) -> None:
        command = [sys.executable, str(HERE / program), *arguments]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._name = " ".join([program, *arguments[:2]])
        self.greeting = self._said()

    def ask(self, reads: int) -> dict[str, Any]:
        """Read so often; what it took."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{reads}\n")
        self._process.stdin.flush()
        return self._said()

    def end(self) -> None:
        """End it: by itself where it can, else hard."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)

    def _said(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        overdue = threading.Timer(ANSWER_S, self._process.kill)
        overdue.start()
        line = self._process.stdout.readline()
        overdue.cancel()
        if not line:
            raise ChildError(f"{self._name} has ended, or said nothing for {ANSWER_S:.0f} s")
        found: dict[str, Any] = json.loads(line)
        return found


def measure(case: str, folder: Path, rounds: int) -> tuple[Measured, Measured]:
    """The driver and the plain loop, round by round in turn."""
    kind = "modbus-tcp" if case == "remote" else case
    with ExitStack() as stack:
        server = Child("protocols_servers.py", kind, str(folder))
        stack.callback(server.end)
        sides = []
        for side in ("ours", "plain"):
            child = Child(
                "protocols_reader.py", side, case, str(folder), json.dumps(server.greeting)
            )
            stack.callback(child.end)
            sides.append((child, Measured(**child.greeting)))
        reads = {child: _reads_a_round(child) for child, _ in sides}
        for number in range(rounds):
            for child, into in sides if number % 2 else reversed(sides):
                found = child.ask(reads[child])
                into.cpu_s.append(found["cpu_s"])
                into.all_cpu_s.append(found["all_cpu_s"])
                into.seconds += found["seconds"]
        return sides[0][1], sides[1][1]


def _reads_a_round(child: Child) -> int:
    seconds = sorted(child.ask(WARM_UP)["seconds"])
    each_s = seconds[len(seconds) // 2]
    return round(min(MOST, max(FEWEST, ROUND_S / each_s)))
