"""The worker's side of `state_estimation`: from a call's bytes to the grid function and back."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.parameters.station import Station
from ortsnetz_edge.hosting.calls import (
    BranchState,
    EstimationResult,
    NodeState,
    PhaseNumbers,
    encode,
    estimation_call,
)
from ortsnetz_edge.hosting.protocol import Setup
from ortsnetz_edge.hosting.state_bytes import to_bytes
from ortsnetz_grid.functions.state_estimation import Estimator, Settings, StateEstimate
from ortsnetz_grid.functions.state_estimation.beliefs import Belief
from ortsnetz_grid.functions.state_estimation.measurements import measurements_from
from ortsnetz_grid.network.model import Network

MINUTES_A_DAY = 24 * 60


@dataclass
class _Standing:
    """Beliefs about those who are never heard; they change with the hour, minute by minute."""

    minute: int = -1
    beliefs: dict[int, Belief] = field(default_factory=dict)

    def at(self, minute: int) -> dict[int, Belief]:
        """What is believed in a minute of the day, as far as it has been asked for."""
        if minute != self.minute:
            self.minute, self.beliefs = minute, {}
        return self.beliefs


@dataclass(frozen=True)
class Estimation:
    """The estimation of one station.

    Attributes:
        nominal_v: (n,) nominal phase-to-neutral voltage of the nodes, in the network's order.
        reported: branches whose flow the agent reports.
    """

    network: Network
    station: Station
    estimator: Estimator
    nominal_v: NDArray[np.float64]
    reported: frozenset[int]
    standing: _Standing = field(default_factory=_Standing)

    def call(self, body: bytes) -> bytes:
        """Estimate one instant; see `worker.Function`."""
        call = estimation_call(body)
        minute = round(call.hour / 24 * MINUTES_A_DAY)
        measurements = measurements_from(
            self.station,
            self.network,
            call.readings,
            minute / MINUTES_A_DAY * 24,
            standing=self.standing.at(minute),
        )
        state = self.estimator.estimate(measurements, Settings())
        return encode(
            EstimationResult(
                nodes=self._nodes(state),
                branches=self._branches(state),
                removed=tuple(one.words for one in state.removed),
                state=to_bytes(state),
                doubted_guards=self._doubted_guards(state),
            )
        )

    def _doubted_guards(self, state: StateEstimate) -> tuple[str, ...]:
        """Guarding meters that the estimation names among what is missing, wrong or in doubt."""
        return tuple(
            meter.name
            for meter in self.station.meters
            if meter.guards and any(f"'{meter.name}'" in problem for problem in state.problems)
        )

    def _nodes(self, state: StateEstimate) -> tuple[NodeState, ...]:
        volts = (state.u_pu * self.nominal_v[:, None]).tolist()
        return tuple(
            NodeState(node, _phases(row))
            for node, row in zip(state.node_ids.tolist(), volts, strict=True)
        )

    def _branches(self, state: StateEstimate) -> tuple[BranchState, ...]:
        rows = zip(
            state.branch_ids.tolist(), state.loading.tolist(), state.p_from_w.tolist(), strict=True
        )
        return tuple(
            BranchState(branch, loading, _phases(flow) if branch in self.reported else None)
            for branch, loading, flow in rows
        )


def build(setup: Setup) -> Estimation:
    """Set the function up for a station.

    Raises:
        InputError: the network cannot be used; names the element.
    """
    network = Network.from_json(setup.network, "network")
    transformers = network.data.get("transformer")
    return Estimation(
        network=network,
        station=setup.parameters.station,
        estimator=Estimator.of(network),
        nominal_v=network.data["node"]["u_rated"] / np.sqrt(3.0),
        reported=frozenset(() if transformers is None else transformers["id"].tolist()),
    )


def _phases(row: list[float]) -> PhaseNumbers:
    a, b, c = row
    return a, b, c
