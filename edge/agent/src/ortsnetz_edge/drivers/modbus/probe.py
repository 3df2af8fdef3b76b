"""A Modbus device without a profile, before a technician; fulfils `contract.Probe`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.quality import Quality
from ortsnetz_common.measurement.time import TimeQuality
from ortsnetz_edge.clock import Clock
from ortsnetz_edge.drivers.contract import (
    DriverError,
    FailureKind,
    Found,
    Identity,
    Observation,
)
from ortsnetz_edge.drivers.modbus.browsing import Browsing
from ortsnetz_edge.drivers.modbus.decode import Data, number_decoder, registers_of, text_of
from ortsnetz_edge.drivers.modbus.exceptions import NO_SUCH_FUNCTION, RefusedError
from ortsnetz_edge.drivers.modbus.identification import basic_identity, identification
from ortsnetz_edge.drivers.modbus.located import found, models_of
from ortsnetz_edge.drivers.modbus.plan import plan
from ortsnetz_edge.drivers.modbus.splitting import Splitting
from ortsnetz_edge.drivers.modbus.sunspec import common_model
from ortsnetz_edge.drivers.modbus.unit import Epoch, Unit
from ortsnetz_edge.drivers.modbus.writing import write_reference
from ortsnetz_edge.profiles.references.modbus import (
    Kind,
    ModbusSyntax,
    RegisterReference,
    Table,
)

_PATIENCE_S = 20.0
"""A technician waits for the end of the back-off instead of being told of it."""
_STEP_S = 0.1
_LIMIT = 125
_MISSING = int(Quality.INVALID | Quality.BAD_REFERENCE)
_EMPTY = int(Quality.INVALID | Quality.FAILURE)
_SET_BY_RECEIVER = int(TimeQuality.SET_BY_RECEIVER)
_SYNTAX = ModbusSyntax()


class ModbusProbe:
    """Asks one unit by references; writes only what it is told to."""

    def __init__(self, unit: Unit, clock: Clock) -> None:
        self._unit, self._clock = unit, clock

    async def identify(self) -> Identity:
        """By function 43, else by the common model of SunSpec; see `contract.Probe.identify`."""
        epoch = await self._opened()
        said = await basic_identity(self._unit, epoch)
        if said != Identity():
            return said
        return await common_model(self._unit, epoch) or said

    async def browse(self, start: str, most: int) -> tuple[Found, ...]:
        """See `contract.Probe.browse`; `holding/1000` lists registers from 1000 on."""
        reference = _parsed(start) if start else None
        await self._opened()
        if reference is None or reference.table is Table.IDENTIFICATION:
            return await Browsing(self._unit).overview(most)
        (reference,) = await self._located((reference,), await self._opened())
        if reference.model is not None:
            raise DriverError(
                FailureKind.REFUSED, f"{self._unit.where}: it has no SunSpec {reference}"
            )
        return await Browsing(self._unit).listing(reference, most)

    async def read(self, references: Sequence[str]) -> tuple[Observation, ...]:
        """See `contract.Probe.read`."""
        parsed = tuple(_parsed(text) for text in references)
        epoch = await self._opened()
        parsed = await self._located(parsed, epoch)
        values: dict[int, float | str | None] = {}
        if any(reference.table is Table.IDENTIFICATION for reference in parsed):
            texts = await identification(self._unit, epoch)
            for place, reference in enumerate(parsed):
                if reference.table is Table.IDENTIFICATION and reference.address in texts:
                    values[place] = texts[reference.address]
        splitting = Splitting(parsed, self._unit)
        there = [place for place in range(len(parsed)) if place not in splitting.missing]
        for request in plan(parsed, there, limit=_LIMIT, gap=0):
            for part, data in await splitting.fetch(request, epoch):
                for place in part.places:
                    values[place] = _value(parsed[place], data, part.address)
        return tuple(
            self._observation(text, values, place) for place, text in enumerate(references)
        )

    async def watch(self, references: Sequence[str], period_s: float) -> AsyncIterator[Observation]:
        """Read every `period_s`; while the device does not answer, values are missing and say why.

        Raises:
            DriverError: there is no answer to the first request.
        """
        answered = False
        while True:
            try:
                observations = await self.read(references)
                answered = True
            except DriverError as error:
                if not answered:
                    raise
                observations = tuple(self._lost(text, str(error)) for text in references)
            for observation in observations:
                yield observation
            await asyncio.sleep(period_s)

    async def write(self, reference: str, value: float) -> str:
        """See `contract.Probe.write`; by function 16 where the device does not know 6."""
        at = _parsed(reference)
        _check_writable(at, value)
        epoch = await self._opened()
        (at,) = await self._located((at,), epoch)
        try:
            await write_reference(self._unit, at, value, epoch, multiple=False)
        except RefusedError as error:
            if error.code != NO_SUCH_FUNCTION or at.table is not Table.HOLDING:
                raise
            await write_reference(self._unit, at, value, epoch, multiple=True)
        try:
            (now,) = await self.read((reference,))
        except DriverError as error:
            return f"{reference}: {value:g} was confirmed; reading it back failed: {error}"
        if now.value is None:
            return f"{reference}: {value:g} was confirmed; it cannot be read back: {now.why}"
        if now.value == value:
            return f"{reference} now says {value:g}"
        return f"{reference} says {now.value}, although {value:g} was confirmed"

    async def close(self) -> None:
        """Close the link."""
        await self._unit.close()

    async def _opened(self) -> Epoch:
        """Connect, after the end of the back-off if there is one."""
        for _ in range(round(_PATIENCE_S / _STEP_S)):
            try:
                return await self._unit.opened()
            except DriverError as error:
                if error.kind is not FailureKind.WAITING:
                    raise
            await asyncio.sleep(_STEP_S)
        return await self._unit.opened()

    async def _located(
        self, parsed: tuple[RegisterReference, ...], epoch: Epoch
    ) -> tuple[RegisterReference, ...]:
        """References into SunSpec models by the device's addresses; asked for anew each time."""
        if all(reference.model is None for reference in parsed):
            return parsed
        models = await models_of(self._unit, epoch)
        return tuple(found(reference, models) for reference in parsed)

    def _observation(
        self, text: str, values: dict[int, float | str | None], place: int
    ) -> Observation:
        now_ns = self._clock.now_ns()
        value = values.get(place)
        if value is not None:
            return Observation(text, value, 0, now_ns, _SET_BY_RECEIVER)
        if place in values:
            return Observation(text, None, _EMPTY, now_ns, _SET_BY_RECEIVER, "nothing in it")
        why = "the device has no such address"
        return Observation(text, None, _MISSING, now_ns, _SET_BY_RECEIVER, why)

    def _lost(self, text: str, why: str) -> Observation:
        return Observation(text, None, _EMPTY, self._clock.now_ns(), _SET_BY_RECEIVER, why)


def _parsed(text: str) -> RegisterReference:
    try:
        return _SYNTAX.parse(text)
    except ValueError as error:
        raise InputError(str(error)) from error


def _value(reference: RegisterReference, data: Data, start: int) -> float | str | None:
    if reference.kind is Kind.TEXT:
        return text_of(reference, data, start)
    return number_decoder(reference, None, start)(data)


def _check_writable(at: RegisterReference, value: float) -> None:
    if at.table is Table.COIL:
        if value not in {0, 1}:
            raise InputError(f"{at} takes 0 or 1")
        return
    if at.table is not Table.HOLDING:
        raise InputError(f"{at}: only holding registers and coils take writes")
    try:
        registers_of(at, value)
    except ValueError as error:
        raise InputError(str(error)) from error
