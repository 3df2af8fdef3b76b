"""One connection of the library's client: one request at a time, its bytes inspected.

The library's own reconnection is off: it has no jitter. Its client takes the answer to another
function for its own, and waits out its whole time-out after the peer has closed the connection in
the middle of a frame; both are caught here, on the bytes as they arrive.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable

from pymodbus.client.base import ModbusBaseClient
from pymodbus.exceptions import ConnectionException, ModbusException
from pymodbus.pdu import ModbusPDU

from ortsnetz_common.errors import InputError
from ortsnetz_common.link.reads import read_little
from ortsnetz_edge.drivers.contract import DriverError, FailureKind
from ortsnetz_edge.drivers.modbus.hooks import listen_to, security_reason
from ortsnetz_edge.drivers.modbus.inspection import HEADER, tcp_misfit, usual_answer
from ortsnetz_edge.drivers.modbus.line_frames import Echo, answer_in
from ortsnetz_edge.drivers.modbus.wire import Wire

READS = {1, 2, 3, 4, 43}
Call = Callable[[ModbusBaseClient], Awaitable[ModbusPDU]]
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # the driver says it once, in words


class Registers(ModbusPDU):
    """An answer with registers, as bytes, most significant first.

    Attributes:
        raw: as many as were asked for.
    """

    def __init__(self, frame: bytes) -> None:
        """Take a frame of Modbus TCP that has been looked at."""
        self.transaction_id = int.from_bytes(frame[:2], "big")
        self.dev_id, self.function_code = frame[6], frame[7]
        self.raw = frame[HEADER + 1 :]


class Exchange:
    """A connection over a wire, from its making to its end; then another one takes its place."""

    def __init__(self, wire: Wire, timeout_s: float) -> None:
        """Prepare a connection.

        Raises:
            DriverError: the certificates cannot be used.
        """
        self._wire = wire
        self._asked = False
        self._function = 0
        self._request = b""
        self._usual: tuple[bytes, int] | None = None
        self._echo = Echo()
        self._heard = False
        self._reason: Exception | None = None
        try:
            self._client = wire.client(timeout_s, self._inspect)
        except InputError as error:
            raise self._error(FailureKind.INSECURE, f"certificates: {error}") from error
        listen_to(self._client, failed=self._not_made, lost=self._lost, garbled=self._garbled)

    @property
    def connected(self) -> bool:
        """Whether the connection stands."""
        return self._client.connected

    async def connect(self, patience_s: float) -> None:
        """Make the connection.

        Raises:
            DriverError: there is none.
        """
        try:
            async with asyncio.timeout(patience_s):
                made = await self._client.connect()
        except TimeoutError:
            made = False
        except asyncio.CancelledError:
            self._client.close()
            raise
        if made:
            read_little(self._client.ctx.transport)
            return
        self._client.close()
        insecure = security_reason(self._reason)
        if insecure is not None:
            raise self._error(FailureKind.INSECURE, insecure)
        raise self._error(FailureKind.UNREACHABLE, f"no connection{_why(self._reason)}")

    async def answer(self, function: int, call: Call, seconds: float) -> ModbusPDU:
        """Send a request; wait for the answer, for the end of the connection, or for the deadline.

        The library waits for a future of its own; what ends the wait early is put there, so that a
        request costs no task of its own.

        Raises:
            DriverError: there is no answer that fits.
        """
        self._function, self._heard, self._asked = function, False, True
        self._client.ctx.comm_params.timeout_connect = seconds
        try:
            answer = await call(self._client)
        except ConnectionException as error:
            raise self._error(FailureKind.DISCONNECTED, "the connection is lost") from error
        except ModbusException as error:
            raise self._silence(seconds) from error
        finally:
            self._asked = False
        if answer.function_code & 0x7F != function:
            raise self._error(
                FailureKind.WRONG_ANSWER,
                f"answers function {answer.function_code} to function {function}",
            )
        return answer

    def close(self, reason: str = "closed by the agent") -> None:
        """Close the connection; a request that is under way fails."""
        self._break(FailureKind.DISCONNECTED, reason)
        self._client.close()

    def _not_made(self, reason: Exception | None) -> None:
        self._reason = reason

    def _lost(self, reason: Exception | None) -> None:
        insecure = security_reason(reason)
        if insecure is not None:
            self._break(FailureKind.INSECURE, insecure)
        self._break(FailureKind.DISCONNECTED, "the device closed the connection")

    def _garbled(self, reason: Exception | None) -> None:
        self._break(FailureKind.WRONG_ANSWER, f"no Modbus answer: {reason}")

    def _silence(self, seconds: float) -> DriverError:
        if self._heard and self._wire.serial:
            words = "a garbled or truncated answer, or one of another unit"
            return self._error(FailureKind.WRONG_ANSWER, words)
        return self._error(FailureKind.TIMEOUT, f"no answer within {seconds:.1f} s")

    def _inspect(self, sending: bool, data: bytes) -> bytes:  # noqa: FBT001 - the library's hook
        """Look at bytes as they arrive: what does not fit the request ends the connection."""
        if sending:
            self._request = data
            if self._wire.serial:
                self._echo.sending(data, reads=self._function in READS)
            else:
                self._usual = usual_answer(data)
            return data
        if self._wire.serial:
            heard = self._echo.stripped(data)
            self._heard = self._heard or bool(heard)
            return answer_in(heard, self._request)
        usual = self._usual
        if usual is not None and len(data) == usual[1] and data.startswith(usual[0]):
            return self._taken(data)
        reason = tcp_misfit(data, self._request)
        if reason is None:
            return data
        self._break(FailureKind.WRONG_ANSWER, reason)
        return b""

    def _taken(self, frame: bytes) -> bytes:
        """Hand the usual answer over as it is: the library need not decode it."""
        waiting = self._client.ctx.response_future
        if self._asked and not waiting.done():
            waiting.set_result(Registers(frame))
        return b""

    def _break(self, kind: FailureKind, reason: str) -> None:
        """End the request that is under way."""
        waiting = self._client.ctx.response_future
        if self._asked and not waiting.done():
            waiting.set_exception(self._error(kind, reason))

    def _error(self, kind: FailureKind, reason: str) -> DriverError:
        return DriverError(kind, f"{self._wire.where}: {reason}")


def _why(reason: Exception | None) -> str:
    """Why a connection was not made, as far as the system says."""
    if not isinstance(reason, OSError):
        return ""
    text = reason.strerror or str(reason)
    if reason.errno and text.startswith("Connect call failed"):  # asyncio's words, with the address
        text = os.strerror(reason.errno)
    return f": {text}" if text else ""
