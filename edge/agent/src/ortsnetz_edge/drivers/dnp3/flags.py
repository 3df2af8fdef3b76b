"""What the flags of a DNP3 object say of its quality. Pure.

IEEE 1815-2012, 11.6: the lowest five bits mean the same in all objects, bits 5 and 6 depend on the
kind of point.
"""

from __future__ import annotations

from ortsnetz_common.measurement.quality import Quality, worst
from ortsnetz_edge.profiles.references.dnp3 import PointKind

ONLINE = 0x01
RESTART = 0x02
COMM_LOST = 0x04
REMOTE_FORCED = 0x08
LOCAL_FORCED = 0x10
BIT_5 = 0x20
BIT_6 = 0x40

NEVER_SAID = int(Quality.INVALID | Quality.FAILURE)
"""Of a point that the outstation has not said anything about yet."""
NO_SUCH_POINT = int(Quality.INVALID | Quality.BAD_REFERENCE)
"""Of a point that the outstation does not have."""
RESTARTED = int(Quality.INVALID | Quality.OLD_DATA)
"""Of a point that the outstation has not said anything about since it restarted."""

_COMMON: tuple[tuple[int, Quality], ...] = (
    (RESTART, Quality.INVALID | Quality.OLD_DATA),
    (COMM_LOST, Quality.INVALID | Quality.OLD_DATA),
    (REMOTE_FORCED, Quality.SUBSTITUTED),
    (LOCAL_FORCED, Quality.SUBSTITUTED),
)
_CHATTER = ((BIT_5, Quality.QUESTIONABLE | Quality.OSCILLATORY),)
_ANALOG = (
    (BIT_5, Quality.QUESTIONABLE | Quality.OVERFLOW),
    (BIT_6, Quality.QUESTIONABLE | Quality.BAD_REFERENCE | Quality.INACCURATE),
)
# bit 5, ROLLOVER, is obsolete and to be ignored; bit 6 is DISCONTINUITY: the count cannot be
# compared with those before it
_COUNTER = ((BIT_6, Quality.QUESTIONABLE | Quality.INCONSISTENT),)

FURTHER: dict[PointKind, tuple[tuple[int, Quality], ...]] = {
    PointKind.BINARY_INPUT: _CHATTER,
    PointKind.DOUBLE_BIT_INPUT: _CHATTER,
    PointKind.BINARY_OUTPUT: (),
    PointKind.COUNTER: _COUNTER,
    PointKind.FROZEN_COUNTER: _COUNTER,
    PointKind.ANALOG_INPUT: _ANALOG,
    PointKind.ANALOG_OUTPUT: _ANALOG,
    PointKind.OCTET_STRING: (),
    PointKind.ATTRIBUTE: (),
}
"""What bits 5 and 6 mean, by the kind of point."""


def quality(kind: PointKind, flags: int | None) -> int:
    """Quality bits of an object with these flags.

    Args:
        kind: of the point.
        flags: the flag octet, without the state of a binary point; None for a variation without
            flags, which says nothing against the value.
    """
    if flags is None:
        return 0
    said = [meaning for bit, meaning in (*_COMMON, *FURTHER[kind]) if flags & bit]
    if not flags & ONLINE:
        said.append(Quality.INVALID | Quality.FAILURE)
    return worst(*(int(meaning) for meaning in said))
