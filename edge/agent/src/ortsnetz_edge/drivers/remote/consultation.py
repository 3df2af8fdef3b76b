"""Questions that are asked before anything runs: is this configuration right? Blocking.

`validate`, `open` and `probe` of the contract connect to nothing and are no coroutines. They are
asked here, each within a deadline; the session takes the process over when it starts.
"""

from __future__ import annotations

import contextlib
import time

from ortsnetz_common.errors import InputError
from ortsnetz_common.link import driver_process as say
from ortsnetz_common.link import frames
from ortsnetz_edge.drivers.contract import DriverError
from ortsnetz_edge.drivers.remote.process import DriverProcess, Plan


class Consultation:
    """Keeps a process to ask, from the first question until a session takes it over."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._process: DriverProcess | None = None
        self._number = 0

    def ask(self, ask: say.Ask) -> say.Answer:
        """The answer to a question.

        Raises:
            InputError: the driver says that the configuration is wrong, or does not work at all.
        """
        deadline = time.monotonic() + self._plan.limits.consult_s
        try:
            process = self._process or self._started(deadline)
            self._number += 1
            clock = self._plan.clock
            call = say.Call(self._number, clock.now_ns(), clock.monotonic(), ask)
            _send(process, call, deadline)
            while True:
                message = _receive(process, deadline)
                if isinstance(message, say.Reply) and message.number == self._number:
                    break
        except (OSError, frames.FrameError) as error:
            self.close()
            raise InputError(
                f"driver process '{self._plan.name}' does not work: {error}"
            ) from error
        if isinstance(message.answer, say.Misconfigured):
            raise InputError(message.answer.reason)
        if isinstance(message.answer, say.Failed):
            raise InputError(f"driver process '{self._plan.name}': {message.answer.reason}")
        return message.answer

    def release(self) -> DriverProcess | None:
        """Hand the process over to a session; None if there is none."""
        process, self._process = self._process, None
        if process is not None and process.ended():
            process.kill()
            return None
        return process

    def close(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()

    def _started(self, deadline: float) -> DriverProcess:
        process = self._process = DriverProcess(self._plan.command)
        _send(process, self._plan.hello, deadline)
        welcome(_receive(process, deadline))
        return process


def welcome(message: say.FromProcess) -> say.Welcome:
    """The first word of a process, if it is a welcome.

    Raises:
        FrameError: it is none; says what the process said.
    """
    if isinstance(message, say.Refused):
        raise frames.FrameError(message.reason)
    if not isinstance(message, say.Welcome):
        raise frames.FrameError("answered before it said its name")
    if message.version != say.VERSION:
        raise frames.FrameError(
            f"{message.name} speaks version {message.version} of the contract, not {say.VERSION}"
        )
    return message


def checked(answer: say.Answer) -> say.Answer:
    """An answer that is no refusal.

    Raises:
        DriverError, InputError: as the driver raised it.
    """
    if isinstance(answer, say.Failed):
        raise DriverError(answer.kind, answer.reason)
    if isinstance(answer, say.Misconfigured):
        raise InputError(answer.reason)
    return answer


def _send(process: DriverProcess, message: say.ToProcess, deadline: float) -> None:
    process.end.settimeout(_left(deadline))
    process.end.sendall(say.pack(message))


def _receive(process: DriverProcess, deadline: float) -> say.FromProcess:
    header = _exactly(process, frames.HEADER.size, deadline)
    return say.from_process(_exactly(process, say.length(header), deadline))


def _exactly(process: DriverProcess, count: int, deadline: float) -> bytes:
    data = b""
    while len(data) < count:
        process.end.settimeout(_left(deadline))
        with contextlib.suppress(InterruptedError):
            piece = process.end.recv(count - len(data))
            if not piece:
                raise ConnectionError("it has ended")
            data += piece
    return data


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("no answer within the deadline")
    return left
