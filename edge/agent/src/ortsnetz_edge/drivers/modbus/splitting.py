"""Devices that lack addresses: a refused request is split until only what is missing fails."""

from __future__ import annotations

from collections.abc import Sequence

from ortsnetz_edge.drivers.modbus.decode import Data
from ortsnetz_edge.drivers.modbus.exceptions import NO_SUCH_ADDRESS, RefusedError
from ortsnetz_edge.drivers.modbus.plan import Request
from ortsnetz_edge.drivers.modbus.unit import Epoch, Unit
from ortsnetz_edge.profiles.references.modbus import RegisterReference

Answer = tuple[Request, Data]


class Splitting:
    """Sends requests, and remembers for as long as the same device is there which had to be split.

    Attributes:
        missing: places of the references that the device has said it does not have; those into
            SunSpec models that it lacks among them.
    """

    def __init__(self, references: Sequence[RegisterReference], unit: Unit) -> None:
        self._lacking = {
            place for place, reference in enumerate(references) if reference.model is not None
        }
        self.missing: set[int] = set(self._lacking)
        self._references, self._unit = references, unit
        self._parts: dict[Request, tuple[Request, ...]] = {}

    def forget(self) -> None:
        """Ask again for everything: another device may be there, or the same with another map."""
        self.missing = set(self._lacking)
        self._parts.clear()

    async def fetch(self, request: Request, epoch: Epoch) -> list[Answer]:
        """What a request brings, in one answer or in several; nothing for what is missing.

        Raises:
            DriverError: no answer that fits, or an exception other than 2.
        """
        known = self._parts.get(request) if self._parts else None
        if known is None:
            answers = await self._tried(request, epoch)
            split = len(answers) != 1 or answers[0][0] is not request
            if split and not request.whole:
                self._parts[request] = tuple(part for part, _ in answers)
            return answers
        try:
            return [(part, await self._read(part, epoch)) for part in known]
        except RefusedError as error:
            if error.code == NO_SUCH_ADDRESS:
                self.forget()
            raise

    async def _tried(self, request: Request, epoch: Epoch) -> list[Answer]:
        try:
            return [(request, await self._read(request, epoch))]
        except RefusedError as error:
            if error.code != NO_SUCH_ADDRESS:
                raise
        if request.whole:
            return []
        if len(request.places) == 1:
            self.missing.update(request.places)
            return []
        half = len(request.places) // 2
        order = sorted(request.places, key=lambda place: self._references[place].address)
        return [
            *await self._tried(self._narrowed(request, order[:half]), epoch),
            *await self._tried(self._narrowed(request, order[half:]), epoch),
        ]

    def _narrowed(self, request: Request, places: list[int]) -> Request:
        """A request for some of the references only."""
        served = [self._references[place] for place in places]
        first = min(reference.address for reference in served)
        end = max(reference.address + reference.width for reference in served)
        return Request(request.table, first, end - first, tuple(sorted(places)))

    async def _read(self, request: Request, epoch: Epoch) -> Data:
        return await self._unit.read(
            request.table, request.address, request.count, epoch, whole=request.whole
        )
