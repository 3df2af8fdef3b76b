"""A source that is not asked: its device multicasts. Fulfils `contract.Driver`."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import replace

from ortsnetz_common.drivers.tally import Tally
from ortsnetz_common.scl.object_reference import ObjectReference
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
    SourcePoint,
    Watchdog,
)
from ortsnetz_edge.profiles.points import PointMap
from ortsnetz_iec61850.goose.listening import Following, Listening
from ortsnetz_iec61850.goose.stream import Stream, not_there

log = logging.getLogger(__name__)
_FURTHER = "; "


class GooseDriver(LimitOnly):
    """The values of some control blocks, by the references of a profile.

    A scan is no exchange here, but no look at an old table either: each message says for how long
    it may be believed, and what nobody repeated in time is invalid.

    Args:
        name: of the source.
        points: compiled from its profile.
        streams: to which it is subscribed.
        places: of each reference of `points`, its stream, and its place among that one's values;
            None for what does not travel.
        listening: to the interface; shared with the other sources there.
        clock: of the agent; lives are counted in the machine's own seconds all the same.
        first_s: how long the first scan waits for messages.
    """

    def __init__(
        self,
        name: str,
        points: PointMap[ObjectReference],
        streams: tuple[Stream, ...],
        places: tuple[tuple[int, int] | None, ...],
        *,
        listening: Listening,
        clock: Clock,
        first_s: float,
    ) -> None:
        self._name, self._map, self._places = name, points, places
        self._listening, self._clock, self._first_s = listening, clock, first_s
        self._streams = streams
        self._heard = asyncio.Event()
        self._listener: Listener | None = None
        self._lost: dict[str, str] = {}
        self._tally = Tally()
        self._following = [Following(stream, self._changed) for stream in streams]
        for each in self._following:
            listening.follow(each)

    @property
    def points(self) -> tuple[SourcePoint, ...]:
        """Points of the source; the order of every scan's values."""
        return self._map.points

    @property
    def resolution(self) -> LimitResolution | None:
        """It takes none: GOOSE only tells."""
        return None

    async def scan(self) -> Scan:
        """What the device's messages say now.

        Raises:
            DriverError: none of its streams can be believed at present.
        """
        self._listening.open()
        if self._listening.why is not None:
            raise self._noted(FailureKind.UNREACHABLE, self._listening.why)
        if any(stream.last is None for stream in self._streams):
            await self._wait_for_first()
        invalid = [self._words(stream) for stream in self._streams if stream.why is not None]
        if len(invalid) == len(self._streams):
            silent = all(stream.deadline_s is None for stream in self._streams)
            kind = FailureKind.TIMEOUT if silent else FailureKind.WRONG_ANSWER
            raise self._noted(kind, _FURTHER.join(invalid))
        if invalid:
            self._tally.last_failure = _FURTHER.join(invalid)
        self._tally.answered()
        return self._scan()

    def subscribe(self, listener: Listener) -> bool:
        """Hand over each change as it comes; not in stepped time, where runs repeat themselves."""
        if self._clock.stepped:
            return False
        self._listener = listener
        self._listening.open()
        return True

    async def write(self, limit: float, watchdog: Watchdog | None) -> None:
        """Refuse: nobody can be told anything by listening. Raises DriverError."""
        del watchdog
        words = f"'{self._name}' is listened to by GOOSE and takes no limit, so not {limit:g}"
        raise self._noted(FailureKind.REFUSED, words)

    async def identify(self) -> Identity:
        """Nothing: what messages say of themselves is checked with each one (goID, revision)."""
        return Identity()

    def diagnose(self) -> Diagnosis:
        """How the driver is."""
        return self._tally.diagnosis(
            connected=any(stream.why is None for stream in self._streams),
            counters=self._counters(),
        )

    async def stop(self) -> None:
        """Listen no longer."""
        self._listener = None
        for each in self._following:
            self._listening.leave(each)
        self._following = []

    async def _wait_for_first(self) -> None:
        """Until each stream has been heard once, or has been waited for once."""
        try:
            async with asyncio.timeout(self._first_s):
                while any(stream.last is None for stream in self._streams):
                    self._heard.clear()
                    await self._heard.wait()
        except TimeoutError:
            self._first_s = 0.0  # one that is not there delays the first scan only

    def _changed(self) -> None:
        """A value or its validity changed."""
        self._heard.set()
        self._log()
        if self._listener is not None:
            self._listener(self._scan())

    def _scan(self) -> Scan:
        now_ns = self._clock.now_ns()
        held = [
            not_there(now_ns) if where is None else self._streams[where[0]].held(where[1], now_ns)
            for where in self._places
        ]
        scan = self._map.scan(
            [each.value for each in held],
            now_ns,
            [each.quality for each in held],
            [each.time_ns for each in held],
            [each.time_quality for each in held],
        )
        return replace(scan, held_s=self._held_s())

    def _held_s(self) -> float:
        """How long ago the slowest stream proved that it lives, in its own allowed time."""
        now_s, found = asyncio.get_running_loop().time(), 0.0
        for stream in self._streams:
            if stream.deadline_s is not None and stream.last is not None:
                life_s = stream.last.message.time_allowed_to_live_ms / 1000
                found = max(found, (now_s - stream.arrived_s) / max(1.0, life_s))
        return found

    def _log(self) -> None:
        """Say once that a stream is lost, and once that it is back."""
        for stream in self._streams:
            block = stream.subscription.block
            if stream.why is not None and stream.last is not None and block not in self._lost:
                self._lost[block] = stream.why
                log.warning("'%s': %s", self._name, self._words(stream))
            elif stream.why is None and self._lost.pop(block, None) is not None:
                log.warning("'%s': %s is back", self._name, block)

    def _counters(self) -> dict[str, int]:
        """What happened to its streams, and to its interface as a whole."""
        found: Counter[str] = Counter()
        for stream in self._streams:
            found.update({f"goose_{name}": n for name, n in stream.counts.as_dict().items()})
        found["goose_malformed"] = self._listening.malformed
        found["goose_dropped"] = self._listening.dropped
        return dict(found)

    def _words(self, stream: Stream) -> str:
        return f"{stream.subscription.block}: {stream.why}"

    def _noted(self, kind: FailureKind, words: str) -> DriverError:
        return self._tally.noted(DriverError(kind, words))
