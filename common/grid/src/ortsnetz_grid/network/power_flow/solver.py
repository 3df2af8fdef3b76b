"""Power flow of one network, for any number of scenarios."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_grid.kernels.native import library
from ortsnetz_grid.kernels.power_flow import Factors, Settled, SingularError
from ortsnetz_grid.network.admittance import BASE_PHASE_VA, Admittance
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.power_flow.engines import ArrayEngine, Engine, blocks_of
from ortsnetz_grid.network.power_flow.equations import Equations
from ortsnetz_grid.network.power_flow.flows import Flows
from ortsnetz_grid.network.power_flow.injections import KINDS, Injections
from ortsnetz_grid.network.power_flow.newton import Newton
from ortsnetz_grid.network.power_flow.sources import SYMMETRICAL, Sources
from ortsnetz_grid.network.two_ports import Complex

_NOTHING = complex(np.nan, np.nan)
_KEPT = 8  # factorisations for different sets of loaded nodes


@dataclass(frozen=True, slots=True)
class Settings:
    """How a power flow is computed.

    Attributes:
        tolerance: on the change of a voltage in the last step, per unit.
        most_iterations: bound of the fixed point; what needs more has hardly any solution.
        threads: that share the scenarios of a call.
        newton: whether power-grid-model's Newton method tries what did not settle.
    """

    tolerance: float = 1e-8
    most_iterations: int = 100
    threads: int = 1
    newton: bool = True


_USUAL = Settings()


class PowerFlow:
    """A network with its switches and taps as they stand, factorised once.

    Attributes:
        network: as given.
        admittance: its model.
        sources: those in service.
        equations: of its energised nodes.
    """

    def __init__(self, network: Network, admittance: Admittance, sources: Sources) -> None:
        """See `of`."""
        self.network, self.admittance, self.sources = network, admittance, sources
        self.equations = Equations.of(admittance, sources)
        self._engines: dict[bytes, Engine] = {}
        self._newton = Newton(network, sources)

    @classmethod
    def of(cls, network: Network, admittance: Admittance | None = None) -> PowerFlow:
        """Build the model.

        Args:
            network: the network.
            admittance: its model, if there is one already.

        Raises:
            InputError: names an element that is missing or not covered.
        """
        sources = Sources.of(network)
        return cls(network, admittance or Admittance.of(network), sources)

    def solve(self, injections: Injections, settings: Settings = _USUAL) -> Flows:
        """Voltages at which the injections hold.

        What is drawn from nodes without supply is not looked at.

        Raises:
            InputError: names a node whose missing phase is asked for power, or the node where the
                network's equations have no solution.
        """
        self._require_phases(injections)
        live = self.admittance.energised[injections.nodes]
        loaded = injections.nodes[live]
        given = injections.by_kind
        powers = [
            None if kind not in given else given[kind] if live.all() else given[kind][:, live]
            for kind in KINDS
        ]
        engine = self._engine(loaded)
        settled = engine.iterate(
            engine.solve(self._idle_currents(injections)),
            loaded,
            powers,
            unit=1 / BASE_PHASE_VA,
            scenarios=injections.scenarios,
            tolerance=settings.tolerance,
            most=settings.most_iterations,
            threads=settings.threads,
        )
        flows = self._flows(settled, settings)
        if settings.newton and not flows.converged.all():
            self._newton.mend(self, flows, injections, settings)
        return flows

    def engine(self, loaded: NDArray[np.intp]) -> Engine:
        """Factors for injections at the energised nodes `loaded`, for callers that ask often.

        Raises:
            InputError: names the node where the network's equations have no solution.
        """
        return self._engine(loaded)

    def idle_currents(self, source_voltage: Complex) -> Complex:
        """Right-hand sides (b, n, 3) without load, for voltages (b, s) behind the sources."""
        return self._idle_currents(Injections(np.zeros(0, np.intp), source_voltage=source_voltage))

    def source_voltage(self, injections: Injections) -> Complex:
        """Voltages (b or 1, s) behind the sources in service, per unit."""
        given = injections.source_voltage
        return self.sources.voltage[None] if given is None else given

    def _idle_currents(self, injections: Injections) -> Complex:
        """Right-hand sides (b or 1, n, 3) without load; a missing phase stands at rated voltage."""
        right = self.sources.currents(self.source_voltage(injections), len(self.admittance.present))
        return np.where(self.equations.present, right, SYMMETRICAL)

    def _engine(self, loaded: NDArray[np.intp]) -> Engine:
        """Factors for a set of loaded nodes."""
        kernels = library()
        key = b"" if kernels is None else loaded.tobytes()
        if key not in self._engines or isinstance(self._engines[key], ArrayEngine) != (not key):
            while len(self._engines) >= _KEPT:
                self._engines.pop(next(iter(self._engines)))
            try:
                self._engines[key] = (
                    ArrayEngine(self.equations)
                    if kernels is None
                    else Factors(kernels, blocks_of(self.equations, loaded))
                )
            except SingularError as error:
                label = self.network.label(int(self.admittance.node_ids[error.node]))
                raise InputError(
                    f"the network has no power flow: nothing determines the voltage at {label}"
                ) from error
        return self._engines[key]

    def _flows(self, settled: Settled, settings: Settings) -> Flows:
        equations = self.equations
        valid = settled.change <= settings.tolerance
        voltage = settled.voltage
        voltage[:, ~self.admittance.energised] = 0
        voltage[:, self.admittance.energised[:, None] & ~equations.present] = _NOTHING
        for scenario, part in np.argwhere(~valid).tolist():
            voltage[scenario, equations.part == part] = _NOTHING
        mismatch = np.where(valid, settled.mismatch, np.nan) * BASE_PHASE_VA
        return Flows(
            voltage=voltage,
            converged=np.asarray(valid.all(axis=1)),
            parts=equations.parts,
            part_converged=valid,
            iterations=settled.iterations,
            mismatch_va=np.fmax.reduce(mismatch, axis=1, initial=np.nan),
            by_library=np.zeros(len(voltage), dtype=np.bool_),
        )

    def _require_phases(self, injections: Injections) -> None:
        present = self.admittance.present[injections.nodes]
        if present.all():
            return
        for kind, array in injections.by_kind.items():
            there = present & np.roll(present, -1, axis=1) if kind.startswith("delta") else present
            asked = (array != 0).any(axis=0) & ~there
            if asked.any():
                row, phase = np.argwhere(asked)[0].tolist()
                node = self.network.label(int(self.admittance.node_ids[injections.nodes[row]]))
                terminals = ("ab", "bc", "ca") if kind.startswith("delta") else "abc"
                raise InputError(f"{node}: power is drawn at {terminals[phase]}, which it lacks")
