"""How much asyncio asks the system for at once."""

from __future__ import annotations

import asyncio
from typing import Any

READ_BYTES = 32 * 1024
"""More than a field protocol sends at once; well below what glibc gives back to the system."""


def read_little(transport: asyncio.BaseTransport | None) -> None:
    """Ask for `READ_BYTES` a read instead of asyncio's 256 KiB.

    Those are allocated for each read and cut down to what came. Where the heap happens to have no
    such room at its top, glibc fetches it from the system and gives it back each time: 28 us of the
    100 us that a scan of a Modbus meter takes (`benchmarks/protocols.py`). Transports without this
    setting, of other loops or of TLS, keep a buffer of their own and stay as they are.
    """
    sized: Any = transport
    if hasattr(sized, "max_size"):
        sized.max_size = READ_BYTES
