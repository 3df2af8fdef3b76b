"""Random feeders, the power flows of limiting on them, and points whose rows are given."""

from __future__ import annotations

import numpy as np
from limiting_feeder import Feeder

from ortsnetz_grid.functions.congestion.checks import checked_table
from ortsnetz_grid.functions.congestion.compiled_flows import CompiledFlows
from ortsnetz_grid.functions.congestion.constraints import Constraints
from ortsnetz_grid.functions.congestion.controls import Asked, Controls
from ortsnetz_grid.functions.congestion.grid import PreparedGrid
from ortsnetz_grid.functions.congestion.snapshot import Snapshot
from ortsnetz_grid.network.two_ports import Complex, Real


def random_feeder(seed: int) -> Feeder:
    """Houses of all three kinds of load, devices on one to three phases, a thin neutral."""
    rng = np.random.default_rng(seed)
    feeder = Feeder(
        sections=int(rng.integers(2, 6)),
        ohm=float(rng.uniform(0.01, 0.06)),
        neutral_a=60.0 if seed % 2 else None,
        transformer_va=100e3,
    )
    for node in range(2, 3 + feeder.sections):
        a, b, c = rng.uniform(-1500, 2500, 3)
        feeder.house(node, (a, b, c), q_var=(100.0, -80.0, 0.0), kind=int(rng.integers(3)))
    for _ in range(5):
        a, b, c = rng.uniform(0, 5000, 3) * (rng.random(3) < 0.7)
        sign = -1.0 if rng.random() < 0.4 else 1.0
        node = int(rng.integers(2, 3 + feeder.sections))
        feeder.device(node, (sign * a, sign * b, sign * c), generator=sign < 0, tangent=0.2)
    return feeder


def flows_of(feeder: Feeder, *, unbalance: bool = False) -> CompiledFlows:
    grid = PreparedGrid(feeder.network())
    ids = tuple(device.id for device in feeder.devices)
    snapshot = Snapshot.of(grid.network, grid.admittance, ids)
    controls = Controls.of(Asked.of(checked_table(tuple(feeder.devices))), snapshot)
    return CompiledFlows(grid, snapshot, controls, unbalance=unbalance)


class Held:
    """Rows of one point that are simply there."""

    def __init__(self, phasors: Complex) -> None:
        self._phasors = phasors

    def at(self, lanes: slice) -> tuple[Complex, Complex | None]:
        return self._phasors[None][lanes], None

    def worst(self, constraints: Constraints) -> Real:
        return constraints.worst(self._phasors[None])
