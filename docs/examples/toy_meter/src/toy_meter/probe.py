"""A device without a profile, before a technician; fulfils `contract.Probe`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.quality import Quality
from ortsnetz_common.measurement.time import TimeQuality
from ortsnetz_edge.clock import Clock
from ortsnetz_edge.drivers.contract import DriverError, FailureKind, Found, Identity, Observation
from toy_meter.driver import number
from toy_meter.line import Line
from toy_meter.references import ToySyntax

BAD = int(Quality.INVALID | Quality.BAD_REFERENCE)


class ToyProbe:
    """Reads and writes raw values."""

    def __init__(self, line: Line, clock: Clock) -> None:
        self._line, self._clock = line, clock

    async def identify(self) -> Identity:
        """Ask the device what it is. Raises DriverError."""
        words = [*await self._line.ask("get maker model serial"), "-", "-", "-"]
        return Identity(*(None if word == "-" else word for word in words[:3]))

    async def browse(self, start: str, most: int) -> tuple[Found, ...]:
        """What the device holds; see `contract.Probe.browse`."""
        names = [name for name in await self._line.ask("list") if name.startswith(start)]
        return tuple(Found(name, "value") for name in names[:most])

    async def read(self, references: Sequence[str]) -> tuple[Observation, ...]:
        """Read values; see `contract.Probe.read`."""
        return tuple([await self._read(reference) for reference in references])

    async def watch(self, references: Sequence[str], period_s: float) -> AsyncIterator[Observation]:
        """Values as they come, by polling."""
        while True:
            for observation in await self.read(references):
                yield observation
            await asyncio.sleep(period_s)

    async def write(self, reference: str, value: float) -> str:
        """Write one raw value and read it back; see `contract.Probe.write`."""
        await self._line.ask(f"set {self._known(reference)} {value:g}")
        return f"{reference} is now {(await self._read(reference)).value}"

    async def close(self) -> None:
        """Close what is open."""
        self._line.close()

    async def _read(self, reference: str) -> Observation:
        value: float | str | None = None
        why = ""
        try:
            (word,) = await self._line.ask(f"get {self._known(reference)}") or ["-"]
            value = None if word == "-" else number(word)
            value = word if value is None and word != "-" else value
        except DriverError as error:
            if error.kind is not FailureKind.REFUSED:
                raise
            why = str(error)
        quality = BAD if value is None else 0
        now_ns = self._clock.now_ns()
        return Observation(reference, value, quality, now_ns, int(TimeQuality.SET_BY_RECEIVER), why)

    def _known(self, reference: str) -> str:
        try:
            return str(ToySyntax().parse(reference))
        except ValueError as error:
            raise InputError(str(error)) from error
