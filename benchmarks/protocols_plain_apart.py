"""The plain Modbus loop in a process of its own, beside a driver that has one."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from protocols_plain import Read, Values, modbus


@asynccontextmanager
async def apart(port: int) -> AsyncIterator[tuple[Read, int]]:
    """It is asked line by line; and its process."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, str(port), stdin=-1, stdout=-1
    )
    asked, answers = process.stdin, process.stdout
    assert asked is not None
    assert answers is not None

    async def read() -> Values:
        asked.write(b"\n")
        values: Values = json.loads(await answers.readline())
        return values

    yield read, process.pid
    process.kill()
    await process.wait()


async def _serve(port: int) -> None:
    """The other end of `apart`."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with modbus(port, None) as read:
        while await reader.readline():
            print(json.dumps(await read()), flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
