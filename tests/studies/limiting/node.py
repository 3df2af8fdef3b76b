"""The agent of a station in this process: the hosted functions and the controller, no sockets.

The same code as in a node, called as `ortsnetz_edge.agent` calls it: functions take and give bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import msgspec
from studies.limiting.profiles import resolution, spoken

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.parameter_set import ParameterSet, SignedParameters
from ortsnetz_edge.acquisition.image import ProcessImage
from ortsnetz_edge.control.adjustment import Adjustment
from ortsnetz_edge.control.controller import Controller, Verdict
from ortsnetz_edge.control.device import Write
from ortsnetz_edge.control.failsafe import AgentMode
from ortsnetz_edge.control.overload import watched_branches
from ortsnetz_edge.control.voltage import VoltageControlling
from ortsnetz_edge.control.voltage_assembly import voltage_controlling
from ortsnetz_edge.drivers.contract import Driver
from ortsnetz_edge.hosting import congestion, state_estimation
from ortsnetz_edge.hosting.calls import (
    EstimationCall,
    EstimationResult,
    LimitingCall,
    LimitingResult,
    encode,
    estimation_result,
    limiting_result,
)
from ortsnetz_edge.hosting.congestion import Limiting
from ortsnetz_edge.hosting.protocol import Setup
from ortsnetz_edge.hosting.state_estimation import Estimation
from ortsnetz_edge.network_index import index_network


@dataclass(frozen=True, slots=True)
class Decided:
    """A cycle of the agent.

    Attributes:
        failure: why a function has no result, in words.
        adjustments: set points besides limits that have to be written.
    """

    estimate: EstimationResult | None
    limits: LimitingResult | None
    verdict: Verdict
    failure: str
    adjustments: tuple[Adjustment, ...] = ()


@dataclass
class Node:
    """The agent of one station.

    Attributes:
        counts: of cycles without a state, without an answer, and so on.
    """

    parameters: ParameterSet
    estimation: Estimation
    limiting: Limiting
    controller: Controller
    voltage: VoltageControlling
    counts: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, run: Path, *, now: float) -> Node:
        """The node of a prepared run directory."""
        signed = (run / "agent" / "parameters.json").read_bytes()
        parameters = msgspec.json.decode(signed, type=SignedParameters).unverified()
        text = (run / "agent" / "network.json").read_text()
        index = index_network(text, "network")
        setup = Setup(text, parameters)
        station = parameters.station
        return cls(
            parameters=parameters,
            estimation=state_estimation.build(setup),
            limiting=congestion.build(setup),
            controller=Controller(
                parameters,
                {device.name: resolution(device) for device in station.devices},
                watched_branches(station, index),
                now=now,
            ),
            voltage=voltage_controlling(
                parameters,
                index,
                # it asks drivers for nothing but what profiles say
                {one.name: cast("Driver", spoken(one)) for one in station.devices},
                now=now,
            ),
        )

    def cycle(
        self, image: ProcessImage, readings: Mapping[str, Reading], hour: float, now: float
    ) -> Decided:
        """One cycle, from the image to what has to be written."""
        estimate: EstimationResult | None = None
        limits: LimitingResult | None = None
        failure = ""
        try:
            call = EstimationCall(hour, dict(readings))
            estimate = estimation_result(self.estimation.call(encode(call)))
            disposal = self.controller.disposal(now=now)
            asked = LimitingCall(
                estimate.state,
                dict(readings),
                disposal.deaf,
                disposal.may_draw,
                disposal.advisory,
                present=disposal.present,
            )
            limits = limiting_result(self.limiting.call(encode(asked)))
        except OrtsnetzError as error:
            failure = str(error)
        verdict = self.controller.step(
            image,
            readings,
            limits,
            failure,
            doubted=estimate.doubted_guards if estimate else (),
            external=self.voltage.claims(readings, now=now),
            now=now,
        )
        self._count(estimate, limits, verdict)
        verified = verdict.mode is AgentMode.ACTIVE
        adjustments = self.voltage.step(
            image,
            readings,
            modes={name: one.mode for name, one in self.controller.controls.items()},
            estimate=estimate,
            verified=verified,
            day=0,
            told=limits.reactive if limits and verified else {},
            now=now,
        )
        return Decided(estimate, limits, verdict, failure, adjustments)

    def confirmed(self, command: Write | Adjustment, *, now: float) -> None:
        """A device has confirmed a command."""
        if isinstance(command, Adjustment):
            self.voltage.written((command,), now=now)
        else:
            self.controller.controls[command.device].written(command, now=now)

    def _count(
        self, estimate: EstimationResult | None, limits: LimitingResult | None, verdict: Verdict
    ) -> None:
        self.counts["no_state"] += estimate is None
        self.counts["no_answer"] += limits is None
        self.counts[verdict.mode.value] += 1
        if estimate is not None:
            self.counts["guard_doubted"] += bool(estimate.doubted_guards)
            self.counts["bad_data"] += bool(estimate.removed)
        if limits is not None:
            self.counts["infeasible"] += bool(limits.violated)
            self.counts["reserve_given_up"] += bool(limits.reserve_given_up)
