"""A serial line with several units on it, as a pair of pseudo-terminals."""

from __future__ import annotations

import asyncio
import os
import tty
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from modbus_peers.scripted import ScriptedUnit, crc, rtu

_REQUEST_BYTES = {43: 7}  # of reads and single writes it is 8


@dataclass
class ScriptedLine:
    """Units on a line; one that is not there says nothing.

    Attributes:
        echoes: the line repeats what the master sends, as some two-wire adapters do.
        noise: comes before every answer.
        garbles: the CRC of every answer is wrong.
        requests: frames with a good CRC that were seen.
    """

    units: dict[int, ScriptedUnit]
    echoes: bool = False
    noise: bytes = b""
    garbles: set[int] = field(default_factory=set)
    device: str = ""
    requests: list[bytes] = field(default_factory=list)
    _master: int = -1
    _slave: int = -1
    _buffer: bytes = b""
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def open(self) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.device = os.ttyname(self._slave)
        asyncio.get_running_loop().add_reader(self._master, self._readable)

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)
        os.close(self._slave)

    def send(self, raw: bytes) -> None:
        os.write(self._master, raw)

    def _readable(self) -> None:
        self._buffer += os.read(self._master, 4096)
        while (size := self._size()) is not None and len(self._buffer) >= size:
            frame, self._buffer = self._buffer[:size], self._buffer[size:]
            if crc(frame[:-2]) != frame[-2:]:
                self._buffer = b""
                return
            if self.echoes:
                self.send(frame)
            task = asyncio.create_task(self._answer(frame))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _size(self) -> int | None:
        if len(self._buffer) < 8:
            return 7 if len(self._buffer) == 7 and self._buffer[1] == 43 else None
        if self._buffer[1] == 16:
            return 9 + self._buffer[6]
        return _REQUEST_BYTES.get(self._buffer[1], 8)

    async def _answer(self, frame: bytes) -> None:
        self.requests.append(frame)
        unit = self.units.get(frame[0])
        answer = None if unit is None else await unit.answer(frame[1:-2])
        if answer is None:
            return
        raw = rtu(frame[0], answer)
        if frame[0] in self.garbles:
            raw = raw[:-1] + bytes([raw[-1] ^ 1])
        self.send(self.noise + raw)


@asynccontextmanager
async def line(**units: ScriptedUnit) -> AsyncIterator[ScriptedLine]:
    """A line with units `u1`, `u2`, ..."""
    found = ScriptedLine({int(name[1:]): unit for name, unit in units.items()})
    found.open()
    try:
        yield found
    finally:
        found.close()
