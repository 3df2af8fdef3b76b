"""What a device without a profile holds: its identification, SunSpec models, tables by ranges.

Modbus has no list of what is there: only asking tells. Every search is bounded in requests.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from ortsnetz_edge.drivers.contract import DriverError, Found
from ortsnetz_edge.drivers.modbus.decode import Data, clean_text
from ortsnetz_edge.drivers.modbus.exceptions import NOT_THERE, RefusedError
from ortsnetz_edge.drivers.modbus.identification import OBJECTS, identification
from ortsnetz_edge.drivers.modbus.unit import Epoch, Unit
from ortsnetz_edge.profiles.references.modbus import RegisterReference, Table

TABLES = (Table.HOLDING, Table.INPUT, Table.COIL, Table.DISCRETE)
SUNSPEC_BASES = (40000, 0, 50000)
"""Where the marker of a SunSpec map may stand (SunSpec device information model, 6.2.1)."""
_MARKER = b"SunS"
_END_MODEL = 0xFFFF
_MOST_MODELS = 64
_MOST_REQUESTS = 400
_RANGE = 1000
_LAST_HEADER = 65534
_CHUNK = 100
_NOTHING = NOT_THERE | {4}
"""Some devices say that they have failed where they have no such address."""


@dataclass
class Browsing:
    """One search through a unit.

    Attributes:
        requests: how many more may be sent.
    """

    unit: Unit
    requests: int = _MOST_REQUESTS

    async def overview(self, most: int) -> tuple[Found, ...]:
        """Identification, SunSpec models, and where in its tables the device has something.

        Raises:
            DriverError: there is no answer.
        """
        found: list[Found] = []
        try:
            await self._explore(found, most)
        except DriverError:
            if not found:  # else it leaves what it does not have without an answer
                raise
        return tuple(found[:most])

    async def _explore(self, found: list[Found], most: int) -> None:
        epoch = await self.unit.opened()
        texts = await identification(self.unit, epoch)
        found += [
            Found(f"identification/{number}", _object_name(number), text, writable=False)
            for number, text in sorted(texts.items())
        ]
        for base in SUNSPEC_BASES:
            if await self._fetch(Table.HOLDING, base, 2, epoch) == _MARKER:
                await self._models(base, epoch, found)
                break
        for table in TABLES:
            for address in range(0, 65536, _RANGE):
                if len(found) >= most or self.requests <= 0:
                    return
                if await self._fetch(table, address, 1, epoch) is not None:
                    what = f"{table} from {address} on"
                    found.append(Found(f"{table}/{address}", what, folder=True))

    async def listing(self, start: RegisterReference, most: int) -> tuple[Found, ...]:
        """What a table holds from an address on, until a whole chunk is not there.

        Raises:
            DriverError: there is no answer.
        """
        epoch = await self.unit.opened()
        found: list[Found] = []
        address = start.address
        while len(found) < most and address < 65536 and self.requests > 0:
            count = min(_CHUNK, most - len(found), 65536 - address)
            values = await self._values(start.table, address, count, epoch)
            if not values:
                break
            found += [_found(start.table, at, value) for at, value in values]
            address += count
        return tuple(found[:most])

    async def _values(
        self, table: Table, address: int, count: int, epoch: Epoch
    ) -> list[tuple[int, int]]:
        """Values of those addresses that are there; a refused range is halved."""
        if self.requests <= 0:
            return []
        data = await self._fetch(table, address, count, epoch)
        if data is not None:
            raw = struct.unpack(f">{count}H", data) if isinstance(data, bytes) else data
            return [(address + at, int(value)) for at, value in enumerate(raw)]
        if count == 1:
            return []
        half = count // 2
        return [
            *await self._values(table, address, half, epoch),
            *await self._values(table, address + half, count - half, epoch),
        ]

    async def _models(self, base: int, epoch: Epoch, found: list[Found]) -> None:
        """Models follow each other, each with its number and length, until an end model."""
        address = base + 2
        for _ in range(_MOST_MODELS):
            data = await self._fetch(Table.HOLDING, address, 2, epoch)
            if not isinstance(data, bytes):
                return
            model, length = struct.unpack(">2H", data)
            if model == _END_MODEL or address + length + 2 > _LAST_HEADER:
                return
            what = f"SunSpec model {model}, {length} registers behind holding/{address}"
            first = model > 0 and all(each.reference != f"model{model}/0" for each in found)
            reference = f"model{model}/0" if first else f"holding/{address}"
            found.append(Found(reference, what, folder=True))
            address += length + 2

    async def _fetch(self, table: Table, address: int, count: int, epoch: Epoch) -> Data | None:
        """Data, or None where the device says that it has none."""
        self.requests -= 1
        try:
            return await self.unit.read(table, address, count, epoch)
        except RefusedError as error:
            if error.code not in _NOTHING:
                raise
            return None


def _object_name(number: int) -> str:
    return OBJECTS[number] if number < len(OBJECTS) else f"object {number} of the maker"


def _found(table: Table, address: int, value: int) -> Found:
    """A register with what its bits may mean, or a bit."""
    if table in {Table.COIL, Table.DISCRETE}:
        return Found(f"{table}/{address}", "bit", value, writable=_writable(table))
    text = clean_text(value.to_bytes(2, "big")) or ""
    letters = f", '{text}'" if len(text) == 2 and text.isascii() and text.isprintable() else ""
    signed = f", i16 {value - 0x10000}" if value >= 0x8000 else ""
    what = f"u16 0x{value:04x}{signed}{letters}"
    return Found(f"{table}/{address}", what, value, writable=_writable(table))


def _writable(table: Table) -> bool | None:
    """Holding registers and coils may take writes; only a try would tell."""
    return None if table in {Table.HOLDING, Table.COIL} else False
