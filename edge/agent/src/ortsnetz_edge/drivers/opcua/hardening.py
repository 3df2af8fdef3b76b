"""Two holes in asyncua 2.1's parser, closed before anything is parsed.

A length below zero moves its cursor backwards, and an array of nothing takes no bytes an element: a
message of forty bytes keeps it busy, or fills the memory, for as long as it likes. One such server
would stop the agent for all others. Remove this once the library refuses both by itself.
"""

from __future__ import annotations

from typing import Any

from asyncua.common.utils import Buffer
from asyncua.ua import ua_binary


class _ArraysOfNothing:
    """Takes the place of the array type of Null, which has no elements that could be told apart."""

    @staticmethod
    def pack_array(_: Any) -> bytes:
        return b"\xff\xff\xff\xff"

    @staticmethod
    def unpack_array(_: Any, length: int) -> tuple[Any, ...]:
        if length > 0:
            raise ValueError(f"an array of {length} times nothing")
        return ()


def harden() -> None:
    """Close the holes, for the whole process; once."""
    if hasattr(ua_binary.Primitives1, "Null"):
        return
    ua_binary.Primitives1.Null = _ArraysOfNothing
    read, skip = Buffer.read, Buffer.skip

    def checked_read(buffer: Any, size: int) -> Any:
        if size < 0:
            raise ValueError(f"a length of {size}")
        return read(buffer, size)

    def checked_skip(buffer: Any, size: int) -> Any:
        if size < 0:
            raise ValueError(f"a length of {size}")
        return skip(buffer, size)

    Buffer.read, Buffer.skip = checked_read, checked_skip
