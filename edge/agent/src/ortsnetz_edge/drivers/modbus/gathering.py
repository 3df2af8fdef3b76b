"""What several sources of one unit ask for at the same time, in the fewest requests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ortsnetz_edge.drivers.contract import DriverError
from ortsnetz_edge.drivers.modbus.decode import Data
from ortsnetz_edge.drivers.modbus.exceptions import NO_SUCH_ADDRESS, RefusedError
from ortsnetz_edge.drivers.modbus.plan import plan
from ortsnetz_edge.profiles.references.modbus import Kind, RegisterReference, Table

Epoch = tuple[int, int]
Fetch = Callable[[Table, int, int, Epoch], Awaitable[Data]]
_MOST = 125  # registers a request


@dataclass(frozen=True, slots=True)
class _Wanted:
    table: Table
    address: int
    count: int
    epoch: Epoch
    whole: bool


class Gathering:
    """Waits until everybody who asks in this round of the event loop has asked.

    The bays of one device lie beside each other, and are scanned at the same time. Where the device
    refuses a merged request for an address in it, the sources are served one by one from then on:
    each knows which of its addresses may be missing.
    """

    def __init__(self, fetch: Fetch) -> None:
        """Begin with the limits of the protocol.

        Args:
            fetch: sends one request.
        """
        self._fetch = fetch
        self._limit, self._gap = _MOST, _MOST
        self._wanted: dict[_Wanted, asyncio.Future[Data]] = {}
        self._under_way: dict[_Wanted, asyncio.Future[Data]] = {}
        self._apart: set[_Wanted] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def agree(self, limit: int, gap: int) -> None:
        """Keep the limit and gap of one more source as well."""
        self._limit, self._gap = min(self._limit, limit), min(self._gap, gap)

    async def read(
        self, table: Table, address: int, count: int, epoch: Epoch, *, whole: bool
    ) -> Data:
        """Read registers or bits, with what others want.

        Raises:
            DriverError: no answer that fits; `RefusedError` where it is an exception.
        """
        wanted = _Wanted(table, address, count, epoch, whole)
        future = self._wanted.get(wanted) or self._under_way.get(wanted)
        if future is None:
            loop = asyncio.get_running_loop()
            if not self._wanted:
                loop.call_soon(self._send)
            future = self._wanted[wanted] = loop.create_future()
        return await asyncio.shield(future)

    def _send(self) -> None:
        """Plan what was asked for, and begin to fetch it."""
        wanted, self._wanted = self._wanted, {}
        self._under_way |= wanted
        self._apart = {each for each in self._apart if any(each.epoch == w.epoch for w in wanted)}
        alone = [w for w in wanted if w.whole or w.count > self._limit or w in self._apart]
        groups = [[each] for each in alone]
        for epoch in dict.fromkeys(each.epoch for each in wanted):
            together = [w for w in wanted if w not in alone and w.epoch == epoch]
            groups += self._merged(together)
        for group in groups:
            task = asyncio.create_task(self._serve(group))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _merged(self, wanted: list[_Wanted]) -> list[list[_Wanted]]:
        blocks = [
            RegisterReference(each.table, each.address, Kind.TEXT, each.count) for each in wanted
        ]
        requests = plan(blocks, range(len(blocks)), limit=self._limit, gap=self._gap)
        return [[wanted[place] for place in request.places] for request in requests]

    async def _serve(self, group: list[_Wanted]) -> None:
        """Fetch what a group wants with one request, and give each its part."""
        first = min(each.address for each in group)
        count = max(each.address + each.count for each in group) - first
        try:
            data = await self._fetch(group[0].table, first, count, group[0].epoch)
        except DriverError as error:
            refused = isinstance(error, RefusedError) and error.code == NO_SUCH_ADDRESS
            if refused and len(group) > 1:
                self._apart.update(group)
                for each in group:
                    await self._serve([each])
                return
            for each in group:
                self._over(each, error)
        except BaseException:
            for each in group:
                self._under_way.pop(each).cancel()
            raise
        else:
            for each in group:
                self._over(each, _part(data, each, first))

    def _over(self, wanted: _Wanted, outcome: Data | DriverError) -> None:
        future = self._under_way.pop(wanted)
        if future.done():
            return
        if isinstance(outcome, DriverError):
            future.set_exception(outcome)
            future.exception()  # whoever waits has it; nobody may be left
        else:
            future.set_result(outcome)


def _part(data: Data, wanted: _Wanted, first: int) -> Data:
    size = 2 if wanted.table in {Table.HOLDING, Table.INPUT} else 1
    begin = size * (wanted.address - first)
    return data[begin : begin + size * wanted.count]
