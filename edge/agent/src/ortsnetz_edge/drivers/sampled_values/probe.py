"""A stream before a technician; fulfils `contract.Probe`. Listens, and writes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from ortsnetz_common.errors import InputError
from ortsnetz_common.link.sample_blocks import Block, Counters, Silent
from ortsnetz_common.parameters.station import Connection
from ortsnetz_edge.clock import Clock
from ortsnetz_edge.drivers.contract import (
    DriverError,
    FailureKind,
    Found,
    Identity,
    Observation,
)
from ortsnetz_edge.drivers.sampled_values.link import Link
from ortsnetz_edge.drivers.sampled_values.place import Place
from ortsnetz_edge.drivers.sampled_values.stream import Reader, stream_of
from ortsnetz_edge.drivers.sampled_values.values import Values, is_old
from ortsnetz_edge.profiles.references.sampled_values import SampledValuesSyntax
from ortsnetz_edge.profiles.schema import SampledValuesOptions
from ortsnetz_grid.functions.power_quality.declared import Declared
from ortsnetz_grid.functions.power_quality.synchrophasors import Reporting

FIRST_WINDOW_S = 4.0
"""A second to show the rate, a window, and what a busy machine needs."""
SILENT_AFTER_S = 0.5
"""Blocks come ten times a second."""


class StreamProbe:
    """Reads what power quality makes of a stream in the form of 9-2LE."""

    def __init__(self, connection: Connection, options: SampledValuesOptions, clock: Clock) -> None:
        self._reader, self._clock = Reader(options), clock
        self._values = Values(self._reader.channels)
        self._place = Place(Declared(nominal_hz=options.nominal_hz), Reporting(), None)
        self._link = Link(stream_of(connection, options), clock, self._take)
        self._sv_id = connection.path
        self._counters = Counters()
        self._qualities: tuple[int, ...] = ()
        self._came_s: float | None = None  # monotonic, of the last block with a sample

    async def identify(self) -> Identity:
        """The stream's name, once it has been heard. Raises DriverError."""
        await self._heard()
        return Identity(None, "Sampled Values", self._sv_id)

    async def browse(self, start: str, most: int) -> tuple[Found, ...]:
        """What can be asked for of this stream."""
        await self._heard()
        names = [
            *(f"200ms/{what}.{c.name}" for c in self._reader.channels for what in ("rms", "thd")),
            *(f"200ms/{what}" for what in ("frequency", "u2", "u0", "events")),
            *(f"200ms/{what}_power.{phase}" for what in ("active", "reactive") for phase in "abc"),
            *(f"stream/{what}" for what in ("samples", "lost")),
        ]
        observed = await self.read([name for name in names if name.startswith(start)][:most])
        return tuple(Found(o.reference, "value", o.value, writable=False) for o in observed)

    async def read(self, references: Sequence[str]) -> tuple[Observation, ...]:
        """Read values; see `contract.Probe.read`."""
        try:
            asked = [SampledValuesSyntax().parse(text) for text in references]
        except ValueError as error:
            raise InputError(str(error)) from error
        await self._heard()
        found = [
            self._values.value(one, self._place.newest, self._counters, self._qualities)
            for one in asked
        ]
        return tuple(
            Observation(
                text,
                value.value,
                value.quality,
                value.time_ns or self._clock.now_ns(),
                value.time_quality,
                "" if value.value is not None else "not measured yet, or with samples lost",
            )
            for text, value in zip(references, found, strict=True)
        )

    async def watch(self, references: Sequence[str], period_s: float) -> AsyncIterator[Observation]:
        """Values as they come, once a period."""
        while True:
            for observation in await self.read(references):
                yield observation
            await asyncio.sleep(period_s)

    async def write(self, reference: str, value: float) -> str:
        """Refuse: a stream is listened to."""
        raise DriverError(FailureKind.REFUSED, f"{reference} = {value:g}: a stream takes nothing")

    async def close(self) -> None:
        """Close the connection to the receiver."""
        await self._link.stop()

    async def _heard(self) -> None:
        self._link.keep()
        end = self._clock.monotonic() + FIRST_WINDOW_S
        while not self._is_fresh():
            if self._clock.monotonic() > end:
                raise self._link.trouble or DriverError(
                    FailureKind.TIMEOUT,
                    f"no window of stream '{self._sv_id}' on {self._link.interface}:"
                    f" {self._counters}",
                )
            await asyncio.sleep(0.05)

    def _take(self, message: Block | Silent) -> None:
        self._counters = message.counters
        if isinstance(message, Block) and message.rate_proven:
            self._qualities = message.qualities
            samples = self._reader.samples(message)
            if not samples.lost.all():
                self._came_s = self._clock.monotonic()
            self._place.take(samples)

    def _is_fresh(self) -> bool:
        """Whether there is a window of now: one of a stream that has ended is none."""
        newest, came_s = self._place.newest, self._came_s
        if newest.window is None or came_s is None:
            return False
        silent = self._clock.monotonic() - came_s > SILENT_AFTER_S
        return not silent and not is_old("200ms", newest.window.end_ns, newest)
