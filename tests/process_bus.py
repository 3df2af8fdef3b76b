"""A process bus for tests: a cable in a network of its own, a receiver, publishers."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from private_network import private_network

from ortsnetz_common.link import frames
from ortsnetz_common.link import sample_blocks as say
from ortsnetz_iec61850.sampled_values.publisher import Orders, publish

DEADLINE_S = 20.0
CHANNELS = tuple(say.ChannelPlace(8 * k, 8 * k + 4) for k in range(8))


@dataclass
class ProcessBus:
    """A cable, and what has been started at its ends.

    Attributes:
        merging_unit, node: names of the two ends.
    """

    merging_unit: str
    node: str
    folder: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def socket(self) -> Path:
        return self.folder / "receiver.sock"

    def start_receiver(self) -> subprocess.Popen[bytes]:
        self.socket.unlink(missing_ok=True)
        module = "ortsnetz_iec61850.sampled_values.receiver"
        command = [sys.executable, "-m", module]
        command += ["--interface", self.node, "--socket", str(self.socket)]
        started = subprocess.Popen(command)
        self.processes.append(started)
        wait_for(self.socket.exists, "the receiver's socket")
        return started

    def publish(self, orders: Orders) -> subprocess.Popen[bytes]:
        started = publish(self.merging_unit, orders)
        self.processes.append(started)
        return started

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


@contextlib.contextmanager
def process_bus(folder: Path) -> Iterator[ProcessBus]:
    """A cable of its own, or a skip that says why there is none."""
    with private_network() as (near, far):
        bus = ProcessBus(near, far, folder)
        try:
            yield bus
        finally:
            bus.close()


def stream_of(orders: Orders, **others: Any) -> say.Stream:
    """The stream that these orders publish."""
    known: dict[str, Any] = {
        "sv_id": orders.sv_id,
        "mac": orders.mac,
        "app_id": orders.app_id,
        "conf_rev": orders.conf_rev,
        "rate": orders.rate,
        "asdus": orders.asdus,
        "octets": 64,
        "channels": CHANNELS,
    }
    return say.Stream(**(known | others))


class Heard(NamedTuple):
    """What came of a stream."""

    blocks: list[say.Block]
    counters: say.Counters


class Subscription:
    """Somebody who listens at the receiver's socket."""

    def __init__(self, path: Path, *streams: say.Stream) -> None:
        self._streams = streams
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(DEADLINE_S)
        self._socket.connect(str(path))
        self._file = self._socket.makefile("rb")
        self._socket.sendall(say.pack(say.Subscribe(say.VERSION, streams)))
        self.answer = self.message()

    def message(self) -> say.ToSubscriber:
        size = frames.length(self._file.read(frames.HEADER.size))
        return say.from_receiver(self._file.read(size))

    def heard(self) -> list[Heard]:
        """What came of each stream until all have been silent for a second."""
        found = [Heard([], say.Counters()) for _ in self._streams]
        silent: set[int] = set()
        while len(silent) < len(found):
            message = self.message()
            assert isinstance(message, say.Block | say.Silent)
            stream = found[message.stream]
            found[message.stream] = Heard(stream.blocks, message.counters)
            if isinstance(message, say.Block):
                stream.blocks.append(message)
                silent.discard(message.stream)
            elif stream.blocks:
                silent.add(message.stream)
        return found

    def close(self) -> None:
        self._file.close()
        self._socket.close()


def figures(publisher: subprocess.Popen[bytes]) -> dict[str, Any]:
    """What a publisher says at its end."""
    said, _ = publisher.communicate(timeout=DEADLINE_S)
    found: dict[str, Any] = json.loads(said)
    return found


def wait_for(condition: Any, what: str) -> None:
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end, f"{what} did not come within {DEADLINE_S} s"
        time.sleep(0.02)
