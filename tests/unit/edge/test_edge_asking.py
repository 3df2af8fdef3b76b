"""What the limiting is asked rests on what is known: a guess earns nobody time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import cast

from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.parameter_set import SCHEMA, Limits, ParameterSet
from ortsnetz_common.parameters.ratings import TimeLimitedRating
from ortsnetz_common.parameters.station import Connection, Meter, MeterRole, SourcePseudo, Station
from ortsnetz_edge.asking import Asking
from ortsnetz_edge.clock import Clock
from ortsnetz_edge.control.branch_ratings import BranchRatings
from ortsnetz_edge.control.controller import Controller
from ortsnetz_edge.hosting.calls import (
    BranchState,
    EstimationCall,
    EstimationResult,
    LimitingCall,
    LimitingResult,
)
from ortsnetz_edge.hosting.functions import Functions

CABLE = 7
METER = "trafo"
PARAMETERS = ParameterSet(
    schema=SCHEMA,
    node="n",
    version=1,
    network_sha256="",
    station=Station(
        meters=(
            Meter(
                METER,
                MeterRole.TRANSFORMER,
                "p",
                Connection("modbus-tcp", "127.0.0.1", 502),
                3,
                "abc",
                0.005,
                10.0,
                guards=True,
            ),
        ),
        devices=(),
        pseudo=(),
        source=SourcePseudo(0, 1.0, 0.01),
    ),
    limits=Limits(ratings=(TimeLimitedRating(CABLE, loading=1.2, for_s=60.0, rest_s=60.0),)),
)
COMPLETE = Reading(voltage_v=(230.0,) * 3, active_w=(0.0,) * 3, reactive_var=(0.0,) * 3)


@dataclass
class Worker:
    """Estimates a cable that is hardly loaded; keeps what the limiting was asked."""

    doubted: tuple[str, ...] = ()
    asked: list[LimitingCall] = field(default_factory=list)

    async def estimate(self, call: EstimationCall, deadline_s: float) -> EstimationResult:
        del call, deadline_s
        return EstimationResult((), (BranchState(CABLE, 0.3),), (), b"", self.doubted)

    async def limit(self, call: LimitingCall, deadline_s: float) -> LimitingResult:
        del deadline_s
        self.asked.append(call)
        return LimitingResult("ok", True, 0.3, ())


@dataclass
class Seconds:
    """A clock that is told the time."""

    stepped: bool = True
    now: float = 0.0

    def now_ns(self) -> int:
        return 0

    def monotonic(self) -> float:
        return self.now

    def patience(self, seconds: float) -> float:
        return seconds


def allowed_after_two_minutes(readings: dict[str, Reading], doubted: tuple[str, ...] = ()) -> float:
    """What the cable may carry after two minutes in which it is estimated to rest."""
    worker, clock = Worker(doubted), Seconds()
    asking = Asking(
        PARAMETERS,
        cast("Functions", worker),
        Controller(PARAMETERS, {}, (), now=0.0),
        {},
        BranchRatings(PARAMETERS.limits),
        cast("Clock", clock),
    )
    for second in range(120):
        clock.now = float(second)
        asyncio.run(asking.ask(0, readings))
    return worker.asked[-1].loading_of[CABLE]


def test_a_cable_that_rests_may_carry_more_for_a_while() -> None:
    assert allowed_after_two_minutes({METER: COMPLETE}) == 1.2


def test_a_cable_does_not_rest_while_its_loading_is_a_guess() -> None:
    assert allowed_after_two_minutes({}) == 1.0
    assert allowed_after_two_minutes({METER: COMPLETE}, doubted=(METER,)) == 1.0
