"""An outstation as it is reached: the connection, when to try again, and what it indicates."""

from __future__ import annotations

import logging
import zlib
from collections import Counter
from collections.abc import Callable

from py1815.application import IIN, FunctionCode, IIN2Bit, IINBit
from py1815.master.association import Exchange, Unsolicited
from py1815.master.operations import Steps

from ortsnetz_edge.clock import Clock
from ortsnetz_edge.drivers.backoff import Backoff
from ortsnetz_edge.drivers.contract import DriverError, FailureKind
from ortsnetz_edge.drivers.dnp3.connection import Dnp3Connection, Endpoint

logger = logging.getLogger(__name__)

BACKOFF_FIRST_S = 0.5
BACKOFF_CAP_S = 15.0
EVENT_BITS = (IINBit.CLASS_1_EVENTS, IINBit.CLASS_2_EVENTS, IINBit.CLASS_3_EVENTS)
REFUSALS = (IIN2Bit.FUNC_NOT_SUPPORTED, IIN2Bit.OBJECT_UNKNOWN, IIN2Bit.PARAM_ERROR)


class Station:
    """One outstation, over all its connections.

    Attributes:
        counters: `restarts`, `overflows`; others add theirs.
        restarted: the outstation has said that it has restarted, and nobody has acted upon it yet.
        events_lost: its event buffer has overflown since the last integrity poll, or events came
            behind an object that nobody here can read.
    """

    def __init__(self, endpoint: Endpoint, clock: Clock, name: str) -> None:
        self.counters: Counter[str] = Counter()
        self.restarted = self.events_lost = False
        self._endpoint, self._clock = endpoint, clock
        # stepped time is repeatable wherever it runs: there the jitter comes from the source's name
        seed = zlib.crc32(name.encode()) if clock.stepped else None
        self._backoff = Backoff(BACKOFF_FIRST_S, BACKOFF_CAP_S, seed)
        self._not_before = 0.0
        self._lost = False
        self._connection: Dnp3Connection | None = None
        self._indications = IIN()
        self._restart_seen = False

    @property
    def where(self) -> str:
        """The outstation, for people."""
        return self._endpoint.where

    @property
    def connected(self) -> bool:
        """Whether there is a connection about which nothing is known to be wrong."""
        return self._connection is not None and self._connection.broken is None

    @property
    def more_events(self) -> bool:
        """Whether it has said that it has more events."""
        return any(self.indicates(bit) for bit in EVENT_BITS)

    def indicates(self, bit: IINBit) -> bool:
        """Whether its last response had this indication."""
        return self._indications.is_set(bit)

    async def connect(self, on_unsolicited: Callable[[Unsolicited], None]) -> None:
        """Make a new connection, unless it is too early.

        Raises:
            DriverError: there is none; says why.
        """
        wait = self._not_before - self._clock.monotonic()
        if wait > 0:
            raise DriverError(FailureKind.WAITING, f"{self.where}: next attempt in {wait:.1f} s")
        if self._connection is not None:
            if self._connection.broken is not None:
                self._note_lost(self._connection.broken)
            self._connection.abandon()
        self.restarted = self._restart_seen = False
        self._indications = IIN()
        try:
            self._connection = await Dnp3Connection.open(self._endpoint, on_unsolicited)
        except DriverError as error:
            raise self.lose(error) from None

    async def ask(self, function: FunctionCode, body: bytes) -> Exchange:
        """One request and its whole answer.

        Raises:
            DriverError: there is no answer; the connection is given up.
        """
        try:
            exchange = await self._standing().request(function, body)
        except DriverError as error:
            raise self.lose(error) from None
        self.saw(exchange.iin)
        return exchange

    async def carry_out(self, plan: Steps) -> list[Exchange]:
        """Requests that nothing may come in between.

        Raises:
            DriverError: an answer is missing; the connection is given up.
        """
        try:
            done = await self._standing().carry_out(plan)
        except DriverError as error:
            raise self.lose(error) from None
        for exchange in done:
            self.saw(exchange.iin)
        return done

    def saw(self, indications: IIN | None) -> None:
        """Take the indications of a response; a restart counts when its bit appears."""
        if indications is None:
            return
        self._indications = indications
        restart = indications.is_set(IINBit.DEVICE_RESTART)
        if restart and not self._restart_seen:
            self.restarted = True
            self.counters["restarts"] += 1
        self._restart_seen = restart
        if indications.is_set(IIN2Bit.EVENT_BUFFER_OVERFLOW) and not self.events_lost:
            self.events_lost = True
            self.counters["overflows"] += 1

    def lose(self, error: DriverError) -> DriverError:
        """Give the connection up, note when to try again, and say it once."""
        if self._connection is not None:
            self._connection.abandon()
            self._connection = None
        self._not_before = self._clock.monotonic() + self._backoff.failed()
        self._note_lost(error)
        return error

    def wrong(self, reason: str) -> DriverError:
        """The same for an answer that cannot be."""
        return self.lose(DriverError(FailureKind.WRONG_ANSWER, f"{self.where}: {reason}"))

    def recovered(self) -> None:
        """Everything has been read: the next failure is a new one."""
        self._backoff.succeeded()
        if self._lost:
            logger.info("%s: answers again", self.where)
            self._lost = False

    async def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    def _standing(self) -> Dnp3Connection:
        if self._connection is None:
            raise DriverError(FailureKind.DISCONNECTED, f"{self.where}: not connected")
        return self._connection

    def _note_lost(self, error: DriverError) -> None:
        if not self._lost:
            self._lost = True
            logger.warning("%s", error)


def refusals(indications: IIN | None) -> str:
    """Why a request was refused, in words; empty if it was not."""
    if indications is None:
        return "no indications"
    return ", ".join(
        bit.name.lower().replace("_", " ") for bit in REFUSALS if indications.is_set(bit)
    )
