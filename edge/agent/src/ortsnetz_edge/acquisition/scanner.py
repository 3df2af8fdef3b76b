"""Reads every source once a cycle, all at the same time; nobody waits for a silent one."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from functools import partial

from ortsnetz_edge.acquisition.image import NextImage
from ortsnetz_edge.drivers.contract import Driver, DriverError, FailureKind, Scan

log = logging.getLogger(__name__)

GIVE_UP_S = 120.0
"""A driver ends its requests by itself; one that has not for so long never will."""


class Scanner:
    """Starts the reads of a cycle and waits for those that can be expected to answer.

    A source has at most one request outstanding. One that is late is left alone until it has
    answered or failed: its answer, having been served, still enters the image, exactly once.
    """

    def __init__(
        self,
        drivers: Mapping[str, Driver],
        image: NextImage,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.on_value: Callable[[str], None] | None = None
        """Told the source of each answer and report once it is placed."""
        self._drivers = drivers
        self._image = image
        self._clock = clock
        self._outstanding: dict[str, asyncio.Task[None]] = {}
        self._since: dict[str, float] = {}
        self._answering = dict.fromkeys(drivers, True)
        self._mistaken: set[str] = set()

    def listen(self) -> None:
        """Take what devices report by themselves, as it comes. Not in stepped time."""
        for name, driver in self._drivers.items():
            try:
                driver.subscribe(partial(self._reported, name))
            except Exception as error:  # noqa: BLE001 - it is still asked in each cycle
                self._image.fail(name, self._mistake(name, error))

    async def scan(self, patience_s: float, *, everybody: bool = False) -> None:
        """Read all sources.

        Args:
            patience_s: longest wait for sources that answered last time. Those that did not are
                asked, and not waited for.
            everybody: wait for those too, as stepped time does: what an answer finds must not
                depend on how fast the machine is.
        """
        for name, driver in self._drivers.items():
            if name in self._outstanding:
                self._image.counters["scans_skipped"] += 1
                self._give_up_if_lost(name)
                continue
            self._since[name] = self._clock()
            self._outstanding[name] = asyncio.create_task(self._read(name, driver))
        expected = [
            task for name, task in self._outstanding.items() if everybody or self._answering[name]
        ]
        if expected:
            await asyncio.wait(expected, timeout=patience_s)
        for name in self._outstanding:
            self._answering[name] = False

    async def drain(self, patience_s: float) -> None:
        """Wait for outstanding answers without asking again; then give the rest up."""
        if self._outstanding:
            await asyncio.wait(list(self._outstanding.values()), timeout=patience_s)
        for task in list(self._outstanding.values()):
            task.cancel()

    async def _read(self, name: str, driver: Driver) -> None:
        answered = False
        try:
            scan = await driver.scan()
            self._image.place(name, scan, now=self._clock())
            answered = True
            self._tell(name)
        except DriverError as error:
            self._image.fail(name, error)
        except Exception as error:  # noqa: BLE001 - a driver's mistake costs its source a reading
            self._image.fail(name, self._mistake(name, error))
        finally:
            self._answering[name] = answered
            del self._outstanding[name]

    def _reported(self, name: str, scan: Scan) -> None:
        try:
            self._image.place(name, scan, now=self._clock(), reported=True)
            self._tell(name)
        except DriverError as error:
            self._image.fail(name, error)

    def ask(self, name: str) -> None:
        """Read one source between two cycles, unless a read of it is under way."""
        if name not in self._outstanding:
            self._since[name] = self._clock()
            self._outstanding[name] = asyncio.create_task(self._read(name, self._drivers[name]))

    def _tell(self, name: str) -> None:
        if self.on_value is None:
            return
        try:
            self.on_value(name)
        except Exception:  # whoever listens: it is no mistake of the driver's
            self._image.counters["values_not_looked_at"] += 1
            log.exception("'%s': a value could not be looked at", name)

    def _give_up_if_lost(self, name: str) -> None:
        if self._clock() - self._since[name] > GIVE_UP_S:
            self._image.counters["scans_given_up"] += 1
            self._outstanding[name].cancel()
            words = f"the driver has not ended its scan for {GIVE_UP_S:.0f} s"
            self._image.fail(name, DriverError(FailureKind.TIMEOUT, words))

    def _mistake(self, name: str, error: Exception) -> DriverError:
        """Log a driver's mistake once for each source; the counters say the rest."""
        words = f"the driver made a mistake: {type(error).__name__}: {error}"
        if name not in self._mistaken:
            self._mistaken.add(name)
            log.error("'%s': %s", name, words, exc_info=error)
        return DriverError(FailureKind.WRONG_ANSWER, words)
