"""A device without a profile, before a technician; fulfils `contract.Probe`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from ortsnetz_common.drivers.values import Found, Identity, Observation
from ortsnetz_common.errors import InputError
from ortsnetz_common.scl.object_reference import ObjectReference, parse_reference
from ortsnetz_iec61850.library.control import MAINTENANCE, Checks
from ortsnetz_iec61850.mms.browsing import browse
from ortsnetz_iec61850.mms.identification import of_the_server
from ortsnetz_iec61850.mms.operating import set_point
from ortsnetz_iec61850.mms.samples import Sample
from ortsnetz_iec61850.mms.session import Session

LONGEST_COMMAND_S = 30.0
REQUESTS_OF_A_BROWSE = 200


class MmsProbe:
    """Reads, watches and writes raw values."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def identify(self) -> Identity:
        """Ask the device what it is. Raises DriverError."""
        return await of_the_server(self._session)

    async def browse(self, start: str, most: int) -> tuple[Found, ...]:
        """What the device holds; see `contract.Probe.browse`."""
        return await self._session.call(
            lambda life: browse(life, start, most), requests=REQUESTS_OF_A_BROWSE
        )

    async def read(self, references: Sequence[str]) -> tuple[Observation, ...]:
        """Read values; see `contract.Probe.read`."""
        wanted = [_parsed(text) for text in references]
        reading = await self._session.read(wanted)
        return tuple(
            _observation(text, reading.samples[reference], reading.received_ns)
            for text, reference in zip(references, wanted, strict=True)
        )

    async def watch(self, references: Sequence[str], period_s: float) -> AsyncIterator[Observation]:
        """Values as they change, by polling: a technician's report would take a control block."""
        said: list[Observation | None] = [None] * len(references)
        while True:
            for place, one in enumerate(await self.read(references)):
                before = said[place]
                if before is None or (one.value, one.quality) != (before.value, before.quality):
                    said[place] = one
                    yield one
            await asyncio.sleep(period_s)

    async def write(self, reference: str, value: float) -> str:
        """Write or operate one value and read it back; see `contract.Probe.write`."""
        wanted = _parsed(reference)
        if not wanted.is_writable:
            raise InputError(f"{reference}: [{wanted.constraint}] is for reading")
        life = await self._session.opened()
        done = await set_point(
            self._session,
            wanted,
            value,
            generation=life.generation,
            last_s=LONGEST_COMMAND_S,
            checks=Checks(category=MAINTENANCE),
        )
        if wanted.is_control:
            return f"{reference}: the device has {'carried it out' if done else 'accepted it'}"
        (now,) = await self.read([reference])
        said = f"{now.value:g}" if isinstance(now.value, float) else now.value
        return f"{reference} reads {said}" if said is not None else f"{reference}: {now.why}"

    async def close(self) -> None:
        """Close the connection."""
        self._session.close()


def _parsed(text: str) -> ObjectReference:
    try:
        return parse_reference(text)
    except ValueError as error:
        raise InputError(str(error)) from error


def _observation(reference: str, one: Sample, received_ns: int) -> Observation:
    value = one.raw if one.text is None else one.text
    return Observation(
        reference=reference,
        value=value,
        quality=one.quality,
        time_ns=received_ns if one.time_ns is None else one.time_ns,
        time_quality=one.time_quality,
        why=one.why,
    )
