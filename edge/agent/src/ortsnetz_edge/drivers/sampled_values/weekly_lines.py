"""The lines of a week's file: what a report rests on, as it is kept on disk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.power_quality.aggregation import Interval
from ortsnetz_grid.functions.power_quality.declared import Declared
from ortsnetz_grid.functions.power_quality.events import Event, EventKind
from ortsnetz_grid.functions.power_quality.monitor import Monitored
from ortsnetz_grid.functions.power_quality.samples import Channel, Kind
from ortsnetz_grid.functions.power_quality.unbalance import Unbalance
from ortsnetz_grid.functions.power_quality.window import Quantities


class Head(Struct, frozen=True, tag="head", forbid_unknown_fields=True):
    """What the lines are about."""

    channels: tuple[str, ...]
    declared: dict[str, float]

    @classmethod
    def of(cls, declared: Declared, channels: tuple[Channel, ...]) -> Head:
        """Of a place."""
        return cls(tuple(c.name for c in channels), asdict(declared))

    @property
    def places(self) -> tuple[Channel, ...]:
        """The channels; their names say what they are. Raises InputError."""
        kinds = {"u": Kind.VOLTAGE, "i": Kind.CURRENT}
        if not all(name and name[0] in kinds for name in self.channels):
            raise InputError(f"the week's file has channels that are none: {self.channels}")
        return tuple(Channel(name, kinds[name[0]], name[-1]) for name in self.channels)

    @property
    def place(self) -> Declared:
        """What the place was declared to be. Raises InputError."""
        declared: dict[str, Any] = dict(self.declared)
        try:
            return Declared(**declared | {"nominal_hz": int(declared["nominal_hz"])})
        except (KeyError, TypeError) as error:
            raise InputError(f"the week's file declares no such place: {error}") from error


class IntervalLine(Struct, frozen=True, tag="interval", forbid_unknown_fields=True):
    """Ten minutes; without quantities where nothing was measured."""

    start_ns: int
    end_ns: int
    windows: int
    missing: int
    covered: float
    flags: int
    synchronised: bool
    rms: list[float] | None = None
    harmonics: list[list[float]] | None = None
    interharmonics: list[list[float]] | None = None
    unbalance: tuple[float, float] | None = None


class FrequencyLine(Struct, frozen=True, tag="frequency", forbid_unknown_fields=True):
    """Ten seconds."""

    start_ns: int
    hz: float | None


class FlickerLine(Struct, frozen=True, tag="flicker", forbid_unknown_fields=True):
    """Plt of two hours."""

    start_ns: int
    phase: str
    plt: float | None
    flags: int


class EventLine(Struct, frozen=True, tag="event", forbid_unknown_fields=True):
    """An event that began, without an end; and again when it has ended."""

    kind: int
    start_ns: int
    end_ns: int | None
    extreme_pu: float
    phases: str
    uncertain: bool


class FurtherLine(Struct, frozen=True, tag="further", forbid_unknown_fields=True):
    """How many events of the week are in no line, up to now."""

    count: int


Result = IntervalLine | FrequencyLine | FlickerLine | EventLine
"""What a block can bring."""
Line = Head | Result | FurtherLine
_decoder: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)


def decoded(text: bytes) -> Line | None:
    """A line; None if it is none, such as one that a power cut has torn."""
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None


def lines_of(found: Monitored) -> Iterator[Result]:
    """What of a block's results a report rests on."""
    for interval in found.intervals.ten_minutes:
        yield _of_interval(interval)
    for frequency in found.measured.frequencies:
        yield FrequencyLine(frequency.start_ns, frequency.hz)
    for flicker in found.long_flicker:
        yield FlickerLine(flicker.start_ns, flicker.phase, flicker.plt, flicker.flags.value)
    for event in found.measured.events:
        yield line_of(event)


def line_of(event: Event) -> EventLine:
    """The line of an event."""
    return EventLine(
        event.kind.value,
        event.start_ns,
        event.end_ns,
        event.extreme_pu,
        event.phases,
        event.uncertain,
    )


def event_of(line: EventLine) -> Event:
    """The event of a line."""
    return Event(
        EventKind(line.kind),
        line.start_ns,
        line.end_ns,
        line.extreme_pu,
        line.phases,
        line.uncertain,
    )


def _of_interval(interval: Interval) -> IntervalLine:
    has = interval.quantities
    more: dict[str, Any] = {}
    if has is not None:
        more = {
            "rms": has.rms.tolist(),
            "harmonics": has.harmonics.tolist(),
            "interharmonics": has.interharmonics.tolist(),
            "unbalance": None if has.unbalance is None else (has.unbalance.u2, has.unbalance.u0),
        }
    return IntervalLine(
        start_ns=interval.start_ns,
        end_ns=interval.end_ns,
        windows=interval.windows,
        missing=interval.missing,
        covered=interval.covered,
        flags=interval.flags.value,
        synchronised=interval.synchronised,
        **more,
    )


def interval_of(line: IntervalLine) -> Interval:
    """The interval of a line."""
    quantities = None
    if line.rms is not None:
        quantities = Quantities(
            np.array(line.rms),
            np.array(line.harmonics),
            np.array(line.interharmonics),
            None if line.unbalance is None else Unbalance(*line.unbalance),
        )
    return Interval(
        line.start_ns,
        line.end_ns,
        quantities,
        line.windows,
        line.missing,
        line.covered,
        EventKind(line.flags),
        line.synchronised,
    )
