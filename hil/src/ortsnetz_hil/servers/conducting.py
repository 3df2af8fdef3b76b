"""Asks the bench's conductor to stop, kill or start a connected process at an instant of the plant.

JSON lines over a Unix socket in the run directory: a `Request`, answered by a `Reply`. The plant
owns the instants, the bench owns the processes.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
from msgspec import Struct

from ortsnetz_common.errors import OrtsnetzError

SOCKET = "conductor.sock"
REPLY_DEADLINE_S = 120.0
"""Starting a cockpit takes seconds; in stepped time plant time waits for it."""


class Request(Struct, frozen=True, forbid_unknown_fields=True):
    """What shall be done to which process."""

    process: str
    action: str


class Reply(Struct, frozen=True, forbid_unknown_fields=True):
    """What became of it."""

    ok: bool
    detail: str


async def ask(socket: Path, request: Request) -> Reply:
    """Ask the conductor; its answer.

    Raises:
        OrtsnetzError: there is no conductor, or it does not answer.
    """
    try:
        async with asyncio.timeout(REPLY_DEADLINE_S):
            reader, writer = await asyncio.open_unix_connection(str(socket))
            try:
                writer.write(msgspec.json.encode(request) + b"\n")
                await writer.drain()
                line = await reader.readline()
            finally:
                writer.close()
            return msgspec.json.decode(line, type=Reply)
    except (OSError, TimeoutError, msgspec.MsgspecError) as error:
        raise OrtsnetzError(
            f"nobody could {request.action} '{request.process}': the bench does not answer "
            f"({type(error).__name__})"
        ) from error
