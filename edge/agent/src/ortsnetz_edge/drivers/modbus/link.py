"""One link: deadlines, own back-off, and answers checked against their request."""

from __future__ import annotations

import asyncio
import logging
import os
import zlib
from collections.abc import Awaitable, Callable

from pymodbus.client.base import ModbusBaseClient
from pymodbus.exceptions import ConnectionException, ModbusException
from pymodbus.pdu import ModbusPDU

from ortsnetz_common.link.reads import read_little
from ortsnetz_edge.clock import Clock
from ortsnetz_edge.drivers.backoff import Backoff
from ortsnetz_edge.drivers.contract import DriverError, FailureKind
from ortsnetz_edge.drivers.modbus.hooks import listen_to, security_reason
from ortsnetz_edge.drivers.modbus.inspection import tcp_misfit
from ortsnetz_edge.drivers.modbus.line_frames import Echo, answer_in
from ortsnetz_edge.drivers.modbus.neighbours import Neighbours
from ortsnetz_edge.drivers.modbus.wire import Wire

BACKOFF_FIRST_S = 0.5
BACKOFF_CAP_S = 15.0
LATE_FACTOR = 4.0
"""A whole answer is still taken until this many time-outs where a link has one unit only: the
device has served it, and a served read must not be lost. The cycle does not wait for it."""
READS = {1, 2, 3, 4, 43}
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # the driver says it once, in words
Call = Callable[[ModbusBaseClient], Awaitable[ModbusPDU]]


