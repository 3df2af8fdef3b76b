"""Connections that ask the system for little at once still bring everything."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any

from ortsnetz_common.link.reads import READ_BYTES, read_little


def test_what_is_longer_than_one_read_arrives_whole() -> None:
    sent = bytes(range(256)) * (20 * READ_BYTES // 256)

    async def check() -> None:
        here, there = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=here, limit=len(sent))
        transport: Any = writer.transport
        assert transport.max_size > READ_BYTES
        read_little(transport)
        assert transport.max_size == READ_BYTES
        _, other = await asyncio.open_connection(sock=there)
        other.write(sent)
        assert await reader.readexactly(len(sent)) == sent
        for each in (writer, other):
            each.close()
            await each.wait_closed()

    asyncio.run(asyncio.wait_for(check(), 20))


def test_other_transports_stay_as_they_are() -> None:
    async def check() -> None:
        protocol = asyncio.sslproto.SSLProtocol(
            asyncio.get_running_loop(), asyncio.Protocol(), ssl.create_default_context(), None
        )
        transport = protocol._get_app_transport()
        read_little(transport)
        assert not hasattr(transport, "max_size")
        read_little(None)
        transport.abort()

    asyncio.run(check())
