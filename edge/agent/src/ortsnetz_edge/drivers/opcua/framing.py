"""Frames of OPC UA TCP (part 6, 7.1 and 6.7.2) are looked at before the library parses them.

asyncua 2.1 waits for as many bytes as a header announces, up to 4 GB, keeps them all, and loops
for ever on a header that announces none. It also tells servers that it takes messages of 2 GB.
"""

from __future__ import annotations

import asyncio
from typing import Any

from asyncua import ua
from asyncua.client.ua_client import UaClient, UASocketProtocol
from asyncua.ua.ua_binary import nodeid_to_binary, struct_to_binary, uatcp_to_binary

from ortsnetz_common.link.reads import read_little
from ortsnetz_edge.drivers.opcua.hardening import harden

harden()
LARGEST_FRAME = 65536
LARGEST_MESSAGE = 128 * 1024
"""Five hundred values take 15 kB. The library needs a second for the worst that fits into this, and
nobody else is served meanwhile."""
_HEADER = 8
_SECURE = {b"MSG", b"OPN", b"CLO"}
_PLAIN = {b"ACK", b"ERR"}


def misfit(header: bytes) -> str | None:
    """Why a frame's first eight bytes are none from an OPC UA server; None if they are."""
    kind, size = header[:3], int.from_bytes(header[4:8], "little")
    if kind not in _SECURE and kind not in _PLAIN:
        return "sends what is no OPC UA"
    if header[3:4] not in {b"F", b"C", b"A"} or (kind != b"MSG" and header[3:4] != b"F"):
        return "sends a frame that is no part of a message"
    if not _HEADER + (4 if kind in _SECURE else 0) < size <= LARGEST_FRAME:
        return f"announces a frame of {size} bytes"
    return None


class EncodedRequest:
    """A request whose parameters were encoded once: a cycle asks for the same nodes each time.

    Attributes:
        RequestHeader: made anew for each sending.
    """

    def __init__(self, request: Any) -> None:
        self.RequestHeader = request.RequestHeader
        self._kind = nodeid_to_binary(request.TypeId)
        self._parameters = struct_to_binary(request.Parameters)

    def encoded(self) -> bytes:
        """What goes over the wire, with the header as it is now."""
        return b"".join((self._kind, struct_to_binary(self.RequestHeader), self._parameters))


class GuardedProtocol(UASocketProtocol):  # type: ignore[misc]
    """The library's protocol, given whole frames of bounded size only.

    Attributes:
        misfit: what was wrong with the bytes; None if nothing was.
        closing: the connection is being closed from this side, in order.
        largest_message: bytes of the longest message that is taken.
    """

    misfit: str | None = None
    closing = False
    largest_message = LARGEST_MESSAGE

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Connected."""
        super().connection_made(transport)
        read_little(transport)
        self._bytes = bytearray()
        self._message = 0

    def data_received(self, data: bytes) -> None:
        """Bytes have arrived."""
        self._bytes += data
        while len(self._bytes) >= _HEADER and self.transport is not None:
            reason = misfit(bytes(self._bytes[:_HEADER]))
            if reason is not None:
                self.refuse(reason)
                return
            size = int.from_bytes(self._bytes[4:8], "little")
            if len(self._bytes) < size:
                return
            frame = bytes(self._bytes[:size])
            del self._bytes[:size]
            self._message = 0 if frame[3:4] != b"C" else self._message + size
            if self._message > self.largest_message:
                self.refuse(f"sends a message of more than {self.largest_message} bytes")
                return
            super().data_received(frame)

    def _send_request(
        self,
        request: Any,
        timeout: float = 1,
        message_type: Any = ua.MessageType.SecureMessage,
    ) -> asyncio.Future[Any]:
        if not isinstance(request, EncodedRequest):
            sent: asyncio.Future[Any] = super()._send_request(request, timeout, message_type)
            return sent
        if self.transport is None:
            raise ConnectionError("connection is not open")
        request.RequestHeader = ua.RequestHeader()
        self._setup_request_header(request.RequestHeader, timeout)
        self.revolve_security_token()
        self._request_id += 1
        message = self._connection.message_to_binary(
            request.encoded(), message_type=message_type, request_id=self._request_id
        )
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._callbackmap[self._request_id] = answer
        self.transport.write(message)
        return answer

    def refuse(self, reason: str) -> None:
        """Close at once: what comes is of no use."""
        self.misfit = self.misfit or reason
        self._bytes.clear()
        if self.transport is not None:
            self.transport.abort()

    def disconnect_socket(self) -> None:
        """Close; the library does so by itself after bytes that it cannot parse."""
        if not self.closing and self.misfit is None:
            self.misfit = "sends a message that cannot be understood"
        super().disconnect_socket()

    async def send_hello(
        self, url: str, max_messagesize: int = 0, max_chunkcount: int = 0
    ) -> ua.Acknowledge:
        """Say what sizes are taken; the library would say 2 GB."""
        hello = ua.Hello(
            ReceiveBufferSize=LARGEST_FRAME - 1,
            SendBufferSize=LARGEST_FRAME - 1,
            MaxMessageSize=max_messagesize or self.largest_message,
            MaxChunkCount=max_chunkcount,
            EndpointUrl=url,
        )
        answer: asyncio.Future[ua.Acknowledge] = asyncio.get_running_loop().create_future()
        self._callbackmap[0] = answer
        if self.transport is None:
            raise ConnectionError("connection is not open")
        self.transport.write(uatcp_to_binary(ua.MessageType.Hello, hello))
        async with asyncio.timeout(self.timeout):
            return await answer


class GuardedClient(UaClient):  # type: ignore[misc]
    """The library's low client on `GuardedProtocol`."""

    protocol: GuardedProtocol | None

    def __init__(self, timeout: float, largest_message: int) -> None:
        super().__init__(timeout)
        self._largest_message = largest_message

    def _make_protocol(self) -> UASocketProtocol:
        self.protocol = GuardedProtocol(self._timeout, security_policy=self.security_policy)
        self.protocol.largest_message = self._largest_message
        self.protocol.on_connection_lost = self._on_transport_lost
        return self.protocol
