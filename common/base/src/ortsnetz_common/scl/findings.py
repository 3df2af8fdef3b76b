"""What there is to say about an SCL file: what does not fit, and what was not read."""

from __future__ import annotations

from msgspec import Struct


class Finding(Struct, frozen=True, forbid_unknown_fields=True):
    """Something that does not fit.

    Attributes:
        line: in the file, counted from 1.
        path: of the element, e.g. `IED[B1]/AccessPoint[AP1]/Server/LDevice[LD0]`.
        words: what is wrong.
    """

    line: int
    path: str
    words: str


class Unread(Struct, frozen=True, forbid_unknown_fields=True):
    """Elements or attributes of one kind that were not read: private, foreign, unknown or unused.

    Attributes:
        what: e.g. `Private IEC_60870_5_104`, `LogControl`, `LN@mapping`.
        count: how often it is there.
        lines: of the first of them, at most `MOST_LINES`.
    """

    what: str
    count: int
    lines: tuple[int, ...]


MOST_LINES = 20
