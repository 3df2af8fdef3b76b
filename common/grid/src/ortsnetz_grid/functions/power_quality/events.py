"""Dips, swells and interruptions from half-cycle RMS voltages (IEC 61000-4-30, 5.4 and 5.5).

The polyphase rules: a dip begins when the first channel is below its threshold and ends when all
are at threshold plus hysteresis; an interruption begins when all are below and ends when one is
back; a swell mirrors the dip. A dip that deepens to an interruption is both; EN 50160 counts it as
an interruption only, which is the report's business.

Both instants are starts of a value over one cycle. A step somewhere in a half cycle, a threshold
that a deep dip passes early and regains late, and the sixth of a cycle between the zeros of the
phases make a duration up to one and a half cycles wrong.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import IntFlag

from ortsnetz_grid.functions.power_quality.declared import Declared
from ortsnetz_grid.functions.power_quality.samples import Real


class EventKind(IntFlag):
    """Kinds of events; as a set it flags windows and intervals (IEC 61000-4-30, 4.7)."""

    NONE = 0
    DIP = 1
    SWELL = 2
    INTERRUPTION = 4


KINDS = (EventKind.DIP, EventKind.SWELL, EventKind.INTERRUPTION)


@dataclass(frozen=True, slots=True)
class Event:
    """One event.

    Attributes:
        kind: of it.
        start_ns: start of the first RMS value that began it.
        end_ns: of the RMS value that ended it; None while it lasts.
        extreme_pu: residual voltage of a dip or an interruption, largest of a swell; declared
            voltages.
        phases: that took part, `abc`.
        uncertain: samples were lost while it lasted: its end and extreme may be wrong.
    """

    kind: EventKind
    start_ns: int
    end_ns: int | None
    extreme_pu: float
    phases: str
    uncertain: bool = False

    @property
    def duration_s(self) -> float | None:
        """Seconds; None while it lasts."""
        return None if self.end_ns is None else (self.end_ns - self.start_ns) / 1e9

    def reaches_into(self, start_ns: int, end_ns: int) -> bool:
        """Whether a part of it is in this stretch of time; while it lasts it has no end."""
        return self.start_ns < end_ns and (self.end_ns is None or self.end_ns > start_ns)


@dataclass(frozen=True, slots=True)
class EventState:
    """What lasts at the moment."""

    lasting: tuple[Event, ...] = ()

    @property
    def flags(self) -> EventKind:
        """Kinds that last."""
        flags = EventKind.NONE
        for event in self.lasting:
            flags |= event.kind
        return flags


@dataclass(frozen=True, slots=True, eq=False)
class HalfCycles:
    """RMS voltages over one cycle, refreshed every half (U_rms(1/2)).

    Attributes:
        times_ns: start of each value, one row a half cycle, one column a phase.
        voltages_v: shape (values, phases); NaN where samples of the cycle were lost.
        phases: names of the columns.
    """

    times_ns: tuple[tuple[int, ...], ...]
    voltages_v: Real
    phases: str


def advance_events(
    state: EventState, found: HalfCycles, declared: Declared
) -> tuple[EventState, tuple[Event, ...]]:
    """Go on with new half-cycle values; give the events that ended in them."""
    ended: list[Event] = []
    unit = found.voltages_v / declared.voltage_v
    low, high = declared.dip_pu, declared.swell_pu
    quiet = bool(((unit >= low) & (unit <= high)).all())
    if quiet and not state.lasting:
        return state, ()
    lasting = {event.kind: event for event in state.lasting}
    for times, row in zip(found.times_ns, unit, strict=True):
        row_now = [(float(u), t, p) for u, t, p in zip(row, times, found.phases, strict=True)]
        for kind in KINDS:
            now = _step(lasting.pop(kind, None), kind, row_now, declared)
            if now is not None and now.end_ns is not None:
                ended.append(now)
            elif now is not None:
                lasting[kind] = now
    return EventState(tuple(lasting.values())), tuple(ended)


def _step(
    lasting: Event | None,
    kind: EventKind,
    row: list[tuple[float, int, str]],
    declared: Declared,
) -> Event | None:
    """One half cycle of one kind: begins, goes on, or ends. The row has voltage, start, phase."""
    if any(
        math.isnan(u) for u, _, _ in row
    ):  # a voltage that is not known neither begins nor ends an event
        return None if lasting is None else replace(lasting, uncertain=True)
    beyond = [(u, t, p) for u, t, p in row if _beyond(u, kind, declared)]
    if lasting is None:
        if not beyond or (kind is EventKind.INTERRUPTION and len(beyond) < len(row)):
            return None
        lasting = Event(kind, min(t for _, t, _ in beyond), None, beyond[0][0], "")
    elif _over(kind, [u for u, _, _ in row], declared):
        return replace(lasting, end_ns=max(t for _, t, p in row if p in lasting.phases))
    worst = max if kind is EventKind.SWELL else min
    return replace(
        lasting,
        extreme_pu=worst([lasting.extreme_pu, *(u for u, _, _ in row)]),
        phases="".join(sorted({*lasting.phases, *(p for _, _, p in beyond)})),
    )


def _beyond(u: float, kind: EventKind, declared: Declared) -> bool:
    if kind is EventKind.SWELL:
        return u > declared.swell_pu
    return u < (declared.dip_pu if kind is EventKind.DIP else declared.interruption_pu)


def _over(kind: EventKind, values: list[float], declared: Declared) -> bool:
    """Whether an event of this kind ends with these voltages."""
    if kind is EventKind.DIP:
        return all(u >= declared.dip_pu + declared.hysteresis_pu for u in values)
    if kind is EventKind.SWELL:
        return all(u <= declared.swell_pu - declared.hysteresis_pu for u in values)
    return any(u >= declared.interruption_pu + declared.hysteresis_pu for u in values)
