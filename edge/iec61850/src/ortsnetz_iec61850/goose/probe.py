"""What is on an interface, before a technician; fulfils `contract.Probe`."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.quality import Quality
from ortsnetz_common.measurement.time import rfc3339
from ortsnetz_edge.drivers.contract import DriverError, FailureKind, Found, Identity, Observation
from ortsnetz_iec61850.goose.data import Datum, UtcTime, flat
from ortsnetz_iec61850.goose.frames import Frame
from ortsnetz_iec61850.goose.listening import Listening
from ortsnetz_iec61850.goose.stream import number_of, time_quality_of

LISTEN_S = 3.0
"""Quiet publishers repeat each second or two."""
LISTEN_AT_LEAST_S = 1.0
"""When all that was heard by then was heard twice, no more is waited for."""
MOST_BLOCKS = 1000
"""Control blocks that are remembered; more can only be made up."""
_VALUE = re.compile(r"(?P<block>[^\[\]]+)\[(?P<place>[0-9]{1,4})\]")


class GooseProbe:
    """Listens; a value's reference is its control block and its place: `B1LD0/LLN0$GO$gcb[3]`."""

    def __init__(self, listening: Listening) -> None:
        self._listening = listening
        self._frames: dict[str, Frame] = {}
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
        for block, frame in sorted(self._frames.items()):
            if block.startswith(start):
                found.extend(_found(block, frame))
        return tuple(found[:most])

    async def read(self, references: Sequence[str]) -> tuple[Observation, ...]:
        """Values of the next messages; see `contract.Probe.read`."""
        self._open()
        wanted = [_parsed(text) for text in references]
        try:
            async with asyncio.timeout(LISTEN_S):
                while any(block not in self._frames for block, _ in wanted):
                    self._heard.clear()
                    await self._heard.wait()
        except TimeoutError:
            if not any(block in self._frames for block, _ in wanted):
                words = f"{self._listening.name}: no message of these in {LISTEN_S:g} s"
                raise DriverError(FailureKind.TIMEOUT, words) from None
        return tuple(self._observation(*each) for each in wanted)

    async def watch(self, references: Sequence[str], period_s: float) -> AsyncIterator[Observation]:
        """Values as they change."""
        del period_s
        self._open()
        wanted = [_parsed(text) for text in references]
        seen: dict[str, float | str | None] = {}
        while True:
            self._heard.clear()
            for block, place in wanted:
                observation = self._observation(block, place)
                if seen.get(observation.reference, "") != observation.value:
                    seen[observation.reference] = observation.value
                    yield observation
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
        block = frame.message.block
        if block in self._frames or len(self._frames) < MOST_BLOCKS:
            self._frames[block] = frame
            self._times[block] += 1
            self._heard.set()

    def _observation(self, block: str, place: int) -> Observation:
        frame = self._frames.get(block)
        values = [] if frame is None else flat(frame.message.data)
        if frame is None or place >= len(values):
            why = "no message" if frame is None else f"the message has {len(values)} values"
            quality = int(Quality.INVALID | Quality.BAD_REFERENCE)
            return Observation(f"{block}[{place}]", None, quality, 0, 0, why)
        stamp = frame.message.time
        value = _shown(values[place])
        return Observation(f"{block}[{place}]", value, 0, stamp.time_ns, time_quality_of(stamp))


def _found(block: str, frame: Frame) -> list[Found]:
    message = frame.message
    about = (
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
