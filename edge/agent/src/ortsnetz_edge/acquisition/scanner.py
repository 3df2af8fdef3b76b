"""Reads every source once a cycle, all at the same time; nobody waits for a silent one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from ortsnetz_edge.acquisition.image import NextImage
from ortsnetz_edge.drivers.contract import Driver, DriverError


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
        self._drivers = drivers
        self._image = image
        self._clock = clock
        self._outstanding: dict[str, asyncio.Task[None]] = {}
        self._answering = dict.fromkeys(drivers, True)

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
                continue
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
        try:
            scan = await driver.scan()
        except DriverError as error:
            self._answering[name] = False
            self._image.fail(name, error)
        else:
            self._answering[name] = True
            self._image.place(name, scan, now=self._clock())
        finally:
            del self._outstanding[name]
