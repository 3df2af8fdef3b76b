"""Conditions that trigger a recording: events that begin or end, and jumps of a current."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ortsnetz_grid.functions.power_quality.declared import Declared
from ortsnetz_grid.functions.power_quality.events import Event, EventState
from ortsnetz_grid.functions.power_quality.samples import Kind, Samples, joined
from ortsnetz_grid.functions.power_quality.trigger import RecorderSettings, Trigger


def event_triggers(
    before: EventState, after: EventState, ended: Sequence[Event]
) -> tuple[Trigger, ...]:
    """Events that began, and events that ended, between two states.

    An event triggers twice and not for as long as it lasts: an outage of hours is two recordings.
    """
    known = {(event.kind, event.start_ns) for event in before.lasting}
    found = [
        Trigger(event.start_ns, f"{_word(event)} begins, phases {event.phases}")
        for event in (*after.lasting, *ended)
        if (event.kind, event.start_ns) not in known
    ]
    found += [Trigger(e.end_ns, f"{_word(e)} ends") for e in ended if e.end_ns is not None]
    return tuple(found)


def _word(event: Event) -> str:
    return (event.kind.name or "event").lower()


def current_triggers(
    before: Samples | None, block: Samples, settings: RecorderSettings, declared: Declared
) -> tuple[Trigger, ...]:
    """The first sample whose current differs from one cycle before by more than the setting."""
    if settings.current_jump_a is None:
        return ()
    cycle = round(block.rate_hz / declared.nominal_hz)
    samples = block
    if before is not None and abs(block.start_ns - before.end_ns) * block.rate_hz < 0.5e9:
        samples = joined(before.from_sample(max(before.count - cycle, 0)), block, 0)
    rows = samples.rows(Kind.CURRENT)
    if not rows or samples.count <= cycle:
        return ()
    values = samples.values[list(rows)]
    jump = np.abs(values[:, cycle:] - values[:, :-cycle])
    jump[:, samples.lost[cycle:] | samples.lost[:-cycle]] = 0.0
    beyond = np.argwhere((jump > settings.current_jump_a).T)
    if not len(beyond):
        return ()
    sample, row = (int(k) for k in beyond[0])
    name = samples.channels[rows[row]].name
    reason = f"{name} jumps by {jump[row, sample]:.0f} A"
    return (Trigger(samples.instant_ns(sample + cycle), reason),)
