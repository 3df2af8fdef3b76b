"""Finds or makes a Python 3.10 with opendnp3, and speaks to it; skips where there is no 3.10."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".venv-opendnp3"
REQUIREMENTS = ROOT / "requirements" / "opendnp3.txt"
PEER = ROOT / "tests" / "interop" / "opendnp3_peer.py"
UV = Path(sys.executable).with_name("uv")
DEADLINE_S = 20.0


@cache
def python() -> Path:
    """The interpreter of the environment, made once."""
    interpreter = FOLDER / "bin" / "python"
    stamp = FOLDER / "requirements.txt"
    wanted = REQUIREMENTS.read_text()
    if stamp.is_file() and stamp.read_text() == wanted and interpreter.exists():
        return interpreter
    base = _python_3_10()
    if base is None:
        pytest.skip("no Python 3.10 is installed, which opendnp3's wheels need")
    for command in (
        [UV, "venv", "-q", "--clear", "--python", base, FOLDER],
        [
            UV,
            "pip",
            "install",
            "-q",
            "--python",
            interpreter,
            "--require-hashes",
            "-r",
            REQUIREMENTS,
        ],
    ):
        done = subprocess.run(
            [str(part) for part in command],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
    stamp.write_text(wanted)
    return interpreter


def _python_3_10() -> str | None:
    found = subprocess.run(
        [str(UV), "python", "find", "--no-project", "3.10"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd="/",
    )
    candidates = [found.stdout.strip()] if found.returncode == 0 else []
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates += [str(path) for path in sorted(pyenv.glob("versions/3.10*/bin/python3.10"))]
    return next((path for path in candidates if path and _is_3_10(path)), None)


def _is_3_10(path: str) -> bool:
    with contextlib.suppress(OSError):
        said = subprocess.run([path, "-V"], capture_output=True, text=True, check=False, timeout=20)
        return said.stdout.startswith("Python 3.10.")
    return False


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


class Peer:
    """opendnp3 in its own process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ask(self, name: str, *arguments: Any) -> Any:
        """Call a method of the peer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([name, arguments]).encode() + b"\n")
        await self._process.stdin.drain()
        return await self.line()

    async def line(self) -> Any:
        """The next answer."""
        assert self._process.stdout is not None
        async with asyncio.timeout(DEADLINE_S):
            line = await self._process.stdout.readline()
        assert line, "opendnp3 has ended"
        return json.loads(line)


@contextlib.asynccontextmanager
async def peer(role: str, port: int, *arguments: object) -> AsyncIterator[Peer]:
    """opendnp3 as `outstation` or `master`."""
    process = await asyncio.create_subprocess_exec(
        str(python()),
        str(PEER),
        role,
        str(port),
        *map(str, arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=10_000_000,
    )
    try:
        one = Peer(process)
        assert await one.line() == "ready"
        yield one
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
