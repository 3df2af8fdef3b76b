"""Measurements that stand still: an instrument that answers and no longer measures. Pure.

A device that counts its answers shows by its standing count that it repeats itself. For one that
does not count, its profile may say after which time without any change of any measurement nobody
believes it any more (`frozen_after_s`).
"""

from __future__ import annotations

from dataclasses import replace

from ortsnetz_common.measurement.quality import Quality
from ortsnetz_edge.drivers.contract import Role, Scan, SourcePoint

_MEASURED = {Role.VOLTAGE, Role.CURRENT, Role.ACTIVE_POWER, Role.REACTIVE_POWER}
_OLD = int(Quality.INVALID | Quality.OLD_DATA)
_LONGEST_GAP = 0.5
"""Share of `after_s`: after a silence that is longer nobody knows what was measured meanwhile."""


def as_old(scan: Scan) -> Scan:
    """The same answer as invalid, old data, whatever the device says of it."""
    qualities = (quality & ~int(Quality.QUESTIONABLE) | _OLD for quality in scan.qualities)
    return replace(scan, qualities=tuple(qualities))


class FrozenWatch:
    """Whether the measurements of one source repeat to the last bit for too long.

    Missing values and zeros tell nothing: a line without voltage, or a device that sleeps, shows
    the same for hours. Memory is one answer.
    """

    def __init__(self, points: tuple[SourcePoint, ...], after_s: float) -> None:
        """Begin.

        Args:
            points: of the source, in the order of its values.
            after_s: time without any change after which the measurements are not believed.
        """
        self._places = [index for index, point in enumerate(points) if point.role in _MEASURED]
        self._after_s = after_s
        self._last: tuple[float | None, ...] = ()
        self._since = 0.0
        self._seen = 0.0

    def repeats(self, scan: Scan, *, now: float) -> bool:
        """Take in an answer; whether its measurements have stood still for too long.

        Args:
            scan: the answer, or report.
            now: monotonic time, s.
        """
        values = tuple(scan.values[place] for place in self._places)
        silent_s, self._seen = now - self._seen, now
        if values != self._last or silent_s > _LONGEST_GAP * self._after_s:
            self._last, self._since = values, now
        return any(values) and now - self._since >= self._after_s
