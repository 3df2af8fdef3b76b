"""Processes of other authors' stacks, each ended by the test that started it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

HEADER = Path("/usr/include/modbus/modbus.h")
SOURCE = Path(__file__).with_name("libmodbus_server.c")


def need(*programs: str) -> None:
    """Skip where a program is missing; CI installs them."""
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")


def built_server(folder: Path) -> Path:
    """The device on libmodbus, compiled."""
    need("cc")
    if not HEADER.is_file():
        pytest.skip("libmodbus-dev is not installed")
    program = folder / "libmodbus_server"
    command = ["cc", "-O1", "-Wall", "-o", str(program), str(SOURCE), "-lmodbus"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return program


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def process(*command: str, ready: str = "") -> Iterator[subprocess.Popen[str]]:
    """A process, once it has said `ready` on its standard output."""
    started = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        if ready:
            assert started.stdout is not None
            assert ready in started.stdout.readline()
        yield started
    finally:
        started.terminate()
        with suppress(subprocess.TimeoutExpired):
            started.wait(5)
        if started.poll() is None:
            started.kill()
            started.wait(5)
        if started.stdout is not None:
            started.stdout.close()


def wait_for_port(port: int, host: str = "127.0.0.1", deadline_s: float = 10.0) -> None:
    until = time.monotonic() + deadline_s
    while time.monotonic() < until:
        with socket.socket() as trial:
            if trial.connect_ex((host, port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(f"nobody listens at port {port}")


@contextmanager
def pty_pair(folder: Path) -> Iterator[tuple[str, str]]:
    """Two ends of a serial line."""
    need("socat")
    ends = folder / "here", folder / "there"
    links = [f"pty,raw,echo=0,link={end}" for end in ends]
    with process("socat", *links):
        until = time.monotonic() + 10
        while not all(end.exists() for end in ends):
            assert time.monotonic() < until, "socat makes no line"
            time.sleep(0.02)
        yield str(ends[0]), str(ends[1])