class Link:
    """The connection to one address, shared by all units behind it, one request at a time.

    The library's own reconnection is off: it has no jitter. Its client takes the answer to another
    function for its own, and waits out its whole time-out after the peer has closed the connection
    in the middle of a frame; both are caught here, on the bytes as they arrive.

    Attributes:
        generation: number of the present connection; grows with each new one.
        units: numbers of the units that are asked over this link.
    """

    def __init__(self, wire: Wire, timeout_s: float, clock: Clock, *, name: str = "") -> None:
        self.generation = 0
        self.units: set[int] = set()
        self._wire, self._clock = wire, clock
        self._timeout_s = timeout_s
        # stepped time is repeatable wherever it runs: there the jitter comes from the source's name
        seed = zlib.crc32(name.encode()) if clock.stepped else None
        self._backoff = Backoff(BACKOFF_FIRST_S, BACKOFF_CAP_S, seed)
        self._not_before = 0.0
        self._quiet_until = 0.0
        self._lock = asyncio.Lock()
        self._client: ModbusBaseClient | None = None
        self._asked: ModbusBaseClient | None = None
        self._function = 0
        self._request = b""
        self._echo = Echo()
        self._heard = False
        self._reason: Exception | None = None
        self._neighbours = Neighbours()

    @property
    def connected(self) -> bool:
        """Whether the connection stands."""
        return self._client is not None and self._client.connected

    @property
    def where(self) -> str:
        """Its address in words."""
        return self._wire.where

    @property
    def shared(self) -> bool:
        """Whether several units are behind it; on a serial line there always may be."""
        return self._wire.serial or len(self.units) > 1

    @property
    def serial(self) -> bool:
        """Whether its frames are those of a serial line, without numbers."""
        return self._wire.serial

    async def opened(self) -> int:
        """Connect if need be; number of the connection.

        Raises:
            DriverError: there is no connection.
        """
        if not self.connected:
            async with self._lock:
                await self._connected()
        return self.generation

    async def ask(
        self, unit: int, function: int, call: Call, *, timeout_s: float, generation: int
    ) -> ModbusPDU:
        """One request and its answer; may be an exception of the device.

        Args:
            unit: that is asked.
            function: of the request.
            call: sends it.
            timeout_s: of the unit.
            generation: of the connection over which it has to go.

        Raises:
            DriverError: no answer that fits. The connection is closed, except where it is only one
                unit of several that does not answer, or a serial line.
        """
        async with self._lock:
            client = await self._connected()
            if generation != self.generation:
                raise DriverError(
                    FailureKind.DISCONNECTED,
                    f"{self.where}: a new connection, and nobody knows yet who is there",
                )
            await self._quiet()
            rest_s = self._wire.quiet_s
            try:
                answer = await self._answer(client, function, call, timeout_s)
            except DriverError as error:
                raise self._judged(unit, error) from error.__cause__
            except asyncio.CancelledError:
                rest_s = self._given_up(timeout_s)
                raise
            finally:
                self._quiet_until = asyncio.get_running_loop().time() + rest_s
        self._backoff.succeeded()
        self._neighbours.answered(unit)
        return answer

    def _judged(self, unit: int, error: DriverError) -> DriverError:
        """Whether a failure is one of the unit alone; if not, the connection is closed."""
        if error.kind is FailureKind.TIMEOUT and self.shared and self.connected:
            whole = self._neighbours.silent(unit)
            if not whole or self._wire.lasts:
                return error
        if error.kind is FailureKind.WRONG_ANSWER and self.serial and self.connected:
            return error
        return self._broke(error.kind, str(error))

    def fail(self, kind: FailureKind, reason: str) -> DriverError:
        """Close the connection because an answer cannot be right; the error to raise."""
        return self._broke(kind, reason)

    async def close(self) -> None:
        """Close the connection; a request that is under way fails."""
        self._break(FailureKind.DISCONNECTED, "closed by the agent")
        self._drop()

    def _given_up(self, timeout_s: float) -> float:
        """The caller does not wait any more, but the answer may be on its way.

        The next request must not take it: a connection is closed; on a line, where answers have no
        number, nothing is sent until it must have come. How long that is.
        """
        if self.serial:
            return max(timeout_s, self._wire.quiet_s)
        self._drop()
        return 0.0

    async def _quiet(self) -> None:
        """Leave the silence that a serial line needs."""
        wait = self._quiet_until - asyncio.get_running_loop().time()
        if wait > 0:
            await asyncio.sleep(wait)

    async def _connected(self) -> ModbusBaseClient:
        if self._client is not None and self._client.connected:
            return self._client
        wait = self._not_before - self._clock.monotonic()
        if wait > 0:
            raise DriverError(FailureKind.WAITING, f"{self.where}: next attempt in {wait:.1f} s")
        self._drop()
        client = await self._new_client()
        self._client = client
        self.generation += 1
        self._echo = Echo()
        self._neighbours = Neighbours(self.units)
        return client

    async def _new_client(self) -> ModbusBaseClient:
        late_s = self._timeout_s * LATE_FACTOR
        try:
            client = self._wire.client(late_s, self._inspect)
        except OSError as error:  # of which TLS errors are a kind
            raise self._broke(FailureKind.INSECURE, f"certificates: {error}") from error
        self._reason = None
        listen_to(client, failed=self._not_made, lost=self._lost, garbled=self._garbled)
        try:
            async with asyncio.timeout(self._clock.patience(self._timeout_s)):
                made = await client.connect()
        except TimeoutError:
            made = False
        if not made:
            client.close()
            insecure = security_reason(self._reason)
            if insecure is not None:
                raise self._broke(FailureKind.INSECURE, insecure)
            raise self._broke(FailureKind.UNREACHABLE, f"no connection{_why(self._reason)}")
        read_little(client.ctx.transport)
        return client

    def _not_made(self, reason: Exception | None) -> None:
        self._reason = reason

    def _lost(self, reason: Exception | None) -> None:
        insecure = security_reason(reason)
        if insecure is not None:
            self._break(FailureKind.INSECURE, insecure)
        self._break(FailureKind.DISCONNECTED, "the device closed the connection")

    def _garbled(self, reason: Exception | None) -> None:
        self._break(FailureKind.WRONG_ANSWER, f"no Modbus answer: {reason}")

    async def _answer(
        self, client: ModbusBaseClient, function: int, call: Call, timeout_s: float
    ) -> ModbusPDU:
        """Wait for the answer, for the end of the connection, or for the deadline.

        The library waits for a future of its own; what ends the wait early is put there, so that a
        request costs no task of its own.
        """
        self._function, self._heard = function, False
        seconds = timeout_s if self.shared else timeout_s * LATE_FACTOR
        client.ctx.comm_params.timeout_connect = seconds
        self._asked = client
        try:
            answer = await call(client)
        except ConnectionException as error:
            raise DriverError(
                FailureKind.DISCONNECTED, f"{self.where}: the connection is lost"
            ) from error
        except ModbusException as error:
            raise self._silence(seconds) from error
        finally:
            self._asked = None
        if answer.function_code & 0x7F != function:
            raise DriverError(
                FailureKind.WRONG_ANSWER,
                f"{self.where}: answers function {answer.function_code} to function {function}",
            )
        return answer

    def _silence(self, seconds: float) -> DriverError:
        if self._heard and self._wire.serial:
            return DriverError(
                FailureKind.WRONG_ANSWER,
                f"{self.where}: a garbled or truncated answer, or one of another unit",
            )
        return DriverError(FailureKind.TIMEOUT, f"{self.where}: no answer within {seconds:.1f} s")

    def _inspect(self, sending: bool, data: bytes) -> bytes:  # noqa: FBT001 - the library's hook
        """Look at bytes as they arrive: what does not fit the request ends the connection."""
        if sending:
            self._request = data
            if self._wire.serial:
                self._echo.sending(data, reads=self._function in READS)
            return data
        if self._wire.serial:
            heard = self._echo.stripped(data)
            self._heard = self._heard or bool(heard)
            return answer_in(heard, self._request)
        reason = tcp_misfit(data, self._request)
        if reason is None:
            return data
        self._break(FailureKind.WRONG_ANSWER, reason)
        return b""

    def _break(self, kind: FailureKind, reason: str) -> None:
        """End the request that is under way."""
        if self._asked is None:
            return
        waiting = self._asked.ctx.response_future
        if not waiting.done():
            waiting.set_exception(DriverError(kind, f"{self.where}: {reason}"))

    def _broke(self, kind: FailureKind, reason: str) -> DriverError:
        """Close after a failure and note when to try again."""
        self._drop()
        self._not_before = self._clock.monotonic() + self._backoff.failed()
        text = reason if reason.startswith(self.where) else f"{self.where}: {reason}"
        return DriverError(kind, text)

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


def _why(reason: Exception | None) -> str:
    """Why a connection was not made, as far as the system says."""
    if not isinstance(reason, OSError):
        return ""
    text = reason.strerror or str(reason)
    if reason.errno and text.startswith("Connect call failed"):  # asyncio's words, with the address
        text = os.strerror(reason.errno)
    return f": {text}" if text else ""
