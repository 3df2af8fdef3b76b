"""Interventions as CSV and JSON for the people who must report them; the same at both ends."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from math import floor
from typing import Any

from ortsnetz_common.link.messages import (
    BindingElement,
    Cause,
    Intervention,
    SetpointSource,
    SourceTotal,
)
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
    "energy_at_least_wh",
    "unknown_s",
    "duration_s",
    "down_s",
    "clock_sets",
    "clock_set_s",
    "sources",
    "elements",
    "elements_left_out",
    "causes",
    "causes_left_out",
)
"""Further columns come at the end: who reads them by number reads the same."""


def interventions_csv(records: Iterable[Intervention]) -> str:
    """One line an intervention, instants in RFC 3339; empty cells are unknown or not yet.

    `limits` lists `<instant> <limit in W>`, separated by semicolons; `sources`, `elements` and
    `causes` list sentences, separated by bars.
    """
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
                _cell(record.energy_not_served_wh),
                _inert(record.customer),
                _inert(record.contract),
                "; ".join(f"{rfc3339(at)} {limit_w:g}" for at, limit_w in record.limits),
                record.limits_left_out,
                _cell(record.energy_at_least_wh),
                _cell(record.unknown_s),
                _cell(record.duration_s),
                record.down_s,
                record.clock_sets,
                record.clock_set_s,
                _inert(" | ".join(map(_total_words, record.sources))),
                _inert(" | ".join(map(_element_words, record.elements))),
                record.elements_left_out,
                _inert(" | ".join(map(_cause_words, record.causes))),
                record.causes_left_out,
            )
        )
    return out.getvalue()


def interventions_json(records: Iterable[Intervention]) -> str:
    """A JSON list with the columns of the CSV; null is unknown or not yet."""
    return json.dumps([_entry(record) for record in records], indent=1, allow_nan=False) + "\n"


def source_name(source: SetpointSource | None) -> str:
    """A source as files and interfaces name it; `unknown` where a record does not have it."""
    return "unknown" if source is None else source.name.lower()


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
        "energy_at_least_wh": record.energy_at_least_wh,
        "unknown_s": record.unknown_s,
        "duration_s": record.duration_s,
        "down_s": record.down_s,
        "clock_sets": record.clock_sets,
        "clock_set_s": record.clock_set_s,
        "sources": [
            {
                "source": source_name(total.source),
                "seconds": total.seconds,
                "lowest_limit_w": total.lowest_limit_w,
                "reason": total.reason,
                "energy_at_least_wh": total.energy_wh,
                "unknown_s": total.unknown_s,
            }
            for total in record.sources
        ],
        "elements": [
            {"element": one.element, "since": rfc3339(one.since_ns), "seconds": one.seconds}
            for one in record.elements
        ],
        "elements_left_out": record.elements_left_out,
        "causes": [
            {
                "time": rfc3339(cause.time_ns),
                "source": source_name(cause.source),
                "reason": cause.reason,
                "binding": list(cause.binding),
            }
            for cause in record.causes
        ],
        "causes_left_out": record.causes_left_out,
    }


def _total_words(total: SourceTotal) -> str:
    """What a source has had of an intervention, in one cell."""
    unknown = f", {total.unknown_s:.0f} s of it unknown" if total.unknown_s else ""
    return (
        f"{source_name(total.source)}: {total.seconds:.0f} s, lowest {total.lowest_limit_w:g} W, "
        f"at least {floor(total.energy_wh * 10) / 10:.1f} Wh not served{unknown}"
    )


def _element_words(one: BindingElement) -> str:
    return f"{one.element} since {rfc3339(one.since_ns)}, {one.seconds:.0f} s in all"


def _cause_words(cause: Cause) -> str:
    where = f" [{'; '.join(cause.binding)}]" if cause.binding else ""
    return f"{rfc3339(cause.time_ns)} {source_name(cause.source)}: {cause.reason}{where}"


def _cell(value: float | None) -> float | str:
    return "" if value is None else value


def _inert(text: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
