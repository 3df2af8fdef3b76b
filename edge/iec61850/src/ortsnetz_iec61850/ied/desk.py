"""The IED's end of the socket to the plant: commands wait here for their answers."""

from __future__ import annotations

import socket
import threading
import time

from ortsnetz_common.link import bench_ied, frames
from ortsnetz_common.link.bench_ied import Answer, Command, ToIed, ToPlant
from ortsnetz_iec61850.ied.counting import Counting
from ortsnetz_iec61850.library.server import Value


class PlantGoneError(RuntimeError):
    """The plant has ended the connection, or says what is no message."""


class Desk:
    """Commands under way. Handlers of the library ask, the thread that reads the socket answers."""

    def __init__(self, line: socket.socket, counting: Counting) -> None:
        """Take a connected socket.

        Args:
            line: blocking; nobody else uses it.
            counting: counts what the plant says to operates, whether or not somebody still waits:
                a client may be gone by then, and what it wanted is done.
        """
        self._line, self._counting = line, counting
        self._operates: dict[int, None] = {}
        self._sending = threading.Lock()
        self._changed = threading.Condition()
        self._answers: dict[int, int | None] = {}
        self._number = 0

    def ask(self, step: str, reference: str, value: Value, *, test: bool) -> int | None:
        """Ask the plant; the number by which the answer is fetched, None if too many wait."""
        with self._changed:
            if len(self._answers) >= bench_ied.MAX_OUTSTANDING:
                return None
            self._number += 1
            number = self._number
            self._answers[number] = None
            if step == "operate":
                self._operates[number] = None
                if len(self._operates) > bench_ied.MAX_OUTSTANDING:
                    del self._operates[next(iter(self._operates))]
        try:
            self.send(Command(number, step, reference, value, test))
        except PlantGoneError:
            self.forget(number)
            return None
        return number

    def answer(self, number: int, wait_s: float) -> int | None:
        """The plant's answer; None if it has not come yet.

        Args:
            number: of the command; it is forgotten with its answer.
            wait_s: at most so long.
        """
        until = time.monotonic() + wait_s
        with self._changed:
            while self._answers.get(number) is None:
                left = until - time.monotonic()
                if left <= 0 or number not in self._answers:
                    return None
                self._changed.wait(left)
            return self._answers.pop(number)

    def forget(self, number: int) -> None:
        """Nobody wants this answer any more."""
        with self._changed:
            self._answers.pop(number, None)

    def settle(self, answer: Answer) -> None:
        """The plant has answered; one that nobody waits for is dropped."""
        with self._changed:
            if answer.number in self._operates:
                del self._operates[answer.number]
                taken = answer.cause == bench_ied.TAKEN
                self._counting.add("taken" if taken else "refused")
            if answer.number in self._answers:
                self._answers[answer.number] = answer.cause
                self._changed.notify_all()

    def send(self, message: ToPlant) -> None:
        """Say something. Raises PlantGoneError."""
        frame = bench_ied.packed(message)
        try:
            with self._sending:
                self._line.sendall(frame)
        except OSError as error:
            raise PlantGoneError(f"the plant is gone: {error}") from error

    def heard(self) -> ToIed:
        """The plant's next message; waits for it. Raises PlantGoneError."""
        try:
            header = self._exactly(frames.HEADER.size)
            return bench_ied.to_ied(self._exactly(bench_ied.length(header)))
        except (OSError, frames.FrameError) as error:
            raise PlantGoneError(str(error)) from error

    def _exactly(self, count: int) -> bytes:
        found = bytearray()
        while len(found) < count:
            piece = self._line.recv(count - len(found))
            if not piece:
                raise PlantGoneError("the plant has ended the connection")
            found += piece
        return bytes(found)
