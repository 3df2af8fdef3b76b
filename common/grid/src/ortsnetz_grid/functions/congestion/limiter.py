"""A network prepared for limiting: a decision is then a few power flows and small programmes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.congestion.checks import check_devices, checked_table
from ortsnetz_grid.functions.congestion.compiled_flows import CompiledFlows
from ortsnetz_grid.functions.congestion.constraints import Constraints
from ortsnetz_grid.functions.congestion.controls import Asked, Controls
from ortsnetz_grid.functions.congestion.grid import PreparedGrid
from ortsnetz_grid.functions.congestion.library_flows import LibraryFlows, present_by_library
from ortsnetz_grid.functions.congestion.objective import Box
from ortsnetz_grid.functions.congestion.one_decision import Decision
from ortsnetz_grid.functions.congestion.operating_points import DeviceFlows
from ortsnetz_grid.functions.congestion.problem import (
    ControlledDevice,
    LimitSet,
    Offsets,
    Settings,
)
from ortsnetz_grid.functions.congestion.result import LimitResult
from ortsnetz_grid.functions.congestion.snapshot import Snapshot
from ortsnetz_grid.network.loading import RatedBranches
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.power_flow.sources import Sources
from ortsnetz_grid.network.two_ports import Real

_DEFAULTS = Settings()
_KEPT = 8


class Limiter:
    """Decides for one network, again and again. Not for several threads.

    What is prepared depends on topology, ratings and places; injections, requests and limits may
    differ from one decision to the next. Decisions do not depend on those before.

    Attributes:
        network: as it was prepared.
        branches: those with a rating.
    """

    def __init__(self, network: Network) -> None:
        """Factorise the network.

        Raises:
            InputError: names an element that is missing, unrated or not covered.
        """
        self.network = network
        # the only component that our model lacks and power-grid-model's has
        by_library = len(network.data.get("three_winding_transformer", ())) > 0
        self._grid = None if by_library else PreparedGrid(network)
        self.branches = RatedBranches.of(network)
        self._known: tuple[int, ...] = ()
        self._snapshots: dict[tuple[int, ...], Snapshot] = {}

    def prepare(self, devices: tuple[ControlledDevice, ...]) -> None:
        """Do now what the first decision on these devices would have to do.

        Raises:
            InputError: names the device or element whose data cannot be used.
        """
        check_devices(self.network, devices)
        if self._grid is not None:
            snapshot = self._snapshot(self._grid, tuple(device.id for device in devices))
            self._grid.influence(snapshot.nodes, unbalance=False).prepare()
            self._grid.engine(snapshot.nodes)

    def decide(
        self,
        devices: tuple[ControlledDevice, ...],
        limits: LimitSet,
        *,
        network: Network | None = None,
        bias: Offsets | None = None,
        margin: Offsets | None = None,
        settings: Settings = _DEFAULTS,
        reactive_var: Mapping[int, float] | None = None,
    ) -> LimitResult:
        """Find the best setpoints that keep all limits; see `decision.decide`.

        Args:
            devices: who may be limited, and to what.
            limits: to keep.
            network: the same network at another instant: nodes, branches and switches as prepared,
                loads, generators and source voltages as they are now. None: as prepared.
            bias: what the present has more than the model of it (None is nothing).
            margin: distance to keep from the limits (None is nothing).
            settings: how to search.
            reactive_var: what devices are told already, var, consumption positive, by id; only
                active power is decided then, and who is not in it has no reactive power of its own
                accord. None: reactive power is decided, too.

        Raises:
            InputError: names the device or element whose data cannot be used.
        """
        decision = self._decision(devices, limits, network, bias, margin, settings)
        return decision.with_reactive(reactive_var).made()

    def keeps(
        self,
        devices: tuple[ControlledDevice, ...],
        limits: LimitSet,
        *,
        network: Network | None = None,
        bias: Offsets | None = None,
        margin: Offsets | None = None,
        reactive_var: Mapping[int, float] | None = None,
    ) -> bool:
        """Whether the requests keep all limits and margins, by one power flow; see `decide`."""
        decision = self._decision(devices, limits, network, bias, margin, _DEFAULTS)
        return decision.with_reactive(reactive_var).keeps()

    def _decision(  # noqa: PLR0917 - what `decide` is given
        self,
        devices: tuple[ControlledDevice, ...],
        limits: LimitSet,
        network: Network | None,
        bias: Offsets | None,
        margin: Offsets | None,
        settings: Settings,
    ) -> Decision:
        instant = network or self.network
        ids = tuple(device.id for device in devices)
        if ids != self._known:
            check_devices(instant, devices)
            self._known = ids
        asked = Asked.of(checked_table(devices))
        unbalance = limits.unbalance is not None
        flows: DeviceFlows
        if self._grid is None:
            library = LibraryFlows(instant, devices, asked, unbalance=unbalance)
            controls, flows = library.controls, library
        else:
            snapshot = self._snapshot(self._grid, ids, network)
            controls = Controls.of(asked, snapshot)
            flows = CompiledFlows(self._grid, snapshot, controls, unbalance=unbalance)
        constraints = Constraints.of(
            instant,
            flows.layout,
            limits,
            inverters=len(controls.active_share),
            bias=bias,
            margin=margin,
        )
        box = Box.of(asked, controls, settings)
        return Decision(
            instant, flows, devices, asked, controls, limits, constraints, box, settings
        )

    def present(self, network: Network) -> tuple[Real, Real]:
        """Voltages (n, 3), pu, and loading (b,) of the rated branches with everything as it is.

        Args:
            network: see `decide`.

        Raises:
            InputError: there is no power flow.
        """
        if self._grid is None:
            return present_by_library(network)
        snapshot = self._snapshot(self._grid, (), network)
        controls = Controls.of(Asked.of(checked_table(())), snapshot)
        flows = CompiledFlows(self._grid, snapshot, controls, unbalance=False)
        points = flows.at(np.zeros((1, 0)))
        if not points.converged[0] or points.voltage is None:
            raise InputError(flows.failure)
        ratios = points.phasors[0, : len(flows.layout.branch_of)]
        return np.abs(points.voltage[0]), flows.layout.branches.largest(ratios)

    def _snapshot(
        self, grid: PreparedGrid, ids: tuple[int, ...], network: Network | None = None
    ) -> Snapshot:
        """The injections of the file or of an instant, without those of the devices."""
        if network is not None:
            snapshot = Snapshot.of(network, grid.admittance, ids)
            return replace(snapshot, source_voltage=Sources.of(network).voltage[None])
        if ids not in self._snapshots:
            while len(self._snapshots) >= _KEPT:
                self._snapshots.pop(next(iter(self._snapshots)))
            self._snapshots[ids] = Snapshot.of(self.network, grid.admittance, ids)
        return self._snapshots[ids]
