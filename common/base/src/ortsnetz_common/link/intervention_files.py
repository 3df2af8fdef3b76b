"""Interventions as CSV and JSON for the people who must report them; the same at both ends."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from typing import Any

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
    "customer",
    "contract",
    "limits",
    "limits_left_out",
)


def interventions_csv(records: Iterable[Intervention]) -> str:
    """One line an intervention, instants in RFC 3339; empty cells are unknown or not yet.

    `limits` lists `<instant> <limit in W>`, separated by semicolons.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")  # RFC 4180
    writer.writerow(COLUMNS)
    for record in records:
        energy = record.energy_not_served_wh
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
                "" if energy is None else energy,
                _inert(record.customer),
                _inert(record.contract),
                "; ".join(f"{rfc3339(at)} {limit_w:g}" for at, limit_w in record.limits),
                record.limits_left_out,
            )
        )
    return out.getvalue()


def interventions_json(records: Iterable[Intervention]) -> str:
    """A JSON list with the columns of the CSV; null is unknown or not yet."""
    return json.dumps([_entry(record) for record in records], indent=1, allow_nan=False) + "\n"


def _entry(record: Intervention) -> dict[str, Any]:
    return {
        "id": record.id,
        "device": record.device,
        "start": rfc3339(record.start_ns),
        "end": None if record.end_ns is None else rfc3339(record.end_ns),
        "reason": record.reason,
        "binding": list(record.binding),
        "lowest_limit_w": record.lowest_limit_w,
        "floor_w": record.floor_w,
        "rule": record.rule,
        "energy_not_served_wh": record.energy_not_served_wh,
        "customer": record.customer,
        "contract": record.contract,
        "limits": [{"time": rfc3339(at), "limit_w": limit_w} for at, limit_w in record.limits],
        "limits_left_out": record.limits_left_out,
    }


def _inert(text: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
