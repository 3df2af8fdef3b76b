"""The course of one intervention: limits, causes, energy, and time that no clock can set. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct
from msgspec.structs import replace

from ortsnetz_common.link.messages import (
    BindingElement,
    Cause,
    Setpoint,
    SetpointSource,
    SourceTotal,
)
from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.measurement.time import NS_PER_S
from ortsnetz_common.parameters.station import Device
from ortsnetz_edge.control.timekeeping import JUMP_S

MAX_UNKNOWN_S = 5.0
"""Longest time without measurement after which the energy not served counts as unknown."""
MOST_LIMITS = 200
"""Changes of the limit that one record lists; further ones are counted."""
MOST_CAUSES = 30
"""Causes that one record lists; further ones are counted. All records that last are written to disk
together, and elements that take turns would make thousands; the totals know of every one."""
MOST_ELEMENTS = 50
_UNASKED = frozenset({SetpointSource.NONE, None})


class OpenIntervention(Struct):
    """An intervention that lasts, as it is kept over a restart.

    What another version knows beside takes nothing from it: fields that are not known are skipped,
    and those of an earlier version (no `sources`) are completed by `completed`.

    Attributes:
        reason, binding: that it began with.
        energy_wh: wanted and not allowed so far, as far as measured.
        unknown_s: how much of its time nobody has measured.
        seen_ns: until when it has been followed, by the node's clock.
        limits, limits_left_out: as in the record, and so are `causes`, `sources`, `down_s`,
            `clock_sets` and `clock_set_s`.
        elements: that bound, by name.
        lasted_s: by the clock that never jumps.
        recorded_s: what that was when a record of it was last made.
    """

    device: str
    start_ns: int
    reason: str
    binding: tuple[str, ...]
    lowest_limit_w: float
    energy_wh: float = 0.0
    unknown_s: float = 0.0
    seen_ns: int = 0
    limits: tuple[tuple[int, float], ...] = ()
    limits_left_out: int = 0
    causes: tuple[Cause, ...] = ()
    causes_left_out: int = 0
    present: Cause | None = None
    sources: tuple[SourceTotal, ...] = ()
    elements: dict[str, BindingElement] = {}
    elements_left_out: int = 0
    lasted_s: float = 0.0
    recorded_s: float = 0.0
    down_s: float = 0.0
    clock_sets: int = 0
    clock_set_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Following:
    """What a device did in a cycle, as far as an intervention goes.

    Attributes:
        setpoint: limit in force with its reason.
        limited: whether it is below the rating.
    """

    device: Device
    setpoint: Setpoint
    limited: bool
    reading: Reading | None


def begun(item: Following, time_ns: int) -> OpenIntervention:
    """An intervention that begins with a cycle."""
    setpoint = item.setpoint
    lasting = OpenIntervention(
        device=item.device.name,
        start_ns=time_ns,
        reason=setpoint.reason,
        binding=setpoint.binding,
        lowest_limit_w=setpoint.limit_w,
        seen_ns=time_ns,
    )
    _note(lasting, setpoint, time_ns)
    return lasting


def completed(item: OpenIntervention) -> OpenIntervention:
    """The same; one of an earlier version says that nobody recorded who asked for it so far."""
    if item.sources:
        return item
    item.lasted_s = max(0.0, (item.seen_ns - item.start_ns) / NS_PER_S)
    item.recorded_s = item.lasted_s
    item.present = Cause(item.start_ns, None, item.reason, item.binding)
    item.causes = (item.present,)
    item.sources = (
        SourceTotal(
            None,
            item.lasted_s,
            item.lowest_limit_w,
            item.reason,
            item.energy_wh,
            item.unknown_s,
        ),
    )
    item.elements = {
        name: BindingElement(name, item.start_ns, item.lasted_s)
        for name in item.binding[:MOST_ELEMENTS]
    }
    return item


def follow(lasting: OpenIntervention, item: Following, time_ns: int, elapsed_s: float) -> None:
    """Take in a cycle: what has passed belongs to the cause that held until now.

    Args:
        lasting: grows by it.
        item: what the device did.
        time_ns: instant of the process image, UTC ns.
        elapsed_s: since the last cycle, by `elapsed`.
    """
    lasting.lasted_s += elapsed_s
    energy_wh, unknown_s = 0.0, 0.0
    missing_w = _not_served_w(item.device, item.reading)
    if missing_w is None or elapsed_s > MAX_UNKNOWN_S:
        unknown_s = elapsed_s
    else:
        energy_wh = missing_w * elapsed_s / 3600.0
    lasting.energy_wh += energy_wh
    lasting.unknown_s += unknown_s
    _credit(lasting, elapsed_s, energy_wh, unknown_s)
    if item.limited:
        _note(lasting, item.setpoint, time_ns)


def elapsed(lasting: OpenIntervention, time_ns: int, passed_s: float | None) -> float:
    """Seconds since it was last seen; notes where the node's clock was set.

    Args:
        lasting: is seen now.
        time_ns: by the node's clock, UTC ns.
        passed_s: by the clock that never jumps; None after a restart: then the node's clock says
            for how long the agent was down, as well as it can.
    """
    by_clock_s = (time_ns - lasting.seen_ns) / NS_PER_S
    lasting.seen_ns = time_ns
    if passed_s is None:
        passed_s = max(0.0, by_clock_s)
        lasting.down_s += passed_s
    set_s = by_clock_s - passed_s
    if abs(set_s) > JUMP_S:
        lasting.clock_sets += 1
        lasting.clock_set_s += set_s
    return max(0.0, passed_s)


def main_reason(sources: tuple[SourceTotal, ...]) -> str:
    """Reason of the source that has held the device back for longest; who asked for it first."""
    asked = [total for total in sources if total.source not in _UNASKED] or sources
    return max(asked, key=lambda total: total.seconds).reason


def _credit(
    lasting: OpenIntervention, elapsed_s: float, energy_wh: float, unknown_s: float
) -> None:
    """Count the time that has passed for the source and the elements of the present cause."""
    present = lasting.present
    if present is None:
        return
    lasting.sources = tuple(
        replace(
            total,
            seconds=total.seconds + elapsed_s,
            energy_wh=total.energy_wh + energy_wh,
            unknown_s=total.unknown_s + unknown_s,
        )
        if total.source is present.source
        else total
        for total in lasting.sources
    )
    for name in present.binding:
        bound = lasting.elements.get(name)
        if bound is not None:
            lasting.elements[name] = replace(bound, seconds=bound.seconds + elapsed_s)


def _note(lasting: OpenIntervention, setpoint: Setpoint, time_ns: int) -> None:
    """Take in the limit of a cycle and what it rests on."""
    lasting.lowest_limit_w = min(lasting.lowest_limit_w, setpoint.limit_w)
    _note_limit(lasting, setpoint.limit_w, time_ns)
    _note_source(lasting, setpoint)
    cause = Cause(time_ns, setpoint.source, setpoint.reason, setpoint.binding)
    before = lasting.present
    if before is not None and _occasion(before) == _occasion(cause):
        return
    lasting.present = cause
    if len(lasting.causes) < MOST_CAUSES:
        lasting.causes = (*lasting.causes, cause)
    else:
        lasting.causes_left_out += 1
    for name in cause.binding:
        if name in lasting.elements:
            continue
        if len(lasting.elements) < MOST_ELEMENTS:
            lasting.elements[name] = BindingElement(name, time_ns)
        elif before is None or name not in before.binding:
            lasting.elements_left_out += 1


def _occasion(cause: Cause) -> tuple[SetpointSource | None, tuple[str, ...], str]:
    """What makes one cause another than the one before.

    What safety says has a measured value in it, which is another in each cycle: there source and
    elements count. Of all others the words count as well: one order is not the next.
    """
    if cause.source is SetpointSource.SAFETY:
        return cause.source, cause.binding, ""
    amount, _, words = cause.reason.partition(" kW: ")  # the limit is in the list of limits
    return cause.source, cause.binding, words or amount


def _note_source(lasting: OpenIntervention, setpoint: Setpoint) -> None:
    limit_w, reason = setpoint.limit_w, setpoint.reason
    for number, total in enumerate(lasting.sources):
        if total.source is not setpoint.source:
            continue
        if limit_w < total.lowest_limit_w:
            lower = replace(total, lowest_limit_w=limit_w, reason=reason)
            lasting.sources = (*lasting.sources[:number], lower, *lasting.sources[number + 1 :])
        return
    lasting.sources = (*lasting.sources, SourceTotal(setpoint.source, 0.0, limit_w, reason))


def _note_limit(lasting: OpenIntervention, limit_w: float, time_ns: int) -> None:
    if lasting.limits and lasting.limits[-1][1] == limit_w:
        return
    if len(lasting.limits) < MOST_LIMITS:
        lasting.limits = (*lasting.limits, (time_ns, limit_w))
    else:
        lasting.limits_left_out += 1


def _not_served_w(device: Device, reading: Reading | None) -> float | None:
    """Power wanted and not allowed, magnitude; None where it is not measured."""
    if reading is None or reading.available_w is None:
        return None
    phases = reading.active_w[: device.phase_count]
    if any(value is None for value in phases):
        return None
    actual_w = abs(sum(value for value in phases if value is not None))
    return max(0.0, min(abs(reading.available_w), device.rated_w) - actual_w)
