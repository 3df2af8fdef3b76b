"""Installs node-opcua beside the environment, once, and speaks through it; skips without npm."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ROOT / "tests" / "interop" / "node-opcua"
FOLDER = ROOT / ".venv-node-opcua"
INSTALL_S = 300
DEADLINE_S = 40.0


@cache
def scripts() -> Path:
    """The folder with the scripts and what they need.

    The lock file names each package with its checksum and no registry: npm's own counts.
    """
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("node and npm are not installed: node-opcua cannot run")
    lock = (SCRIPTS / "package-lock.json").read_text()
    stamp = FOLDER / "installed.json"
    FOLDER.mkdir(exist_ok=True)
    for path in SCRIPTS.iterdir():
        shutil.copy(path, FOLDER / path.name)
    if not stamp.is_file() or stamp.read_text() != lock:
        done = subprocess.run(
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=FOLDER,
            capture_output=True,
            text=True,
            check=False,
            timeout=INSTALL_S,
        )
        assert done.returncode == 0, done.stderr
        stamp.write_text(lock)
    return FOLDER


async def converse(wanted: dict[str, Any]) -> dict[str, Any]:
    """One conversation of node-opcua's client with a server; what came of it."""
    async with process("client.js", wanted) as running:
        assert running.stdout is not None
        async with asyncio.timeout(DEADLINE_S):
            lines = [json.loads(line) async for line in running.stdout if line.startswith(b"{")]
    assert lines, "node-opcua's client has said nothing"
    said: dict[str, Any] = lines[-1]
    return said


class Peer:
    """node-opcua's server, running."""

    def __init__(self, running: asyncio.subprocess.Process, port: int) -> None:
        self.port, self._running = port, running

    async def order(self, **order: Any) -> dict[str, Any]:
        """Set a value, get values, or cut all connections; how it is afterwards."""
        assert self._running.stdin is not None
        self._running.stdin.write(json.dumps(order).encode() + b"\n")
        return await self.line()

    async def line(self) -> dict[str, Any]:
        """The next line that it says."""
        assert self._running.stdout is not None
        async with asyncio.timeout(DEADLINE_S):
            while line := await self._running.stdout.readline():
                with contextlib.suppress(json.JSONDecodeError):
                    said: dict[str, Any] = json.loads(line)
                    assert "failed" not in said, said
                    return said
        raise AssertionError("node-opcua's server has ended")


@asynccontextmanager
async def serving(wanted: dict[str, Any]) -> AsyncIterator[Peer]:
    """node-opcua's server on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with process("server.js", {"port": port, **wanted}) as running:
        peer = Peer(running, port)
        await peer.line()
        yield peer


@asynccontextmanager
async def process(script: str, wanted: dict[str, Any]) -> AsyncIterator[asyncio.subprocess.Process]:
    folder = await asyncio.to_thread(scripts)
    running = await asyncio.create_subprocess_exec(
        "node",
        str(folder / script),
        json.dumps(wanted),
        cwd=folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "NODE_OPTIONS": ""},
        limit=1 << 20,
    )
    try:
        yield running
    finally:
        with contextlib.suppress(ProcessLookupError):
            running.kill()
        await running.wait()
