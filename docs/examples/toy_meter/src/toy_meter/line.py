"""One connection: a line out, a line back, within a deadline; back-off when it fails.

> get voltage/1 limit        < ok 230.5 16
> set limit 10               < ok
> get nonsense               < error no value 'nonsense'
"""

from __future__ import annotations

import asyncio
import contextlib

from ortsnetz_common.parameters.station import Connection
from ortsnetz_edge.clock import Clock
from ortsnetz_edge.drivers.backoff import Backoff
from ortsnetz_edge.drivers.contract import DriverError, FailureKind

LONGEST_LINE = 4096


class Line:
    """The connection to one device. Requests are made one at a time."""

    def __init__(self, where: Connection, clock: Clock) -> None:
        self.generation = 0  # counts connections: what holds for one must be asked of the next
        self._where, self._clock = where, clock
        self._backoff = Backoff(0.5, 15.0)
        self._not_before = 0.0
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    @property
    def connected(self) -> bool:
        """Whether the connection stands."""
        return self._streams is not None

    async def ask(self, request: str) -> list[str]:
        """The words of an answer.

        Raises:
            DriverError: there is none. Unless the device refused, the connection is closed: an
                answer that comes too late must not be taken for that of the next request.
        """
        if self._streams is None and (wait := self._not_before - self._clock.monotonic()) > 0:
            raise DriverError(FailureKind.WAITING, f"next attempt in {wait:.1f} s")
        kind, reason = FailureKind.UNREACHABLE, "no connection"
        try:
            async with asyncio.timeout(self._clock.patience(self._where.timeout_s)):
                reader, writer = self._streams or await self._connect()
                kind, reason = FailureKind.TIMEOUT, f"no answer in {self._where.timeout_s} s"
                writer.write(request.encode() + b"\n")
                line = await reader.readline()
        except TimeoutError:
            raise self.broke(kind, reason) from None
        except ValueError:
            raise self.broke(FailureKind.WRONG_ANSWER, "a line without an end") from None
        except OSError as error:
            raise self.broke(kind, f"{reason}: {error}") from None
        except asyncio.CancelledError:
            self.close()
            raise
        return self._words(line)

    def close(self) -> None:
        """Close the connection."""
        streams, self._streams = self._streams, None
        if streams is not None:
            with contextlib.suppress(OSError):
                streams[1].close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        streams = await asyncio.open_connection(
            self._where.host, self._where.port, limit=LONGEST_LINE
        )
        self._streams = streams
        self.generation += 1
        return streams

    def broke(self, kind: FailureKind, reason: str) -> DriverError:
        """Close after a failure and note when to try again; the error to raise."""
        self.close()
        self._not_before = self._clock.monotonic() + self._backoff.failed()
        return DriverError(kind, f"{self._where.address}: {reason}")

    def _words(self, line: bytes) -> list[str]:
        if not line.endswith(b"\n"):
            raise self.broke(FailureKind.DISCONNECTED, "the device closed the connection")
        words = line.decode("ascii", "replace").split()
        if words[:1] == ["error"]:
            raise DriverError(FailureKind.REFUSED, f"{self._where.address}: {' '.join(words[1:])}")
        if words[:1] != ["ok"]:
            raise self.broke(FailureKind.WRONG_ANSWER, "neither 'ok' nor 'error'")
        self._backoff.succeeded()
        return words[1:]
