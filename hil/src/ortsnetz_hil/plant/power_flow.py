"""Three-phase power flow of the plant, by power-grid-model (asymmetric Newton-Raphson).

Newton's method is asked first. Where it finds nothing, or finds loads outside the band in which
they hold their power (`consumption`), the state is sought again as that of impedances: a linear
network whose loads are adjusted, damped if need be, until each draws what it has to at its voltage.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_hil.plant.balance import Balance
from ortsnetz_hil.plant.consumption import Elements
from ortsnetz_hil.plant.events import NetworkEvent, SourceVoltage
from ortsnetz_hil.plant.flows import both_ends, ends_of, flows_of, nodes_of, power_of
from ortsnetz_hil.plant.grid_changes import Condition, SourceRamp
from ortsnetz_hil.plant.grid_state import BranchFlows, GridState, Injections
from ortsnetz_hil.plant.network_file import PlantNetwork
from ortsnetz_hil.plant.relaxation import relaxed
from ortsnetz_hil.plant.solver import NoSolutionError, Powers, Result, Solver
from ortsnetz_hil.plant.topology import BRANCHES, groups

__all__ = ["BranchFlows", "GridState", "Injections", "PowerFlow"]


class PowerFlow:
    """Solves one network again and again with new injections.

    Attributes:
        network: as its file states it, before any change.
        condition: switching state and failures that hold now.
    """

    def __init__(self, network: PlantNetwork) -> None:
        self.network = network
        self.condition = Condition.of(network)
        self._solver = Solver(network)
        self._ramp = SourceRamp(network.data["source"]["u_ref"].astype(float))
        self._elements = tuple(Elements.of(network, name) for name in ("asym_load", "asym_gen"))
        rows = {int(node): row for row, node in enumerate(network.ids("node"))}
        self._ends = {
            name: ends_of(found, rows)
            for name in BRANCHES
            if (found := network.array(name)) is not None
        }
        self._places = [
            *(ends[side] for ends in self._ends.values() for side in (0, 1)),
            nodes_of(network.array("shunt"), rows),
            *(elements.nodes for elements in self._elements),
        ]
        self._all = np.arange(len(rows))
        self._balance = self._new_balance()

    @property
    def local_order(self) -> NDArray[np.int64]:
        """Network phase of each local phase at each node, shape (nodes, 3)."""
        return self.condition.effects.order

    def apply(self, event: NetworkEvent, now_s: float) -> None:
        """Let an event happen; the next `solve` shows it.

        Args:
            event: change of the network.
            now_s: instant of the caller's clock at which it happens; a ramp begins here.

        Raises:
            InputError: the event does not fit the network; then nothing has changed.
        """
        before, after = self.condition, self.condition.after(self.network, event)
        self.condition = after
        if isinstance(event, SourceVoltage):
            self._ramp.start(event, now_s)
            self.advance(now_s)
            return
        for name, statuses in after.statuses.items():
            if statuses is not before.statuses[name]:
                ends = {"from_status": statuses[:, 0], "to_status": statuses[:, 1]}
                self._solver.change(name, ends)
        if after.failures.neutrals != before.failures.neutrals:
            self._interrupt(after.failures.neutrals)
        self._balance = self._new_balance()

    def advance(self, now_s: float) -> None:
        """Let the sources' voltage follow its ramp to an instant of the caller's clock."""
        if self._ramp.advance(now_s):
            self._solver.change("source", {"u_ref": self._ramp.u_pu})

    def set_tap(self, transformer: int, position: int) -> None:
        """Set a tap changer.

        Args:
            transformer: id.
            position: of the tap changer.

        Raises:
            InputError: there is no such transformer, or no such position.
        """
        found = self._solver.data["transformer"]
        rows = np.flatnonzero(found["id"] == transformer)
        if not rows.size:
            raise InputError(f"the network has no transformer {transformer}")
        ends = sorted((int(found["tap_min"][rows[0]]), int(found["tap_max"][rows[0]])))
        if not ends[0] <= position <= ends[1]:
            raise InputError(
                f"transformer {transformer} has no tap position {position}: {ends[0]} to {ends[1]}"
            )
        positions = found["tap_pos"].copy()
        positions[rows[0]] = position
        self._solver.change("transformer", {"tap_pos": positions})

    def solve(self, injections: Injections) -> GridState:
        """Solve for new injections.

        Raises:
            OrtsnetzError: there is no solution: the plant has collapsed.
        """
        effects = self.condition.effects
        local = (
            injections.load_p + 1j * injections.load_q,
            injections.gen_p + 1j * injections.gen_q,
        )
        powers = {
            elements.component: effects.to_network(power, elements.nodes)
            for elements, power in zip(self._elements, local, strict=True)
        }
        return self._state(self._solution(powers), powers)

    def _solution(self, powers: Powers) -> Result:
        ways = [self._by_newton, self._by_relaxation]
        if self.condition.failures.neutrals:
            ways.reverse()
        try:
            return ways[0](powers)
        except NoSolutionError:
            return ways[1](powers)

    def _by_newton(self, powers: Powers) -> Result:
        self._solver.set_powers(powers)
        result = self._solver.solve()
        u_pu = result["node"]["u_pu"]
        if any(e.outside(powers[e.component], u_pu) for e in self._elements):
            raise NoSolutionError(
                "the plant's power flow found no solution in which loads hold their power"
            )
        return result

    def _by_relaxation(self, powers: Powers) -> Result:
        return relaxed(self._solver, self._elements, powers)

    def _interrupt(self, neutrals: Mapping[int, float]) -> None:
        """Give each line the zero-sequence resistance that its neutral leaves it."""
        lines = self._solver.data["line"]
        lines["r0"] = self.network.data["line"]["r0"]
        for line, ohm in neutrals.items():
            lines["r0"][lines["id"] == line] += 3.0 * ohm
        self._solver.rebuild()

    def _new_balance(self) -> Balance:
        return Balance.of(self.network, groups(self.network, self.condition.statuses), self._places)

    def _state(self, result: Result, powers: Powers) -> GridState:
        effects = self.condition.effects
        node = result["node"]
        u_v = node["u"] * np.exp(1j * node["u_angle"])
        flows = {name: both_ends(result[name]) for name in self._ends}
        balance = self._balance.worst(
            [
                *(flow for both in flows.values() for flow in both),
                power_of(result.get("shunt")),
                *(
                    sign * powers[e.component] * e.factors(node["u_pu"])
                    for sign, e in zip((1.0, -1.0), self._elements, strict=True)
                ),
            ]
        )
        u_pu = node["u_pu"]
        if not effects.none:
            u_v, u_pu = np.where(effects.dead, 0.0, u_v), np.where(effects.dead, 0.0, u_pu)
        load_s, gen_s = (
            effects.to_local(power_of(result.get(e.component)), e.nodes) for e in self._elements
        )
        return GridState(
            u_pu=u_pu,
            u_v=u_v,
            local_u_v=effects.to_local(u_v, self._all),
            energized=node["energized"].astype(bool),
            lines=flows_of(flows["line"], u_v, self._ends["line"]),
            transformers=flows_of(flows["transformer"], u_v, self._ends["transformer"]),
            source_s=complex(power_of(result["source"]).sum()),
            load_s=load_s,
            gen_s=gen_s,
            balance=balance,
        )
