"""Interventions as CSV, for the people who must report them."""

from __future__ import annotations

import csv
import io

from ortsnetz_common.link.messages import Intervention
from ortsnetz_common.measurement.time import rfc3339

COLUMNS = (
    "id",
    "device",
    "start",
    "end",
    "reason",
    "binding",
    "lowest_limit_w",
    "floor_w",
    "rule",
    "energy_not_served_wh",
)


def interventions_csv(records: list[Intervention]) -> str:
    """One line an intervention, instants in RFC 3339; empty cells are unknown or not yet."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")  # RFC 4180
    writer.writerow(COLUMNS)
    for record in records:
        writer.writerow(
            (
                _inert(record.id),
                _inert(record.device),
                rfc3339(record.start_ns),
                "" if record.end_ns is None else rfc3339(record.end_ns),
                _inert(record.reason),
                _inert("; ".join(record.binding)),
                record.lowest_limit_w,
                record.floor_w,
                _inert(record.rule),
                "" if record.energy_not_served_wh is None else record.energy_not_served_wh,
            )
        )
    return out.getvalue()


def _inert(text: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
