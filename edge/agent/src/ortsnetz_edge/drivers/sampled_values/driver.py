"""A stream of Sampled Values as a source; fulfils `contract.Driver`."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from functools import reduce
from operator import or_

from ortsnetz_common.drivers.tally import Tally
from ortsnetz_common.link.sample_blocks import Block, Counters, Silent
from ortsnetz_common.measurement.quality import worst
from ortsnetz_edge.clock import Clock
from ortsnetz_edge.drivers.contract import (
    Diagnosis,
    DriverError,
    FailureKind,
    Identity,
    LimitOnly,
    LimitResolution,
    Listener,
    Scan,
    Source,
    SourcePoint,
    Watchdog,
)
from ortsnetz_edge.drivers.sampled_values.link import Link
from ortsnetz_edge.drivers.sampled_values.place import Place
from ortsnetz_edge.drivers.sampled_values.recordings import Recordings
from ortsnetz_edge.drivers.sampled_values.stream import Reader, stream_of
from ortsnetz_edge.drivers.sampled_values.values import Values, is_old
from ortsnetz_edge.drivers.sampled_values.weekly import Weekly
from ortsnetz_edge.profiles.point_map import compile_point_map
from ortsnetz_edge.profiles.references.sampled_values import SampledValuesSyntax
from ortsnetz_edge.profiles.schema import Profile
from ortsnetz_grid.functions.power_quality.declared import Declared
from ortsnetz_grid.functions.power_quality.fault_direction import (
    DirectionSettings,
    FaultDirection,
)
from ortsnetz_grid.functions.power_quality.on_recordings import findings
from ortsnetz_grid.functions.power_quality.recording import Recording
from ortsnetz_grid.functions.power_quality.synchrophasors import Reporting
from ortsnetz_grid.functions.power_quality.trigger import RecorderSettings

SILENT_AFTER_S = 0.5
"""Blocks come ten times a second: behind the fifth that is missing the stream counts as silent."""
FIRST_S = 1.0
"""Until the first window of a stream is whole."""
QUALITIES_OF_BLOCKS = 4
"""A window of 200 ms lies in the last four blocks."""


_REFUSED = {
    "conf_rev_mismatch": (FailureKind.WRONG_DEVICE, "has another confRev"),
    "simulated": (FailureKind.WRONG_DEVICE, "is simulated"),
    "malformed": (FailureKind.WRONG_ANSWER, "has another form or rate than its profile says"),
}
"""Counters of frames that were not taken, and what a source says whose stream has only such."""


class SampledValuesDriver(LimitOnly):
    """Takes blocks as they come; a window of 10 cycles is a report."""

    def __init__(
        self, source: Source, profile: Profile, clock: Clock, recordings: Recordings | None
    ) -> None:
        """Nothing is connected yet. Raises InputError."""
        options = profile.sampled_values
        stream = stream_of(source.connection, options)
        self._source, self._clock = source, clock
        self._map = compile_point_map(profile, source, SampledValuesSyntax())
        self._reader = Reader(options)
        self._values = Values(self._reader.channels)
        wants_phasors = any(r.interval == "pmu" for r in self._map.references)
        declared = Declared(voltage_v=options.voltage_v, nominal_hz=options.nominal_hz)
        self._weekly = (
            None
            if recordings is None
            else Weekly(recordings.folder, source.name, declared, self._reader.channels)
        )
        self.place = Place(
            declared,
            Reporting(per_second=options.reports_per_s) if wants_phasors else None,
            None
            if recordings is None
            else RecorderSettings(
                current_jump_a=options.current_jump_a, station=source.name, device=stream.sv_id
            ),
        )
        self._direction = FaultDirection(
            declared, DirectionSettings(solidly_earthed=options.solidly_earthed)
        )
        self._recordings = recordings
        self._link = Link(stream, clock, self._take)
        self._listener: Listener | None = None
        self._qualities: deque[tuple[int, ...]] = deque(maxlen=QUALITIES_OF_BLOCKS)
        self._counters = self._before = Counters()
        self._refused = ""  # counter of frames that were refused since the last message
        self._heard_s: float | None = None  # monotonic, of the last block with a sample
        self._unproven_s: float | None = None  # monotonic, of the last whose rate nothing shows
        self._subscribed_s: float | None = None
        self._running: dict[str, tuple[int, ...]] = {}
        self._said: dict[str, tuple[int, ...]] = {}  # worst of each channel in the newest interval
        self._tally = Tally()

    @property
    def points(self) -> tuple[SourcePoint, ...]:
        """Points of the source; the order of every scan's values."""
        return self._map.points

    @property
    def resolution(self) -> LimitResolution | None:
        """A stream takes no limit."""
        return None

    async def scan(self) -> Scan:
        """What the stream has brought; it has to have come within half a second."""
        self._link.keep()
        if self._subscribed_s is None:
            self._subscribed_s = self._clock.monotonic()
            await self._link.settled(self._source.connection.timeout_s)
        reason = self._reason()
        if reason is not None:
            raise self._tally.noted(reason)
        self._tally.answered()
        assert self._heard_s is not None  # noqa: S101  # without it there is a reason
        return self._scan(held_s=self._clock.monotonic() - self._heard_s)

    def subscribe(self, listener: Listener) -> bool:
        """Each window is a report, from the first scan on: until then nothing is connected."""
        self._listener = listener
        return True

    async def write(self, limit: float, watchdog: Watchdog | None) -> None:
        """Refuse; see `contract.Driver.write`."""
        del limit, watchdog
        raise DriverError(FailureKind.REFUSED, "a stream of Sampled Values takes no limit")

    async def identify(self) -> Identity:
        """Its svID and revision: frames of another name or revision are never taken."""
        reason = self._reason()
        if reason is not None:
            raise reason
        connection = self._source.connection
        return Identity(None, "Sampled Values", connection.path)

    def diagnose(self) -> Diagnosis:
        """How the driver is, with all that the receiver has counted of its stream."""
        total = self._total
        counters = {f"sv_{name}": getattr(total, name) for name in total.__struct_fields__}
        return self._tally.diagnosis(connected=self._reason() is None, counters=counters)

    async def stop(self) -> None:
        """Close the connection to the receiver."""
        await self._link.stop()

    def _take(self, message: Block | Silent) -> None:
        self._refused = next(
            (
                name
                for name in _REFUSED
                if getattr(message.counters, name) > getattr(self._counters, name)
            ),
            "",
        )
        if message.counters.frames < self._counters.frames:
            self._before = self._total  # the receiver has begun anew
        self._counters = message.counters
        if isinstance(message, Silent):
            return
        if not message.rate_proven:
            self._unproven_s = self._clock.monotonic()
            return
        samples = self._reader.samples(message)
        if not samples.lost.all():
            self._heard_s = self._clock.monotonic()
        self._qualities.append(message.qualities)
        before, results = self.place.newest.window, self._results()
        for recording in self.place.take(samples):
            self._keep(recording)
        for interval, result in self._results().items():
            said = self._running.get(interval, ())
            self._running[interval] = _worst_of(
                (said, message.qualities) if said else (message.qualities,)
            )
            if result is not results[interval]:
                self._said[interval] = self._running.pop(interval)
        if self._weekly is not None and self.place.monitored is not None:
            self._weekly.take(self.place.monitored, samples.end_ns)
        if self._listener is not None and self.place.newest.window is not before:
            self._listener(self._scan(held_s=0.0))

    def _results(self) -> dict[str, object]:
        """The newest result of each interval that is longer than a few blocks."""
        newest = self.place.newest
        found: dict[str, object] = {
            name: newest.intervals.get(name) for name in ("3s", "10min", "2h")
        }
        return found | {"10s": newest.frequency}

    @property
    def _total(self) -> Counters:
        """Counters since the driver was started, over restarts of the receiver."""
        names = self._counters.__struct_fields__
        return Counters(
            **{name: getattr(self._before, name) + getattr(self._counters, name) for name in names}
        )

    def _keep(self, recording: Recording) -> None:
        """Ask the functions on recordings, and write it down."""
        found = findings((self._direction,), recording)
        self.place.newest.fault = (recording.trigger_ns, found[0].verdict)
        if self._recordings is not None:
            self._recordings.keep(recording, found)

    def _reason(self) -> DriverError | None:
        """Why there is nothing to say; None if there is."""
        if self._link.trouble is not None:
            return self._link.trouble
        now = self._clock.monotonic()
        if self._heard_s is not None and now - self._heard_s <= SILENT_AFTER_S:
            newest = self.place.newest
            if newest.window is None or is_old("200ms", newest.window.end_ns, newest):
                return _no_window()  # one of before a break is none
            return None
        stream = f"stream '{self._source.connection.path}' on {self._link.interface}"
        if self._unproven_s is not None and now - self._unproven_s <= SILENT_AFTER_S:
            words = "has not yet shown its rate by the end of a second"
            return DriverError(FailureKind.WAITING, f"{stream} {words}")
        kind, words = _REFUSED.get(self._refused, (FailureKind.TIMEOUT, "is silent"))
        return DriverError(kind, f"{stream} {words}")

    def _scan(self, *, held_s: float) -> Scan:
        now_ns = self._clock.now_ns()
        lately = _worst_of(self._qualities)
        total = self._total
        found = [
            self._values.value(
                reference, self.place.newest, total, self._said.get(reference.interval, lately)
            )
            for reference in self._map.references
        ]
        scan = self._map.scan(
            [value.value for value in found],
            now_ns,
            [value.quality for value in found],
            [value.time_ns or now_ns for value in found],
            [value.time_quality for value in found],
        )
        off = reduce(or_, (value.time_quality for value in found), 0)
        window = self.place.newest.window
        return Scan(
            values=scan.values,
            qualities=scan.qualities,
            time_ns=window.end_ns if window is not None else now_ns,
            time_quality=off,
            received_ns=now_ns,
            value_times_ns=scan.value_times_ns,
            value_time_qualities=scan.value_time_qualities,
            held_s=held_s,
        )


def _worst_of(qualities: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    """The worst of each channel."""
    return tuple(worst(*each) for each in zip(*qualities, strict=True))


def _no_window() -> DriverError:
    return DriverError(FailureKind.WAITING, "the next window is not whole yet")
