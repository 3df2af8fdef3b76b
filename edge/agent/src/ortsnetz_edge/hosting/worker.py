"""A function worker: `python -m ortsnetz_edge.hosting.worker NAME`, frames on stdin and stdout.

Standard output carries frames only: file descriptor 1 is turned to standard error before anything
else is imported, so that no library's print can break the contract.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import BinaryIO, Protocol

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_common.link import frames
from ortsnetz_edge.hosting.protocol import (
    Answer,
    Call,
    FromWorker,
    Ready,
    Refusal,
    Setup,
    ToWorker,
    decode_to_worker,
    encode,
)

log = logging.getLogger(__name__)

FUNCTIONS = {
    "state_estimation": "ortsnetz_edge.hosting.state_estimation",
    "congestion": "ortsnetz_edge.hosting.congestion",
}
"""Modules by function name; each has `build(setup) -> Function`."""


class Function(Protocol):
    """A function that has been set up."""

    def call(self, body: bytes) -> bytes:
        """One computation.

        Raises:
            OrtsnetzError: there is no result; the text says why.
        """


Factory = Callable[[Setup], Function]


def serve(factory: Factory) -> None:
    """Answer calls until standard input ends."""
    outgoing = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    incoming = os.fdopen(os.dup(0), "rb")
    setup = _receive(incoming)
    if not isinstance(setup, Setup):
        raise SystemExit("worker: the first message is not a setup")
    try:
        function = factory(setup)
    except OrtsnetzError as error:
        _send(outgoing, Refusal(0, str(error)))
        raise SystemExit(f"worker: {error}") from error
    _send(outgoing, Ready())
    while (message := _receive(incoming)) is not None:
        if not isinstance(message, Call):
            raise SystemExit("worker: a second setup")
        _send(outgoing, _answered(function, message))


def _answered(function: Function, call: Call) -> FromWorker:
    try:
        return Answer(call.number, function.call(call.body))
    except OrtsnetzError as error:
        return Refusal(call.number, str(error))


def _receive(stream: BinaryIO) -> ToWorker | None:
    header = stream.read(frames.HEADER.size)
    if not header:
        return None
    return decode_to_worker(stream.read(frames.length(header)))


def _send(stream: BinaryIO, message: FromWorker) -> None:
    data = memoryview(frames.pack(encode(message)))
    while data:
        data = data[stream.write(data) :]


def main(name: str) -> None:
    """Serve the function of this name."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format=f"worker {name}: %(message)s")

    def factory(setup: Setup) -> Function:
        function: Function = import_module(FUNCTIONS[name]).build(setup)
        return function

    serve(factory)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in FUNCTIONS:
        raise SystemExit(f"usage: worker NAME, one of: {', '.join(sorted(FUNCTIONS))}")
    main(sys.argv[1])
