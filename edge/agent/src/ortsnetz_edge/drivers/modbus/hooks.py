"""What the library swallows: why no connection was made, why it ended, what it cannot decode.

Its client says only that there is no connection; and an exception in its decoder ends in the event
loop instead of at the request.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

from pymodbus.client.base import ModbusBaseClient
from pymodbus.exceptions import ModbusException

_MOST_BYTES = 1024
"""An answer has 260 at most; late ones may come before it. The library drops what is too long and
says nothing, so that the request waits."""
_NEVER = 1 << 30
Told = Callable[[Exception | None], None]


def listen_to(client: ModbusBaseClient, *, failed: Told, lost: Told, garbled: Told) -> None:
    """Hear of a client's failures.

    Args:
        client: nothing is connected yet.
        failed: called with the reason when a connection is not made.
        lost: called when a connection has ended; with the reason, if it has one.
        garbled: called with the reason when an answer cannot be decoded.
    """
    context = client.ctx
    context.max_buffer_size = _MOST_BYTES
    context.max_until_disconnect = _NEVER  # who is silent is for the link to judge
    receive = context.data_received
    create, end, handle = context.call_create, context.callback_disconnected, context.callback_data

    async def created() -> Any:
        try:
            return await create()
        except OSError as error:
            failed(error)
            raise

    def ended(reason: Exception | None) -> None:
        end(reason)
        lost(reason)

    def handled(data: bytes, addr: tuple[Any, ...] | None = None) -> int:
        try:
            return handle(data, addr)
        except ModbusException as error:
            garbled(error)
            return len(data)

    def received(data: bytes) -> None:
        if len(context.recv_buffer) + len(data) > _MOST_BYTES:
            garbled(ValueError("more bytes than answers have"))
            return
        receive(data)

    context.call_create = created
    context.data_received = received  # type: ignore[method-assign]
    context.callback_disconnected = ended  # type: ignore[method-assign, assignment]
    context.callback_data = handled  # type: ignore[method-assign]


def security_reason(error: Exception | None) -> str | None:
    """Why certificates did not fit, in words; None where that is not the reason."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the device's certificate is not accepted: {error.verify_message}"
    if not isinstance(error, ssl.SSLError):
        return None
    reason = (error.reason or str(error)).lower().replace("_", " ")
    if "alert" in reason:
        return f"the device does not accept the node's certificate: {reason}"
    return f"no TLS connection: {reason}"
