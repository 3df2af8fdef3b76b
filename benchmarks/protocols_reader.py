"""One side of a comparison, in a process of its own: a driver, or the plain loop beside it.

    python protocols_reader.py ours|plain CASE FOLDER SERVER

SERVER is the JSON line of the server. Prints one JSON line once it has read; for each line `N` on
standard input it reads N times and prints what that took.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
CREDENTIALS = "measured"
PUBLISHING_S = 0.05
LAST_FEEDER_POINT = 7 * 20 + 11
"""The eighth feeder's last reactive power in `rtu-feeder`."""


@dataclass(frozen=True)
class Server:
    """The server as it said itself where it is."""

    where: list[Any]
    control: int


@dataclass(frozen=True)
class Reader:
    """What reads.

    Attributes:
        brings: points of the driver, values of the plain loop.
        process: a further one that works for it.
        first: is done before each round, and not measured.
    """

    read: Callable[[], Awaitable[Any]]
    brings: int
    process: int | None = None
    first: Callable[[], Awaitable[Any]] | None = None


class Changes:
    """Asks the server for new values before each read; not part of what is measured."""

    def __init__(self, port: int, number: int) -> None:
        self._socket = socket.create_connection((HOST, port))
        self._order = f"{number}\n".encode()

    def __call__(self) -> None:
        """New values."""
        self._socket.sendall(self._order)
        self._socket.recv(1)


@asynccontextmanager
async def ours(case: str, folder: Path, server: Server) -> AsyncIterator[Reader]:
    """The driver."""
    import protocols_ours  # noqa: PLC0415 - the plain loop must not have what it changes

    where = server.where[0]
    if case == "remote":
        opening = protocols_ours.remote(where)
    elif case.startswith("modbus"):
        opening = protocols_ours.modbus(case, where, folder)
    elif case.startswith("dnp3"):
        reported = case == "dnp3-reported"
        name = "dnp3" if reported else case
        opening = protocols_ours.dnp3(name, where, folder, reported=reported)
    else:
        opening = protocols_ours.opcua(
            where,
            folder,
            secured=case == "opcua-secured",
            reported=case == "opcua-reported",
        )
    async with opening as opened:
        yield Reader(opened.read, opened.points, opened.process, opened.scan)


@asynccontextmanager
async def plain(case: str, folder: Path, server: Server) -> AsyncIterator[Reader]:
    """The loop."""
    import protocols_plain  # noqa: PLC0415 - see above

    where = server.where[-1]
    if case == "remote":
        import protocols_plain_apart  # noqa: PLC0415 - see above

        async with protocols_plain_apart.apart(where) as (read, process):
            yield Reader(read, len(await read()), process)
        return
    node = folder / "credentials" / CREDENTIALS if case.endswith("-tls") else None
    if case.startswith("modbus"):
        opening = protocols_plain.modbus(where, node)
    elif case == "dnp3-reported":
        opening = protocols_plain.dnp3_reported(where, LAST_FEEDER_POINT)
    elif case.startswith("dnp3"):
        opening = protocols_plain.dnp3(where, node)
    else:
        names = json.loads((folder / "nodes.json").read_text("utf-8"))
        node = folder / "node" if case == "opcua-secured" else None
        if case == "opcua-reported":
            opening = protocols_plain.opcua_reported(where, names, PUBLISHING_S)
        else:
            opening = protocols_plain.opcua(where, names, node)
    async with opening as read:
        Changes(server.control, 1)()
        yield Reader(read, len(await read()))


def process_cpu_s(pid: int) -> float:
    """CPU seconds of another process so far, to the nanosecond."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text("ascii").split()[0]) for task in tasks) / 1e9


async def measured(reader: Reader, reads: int, before: Callable[[], None]) -> dict[str, Any]:
    """CPU seconds a read, of this process and of all, and the seconds of each read."""
    if reader.first is not None:
        await reader.first()
    gc.collect()
    cpu_s, seconds = 0.0, []
    others_s = process_cpu_s(reader.process) if reader.process else 0.0
    for _ in range(reads):
        before()
        cpu, begun = time.process_time(), time.perf_counter()
        await reader.read()
        seconds.append(time.perf_counter() - begun)
        cpu_s += time.process_time() - cpu
    others_s = process_cpu_s(reader.process) - others_s if reader.process else 0.0
    return {"cpu_s": cpu_s / reads, "all_cpu_s": (cpu_s + others_s) / reads, "seconds": seconds}


async def main(side: str, case: str, folder: Path, server: Server) -> None:
    """Read as often as standard input says."""
    opening = ours if side == "ours" else plain
    changes: Callable[[], None] = lambda: None  # noqa: E731 - nothing to change
    if case.startswith("dnp3") or case == "opcua-reported":
        changes = Changes(server.control, 0 if side == "ours" else 1)
    async with opening(case, folder, server) as reader:
        apart = reader.process is not None
        print(json.dumps({"brings": reader.brings, "apart": apart}), flush=True)
        orders = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
        while line := await orders.readline():
            print(json.dumps(await measured(reader, int(line), changes)), flush=True)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    _, which, name, where, said = sys.argv
    asyncio.run(main(which, name, Path(where), Server(**json.loads(said))))
