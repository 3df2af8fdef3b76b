"""What a scan reads: requests that are due, values of slower groups kept with their own time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ortsnetz_common.measurement.quality import Quality
from ortsnetz_common.measurement.time import TimeQuality
from ortsnetz_edge.clock import Clock
from ortsnetz_edge.drivers.contract import DriverError, FailureKind, Scan
from ortsnetz_edge.drivers.modbus.block_decoding import BlockDecoder
from ortsnetz_edge.drivers.modbus.compiled import ModbusMap
from ortsnetz_edge.drivers.modbus.exceptions import AWAY, RefusedError
from ortsnetz_edge.drivers.modbus.plan import Request, plan
from ortsnetz_edge.drivers.modbus.splitting import Splitting
from ortsnetz_edge.drivers.modbus.unit import Epoch, Unit

REFUSED = int(Quality.INVALID | Quality.FAILURE)
BAD_REFERENCE = int(Quality.INVALID | Quality.BAD_REFERENCE)
_SET_BY_RECEIVER = int(TimeQuality.SET_BY_RECEIVER)
_MOST_PLANS = 64
"""So many sets of due references are kept planned: two to the number of groups, mostly."""


class Reading:
    """The raw values of one source, and when they were read.

    Attributes:
        refusals: what the device has refused in the last scan, other than for an address.
    """

    def __init__(self, compiled: ModbusMap, unit: Unit, clock: Clock) -> None:
        self.refusals: list[RefusedError] = []
        self._map, self._clock = compiled, clock
        self._points = compiled.points
        self._unit = unit
        count = len(self._points.references)
        self._splitting = Splitting(self._points.references, unit)
        self._raws: list[float | None] = [None] * count
        self._qualities = [0] * count
        self._read_ns = [0] * count
        self._ticks: list[int | None] = [None] * count
        self._slow = any(self._points.periods_s)
        # what was not found among the device's SunSpec models has no address to ask for
        self._all = tuple(
            place for place, at in enumerate(self._points.references) if at.model is None
        )
        self._plan_of_all: tuple[Request, ...] | None = None
        self._plans: dict[tuple[int, ...], tuple[Request, ...]] = {}
        self._decoders: dict[Request, BlockDecoder] = {}
        self._epoch: Epoch | None = None

    async def scan(self, epoch: Epoch) -> Scan:
        """Read what is due.

        Where the device refuses one of several requests, its values are missing, or as old as they
        are; the others go on.

        Raises:
            DriverError: there is no answer, or nothing that the device does not refuse.
        """
        if epoch != self._epoch:
            self._begin_anew(epoch)
        due = self._due() if self._slow else self._all
        brought, left = False, set[int]()
        self.refusals = []
        for request in self._planned(due):
            try:
                answers = await self._splitting.fetch(request, epoch)
            except RefusedError as error:
                if error.code in AWAY:
                    raise
                self.refusals.append(error)
                left.update(request.places)
                continue
            for part, data in answers:
                brought = True
                self._compiled(part).put(data, self._raws)
        if not brought:
            raise self._nothing()
        return self._scan(due, left)

    def _nothing(self) -> DriverError:
        """Why nothing has come; next time everything is asked for again."""
        self._splitting.forget()
        if self.refusals:
            return self.refusals[0]
        return DriverError(
            FailureKind.REFUSED,
            f"{self._unit.where}: exception 2: the device has none of the addresses that the "
            "profile reads",
        )

    def _begin_anew(self, epoch: Epoch) -> None:
        """A new connection: what was known of the device need not hold."""
        self._epoch = epoch
        self._splitting.forget()
        self._ticks = [None] * len(self._ticks)
        self._qualities = [0] * len(self._qualities)

    def _scan(self, due: tuple[int, ...], left: set[int]) -> Scan:
        """The scan of what has come; `left` are places of which the device has refused to speak."""
        received_ns = self._clock.now_ns()
        missing = self._splitting.missing
        if missing or left or any(self._qualities):
            self._mark(left)
        if self._slow:
            read = [place for place in due if place not in left]
            for place in read:
                self._read_ns[place] = received_ns
            self._note_ticks(read)
        scan = self._points.scan(
            self._raws, received_ns, self._qualities if missing or left else None
        )
        return self._with_times(scan) if self._slow else scan

    def _mark(self, left: set[int]) -> None:
        """Say of raw values why they are missing; those of slower groups stay as they are."""
        self._qualities = [0] * len(self._qualities)
        for place in left:
            if not self._points.periods_s[place]:
                self._raws[place], self._qualities[place] = None, REFUSED
        for place in self._splitting.missing:
            self._raws[place], self._qualities[place] = None, BAD_REFERENCE

    def _with_times(self, scan: Scan) -> Scan:
        """Values of slower groups keep the time at which they were read."""
        times: list[int] = []
        qualities: list[int] = []
        periods = self._points.periods_s
        for places in self._points.places:
            slow = [place for place in places if periods[place]]
            times.append(min((self._read_ns[place] for place in slow), default=scan.time_ns))
            qualities.append(_SET_BY_RECEIVER if slow else scan.time_quality)
        return replace(scan, value_times_ns=tuple(times), value_time_qualities=tuple(qualities))

    def _due(self) -> tuple[int, ...]:
        """Places that are due: periods begin with the clock, not with the last answer."""
        now = self._clock.monotonic()
        periods = self._points.periods_s
        return tuple(
            place
            for place in self._all
            if not periods[place] or self._ticks[place] != now // periods[place]
        )

    def _note_ticks(self, read: Sequence[int]) -> None:
        now = self._clock.monotonic()
        for place in read:
            period_s = self._points.periods_s[place]
            if period_s:
                self._ticks[place] = int(now // period_s)

    def _planned(self, due: tuple[int, ...]) -> tuple[Request, ...]:
        if due is self._all and self._plan_of_all is not None:
            return self._plan_of_all
        planned = self._plans.get(due)
        if planned is None:
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()
            options = self._map.options
            planned = self._plans[due] = plan(
                self._points.references,
                due,
                limit=options.registers,
                gap=options.gap,
                whole=self._map.whole,
            )
        if due is self._all:
            self._plan_of_all = planned
        return planned

    def _compiled(self, part: Request) -> BlockDecoder:
        decoder = self._decoders.get(part)
        if decoder is None:
            points = self._points
            decoder = BlockDecoder(points.references, points.absent, part)
            self._decoders[part] = decoder
        return decoder
