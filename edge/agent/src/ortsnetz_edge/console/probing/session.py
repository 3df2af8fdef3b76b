"""A device on the end of the line: opened, asked within deadlines, closed."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.station import Connection
from ortsnetz_edge.console.advice import explained
from ortsnetz_edge.console.protocols import Protocols
from ortsnetz_edge.drivers.address import parse_address
from ortsnetz_edge.drivers.contract import DriverError, FailureKind, Probe
from ortsnetz_edge.drivers.environment import Environment

T = TypeVar("T")
CLOSE_DEADLINE_S = 3.0
REQUEST_FACTOR = 10.0
"""A call of the probe is several requests; more than so many time-outs is a hang."""
SHORTEST_DEADLINE_S = 10.0
BROWSE_DEADLINE_S = 300.0


@dataclass(frozen=True)
class Target:
    """What is probed, and with what."""

    url: str
    connection: Connection
    environment: Environment

    @classmethod
    def of(cls, url: str, credentials_dir: Path | None) -> Target:
        """The target of an address as it was typed.

        Raises:
            InputError: the address is none.
        """
        connection = parse_address(url)
        environment = (
            Environment()
            if credentials_dir is None
            else Environment(credentials_dir=credentials_dir)
        )
        return cls(url, connection, environment)

    @property
    def deadline_s(self) -> float:
        """Longest wait for one call but browsing."""
        return max(SHORTEST_DEADLINE_S, REQUEST_FACTOR * self.connection.timeout_s)


@asynccontextmanager
async def opened(target: Target) -> AsyncIterator[Probe]:
    """A probe at the target; failures of the device become errors for people.

    Raises:
        InputError: the address does not work with its protocol.
        OrtsnetzError: the device failed.
    """
    protocols = Protocols(target.environment)
    protocol = protocols.named(target.connection.protocol, needed_by=target.url)
    probe = protocol.probe(target.connection)
    with explained(target.connection):
        try:
            yield probe
        finally:
            with suppress(DriverError, TimeoutError):
                async with asyncio.timeout(CLOSE_DEADLINE_S):
                    await probe.close()


async def within(deadline_s: float, call: Awaitable[T]) -> T:
    """The result of a call.

    Raises:
        DriverError: there is none within the deadline.
    """
    try:
        async with asyncio.timeout(deadline_s):
            return await call
    except TimeoutError as error:
        raise DriverError(
            FailureKind.TIMEOUT, f"no end after {deadline_s:.0f} s, given up"
        ) from error


def number_of(word: str) -> float:
    """The number that was typed: decimal, or hexadecimal with 0x.

    Raises:
        InputError: it is none.
    """
    try:
        value = float(int(word, 16)) if word.lower().startswith("0x") else float(word)
    except ValueError:
        value = float("nan")
    if not math.isfinite(value):
        raise InputError(f"'{word}' is no number that can be written (decimal, or 0x and hex)")
    return value
