"""What is wrong with a connection at an instant, and what becomes of a chunk of bytes then."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from msgspec import Struct

from ortsnetz_hil.faults.specs import Wire

PIECE = 1400
"""Bytes of a packet: what a narrow line carries in one piece."""


class WireCounts(Struct, forbid_unknown_fields=True):
    """What a wire proxy has done since its start, both directions together.

    Attributes:
        connections: accepted from the device under test.
        bytes, chunks: received, whatever became of them.
        dropped, corrupted, duplicated: chunks.
        resets: connections reset by a fault.
        refused: connections that found nobody behind the proxy, or too many others before it.
        overdue: connections ended because a peer took nothing for too long.
    """

    connections: int = 0
    bytes: int = 0
    chunks: int = 0
    dropped: int = 0
    corrupted: int = 0
    duplicated: int = 0
    resets: int = 0
    refused: int = 0
    overdue: int = 0


@dataclass(frozen=True, slots=True)
class Conditions:
    """All wire faults of a link that hold at an instant, taken together."""

    faults: tuple[Wire, ...]

    @classmethod
    def at(cls, faults: Iterable[Wire], now_s: float) -> Conditions:
        """Those faults that hold."""
        return cls(tuple(fault for fault in faults if fault.holds(now_s)))

    @property
    def clear(self) -> bool:
        """Whether bytes pass as they are."""
        return not self.faults

    @property
    def half_open(self) -> bool:
        """Whether nothing comes through and nobody closes."""
        return any(fault.half_open for fault in self.faults)

    @property
    def reset(self) -> bool:
        """Whether connections are reset."""
        return any(fault.reset for fault in self.faults)

    @property
    def bytes_per_s(self) -> float | None:
        """Bandwidth, None for no limit."""
        stated = [f.bytes_per_s for f in self.faults if f.bytes_per_s is not None]
        return min(stated, default=None)

    def delay_s(self, rng: np.random.Generator) -> float:
        """How much later a chunk comes."""
        late_s = sum(fault.delay_s for fault in self.faults)
        return late_s + sum(f.jitter_s * float(rng.random()) for f in self.faults if f.jitter_s)

    def suffered(
        self, chunk: bytes, rng: np.random.Generator, counts: WireCounts
    ) -> tuple[bytes, ...]:
        """What is left of a chunk: nothing, one, or two of it."""
        for fault in self.faults:
            if _happens(fault.loss, rng):
                counts.dropped += 1
                return ()
        for fault in self.faults:
            if _happens(fault.corrupt, rng):
                counts.corrupted += 1
                chunk = _corrupted(chunk, rng)
        if any(_happens(fault.duplicate, rng) for fault in self.faults):
            counts.duplicated += 1
            return chunk, chunk
        return (chunk,)


def pieces(chunk: bytes) -> list[bytes]:
    """A chunk in packets."""
    return [chunk[begin : begin + PIECE] for begin in range(0, len(chunk), PIECE)]


def _happens(probability: float, rng: np.random.Generator) -> bool:
    return probability > 0.0 and float(rng.random()) < probability


def _corrupted(chunk: bytes, rng: np.random.Generator) -> bytes:
    """One byte is another."""
    changed = bytearray(chunk)
    changed[int(rng.integers(len(chunk)))] ^= int(rng.integers(1, 256))
    return bytes(changed)
