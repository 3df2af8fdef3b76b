"""What is on an interface, before a technician; fulfils `contract.Probe`."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.quality import Quality
from ortsnetz_common.measurement.time import rfc3339
from ortsnetz_edge.drivers.contract import DriverError, FailureKind, Found, Identity, Observation
from ortsnetz_iec61850.goose.data import Datum, UtcTime, flat
from ortsnetz_iec61850.goose.frames import Frame
from ortsnetz_iec61850.goose.listening import Listening
from ortsnetz_iec61850.goose.stream import number_of, time_quality_of
from ortsnetz_iec61850.goose.supervision import LONGEST_LIFE_S

LISTEN_S = 3.0
"""Quiet publishers repeat each second or two."""
LISTEN_AT_LEAST_S = 1.0
"""When all that was heard by then was heard twice, no more is waited for."""
MOST_BLOCKS = 1000
"""Control blocks that are remembered; more can only be made up."""
_VALUE = re.compile(r"(?P<block>[^\[\]]+)\[(?P<place>[0-9]{1,4})\]")


@dataclass(frozen=True, slots=True)
class _Latest:
    """The last message of a control block, and when it came, monotonic seconds."""

    frame: Frame
    arrived_s: float

    def silent_s(self, now_s: float) -> float | None:
        """How long nothing came, if that is longer than it allowed; else None."""
        silent_s = now_s - self.arrived_s
        allowed_s = self.frame.message.time_allowed_to_live_ms / 1000
        return silent_s if silent_s > min(allowed_s, LONGEST_LIFE_S) else None


class GooseProbe:
    """Listens; a value's reference is its control block and its place: `B1LD0/LLN0$GO$gcb[3]`."""

    def __init__(self, listening: Listening) -> None:
        self._listening = listening
        self._latest: dict[str, _Latest] = {}
        self._times: Counter[str] = Counter()
        self._heard = asyncio.Event()
        listening.everything = self._hear

    async def identify(self) -> Identity:
        """Nothing: on an interface there may be many devices."""
        self._open()
        return Identity()

    async def browse(self, start: str, most: int) -> tuple[Found, ...]:
        """What is heard within three seconds at most, of blocks whose names begin so."""
        self._open()
        await asyncio.sleep(LISTEN_AT_LEAST_S)
        await self._hear_all_twice(LISTEN_S - LISTEN_AT_LEAST_S)
        found: list[Found] = []
        for block in sorted(self._latest):
            if block.startswith(start):
                found.extend(_found(block, self._latest[block].frame))
        return tuple(found[:most])

    async def read(self, references: Sequence[str]) -> tuple[Observation, ...]:
        """Values of the next messages; see `contract.Probe.read`."""
        self._open()
        wanted = [_parsed(text) for text in references]
        try:
            async with asyncio.timeout(LISTEN_S):
                while any(block not in self._latest for block, _ in wanted):
                    self._heard.clear()
                    await self._heard.wait()
        except TimeoutError:
            if not any(block in self._latest for block, _ in wanted):
                words = f"{self._listening.name}: no message of these in {LISTEN_S:g} s"
                raise DriverError(FailureKind.TIMEOUT, words) from None
        return tuple(self._observation(*each) for each in wanted)

    async def watch(self, references: Sequence[str], period_s: float) -> AsyncIterator[Observation]:
        """Values as they change."""
        self._open()
        wanted = [_parsed(text) for text in references]
        seen: dict[str, tuple[float | str | None, int]] = {}
        while True:
            self._heard.clear()
            for block, place in wanted:
                observation = self._observation(block, place)
                now = (observation.value, observation.quality)
                if seen.get(observation.reference) != now:
                    seen[observation.reference] = now
                    yield observation
            with contextlib.suppress(TimeoutError):  # then somebody may have fallen silent
                async with asyncio.timeout(period_s):
                    await self._heard.wait()

    async def write(self, reference: str, value: float) -> str:
        """Refuse: GOOSE only tells. Raises InputError."""
        raise InputError(f"{reference}: GOOSE only tells: {value:g} cannot be written")

    async def close(self) -> None:
        """Listen no longer."""
        self._listening.everything = None
        self._listening.close()

    def _open(self) -> None:
        self._listening.open()
        if self._listening.why is not None:
            raise DriverError(FailureKind.UNREACHABLE, self._listening.why)

    async def _hear_all_twice(self, most_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(most_s):
                while not self._times or min(self._times.values()) < 2:
                    self._heard.clear()
                    await self._heard.wait()

    def _hear(self, frame: Frame) -> None:
        block, now_s = frame.message.block, asyncio.get_running_loop().time()
        known = self._latest.get(block)
        if known is None and len(self._latest) >= MOST_BLOCKS:
            return
        device_is_here = (
            known is not None and not known.frame.is_simulation and known.silent_s(now_s) is None
        )
        if frame.is_simulation and device_is_here:
            return  # the device itself is there: a test set is not mixed with it
        self._latest[block] = _Latest(frame, now_s)
        self._times[block] += 1
        self._heard.set()

    def _observation(self, block: str, place: int) -> Observation:
        latest, reference = self._latest.get(block), f"{block}[{place}]"
        values = [] if latest is None else flat(latest.frame.message.data)
        if latest is None or place >= len(values):
            why = "no message" if latest is None else f"the message has {len(values)} values"
            quality = int(Quality.INVALID | Quality.BAD_REFERENCE)
            return Observation(reference, None, quality, 0, 0, why)
        message = latest.frame.message
        time_ns, flags = message.time.time_ns, time_quality_of(message.time)
        silent_s = latest.silent_s(asyncio.get_running_loop().time())
        if silent_s is not None:
            allowed_s = message.time_allowed_to_live_ms / 1000
            why = f"silent for {silent_s:.1f} s, {allowed_s:g} s are allowed"
            lost = int(Quality.INVALID | Quality.OLD_DATA)
            return Observation(reference, None, lost, time_ns, flags, why)
        quality, why = _judged(latest.frame)
        return Observation(reference, _shown(values[place]), quality, time_ns, flags, why)


def _judged(frame: Frame) -> tuple[int, str]:
    """Quality of all values of a message, and why it is not good."""
    if frame.message.needs_commissioning:
        return int(Quality.INVALID), "the publisher says that it needs commissioning (ndsCom)"
    if frame.is_simulation:
        return int(Quality.TEST), "a test set sends it (simulation)"
    return 0, ""


def _found(block: str, frame: Frame) -> list[Found]:
    message = frame.message
    _, why = _judged(frame)
    about = f"{why}; " if why else ""
    about += (
        f"to {frame.destination}, APPID {frame.app_id:#06x}, data set {message.data_set}, "
        f"revision {message.revision}, state {message.state}, message {message.sequence}"
    )
    values = flat(message.data)
    return [
        Found(block, about, folder=True),
        *(
            Found(f"{block}[{place}]", str(each.kind), _shown(each), writable=False)
            for place, each in enumerate(values)
        ),
    ]


def _shown(datum: Datum) -> float | str:
    """A value for people: a number, or what there is instead."""
    number = number_of(datum)
    if number is not None:
        return number
    if isinstance(datum.value, UtcTime):
        return rfc3339(datum.value.time_ns)
    return datum.value.hex() if isinstance(datum.value, bytes) else str(datum.value)


def _parsed(text: str) -> tuple[str, int]:
    match = _VALUE.fullmatch(text)
    if match is None:
        raise InputError(f"'{text}' is not of the form B1LD0/LLN0$GO$gcbStates[3]")
    return match["block"], int(match["place"])
