"""Time: UTC, nanoseconds since the epoch on the wire, RFC 3339 for people."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from enum import IntFlag

NS_PER_S = 1_000_000_000


class TimeQuality(IntFlag):
    """Time quality flags of IEC 61850-7-2 (TimeQuality); none set is a synchronised clock."""

    SYNCHRONISED = 0
    CLOCK_NOT_SYNCHRONISED = 1
    CLOCK_FAILURE = 2
    SET_BY_RECEIVER = 4  # the device sent no time; the agent's clock stands in and says so


def now_ns() -> int:
    """Wall clock, UTC, nanoseconds since 1970. The only place that reads it for time stamps."""
    return time.time_ns()


def rfc3339(time_ns: int) -> str:
    """Readable form with milliseconds: `2026-11-21T18:30:00.250Z`."""
    seconds, rest = divmod(time_ns, NS_PER_S)
    stamp = datetime.fromtimestamp(seconds, tz=UTC)
    return f"{stamp:%Y-%m-%dT%H:%M:%S}.{rest // 1_000_000:03d}Z"
