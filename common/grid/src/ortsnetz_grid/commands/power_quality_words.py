"""What `ortsnetz power-quality` says, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ortsnetz_common.measurement.time import rfc3339
from ortsnetz_grid.functions.power_quality.events import Event
from ortsnetz_grid.functions.power_quality.harmonics import distortion
from ortsnetz_grid.functions.power_quality.monitor import ShortTermFlicker
from ortsnetz_grid.functions.power_quality.record import Record
from ortsnetz_grid.functions.power_quality.recording import Recording
from ortsnetz_grid.functions.power_quality.samples import Kind
from ortsnetz_grid.functions.power_quality.window import Quantities, Window

LEAST_HARMONIC = 0.005
"""Of the fundamental; smaller ones are not printed."""
MOST_HARMONICS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What the command found in a recording."""

    recording: Recording
    record: Record
    windows: tuple[Window, ...]
    short_flicker: tuple[ShortTermFlicker, ...]


def summary(found: Found) -> Iterator[str]:
    """A line a thing."""
    samples = found.recording.samples
    seconds = samples.count / samples.rate_hz
    yield (
        f"{rfc3339(samples.start_ns)}, {seconds:g} s at {samples.rate_hz:g} samples/s,"
        f" {int(samples.lost.sum())} lost"
    )
    whole = [w.quantities for w in found.windows if w.quantities is not None]
    if found.recording.left_out:
        yield f"channels left out: {', '.join(found.recording.left_out)}"
    flagged = sum(bool(w.flags) for w in found.windows)
    yield (
        f"{len(found.windows)} windows of {found.record.declared.cycles_of_window} cycles,"
        f" {len(found.windows) - len(whole)} with lost samples, {flagged} flagged"
    )
    yield from _frequency(found)
    if whole:
        # the edge of a dip is no harmonic and no unbalance: flagged windows have no say in these
        calm = [w.quantities for w in found.windows if w.quantities is not None and not w.flags]
        yield from _channels(found, whole, calm)
    yield from (_event(event) for event in found.record.events)
    for one in found.short_flicker:
        pst = "not known" if one.pst is None else f"{one.pst:.2f}"
        yield f"Pst of voltage {one.phase} from {rfc3339(one.start_ns)}: {pst}"


def _frequency(found: Found) -> Iterator[str]:
    hz = [w.frequency_hz for w in found.windows if w.frequency_hz is not None]
    if hz:
        yield f"frequency {min(hz):.3f} to {max(hz):.3f} Hz (windows)"
    for one in found.record.frequencies:
        text = "not known" if one.hz is None else f"{one.hz:.4f} Hz"
        yield f"frequency of 10 s from {rfc3339(one.start_ns)}: {text}"


def _channels(found: Found, whole: list[Quantities], calm: list[Quantities]) -> Iterator[str]:
    for row, channel in enumerate(found.recording.samples.channels):
        rms = np.array([q.rms[row] for q in whole])
        line = (
            f"{channel.name}: {rms.min():.2f} to {rms.max():.2f} {channel.kind.value},"
            f" mean {np.sqrt(np.mean(rms**2)):.2f}"
        )
        if calm and channel.kind is Kind.VOLTAGE and channel.phase != "n":
            line += _harmonics(np.array([q.harmonics[row] for q in calm]))
        yield line
    unbalance = [q.unbalance for q in calm if q.unbalance is not None]
    if unbalance:
        u2, u0 = max(u.u2 for u in unbalance), max(u.u0 for u in unbalance)
        yield f"unbalance at most u2 {100 * u2:.2f} %, u0 {100 * u0:.2f} %"


def _harmonics(subgroups: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> str:
    mean = np.sqrt(np.mean(subgroups**2, axis=0))
    if not mean[1] > 0.0:
        return ", no fundamental"
    thd = float(np.nanmax(distortion(subgroups)))
    shares = mean / mean[1]
    largest = sorted(range(2, len(shares)), key=lambda n: -shares[n])[:MOST_HARMONICS]
    named = [f"{n}: {100 * shares[n]:.1f} %" for n in sorted(largest) if shares[n] > LEAST_HARMONIC]
    return f"; THD at most {100 * thd:.2f} %" + (f" ({', '.join(named)})" if named else "")


def _event(event: Event) -> str:
    lasts = "still lasts" if event.duration_s is None else f"{event.duration_s:.3f} s"
    doubt = ", uncertain: samples were lost" if event.uncertain else ""
    return (
        f"{(event.kind.name or 'event').lower()} from {rfc3339(event.start_ns)}, {lasts},"
        f" {100 * event.extreme_pu:.1f} %, phases {event.phases}{doubt}"
    )
