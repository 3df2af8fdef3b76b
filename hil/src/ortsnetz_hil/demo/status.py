"""The live one-line status, from what agent and device servers say of themselves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ortsnetz_hil.bench.rundir import RunDirectory

NO_VALUE = "-"


def read(path_text: str | None) -> Mapping[str, Any]:
    """A JSON document, empty while it does not exist or is not complete."""
    try:
        document = json.loads(path_text) if path_text else {}
    except json.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}


def agent(run: RunDirectory) -> Mapping[str, Any]:
    """What the agent says of itself; empty while it has said nothing."""
    return read(_text(run.agent.parent / "data" / "status.json"))


def line(run: RunDirectory, elapsed_s: float, down: list[str]) -> str:
    """One line for people; a value that is not there is a dash."""
    said = agent(run)
    plant = read(_text(run.root / "plant" / "live.json"))
    parts = [
        f"{elapsed_s:6.0f} s",
        _clock(plant.get("calendar_ns")),
        f"agent {said.get('mode', NO_VALUE)}",
        f"transformer {_percent(plant.get('transformer_loading'))}",
        f"cables {_percent(plant.get('cable_loading'))}",
        f"u {_number(plant.get('lowest_u_pu'))}-{_number(plant.get('highest_u_pu'))}",
        f"limited {_limited(said)}",
        f"backlog {said.get('journal_backlog', NO_VALUE)}",
    ]
    if down:
        parts.append(f"restarting {', '.join(down)}")
    return " | ".join(parts)


def _text(path: Any) -> str | None:
    try:
        return str(path.read_text())
    except OSError:
        return None


def _clock(calendar_ns: Any) -> str:
    if not isinstance(calendar_ns, int):
        return NO_VALUE
    return datetime.fromtimestamp(calendar_ns / 1e9, tz=UTC).strftime("%H:%M")


def _percent(value: Any) -> str:
    return f"{100 * value:.0f} %" if isinstance(value, int | float) else NO_VALUE


def _number(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, int | float) else NO_VALUE


def _limited(agent: Mapping[str, Any]) -> str:
    sources = agent.get("sources")
    if not isinstance(sources, list):
        return NO_VALUE
    return str(sum(1 for source in sources if "limited to" in (source.get("reason") or "")))
