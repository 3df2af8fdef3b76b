"""An outstation without a profile, before a technician."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.quality import Quality, describe
from ortsnetz_edge.clock import Clock
from ortsnetz_edge.drivers.contract import Found, Identity, Observation
from ortsnetz_edge.drivers.dnp3.commands import command, require_accepted
from ortsnetz_edge.drivers.dnp3.identification import MAKER, MODEL, SERIAL, said_of
from ortsnetz_edge.drivers.dnp3.session import Dnp3Session, Polled
from ortsnetz_edge.profiles.references.dnp3 import Dnp3Syntax, PointKind, PointReference
from ortsnetz_edge.profiles.schema import Dnp3Options

WRITABLE = {PointKind.ANALOG_OUTPUT, PointKind.BINARY_OUTPUT}
ATTRIBUTES = {MAKER: "maker", MODEL: "model", SERIAL: "serial number"}
_SYNTAX = Dnp3Syntax()


class Dnp3Probe:
    """Fulfils `contract.Probe`. Writes only what it is told to."""

    def __init__(self, session: Dnp3Session, clock: Clock) -> None:
        self._session, self._clock = session, clock
        session.users.add(self)
        session.attach((), Dnp3Options(synchronise=False))

    async def identify(self) -> Identity:
        """The device attributes. Raises DriverError."""
        return await said_of(self._session, None)

    async def browse(self, start: str, most: int) -> tuple[Found, ...]:
        """What an integrity poll and the outputs list; `start` is a kind such as `analog-input`."""
        kind = _kind(start)
        identity = await self.identify()
        found: list[Found] = []
        if kind in {None, PointKind.ATTRIBUTE}:
            texts = (identity.maker, identity.model, identity.serial)
            for (variation, what), text in zip(ATTRIBUTES.items(), texts, strict=True):
                if text is not None:
                    found.append(Found(f"attribute/{variation}", what, text, writable=False))
        await self._session.look_for_outputs()
        for reference, point in self._session.table.all():
            if reference.kind is PointKind.ATTRIBUTE or kind not in {None, reference.kind}:
                continue
            what = f"{reference.kind.replace('-', ' ')}, {describe(point.quality)}"
            writable = reference.kind in WRITABLE
            found.append(Found(str(reference), what, point.value, writable=writable))
        return tuple(found[:most])

    async def read(self, references: Sequence[str]) -> tuple[Observation, ...]:
        """Read points; see `contract.Probe.read`."""
        wanted = self._wanted(references)
        await self._session.polled()
        for reference in wanted:
            if reference.kind is PointKind.ATTRIBUTE:
                await self._session.attribute(reference.index)
        return tuple(self._observation(reference) for reference in wanted)

    async def watch(self, references: Sequence[str], period_s: float) -> AsyncIterator[Observation]:
        """Changes as the outstation reports them, and a poll at each period that finds the rest."""
        wanted = self._wanted(references)
        woken = asyncio.Event()

        def heard(_: Polled) -> None:
            woken.set()

        self._session.listeners.append(heard)
        seen: dict[PointReference, Observation] = {}
        try:
            while True:
                if not woken.is_set():
                    await self._session.polled()
                woken.clear()
                for reference in wanted:
                    observation = self._observation(reference)
                    if seen.get(reference) != observation:
                        seen[reference] = observation
                        yield observation
                try:
                    async with asyncio.timeout(self._clock.patience(period_s)):
                        await woken.wait()
                except TimeoutError:
                    continue
        finally:
            self._session.listeners.remove(heard)

    async def write(self, reference: str, value: float) -> str:
        """Operate one output directly and read it back; see `contract.Probe.write`."""
        (wanted,) = self._wanted((reference,))
        try:
            made = command(wanted, value)
        except ValueError as error:
            raise InputError(str(error)) from None
        life = await self._session.ready()
        status = await self._session.operate(made, select=False, life=life)
        require_accepted(self._session.where, wanted, status)
        await self._session.polled()
        point = self._session.table.value(wanted, self._clock.now_ns())
        if point.value is None:
            return f"{wanted}: confirmed; it cannot be read back"
        return f"{wanted}: confirmed; it reads {point.value:g} now ({describe(point.quality)})"

    async def close(self) -> None:
        """Close the connection."""
        await self._session.leave(self)

    def _wanted(self, references: Sequence[str]) -> list[PointReference]:
        try:
            wanted = [_SYNTAX.parse(text) for text in references]
        except ValueError as error:
            raise InputError(str(error)) from None
        self._session.attach(wanted, Dnp3Options(synchronise=False))
        return wanted

    def _observation(self, reference: PointReference) -> Observation:
        point = self._session.table.value(reference, self._clock.now_ns())
        why = ""
        if point.value is None:
            missing = point.quality & Quality.BAD_REFERENCE
            why = "the outstation has no such point" if missing else describe(point.quality)
        return Observation(
            str(reference), point.value, point.quality, point.time_ns, point.time_quality, why
        )


def _kind(start: str) -> PointKind | None:
    if not start:
        return None
    try:
        return PointKind(start.partition("/")[0])
    except ValueError:
        raise InputError(f"'{start}' is not a kind of point: {', '.join(PointKind)}") from None
