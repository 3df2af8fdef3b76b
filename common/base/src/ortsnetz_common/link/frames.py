"""Frames between a host process and its workers: 4-byte big-endian length, then the payload.

The socket contract of driver processes and function workers. Reading is left to the caller's
transport (asyncio streams, pipes); this module holds the layout and its bound.
"""

from __future__ import annotations

import struct

MAX_FRAME_BYTES = 16 * 1024 * 1024
HEADER = struct.Struct(">I")


class FrameError(ValueError):
    """A frame that breaks the contract; the peer is not to be trusted any further."""


def pack(payload: bytes) -> bytes:
    """Payload with its header.

    Raises:
        FrameError: the payload is larger than a frame may be.
    """
    if len(payload) > MAX_FRAME_BYTES:
        raise FrameError(f"frame of {len(payload)} bytes exceeds {MAX_FRAME_BYTES}")
    return HEADER.pack(len(payload)) + payload


def length(header: bytes) -> int:
    """Payload length announced by a header.

    Raises:
        FrameError: the header is short or announces more than a frame may carry.
    """
    if len(header) != HEADER.size:
        raise FrameError(f"frame header of {len(header)} bytes instead of {HEADER.size}")
    size: int = HEADER.unpack(header)[0]
    if size > MAX_FRAME_BYTES:
        raise FrameError(f"frame of {size} bytes announced, at most {MAX_FRAME_BYTES} allowed")
    return size
