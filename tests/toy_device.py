"""A device that speaks lines of text, and the example driver for it as pip would install it.

The device knows nothing of the driver: it follows the description in
`docs/guides/writing-a-driver.md`.
"""

from __future__ import annotations

import contextlib
import os
import socket
import socketserver
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ortsnetz_common.parameters.station import Connection
from ortsnetz_edge.clock import Clock, WallClock
from ortsnetz_edge.drivers.contract import Source
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.profiles.library import Library

EXAMPLE = Path(__file__).parents[1] / "docs" / "examples" / "toy_meter"
PROFILE = "toy-charger"
VALUES = {
    "voltage/1": "230.5",
    "voltage/2": "231.5",
    "voltage/3": "229.0",
    "power": "6.9",
    "limit": "16",
    "maker": "Toyworks",
    "model": "T3",
    "serial": "0042",
}


@dataclass
class ToyDevice:
    """What the device holds, and what it was asked.

    Attributes:
        mood: `well`, `silent`, `babbling`, `slow`, `garbled`, `hangs up`.
        asked: all lines since the start.
        connections: those that were made since the start.
    """

    values: dict[str, str] = field(default_factory=lambda: dict(VALUES))
    mood: str = "well"
    slow_s: float = 1.0
    asked: list[str] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    def answer(self, line: str) -> str:
        """The answer to a line."""
        words = line.split()
        match words:
            case ["list"]:
                return " ".join(["ok", *self.values])
            case ["get", *names]:
                unknown = [name for name in names if name not in self.values]
                if unknown:
                    return f"error no value '{unknown[0]}'"
                return " ".join(["ok", *(self.values[name] for name in names)])
            case ["set", "limit", value]:
                self.values["limit"] = value
                return "ok"
        return "error what?"


class _Handler(socketserver.StreamRequestHandler):
    """One connection of a device."""

    server: _Server

    def handle(self) -> None:
        held = self.server.held
        held.connections += 1
        self.server.open_ones.add(self.connection)
        try:
            for raw in self.rfile:
                line = raw.decode().strip()
                held.asked.append(line)
                if not self._reply(held, line):
                    return
        except OSError:
            pass
        finally:
            self.server.open_ones.discard(self.connection)

    def _reply(self, held: ToyDevice, line: str) -> bool:
        match held.mood:
            case "silent":
                return True
            case "hangs up":
                return False
            case "garbled":
                self.wfile.write(b"\xff\x00\x80 nonsense\n")
                return True
            case "babbling":
                for _ in range(200):  # bounded: 200 kB without an end of line
                    self.wfile.write(b"ok " * 341)
                return True
            case "slow":
                time.sleep(held.slow_s)
        self.wfile.write(held.answer(line).encode() + b"\n")
        return True


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, held: ToyDevice, port: int) -> None:
        self.held = held
        self.open_ones: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)


@contextmanager
def toy_device(device: ToyDevice | None = None, port: int = 0) -> Iterator[ToyDevice]:
    """A device on loopback, in a thread; all its connections end with it."""
    held = device or ToyDevice()
    with _Server(held, port) as server:
        held.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield held
        finally:
            server.shutdown()
            thread.join()
            for connection in list(server.open_ones):
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


def source(
    name: str, port: int, timeout_s: float = 0.5, protocol: str = "toy-meter", **more: str
) -> Source:
    """A three-phase charge point behind the toy protocol."""
    connection = Connection(protocol, "127.0.0.1", port, timeout_s=timeout_s, **more)  # type: ignore[arg-type]
    return Source(name, PROFILE, connection, 7, 3, rated_w=11_000.0)


def environment(clock: Clock | None = None) -> Environment:
    """With the example's profile as a parameter set would bring it."""
    text = (EXAMPLE / f"{PROFILE}.yaml").read_text("utf-8")
    return Environment(clock or WallClock(), Library({PROFILE: text}))


def install(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Lay the example out as pip would, for this process and those that it starts."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text("utf-8"))["project"]
    info = folder / f"ortsnetz_toy_meter-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n")
    lines: list[str] = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in points.items()), ""]
    (info / "entry_points.txt").write_text("\n".join(lines))
    (folder / "toy_meter").symlink_to(EXAMPLE / "src" / "toy_meter")
    patch.syspath_prepend(str(folder))
    paths = [str(folder), str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    patch.setenv("PYTHONPATH", os.pathsep.join(path for path in paths if path))


def hosted(driver: str) -> tuple[str, ...]:
    """The command of a process that serves a driver: an entry point, or `module:Class`."""
    return (sys.executable, "-m", "ortsnetz_edge.drivers.remote.host", driver)


def until(condition: Callable[[], bool], deadline_s: float = 15.0) -> bool:
    """Wait for a condition with a generous deadline; whether it came true."""
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True
