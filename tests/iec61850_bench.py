"""The bench's IED in its own process, with a test in the place of the plant."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Self

from ortsnetz_common.link import bench_ied, frames
from ortsnetz_common.link.bench_ied import Answer, Bay, Begin, Command, Counts, Shown, Values

FEEDER = tuple(
    f"MMXU1.{quantity}.phs{phase}.cVal.mag.f[MX]"
    for quantity in ("PhV", "A", "W", "VAr")
    for phase in "ABC"
)
CHARGE_POINT = (
    *FEEDER,
    "DECP1.ConnSt.stVal[ST]",
    "DECP1.AReq.mag.f[MX]",
    "DECP1.ALim.mxVal.f[MX]",
    "DECP1.FalTms.setVal[SP]",
    "DECP1.FalALim.setMag.f[SP]",
)
SETTINGS = ("DECP1.FalTms.setVal[SP]", "DECP1.FalALim.setMag.f[SP]")


class BenchIed:
    """An IED that shows what a test tells it, and asks the test about commands.

    Attributes:
        commands: all that clients wanted, in their order.
        decide: what becomes of one: 0, or an additional cause.
    """

    def __init__(
        self,
        bays: Sequence[Bay],
        points: Sequence[str],
        settings: Sequence[str] = (),
        port: int = 0,
        *,
        scl: str = "",
        ied: str = "BENCH",
    ) -> None:
        self.commands: list[Command] = []
        self.decide: Callable[[Command], int] = lambda _: 0
        self.counts = Counts()
        self._shown = threading.Condition()
        self._number = self._last = 0
        ours, theirs = socket.socketpair()
        environment = {**os.environ, bench_ied.SOCKET_VARIABLE: str(theirs.fileno())}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ortsnetz_iec61850.ied"],
            env=environment,
            pass_fds=[theirs.fileno()],
        )
        theirs.close()
        self._line = ours
        self._points = tuple(points)
        self._send(
            Begin(
                bench_ied.VERSION,
                ied=ied,
                host="127.0.0.1",
                port=port,
                points=self._points,
                bays=tuple(bays),
                settings=tuple(settings),
                scl=scl,
            )
        )
        begun = self._receive()
        assert isinstance(begun, bench_ied.Listening), begun
        self.port = begun.port
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def show(
        self,
        values: dict[str, float | str],
        quality: int = 0,
        time_ns: int = 0,
        *,
        wait: bool = True,
    ) -> Counts:
        """Show values, by reference, and wait until clients can see them, or not."""
        self._number += 1
        count = len(values)
        message = Values(
            number=self._number,
            places=tuple(self._points.index(reference) for reference in values),
            values=tuple(values.values()),
            qualities=(quality,) * count,
            times_ns=(time_ns or time.time_ns(),) * count,
        )
        self._send(message)
        if not wait:
            return self.counts
        with self._shown:
            assert self._shown.wait_for(lambda: self._last >= message.number, 30), "not shown"
        return self.counts

    def close(self) -> None:
        """End it."""
        self._line.close()
        self.process.kill()
        self.process.wait(10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> None:
        with contextlib.suppress(OSError, EOFError):
            while True:
                message = self._receive()
                if isinstance(message, Shown):
                    with self._shown:
                        self.counts, self._last = message.counts, message.number
                        self._shown.notify_all()
                elif isinstance(message, Command):
                    self.commands.append(message)
                    self._send(Answer(message.number, self.decide(message)))

    def _send(self, message: bench_ied.ToIed) -> None:
        self._line.sendall(bench_ied.packed(message))

    def _receive(self) -> bench_ied.ToPlant:
        header = self._exactly(frames.HEADER.size)
        return bench_ied.to_plant(self._exactly(bench_ied.length(header)))

    def _exactly(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            piece = self._line.recv(size - len(found))
            if not piece:
                raise EOFError
            found += piece
        return found


def charge_point(number: int = 1, model: str = "ev-controller") -> tuple[Bay, tuple[str, ...]]:
    """A charge point and what it shows."""
    name = f"CP{number}"
    return Bay("CP", name, model, f"serial-{number}"), tuple(
        f"{name}/{one}" for one in CHARGE_POINT
    )


def feeder(number: int = 1) -> tuple[Bay, tuple[str, ...]]:
    """A feeder and what it shows."""
    name = f"FD{number}"
    return Bay("FD", name, "meter-feeder", f"serial-{number}"), tuple(f"{name}/{o}" for o in FEEDER)


def plausible(points: Sequence[str], begin: float = 230.0) -> dict[str, float | str]:
    """Different numbers for all points: nothing can be mistaken for something else."""
    return {reference: begin + place for place, reference in enumerate(points)}
