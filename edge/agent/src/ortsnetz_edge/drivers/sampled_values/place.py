"""A place of measurement: blocks of samples in, the newest results and recordings out. Pure.

It hosts the functions of `ortsnetz_grid.functions.power_quality` and keeps what is between two
calls. A block that contradicts the one before (a clock was set) begins everything anew, counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.power_quality.aggregation import Interval
from ortsnetz_grid.functions.power_quality.conditions import current_triggers, event_triggers
from ortsnetz_grid.functions.power_quality.declared import Declared
from ortsnetz_grid.functions.power_quality.frequency import Frequency
from ortsnetz_grid.functions.power_quality.monitor import (
    Monitored,
    MonitorState,
    advance_monitor,
)
from ortsnetz_grid.functions.power_quality.power import (
    active_power,
    fundamental_reactive_power,
)
from ortsnetz_grid.functions.power_quality.recording import Recording
from ortsnetz_grid.functions.power_quality.samples import Samples, joined
from ortsnetz_grid.functions.power_quality.synchrophasors import (
    Reporting,
    Synchrophasor,
    overlap_s,
    synchrophasors,
)
from ortsnetz_grid.functions.power_quality.trigger import (
    RecorderSettings,
    RecorderState,
    advance_recorder,
)
from ortsnetz_grid.functions.power_quality.window import Window

KEPT_S = 0.6
"""Samples kept for the power of a window, which is known some cycles after its end."""


@dataclass(eq=False)
class Newest:
    """The newest results.

    Attributes:
        window: of 10 (12) cycles, with the power of its phases.
        intervals: `3s`, `10min`, `2h`.
        frequency: of 10 s.
        flicker: Pst and Plt by `pst.a`: start of its interval, value, whether the source's clock
            was synchronised all the time.
        phasor: the newest synchrophasor; its `time_ns` may be long ago where samples are lost.
        synchronised: whether the last block's samples all were.
        fault: instant of the newest recording's trigger, and the direction that was found in it.
        fault_synchronised: whether all samples of the newest recording were.
    """

    window: Window | None = None
    active_w: dict[str, float] = field(default_factory=dict)
    reactive_var: dict[str, float] = field(default_factory=dict)
    intervals: dict[str, Interval] = field(default_factory=dict)
    frequency: Frequency | None = None
    flicker: dict[str, tuple[int, float | None, bool]] = field(default_factory=dict)
    phasor: Synchrophasor | None = None
    end_ns: int = 0
    synchronised: bool = True
    fault: tuple[int, str | None] | None = None
    fault_synchronised: bool = True


class Place:
    """A place of measurement.

    Attributes:
        newest: results.
        restarts: how often everything began anew.
        monitored: what the last block brought.
    """

    def __init__(
        self, declared: Declared, reporting: Reporting | None, settings: RecorderSettings | None
    ) -> None:
        """Begin.

        Args:
            declared: of the place.
            reporting: of synchrophasors; None for none.
            settings: of the recorder; None for none.
        """
        self.newest = Newest()
        self.restarts = 0
        self.monitored: Monitored | None = None
        self._declared, self._reporting, self._settings = declared, reporting, settings
        self._begin()

    def take(self, block: Samples) -> tuple[Recording, ...]:
        """Go on with a block; recordings that are whole by now."""
        try:
            return self._advance(block)
        except InputError:
            self.restarts += 1
            self._begin()
            return self._advance(block)

    def _begin(self) -> None:
        self._state = MonitorState()
        self._recorder = RecorderState()
        self._recent: Samples | None = None

    def _advance(self, block: Samples) -> tuple[Recording, ...]:
        before = self._state.meter.events
        last = self._recent
        self._state, found = advance_monitor(self._state, block, self._declared)
        self.monitored = found
        recent = self._kept(block)
        self._note(found, recent)
        self.newest.end_ns = block.end_ns
        self.newest.synchronised = not bool(block.unsynchronised.any())
        if self._reporting is not None:
            self._note_phasors(recent, block)
        if self._settings is None:
            return ()
        triggers = (
            *event_triggers(before, self._state.meter.events, found.measured.events),
            *current_triggers(last, block, self._settings, self._declared),
        )
        self._recorder, recordings = advance_recorder(
            self._recorder, block, triggers, self._settings, self._declared
        )
        if recordings:
            flags = recordings[-1].samples.unsynchronised
            self.newest.fault_synchronised = not bool(flags.any())
        return recordings

    def _kept(self, block: Samples) -> Samples:
        before = self._recent
        recent = block
        if before is not None:
            missing = round((block.start_ns - before.end_ns) * block.rate_hz / 1e9)
            if 0 <= missing <= KEPT_S * block.rate_hz:
                recent = joined(before, block, missing)
        surplus = recent.count - round(KEPT_S * recent.rate_hz)
        self._recent = recent.from_sample(max(surplus, 0))
        return self._recent

    def _note(self, found: Monitored, recent: Samples) -> None:
        newest = self.newest
        if found.measured.windows:
            self._note_window(found.measured.windows[-1], recent)
        if found.measured.frequencies:
            newest.frequency = found.measured.frequencies[-1]
        for name, intervals in (
            ("3s", found.intervals.short),
            ("10min", found.intervals.ten_minutes),
            ("2h", found.intervals.two_hours),
        ):
            if intervals:
                newest.intervals[name] = intervals[-1]
        for short in found.short_flicker:
            newest.flicker[f"pst.{short.phase}"] = (short.start_ns, short.pst, short.synchronised)
        for long in found.long_flicker:
            newest.flicker[f"plt.{long.phase}"] = (long.start_ns, long.plt, long.synchronised)

    def _note_window(self, window: Window, recent: Samples) -> None:
        newest = self.newest
        newest.window = window
        newest.active_w, newest.reactive_var = {}, {}
        if window.phasors is None:
            return
        start, end = (
            (instant - recent.start_ns) * recent.rate_hz / 1e9
            for instant in (window.start_ns, window.end_ns)
        )
        newest.active_w = active_power(recent, start, end)
        newest.reactive_var = fundamental_reactive_power(recent, window.phasors)

    def _note_phasors(self, recent: Samples, block: Samples) -> None:
        assert self._reporting is not None  # noqa: S101  # the caller has looked
        needed = overlap_s(recent.rate_hz, self._declared, self._reporting)
        count = block.count + int(np.ceil(needed * recent.rate_hz)) + 1
        stretch = recent.from_sample(max(recent.count - count, 0))
        found: Sequence[Synchrophasor] = synchrophasors(stretch, self._declared, self._reporting)
        if found:
            self.newest.phasor = found[-1]
