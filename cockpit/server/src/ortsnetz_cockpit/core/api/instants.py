"""Instants in queries: RFC 3339 or nanoseconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import HTTPException, Query

from ortsnetz_common.measurement.time import NS_PER_S, now_ns

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HIGHEST_NS = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Span:
    """From `start_ns` up to, not including, `end_ns`."""

    start_ns: int
    end_ns: int


def parse_instant(text: str) -> int:
    """UTC nanoseconds of `2026-11-21T18:30:00Z`, of an offset form, or of a number.

    Raises:
        ValueError: neither; says what is needed.
    """
    if text.isascii() and text.isdigit():
        time_ns = int(text) if len(text) <= 19 else HIGHEST_NS + 1
    else:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise ValueError(
                f"'{text}' is no instant: RFC 3339 with Z or an offset (its + written as %2B), or "
                "nanoseconds"
            ) from error
        if moment.tzinfo is None:
            raise ValueError(f"'{text}' has no time zone: add Z or an offset")
        time_ns = (moment - _EPOCH) // timedelta(microseconds=1) * 1000
    if not 0 <= time_ns <= HIGHEST_NS:
        raise ValueError(f"'{text}' is outside 1970 to 2262")
    return time_ns


def parse_span(start: str | None, end: str | None, default_s: int = 3600) -> Span:
    """Begin and end of a query; the end defaults to now, the begin to `default_s` before it.

    Raises:
        HTTPException: 422, says what is wrong.
    """
    try:
        end_ns = now_ns() if end is None else parse_instant(end)
        start_ns = max(0, end_ns - default_s * NS_PER_S) if start is None else parse_instant(start)
    except ValueError as error:
        raise HTTPException(422, str(error)) from error
    if start_ns >= end_ns:
        raise HTTPException(422, "'from' must be before 'to'")
    return Span(start_ns, end_ns)


def query_span(
    start: Annotated[str | None, Query(alias="from")] = None,
    end: Annotated[str | None, Query(alias="to")] = None,
) -> Span:
    """FastAPI dependency: the query parameters `from` and `to`."""
    return parse_span(start, end)
