"""What limiting prepares once for a network: factors, rows, influences."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ortsnetz_grid.functions.congestion.influence import Influence
from ortsnetz_grid.functions.congestion.rows import RowLayout, Rows
from ortsnetz_grid.kernels.limiting_instant import Workspace
from ortsnetz_grid.network.admittance import Admittance
from ortsnetz_grid.network.library_coverage import require_library_covers
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.power_flow.engines import Engine
from ortsnetz_grid.network.power_flow.solver import PowerFlow
from ortsnetz_grid.network.two_ports import Complex

_KEPT = 4


class PreparedGrid:
    """A network as limiting needs it, for any injections. Not for several threads.

    Attributes:
        network: as given.
        flow: its power flow.
        workspace: memory for the compiled kernels.
    """

    def __init__(self, network: Network) -> None:
        """Build the model.

        Raises:
            InputError: names an element that is missing or not covered.
        """
        require_library_covers(network, "limiting")
        self.network = network
        self.flow = PowerFlow.of(network)
        self.workspace = Workspace()
        self._rows: dict[bool, Rows] = {}
        self._influences: dict[tuple[bool, bytes], Influence] = {}
        self._idle: dict[bytes, Complex] = {}

    @property
    def admittance(self) -> Admittance:
        """The network's model."""
        return self.flow.admittance

    def rows(self, *, unbalance: bool) -> Rows:
        """Rows of the network, with those of unbalance or without."""
        if unbalance not in self._rows:
            layout = RowLayout.of(self.network, self.admittance.energised, unbalance=unbalance)
            self._rows[unbalance] = Rows.of(layout, self.admittance)
        return self._rows[unbalance]

    def influence(self, nodes: NDArray[np.intp], *, unbalance: bool) -> Influence:
        """Answers of the rows' functionals to currents at the loaded nodes."""
        key = (unbalance, nodes.tobytes())
        if key not in self._influences:
            while len(self._influences) >= _KEPT:
                self._influences.pop(next(iter(self._influences)))
            operator = self.rows(unbalance=unbalance).operator
            self._influences[key] = Influence(self.flow.equations, operator, nodes)
        return self._influences[key]

    def engine(self, nodes: NDArray[np.intp]) -> Engine:
        """Factors for loads at these nodes."""
        return self.flow.engine(nodes)

    def idle(self, engine: Engine, source_voltage: Complex | None) -> Complex:
        """Voltages (1, n, 3) without load."""
        voltage = self.flow.sources.voltage[None] if source_voltage is None else source_voltage
        key = voltage.tobytes()
        if key not in self._idle:
            while len(self._idle) >= _KEPT:
                self._idle.pop(next(iter(self._idle)))
            self._idle[key] = engine.solve(self.flow.idle_currents(voltage))
        return self._idle[key]
