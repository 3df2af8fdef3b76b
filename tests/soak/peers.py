"""The process of a device, as the soak handles it."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

DEADLINE_S = 60.0
_TESTS = Path(__file__).parents[1]


class Peer:
    """A device that can be killed and comes back at the same address."""

    def __init__(self, kind: str, folder: Path, port: int) -> None:
        self.kind, self.folder, self.port = kind, folder, port
        folder.mkdir(parents=True, exist_ok=True)
        self._process: Process | None = None

    @property
    def writes(self) -> int:
        """How many have reached the device, over all its lives."""
        try:
            return (self.folder / "writes").read_bytes().count(b"\n")
        except FileNotFoundError:
            return 0

    async def start(self) -> None:
        command = ("-m", "soak.field", self.kind, str(self.folder), str(self.port))
        environment = {**os.environ, "PYTHONPATH": str(_TESTS)}
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, *command, stdin=PIPE, stdout=PIPE, env=environment
        )
        await self._said("ready")

    async def order(self, order: str) -> None:
        """Let something happen to the wire."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{order}\n".encode())
        await self._said(order)

    async def kill(self) -> None:
        """As a device that loses its power."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            await process.communicate()

    async def _said(self, expected: str) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async with asyncio.timeout(DEADLINE_S):
            line = (await self._process.stdout.readline()).decode().strip()
        if line != expected:
            raise RuntimeError(f"{self.kind}: the device says '{line}' instead of '{expected}'")
