"""One Modbus TCP connection: deadlines, own back-off, and answers checked against their request."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable
from typing import Any

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from ortsnetz_edge.clock import Clock, WallClock
from ortsnetz_edge.drivers.backoff import Backoff
from ortsnetz_edge.drivers.contract import DriverError, FailureKind

BACKOFF_FIRST_S = 0.5
BACKOFF_CAP_S = 15.0
LATE_FACTOR = 4.0
"""A whole answer is still taken until this many time-outs: the device has served it, and a served
read must not be lost. The cycle does not wait for it."""
_MAX_ADU = 260  # MODBUS messaging on TCP/IP 1.0b, 3.1.3
_HEADER = 8


class ModbusConnection:
    """The connection to one host and port, shared by all units behind it.

    The library's own reconnection is off: it has no jitter. Its client takes the answer to another
    function for its own, and waits out its whole time-out after the peer has closed the connection
    in the middle of a frame; both are caught here, on the bytes as they arrive.
    """

    def __init__(
        self,
        host: str,
        port: int,
        timeout_s: float,
        clock: Clock | None = None,
        *,
        name: str = "",
    ) -> None:
        self._clock = clock or WallClock()
        self._generation = 0
        self._where = f"{host}:{port}"
        self._timeout_s = timeout_s
        # stepped time is repeatable wherever it runs: there the jitter comes from the source's name
        seed = zlib.crc32(name.encode()) if self._clock.stepped else None
        self._backoff = Backoff(BACKOFF_FIRST_S, BACKOFF_CAP_S, seed)
        self._not_before = 0.0
        self._lock = asyncio.Lock()
        self._host, self._port = host, port
        self._client: AsyncModbusTcpClient | None = None
        self._broken: asyncio.Future[DriverError] | None = None
        self._function = 0
        self._transaction = b""

    @property
    def connected(self) -> bool:
        """Whether the connection stands."""
        return self._client is not None and self._client.connected

    async def read(self, unit: int, function: int, address: int, count: int) -> list[int]:
        """Read registers with one request (function 3 or 4).

        Raises:
            DriverError: no answer that fits; the connection is closed unless the device refused.
        """
        async with self._lock:
            client = await self._connected()
            read = client.read_holding_registers if function == 3 else client.read_input_registers
            answer = await self._answer(function, read(address, count=count, device_id=unit))
            if len(answer.registers) != count:
                raise self._broke(
                    FailureKind.WRONG_ANSWER,
                    f"{len(answer.registers)} registers instead of {count}",
                )
            return list(answer.registers)

    async def write(self, unit: int, address: int, value: int) -> None:
        """Write one register (function 6).

        Raises:
            DriverError: the device did not confirm this value at this address.
        """
        async with self._lock:
            client = await self._connected()
            answer = await self._answer(6, client.write_register(address, value, device_id=unit))
            if answer.address != address or answer.registers[:1] != [value]:
                raise self._broke(
                    FailureKind.WRONG_ANSWER, f"confirms another write than {value} to {address}"
                )

    async def opened(self) -> int:
        """Connect if need be; number of the connection, which grows with each new one.

        Raises:
            DriverError: there is no connection.
        """
        async with self._lock:
            await self._connected()
            return self._generation

    async def close(self) -> None:
        """Close the connection; a request that is under way fails."""
        self._fail(FailureKind.DISCONNECTED, "closed by the agent")
        self._drop()

    async def _connected(self) -> AsyncModbusTcpClient:
        if self._client is not None and self._client.connected:
            return self._client
        wait = self._not_before - self._clock.monotonic()
        if wait > 0:
            raise DriverError(FailureKind.WAITING, f"{self._where}: next attempt in {wait:.1f} s")
        self._drop()
        client = AsyncModbusTcpClient(
            self._host,
            port=self._port,
            timeout=self._timeout_s * LATE_FACTOR,
            retries=0,
            reconnect_delay=0,
            trace_packet=self._inspect,
            trace_connect=self._traced_connect,
        )
        try:
            async with asyncio.timeout(self._clock.patience(self._timeout_s)):
                made = await client.connect()
        except TimeoutError:
            made = False
        if not made:
            client.close()
            raise self._broke(FailureKind.UNREACHABLE, "no connection")
        self._client = client
        self._generation += 1
        return client

    async def _answer(self, function: int, request: Awaitable[ModbusPDU]) -> ModbusPDU:
        """Wait for the answer, for the end of the connection, or for the late deadline."""
        self._function = function
        broken: asyncio.Future[DriverError] = asyncio.get_running_loop().create_future()
        self._broken = broken
        task = asyncio.ensure_future(request)
        try:
            either: set[asyncio.Future[Any]] = {task, broken}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise broken.result()
            answer = task.result()
        except asyncio.CancelledError:
            self._drop()  # its answer may be on the way: the next request must not take it
            raise
        except DriverError as error:
            raise self._broke(error.kind, str(error)) from None
        except (ModbusException, OSError) as error:
            seconds = self._timeout_s * LATE_FACTOR
            if broken.done():
                raise self._broke(broken.result().kind, str(broken.result())) from error
            raise self._broke(
                FailureKind.TIMEOUT, f"{self._where}: no answer within {seconds:.1f} s"
            ) from error
        finally:
            self._broken = None
            if not task.done():
                task.cancel()
        self._backoff.succeeded()
        if answer.isError():
            raise DriverError(
                FailureKind.REFUSED, f"{self._where}: exception {answer.exception_code}"
            )
        return answer

    def _inspect(self, sending: bool, data: bytes) -> bytes:  # noqa: FBT001 - the library's hook
        """Look at bytes as they arrive: what does not fit the request ends the connection."""
        if sending:
            self._transaction = data[:2]
            return data
        if len(data) < _HEADER:
            return data
        reason = self._misfit(data)
        if reason is None:
            return data
        self._fail(FailureKind.WRONG_ANSWER, reason)
        return b""

    def _misfit(self, data: bytes) -> str | None:
        """Why an answer's header does not fit the request; None if it does."""
        protocol = int.from_bytes(data[2:4], "big")
        length = int.from_bytes(data[4:6], "big")
        if protocol != 0 or not 2 <= length <= _MAX_ADU - 6:
            return "not a Modbus frame"
        if data[:2] != self._transaction:
            # the library skips the answer to another request, unless its number is 0
            return "answers without a number" if data[:2] == b"\0\0" else None
        function = data[7]
        if function & 0x7F != self._function:
            return f"answers function {function} to function {self._function}"
        is_read = function in {3, 4} and len(data) > _HEADER
        if is_read and data[8] != length - 3:
            return "byte count and frame length disagree"
        return None

    def _traced_connect(self, connected: bool) -> None:  # noqa: FBT001 - the library's hook
        if not connected:
            self._fail(FailureKind.DISCONNECTED, "the device closed the connection")

    def _fail(self, kind: FailureKind, reason: str) -> None:
        if self._broken is not None and not self._broken.done():
            self._broken.set_result(DriverError(kind, f"{self._where}: {reason}"))

    def _broke(self, kind: FailureKind, reason: str) -> DriverError:
        """Close after a failure and note when to try again."""
        self._drop()
        self._not_before = self._clock.monotonic() + self._backoff.failed()
        text = reason if reason.startswith(self._where) else f"{self._where}: {reason}"
        return DriverError(kind, text)

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None
