"""What the grid functions are asked in a cycle, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.measurement.time import NS_PER_S
from ortsnetz_common.parameters.parameter_set import ParameterSet
from ortsnetz_edge.acquisition.readings import ReadingLayout
from ortsnetz_edge.clock import Clock
from ortsnetz_edge.control.branch_ratings import BranchRatings
from ortsnetz_edge.control.controller import Controller
from ortsnetz_edge.control.trust import missing_guards
from ortsnetz_edge.control.voltage import VoltageControlling
from ortsnetz_edge.hosting.calls import (
    EstimationCall,
    EstimationResult,
    LimitingCall,
    LimitingResult,
)
from ortsnetz_edge.hosting.functions import ESTIMATION, LIMITING, Functions
from ortsnetz_edge.hosting.supervisor import Failure, FunctionFailedError

STARTUP_GRACE_S = 20.0


@dataclass(frozen=True, slots=True)
class Findings:
    """What the functions made of an image.

    Attributes:
        failures: why a function has no result, by function.
    """

    estimate: EstimationResult | None
    limits: LimitingResult | None
    failures: Mapping[str, str]


@dataclass
class Asking:
    """Asks the estimation and then the limiting, both within one deadline."""

    parameters: ParameterSet
    functions: Functions
    controller: Controller
    layouts: Mapping[str, ReadingLayout]
    branch_ratings: BranchRatings
    clock: Clock
    voltage: VoltageControlling | None = None
    _answered: set[str] = field(default_factory=set)
    _started: float | None = None

    async def ask(self, time_ns: int, usable: dict[str, Reading]) -> Findings:
        """Let the functions work on the readings of an instant.

        Args:
            time_ns: of the process image, UTC.
            usable: its readings.
        """
        if self._started is None:
            self._started = self.clock.monotonic()
        within_s = self.clock.patience(self.parameters.timing.function_deadline_s)
        deadline = time.monotonic() + within_s
        estimate: EstimationResult | None = None
        at = ESTIMATION
        try:
            call = EstimationCall(self._hour(time_ns), usable)
            estimate = await self.functions.estimate(call, deadline - time.monotonic())
            self._answered.add(ESTIMATION)
            limiting = self._limiting_call(estimate, usable)
            if self.parameters.mode.limiting == "off":
                return Findings(estimate, None, {LIMITING: "limiting is switched off"})
            at = LIMITING
            limits = await self.functions.limit(limiting, deadline - time.monotonic())
            self._answered.add(LIMITING)
        except FunctionFailedError as error:
            if estimate is None:
                self.branch_ratings.step({}, now=self.clock.monotonic())
            return Findings(estimate, None, {self._key(at, error): str(error)})
        return Findings(estimate, limits, {})

    @property
    def unspoken(self) -> tuple[str, ...]:
        """Devices whose profile has no word for what they want."""
        return tuple(name for name in self.controller.controls if not self.layouts[name].speaks)

    def calendar_ns(self, time_ns: int) -> int:
        """Instant of the calendar that belongs to one of the clock."""
        calendar = self.parameters.calendar
        return time_ns if calendar is None else calendar.at(time_ns)

    def _limiting_call(
        self, estimate: EstimationResult, usable: dict[str, Reading]
    ) -> LimitingCall:
        guards = (meter for meter in self.parameters.station.meters if meter.guards)
        carried = {branch.branch: branch.loading for branch in estimate.branches}
        if missing_guards(guards, usable, estimate.doubted_guards):
            carried = {}  # without them it is a guess, which must not cool or rest anything
        now = self.clock.monotonic()
        allowed = self.branch_ratings.step(carried, now=now)
        disposal = self.controller.disposal(now=now)
        return LimitingCall(
            estimate.state,
            usable,
            disposal.deaf,
            disposal.may_draw,
            disposal.advisory,
            disposal.present,
            loading_of=allowed,
            unspoken=self.unspoken,
            unadjusted=() if self.voltage is None else self.voltage.unadjusted(now=now),
        )

    def _key(self, at: str, error: FunctionFailedError) -> str:
        """A function that has never answered yet is starting, for a while; one that had is lost."""
        is_young = self._started is None or self.clock.monotonic() - self._started < STARTUP_GRACE_S
        starts = error.failure is Failure.STARTING and is_young and at not in self._answered
        return f"{at}/starting" if starts else at

    def _hour(self, time_ns: int) -> float:
        return self.calendar_ns(time_ns) / NS_PER_S % 86400.0 / 3600.0
