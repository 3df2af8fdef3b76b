"""Our decision as the agent takes it: a limiter prepared once, then asked moment by moment."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from limiting_cases import Moment
from numpy.typing import NDArray
from studies.optimum_cases import LimitCase
from studies.optimum_judge import KEPT

from ortsnetz_grid.functions.congestion.limiter import Limiter
from ortsnetz_grid.functions.congestion.problem import Objective, Settings
from ortsnetz_grid.functions.congestion.result import LimitResult


class Prepared:
    """A limiter of one place.

    Attributes:
        seconds: what preparing took.
    """

    def __init__(self, place: LimitCase) -> None:
        begin = time.perf_counter()
        self._limiter = Limiter(place.network)
        self._limiter.prepare(place.devices)
        self.seconds = time.perf_counter() - begin

    def decide(self, moment: LimitCase, settings: Settings) -> LimitResult:
        """One decision."""
        return self._limiter.decide(moment.devices, moment.limits, settings=settings)


@dataclass(frozen=True)
class Taken:
    """One decision.

    Attributes:
        seconds: by the clock.
        cpu_seconds: of this process; what else ran on the machine is not in it.
        status: what was said.
        binds: whether the requests were beyond the limits.
        kept: whether power-grid-model and the study's own loadings say that all limits are kept.
        factors: (d,)
    """

    seconds: float
    cpu_seconds: float
    status: str
    binds: bool
    kept: bool
    factors: NDArray[np.float64]


def taken(prepared: Prepared, moment: Moment, objective: Objective) -> Taken:
    """A decision with its time, and judged."""
    settings = Settings(objective=objective)
    cpu, begin = time.process_time(), time.perf_counter()
    result = prepared.decide(moment.case, settings)
    seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
    factors = np.array([device.k for device in result.devices])
    kept = bool(moment.judge.room(factors, moment.case.limits)[0] >= -KEPT)
    return Taken(seconds, cpu, str(result.status), moment.binds, kept, factors)
