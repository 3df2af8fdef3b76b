"""The kernel's filter for the streams that somebody wants (classic BPF, linux/filter.h).

What it lets pass: ethertype 0x88BA, and for one of the streams its destination and its APPID. All
else never reaches this process.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ortsnetz_common.link.sample_blocks import Stream
from ortsnetz_iec61850.sampled_values.frames import ETHERTYPE

_LOAD_WORD, _LOAD_HALF = 0x20, 0x28  # BPF_LD | BPF_W or BPF_H | BPF_ABS
_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_RETURN = 0x06
_ALL = 0x40000
_APP_ID_AT = 14


@dataclass(frozen=True, slots=True)
class Instruction:
    """One `sock_filter`."""

    code: int
    jt: int
    jf: int
    k: int


def program_for(streams: Iterable[Stream]) -> tuple[Instruction, ...]:
    """A program that lets these streams pass; with none nothing passes."""
    wanted = sorted({(mac_octets(s.mac), s.app_id) for s in streams})
    program = [
        Instruction(_LOAD_HALF, 0, 0, 12),
        Instruction(_EQUAL, 1, 0, ETHERTYPE),
        Instruction(_RETURN, 0, 0, 0),
    ]
    for mac, app_id in wanted:
        program += [
            Instruction(_LOAD_WORD, 0, 0, 0),
            Instruction(_EQUAL, 0, 5, int.from_bytes(mac[:4], "big")),
            Instruction(_LOAD_HALF, 0, 0, 4),
            Instruction(_EQUAL, 0, 3, int.from_bytes(mac[4:], "big")),
            Instruction(_LOAD_HALF, 0, 0, _APP_ID_AT),
            Instruction(_EQUAL, 0, 1, app_id),
            Instruction(_RETURN, 0, 0, _ALL),
        ]
    return (*program, Instruction(_RETURN, 0, 0, 0))


def mac_octets(text: str) -> bytes:
    """Six octets from `01-0C-CD-04-00-01`. Raises ValueError."""
    parts = text.replace(":", "-").split("-")
    if len(parts) != 6 or not all(len(p) == 2 for p in parts):
        raise ValueError(f"'{text}' is no MAC address; it looks like 01-0C-CD-04-00-01")
    return bytes(int(part, 16) for part in parts)
