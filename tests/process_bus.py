"""A process bus for tests: a namespace with two ends of a cable, a receiver, publishers."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ortsnetz_common.link import frames
from ortsnetz_common.link import sample_blocks as say
from ortsnetz_iec61850.sampled_values.publisher import Orders, publish

DEADLINE_S = 20.0
MERGING_UNIT, NODE = "mu0", "pb0"
CHANNELS = tuple(say.ChannelPlace(8 * k, 8 * k + 4) for k in range(8))


@dataclass
class ProcessBus:
    """A cable, and what has been started at its ends."""

    name: str
    folder: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def inside(self) -> tuple[str, ...]:
        return ("ip", "netns", "exec", self.name)

    @property
    def socket(self) -> Path:
        return self.folder / "receiver.sock"

    def start_receiver(self) -> subprocess.Popen[bytes]:
        self.socket.unlink(missing_ok=True)
        module = "ortsnetz_iec61850.sampled_values.receiver"
        command = [*self.inside, sys.executable, "-m", module]
        command += ["--interface", NODE, "--socket", str(self.socket)]
        started = subprocess.Popen(command)
        self.processes.append(started)
        wait_for(self.socket.exists, "the receiver's socket")
        return started

    def publish(self, orders: Orders) -> subprocess.Popen[bytes]:
        started = publish(MERGING_UNIT, orders, self.inside)
        self.processes.append(started)
        return started

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        subprocess.run(["ip", "netns", "del", self.name], check=True)


@contextlib.contextmanager
def process_bus(folder: Path) -> Iterator[ProcessBus]:
    """A cable of its own, or a skip that says why there is none."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("a network namespace needs root and the command 'ip'")
    name = f"ortsnetz-sv-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("network namespaces are not permitted here")
    bus = ProcessBus(name, folder)
    try:
        cable = ["link", "add", MERGING_UNIT, "type", "veth", "peer", "name", NODE]
        for words in (
            cable,
            ["link", "set", MERGING_UNIT, "up"],
            ["link", "set", NODE, "up"],
        ):
            subprocess.run(["ip", "-n", name, *words], check=True)
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


class Subscription:
    """Somebody who listens at the receiver's socket."""

    def __init__(self, path: Path, *streams: say.Stream) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(DEADLINE_S)
        self._socket.connect(str(path))
        self._file = self._socket.makefile("rb")
        self._socket.sendall(say.pack(say.Subscribe(say.VERSION, streams)))
        self.answer = self.message()

    def message(self) -> say.ToSubscriber:
        size = frames.length(self._file.read(frames.HEADER.size))
        return say.from_receiver(self._file.read(size))

    def blocks(self, until_silent: bool = True) -> Iterator[say.Block]:
        """Blocks until the stream has been silent for a second."""
        while isinstance(message := self.message(), say.Block):
            yield message
            self.counters = message.counters
        assert isinstance(message, say.Silent)
        self.counters = message.counters

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
