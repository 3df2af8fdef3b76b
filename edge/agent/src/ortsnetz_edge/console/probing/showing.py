"""What a probe has found, as tables for people and as JSON for scripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import msgspec

from ortsnetz_common.measurement.quality import describe
from ortsnetz_edge.console.probing.browsing import Holding
from ortsnetz_edge.console.probing.identifying import Introduction
from ortsnetz_edge.console.probing.through_profile import Seen
from ortsnetz_edge.console.text_table import one_line, table
from ortsnetz_edge.console.words import instant, number
from ortsnetz_edge.drivers.contract import Observation

_WRITABLE = {True: "yes", False: "no", None: ""}


def holdings(found: Sequence[Holding]) -> list[str]:
    """Lines of what a device holds."""
    rows = [
        (
            f"{'  ' * (item.depth - 1)}{item.found.reference}",
            "more" if item.found.folder else "",
            "" if item.found.value is None else number(item.found.value),
            _WRITABLE[item.found.writable],
            item.found.what,
        )
        for item in found
    ]
    return table(("reference", "below", "value", "takes writes", "what"), rows, right=("value",))


def observations(found: Sequence[Observation]) -> list[str]:
    """Lines of raw values."""
    rows = [
        (
            item.reference,
            number(item.value),
            describe(item.quality),
            instant(item.time_ns, item.time_quality),
            item.why,
        )
        for item in found
    ]
    return table(("reference", "raw", "quality", "time", "why"), rows, right=("raw",))


def points(found: Sequence[Seen]) -> list[str]:
    """Lines of points beside the raw values that they come from."""
    rows = [
        (
            short_name(item),
            number(item.value),
            item.point.point.unit.value,
            describe(item.quality),
            _range(item),
            " ".join(f"{raw.reference}={number(raw.value)}" for raw in item.raw),
            "; ".join(dict.fromkeys(raw.why for raw in item.raw if raw.why)),
        )
        for item in found
    ]
    heads = ("point", "value", "unit", "quality", "range", "raw", "why")
    return table(heads, rows, right=("value",))


def short_name(item: Seen) -> str:
    """A point without its source, which is the address that was typed."""
    return item.point.point.name.rpartition("/")[2]


def _range(item: Seen) -> str:
    if item.value is None or item.point.low <= item.value <= item.point.high:
        return ""
    return f"outside {number(item.point.low)} to {number(item.point.high)}"


def observation_line(item: Observation, seen: Sequence[Seen] = ()) -> str:
    """One line of a watched value, and of the points that it has moved."""
    line = (
        f"{instant(item.time_ns, item.time_quality)}  {item.reference}  {number(item.value)}  "
        f"{describe(item.quality)}"
    )
    if item.why:
        line += f"  {one_line(item.why)}"
    moved = ", ".join(f"{short_name(p)} {number(p.value)} {p.point.point.unit.value}" for p in seen)
    return f"{line}  = {moved}" if moved else line


def observation_json(item: Observation, seen: Sequence[Seen] = ()) -> dict[str, Any]:
    """A raw value for scripts."""
    found: dict[str, Any] = {
        "reference": item.reference,
        "value": item.value,
        "quality": describe(item.quality),
        "quality_bits": item.quality,
        "time": instant(item.time_ns, 0),
        "time_ns": str(item.time_ns),
        "time_quality_bits": item.time_quality,
    }
    if item.why:
        found["why"] = item.why
    if seen:
        found["points"] = [point_json(p) for p in seen]
    return found


def point_json(item: Seen) -> dict[str, Any]:
    """A point for scripts."""
    return {
        "point": short_name(item),
        "value": item.value,
        "unit": item.point.point.unit.value,
        "quality": describe(item.quality),
        "quality_bits": item.quality,
        "raw": {raw.reference: raw.value for raw in item.raw},
    }


def holding_json(item: Holding) -> dict[str, Any]:
    """What was found, for scripts."""
    return {**asdict(item.found), "depth": item.depth}


def introduction_json(found: Introduction) -> dict[str, Any]:
    """Who is there, for scripts."""
    return {**asdict(found.identity), **({"why": found.why} if found.why else {})}


def as_json(document: object, *, indent: int = 2) -> str:
    """JSON; numbers that are none become null."""
    return msgspec.json.format(msgspec.json.encode(document), indent=indent).decode()
