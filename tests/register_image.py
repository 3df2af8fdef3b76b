"""Registers of a device, filled by hand from a published map: truth for tests of profiles.

Coded and decoded here with `struct` alone, so that it can contradict the agent's own decoder.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from ortsnetz_edge.profiles.references.modbus import RegisterReference

_FORMS = {
    "u16": ">H",
    "i16": ">h",
    "u32": ">I",
    "i32": ">i",
    "u64": ">Q",
    "i64": ">q",
    "f32": ">f",
    "f64": ">d",
}


class RegisterImage:
    """Registers by table and address; what was never filled is not there."""

    def __init__(self) -> None:
        self._words: dict[tuple[str, int], int] = {}

    def put(
        self, table: str, address: int, kind: str, *values: float, low_word_first: bool = False
    ) -> None:
        """Fill consecutive values of one kind, the first at `address`."""
        for value in values:
            form = _FORMS[kind]
            packed = struct.pack(form, value if form[1] in "fd" else int(value))
            words = list(struct.unpack(f">{len(packed) // 2}H", packed))
            for offset, word in enumerate(reversed(words) if low_word_first else words):
                self._words[table, address + offset] = word
            address += len(words)

    def put_text(self, table: str, address: int, registers: int, text: str) -> None:
        """Fill a text, ASCII, padded with NUL."""
        packed = text.encode("ascii").ljust(2 * registers, b"\0")
        for offset, word in enumerate(struct.unpack(f">{registers}H", packed)):
            self._words[table, address + offset] = word

    def has(self, reference: RegisterReference) -> bool:
        """Whether all registers of a reference are there."""
        return all((reference.table.value, at) in self._words for at in _span(reference))

    def raw(self, reference: RegisterReference, absent: int | None = None) -> float | None:
        """Raw value of a reference; None for "not present" and for what is not there."""
        if not self.has(reference):
            return None
        words = [self._words[reference.table.value, at] for at in _span(reference)]
        if reference.order.value == "cdab":
            words.reverse()
        packed = struct.pack(f">{len(words)}H", *words)
        if absent is not None and int.from_bytes(packed, "big") == absent:
            return None
        value: float = struct.unpack(_FORMS[reference.kind.value], packed)[0]
        return value

    def words(self, table: str, address: int, count: int) -> list[int] | None:
        """Consecutive registers; None where one of them is not there."""
        places = [(table, at) for at in range(address, address + count)]
        if any(place not in self._words for place in places):
            return None
        return [self._words[place] for place in places]

    @property
    def addresses(self) -> Mapping[tuple[str, int], int]:
        """All registers."""
        return self._words


def _span(reference: RegisterReference) -> range:
    return range(reference.address, reference.address + reference.width)
