"""One link: the connections to one address one after the other, with deadlines and a back-off."""

from __future__ import annotations

import asyncio
import zlib

from pymodbus.pdu import ModbusPDU

from ortsnetz_edge.clock import Clock
from ortsnetz_edge.drivers.backoff import Backoff
from ortsnetz_edge.drivers.contract import DriverError, FailureKind
from ortsnetz_edge.drivers.modbus.exchange import Call, Exchange
from ortsnetz_edge.drivers.modbus.neighbours import Neighbours
from ortsnetz_edge.drivers.modbus.wire import Wire

BACKOFF_FIRST_S = 0.5
BACKOFF_CAP_S = 15.0
LATE_FACTOR = 4.0
"""A whole answer is still taken until this many time-outs where a link has one unit only: the
device has served it, and a served read must not be lost. The cycle does not wait for it."""


class Link:
    """What leads to one address, shared by all units behind it, one request at a time.

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
        self._exchange: Exchange | None = None
        self._neighbours = Neighbours()

    @property
    def connected(self) -> bool:
        """Whether the connection stands."""
        return self._exchange is not None and self._exchange.connected

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
            exchange = await self._connected()
            if generation != self.generation:
                raise DriverError(
                    FailureKind.DISCONNECTED,
                    f"{self.where}: a new connection, and nobody knows yet who is there",
                )
            if self._quiet_until:
                await self._quiet()
            rest_s = self._wire.quiet_s
            try:
                answer = await exchange.answer(function, call, self._deadline_s(timeout_s))
            except DriverError as error:
                raise self._judged(unit, error) from error.__cause__
            except asyncio.CancelledError:
                rest_s = self._given_up(timeout_s)
                raise
            finally:
                if rest_s:
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

    def _deadline_s(self, timeout_s: float) -> float:
        return timeout_s if self.shared else timeout_s * LATE_FACTOR

    async def _connected(self) -> Exchange:
        if self._exchange is not None and self._exchange.connected:
            return self._exchange
        wait = self._not_before - self._clock.monotonic()
        if wait > 0:
            raise DriverError(FailureKind.WAITING, f"{self.where}: next attempt in {wait:.1f} s")
        self._drop()
        try:
            exchange = Exchange(self._wire, self._timeout_s * LATE_FACTOR)
            await exchange.connect(self._clock.patience(self._timeout_s))
        except DriverError as error:
            raise self._broke(error.kind, str(error)) from error.__cause__
        self._exchange = exchange
        self.generation += 1
        self._neighbours = Neighbours(self.units)
        return exchange

    def _broke(self, kind: FailureKind, reason: str) -> DriverError:
        """Close after a failure and note when to try again."""
        self._drop()
        self._not_before = self._clock.monotonic() + self._backoff.failed()
        text = reason if reason.startswith(self.where) else f"{self.where}: {reason}"
        return DriverError(kind, text)

    def _drop(self) -> None:
        if self._exchange is not None:
            self._exchange.close()
            self._exchange = None
