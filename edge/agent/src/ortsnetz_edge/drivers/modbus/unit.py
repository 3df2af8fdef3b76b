"""One unit behind a link: its requests, its exceptions in words, its own back-off."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass

from pymodbus.client.base import ModbusBaseClient
from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.mei_message import ReadDeviceInformationResponse

from ortsnetz_edge.clock import Clock
from ortsnetz_edge.drivers.backoff import Backoff
from ortsnetz_edge.drivers.contract import DriverError, FailureKind
from ortsnetz_edge.drivers.modbus.decode import Data
from ortsnetz_edge.drivers.modbus.exceptions import AWAY, RefusedError
from ortsnetz_edge.drivers.modbus.exchange import Call, Registers
from ortsnetz_edge.drivers.modbus.gathering import Gathering
from ortsnetz_edge.drivers.modbus.link import BACKOFF_CAP_S, BACKOFF_FIRST_S, Link
from ortsnetz_edge.profiles.references.modbus import Table

Epoch = tuple[int, int]
"""What has to be the same for a device to be the one that was asked what it is."""

_READS = {
    Table.COIL: ModbusBaseClient.read_coils,
    Table.DISCRETE: ModbusBaseClient.read_discrete_inputs,
    Table.HOLDING: ModbusBaseClient.read_holding_registers,
    Table.INPUT: ModbusBaseClient.read_input_registers,
}
_READ_FUNCTIONS = {Table.COIL: 1, Table.DISCRETE: 2, Table.HOLDING: 3, Table.INPUT: 4}


@dataclass(frozen=True, slots=True)
class Identification:
    """One answer to function 43/14.

    Attributes:
        texts: objects by number, raw.
        following: number of the object that comes next; None if nothing follows.
    """

    texts: tuple[tuple[int, bytes], ...]
    following: int | None


class Unit:
    """One unit.

    Where it is alone on its link, its silence closes the connection and the link backs off; where
    it has neighbours, only it does.
    """

    def __init__(self, link: Link, number: int, timeout_s: float, clock: Clock) -> None:
        self.number = number
        self._link, self._timeout_s, self._clock = link, timeout_s, clock
        seed = zlib.crc32(f"{link.where}/{number}".encode()) if clock.stepped else None
        self._backoff = Backoff(BACKOFF_FIRST_S, BACKOFF_CAP_S, seed)
        self._not_before = 0.0
        self._absences = 0
        self._sources = 0
        self._gathering = Gathering(self._read)
        link.units.add(number)

    @property
    def connected(self) -> bool:
        """Whether the link stands."""
        return self._link.connected

    @property
    def where(self) -> str:
        """Its address in words."""
        return f"{self._link.where}/{self.number}"

    async def opened(self) -> Epoch:
        """Connect if need be; changes whenever another device may be there.

        Raises:
            DriverError: there is no connection, or the unit is left alone for a while.
        """
        self._wait()
        return await self._link.opened(), self._absences

    def restarted(self) -> None:
        """The device says that it has started anew: it has to be asked again what it is."""
        self._absences += 1

    def shared_by(self, limit: int, gap: int) -> None:
        """One more source asks this unit, with requests of at most this size and gap."""
        self._sources += 1
        self._gathering.agree(limit, gap)

    async def read(
        self, table: Table, address: int, count: int, epoch: Epoch, *, whole: bool = False
    ) -> Data:
        """Read registers or bits; together with what other sources want at the same time.

        Args:
            table: where they are.
            address: protocol address of the first.
            count: how many.
            epoch: in which the device has been asked what it is.
            whole: with a request of its own.

        Raises:
            DriverError: no answer that fits; `RefusedError` where it is an exception.
        """
        if self._sources < 2:
            return await self._read(table, address, count, epoch)
        return await self._gathering.read(table, address, count, epoch, whole=whole)

    async def _read(self, table: Table, address: int, count: int, epoch: Epoch) -> Data:
        def call(client: ModbusBaseClient) -> Awaitable[ModbusPDU]:
            return _READS[table](client, address, count=count, device_id=self.number)

        answer = await self._ask(_READ_FUNCTIONS[table], call, epoch)
        if isinstance(answer, Registers):
            return answer.raw
        if table in {Table.COIL, Table.DISCRETE}:
            if len(answer.bits) != (count + 7) // 8 * 8:
                raise self._wrong(f"{len(answer.bits)} bits instead of {count}")
            return answer.bits[:count]
        if len(answer.registers) != count:
            raise self._wrong(f"{len(answer.registers)} registers instead of {count}")
        return struct.pack(f">{count}H", *answer.registers)

    async def write_registers(
        self, address: int, values: Sequence[int], epoch: Epoch, *, multiple: bool
    ) -> None:
        """Write consecutive registers: function 6 for one, unless `multiple`; else function 16.

        Raises:
            DriverError: the device did not confirm this.
        """
        if len(values) > 1 or multiple:
            answer = await self._ask(
                16,
                lambda client: client.write_registers(address, list(values), device_id=self.number),
                epoch,
            )
            confirmed = answer.address == address and answer.count == len(values)
        else:
            value = values[0]
            answer = await self._ask(
                6,
                lambda client: client.write_register(address, value, device_id=self.number),
                epoch,
            )
            confirmed = answer.address == address and answer.registers[:1] == [value]
        if not confirmed:
            raise self._wrong(f"confirms another write than {list(values)} to {address}")

    async def write_coil(self, address: int, value: bool, epoch: Epoch) -> None:  # noqa: FBT001
        """Write one coil (function 5).

        Raises:
            DriverError: the device did not confirm this.
        """
        answer = await self._ask(
            5, lambda client: client.write_coil(address, value, device_id=self.number), epoch
        )
        if answer.address != address or answer.bits[:1] != [value]:
            raise self._wrong(f"confirms another write than {value} to coil {address}")

    async def identification(self, code: int, first: int, epoch: Epoch) -> Identification:
        """Ask for objects of the identification, from one on (function 43/14).

        Raises:
            DriverError: no answer that fits; `RefusedError` where it is an exception.
        """
        answer = await self._ask(
            43,
            lambda client: client.read_device_information(
                read_code=code, object_id=first, device_id=self.number
            ),
            epoch,
        )
        if not isinstance(answer, ReadDeviceInformationResponse):
            raise self._wrong("answers another function than 43/14")
        texts = tuple(
            (number, raw) for number, raw in answer.information.items() if isinstance(raw, bytes)
        )
        return Identification(texts, answer.next_object_id if answer.more_follows else None)

    async def close(self) -> None:
        """Close the link."""
        await self._link.close()

    async def _ask(self, function: int, call: Call, epoch: Epoch) -> ModbusPDU:
        self._wait()
        generation, absences = epoch
        if absences != self._absences:
            raise DriverError(
                FailureKind.DISCONNECTED,
                f"{self.where}: was away, and nobody knows yet who is back",
            )
        try:
            answer = await self._link.ask(
                self.number, function, call, timeout_s=self._timeout_s, generation=generation
            )
        except DriverError as error:
            if error.kind in {FailureKind.TIMEOUT, FailureKind.WRONG_ANSWER}:
                self._silent()
            raise
        if not answer.isError():
            self._backoff.succeeded()
            return answer
        refused = RefusedError(self.where, function, answer.exception_code)
        if refused.code in AWAY:
            self._away()
        else:
            self._backoff.succeeded()
        raise refused

    def _wrong(self, reason: str) -> DriverError:
        """An answer that cannot be right: the connection is closed, on a line the unit left."""
        self._silent()
        text = f"{self.where}: {reason}"
        if self._link.serial:
            return DriverError(FailureKind.WRONG_ANSWER, text)
        return self._link.fail(FailureKind.WRONG_ANSWER, text)

    def _silent(self) -> None:
        """Leave the unit alone for a while, unless the link does so because it has no other."""
        if self._link.shared:
            self._away()
        else:
            self._absences += 1

    def _away(self) -> None:
        """Leave the unit alone for a while; the link goes on.

        On a serial line answers have no number: what is late must have come and gone before the
        same unit is asked again, or it would be taken for the answer to another request.
        """
        self._absences += 1
        late_s = self._timeout_s if self._link.serial else 0.0
        self._not_before = self._clock.monotonic() + late_s + self._backoff.failed()

    def _wait(self) -> None:
        wait = self._not_before - self._clock.monotonic()
        if wait > 0:
            raise DriverError(FailureKind.WAITING, f"{self.where}: next attempt in {wait:.1f} s")
