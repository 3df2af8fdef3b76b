"""Powers of the station beside each other: what the transformer delivers, and the feeders. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ortsnetz_common.parameters.station import Meter, MeterRole, Side
from ortsnetz_edge.console.checking.findings import Finding, attention, ok
from ortsnetz_edge.console.checking.report import SourceReport

SMALL_W = 2_000.0
"""Below it the sum of a station at noon may be on either side of zero."""
ROOM = 0.10
_POWERS = tuple(f"MMXU1.W.phs{phase}" for phase in "ABC")


def station_sums(meters: Sequence[Meter], reports: Mapping[str, SourceReport]) -> Iterator[Finding]:
    """Transformer and feeders beside each other, where all their powers are known."""
    delivered = _sum(meters, reports, MeterRole.TRANSFORMER)
    taken = _sum(meters, reports, MeterRole.FEEDER)
    if delivered is None or taken is None:
        return
    sees = (
        f"the transformer delivers {delivered / 1000:.1f} kW, "
        f"the metered feeders take {taken / 1000:.1f} kW"
    )
    room_w = ROOM * max(abs(delivered), abs(taken)) + SMALL_W
    if abs(delivered + taken) <= room_w and abs(delivered - taken) > room_w:
        yield attention(
            "station",
            "sum of powers",
            sees,
            "the same direction",
            "one of them counts the other way: see 'side' and the profile's 'direction'",
        )
    elif abs(taken) > abs(delivered) + room_w:
        yield attention(
            "station",
            "sum of powers",
            sees,
            "feeders take what the transformer delivers, less what is not metered",
            "a feeder that feeds back without a meter, or a scale or current transformer",
        )
    else:
        yield ok("station", "sum of powers", sees)


def _sum(
    meters: Sequence[Meter], reports: Mapping[str, SourceReport], role: MeterRole
) -> float | None:
    """Power towards the consumers of all meters of a role, W; None if one is not known."""
    chosen = [meter for meter in meters if meter.role is role]
    total = 0.0
    for meter in chosen:
        report = reports.get(meter.name)
        values = {} if report is None else {p.name: p for p in report.points}
        powers = [values[name] for name in _POWERS if name in values]
        if not powers or any(p.value is None or p.quality != "good" for p in powers):
            return None
        into_branch = sum(p.value for p in powers if p.value is not None)
        # both count into their branch: a feeder's meter at its busbar end, whichever of the two
        # that is; a transformer's low-voltage end is `to`, where it delivers out of the branch
        delivers_out = role is MeterRole.TRANSFORMER and meter.side is Side.TO
        total += -into_branch if delivers_out else into_branch
    return total if chosen else None
