"""`plant/live.json`: the plant's last step in a few numbers, for a status line."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from ortsnetz_hil.verdict.truth import Row

FILE = "live.json"


class Live(Struct, frozen=True):
    """The last step. Powers in load convention: feed-in is negative.

    Attributes:
        elapsed_s: wall seconds since the beginning of the window.
    """

    elapsed_s: float
    calendar_ns: int
    transformer_loading: float
    cable_loading: float
    lowest_u_pu: float
    highest_u_pu: float
    load_w: float
    generation_w: float
    ev_w: float
    pv_w: float

    @classmethod
    def of(cls, row: Row) -> Live:
        """What a row of the truth says in short."""
        return cls(
            elapsed_s=row.time_s,
            calendar_ns=row.calendar_ns,
            transformer_loading=row.transformer_loading,
            cable_loading=row.line_loading,
            lowest_u_pu=row.u_min,
            highest_u_pu=row.u_max,
            load_w=row.load_w,
            generation_w=row.generation_w,
            ev_w=row.ev_w,
            pv_w=row.pv_w,
        )

    def write(self, plant_directory: Path) -> None:
        """Replace the file at once."""
        path = plant_directory / FILE
        unfinished = path.with_suffix(".unfinished")
        unfinished.write_bytes(msgspec.json.encode(self))
        unfinished.replace(path)
