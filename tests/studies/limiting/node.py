"""The agent of a station in this process: the hosted functions and the controller, no sockets.

The same code as in a node, called as `ortsnetz_edge.agent` calls it: functions take and give bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.parameter_set import ParameterSet, SignedParameters
from ortsnetz_common.parameters.station import Device
from ortsnetz_edge.acquisition.image import ProcessImage
from ortsnetz_edge.control.controller import Controller, Verdict
from ortsnetz_edge.control.device import Write
from ortsnetz_edge.control.overload import watched_branches
from ortsnetz_edge.drivers.contract import LimitResolution
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
from ortsnetz_edge.profiles.library import Library


@dataclass(frozen=True, slots=True)
class Decided:
    """A cycle of the agent.

    Attributes:
        failure: why a function has no result, in words.
    """

    estimate: EstimationResult | None
    limits: LimitingResult | None
    verdict: Verdict
    failure: str


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
                {device.name: _resolution(device) for device in station.devices},
                watched_branches(station, index),
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
            now=now,
        )
        self._count(estimate, limits, verdict)
        return Decided(estimate, limits, verdict, failure)

    def confirmed(self, write: Write, *, now: float) -> None:
        """A device has confirmed a write."""
        self.controller.controls[write.device].written(write, now=now)

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


def _resolution(device: Device) -> LimitResolution:
    """How a device takes its limit, as its profile states; see `profiles.setpoint`."""
    setpoint = Library().load(device.profile).setpoint
    if setpoint is None:
        raise ValueError(f"profile '{device.profile}' takes no limit")
    return LimitResolution(
        setpoint.unit,
        setpoint.step,
        setpoint.smallest,
        setpoint.acknowledged_s,
        setpoint.reaction_s,
        setpoint.hold_s,
    )
