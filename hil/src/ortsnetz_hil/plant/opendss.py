"""The plant's network solved by OpenDSS: a second opinion, for tests and benchmarks."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import MissingExtraError, OrtsnetzError
from ortsnetz_hil.plant.failures import Failures
from ortsnetz_hil.plant.grid_state import Injections, Phases, Phasors
from ortsnetz_hil.plant.network_file import PlantNetwork
from ortsnetz_hil.plant.opendss_script import script
from ortsnetz_hil.plant.opendss_transformer import SQRT3

_NO_FAILURES = Failures()


class OpenDss:
    """A circuit of OpenDSS with the plant's network in it.

    Voltages and powers are in the phases that equipment at the node calls a, b and c.
    """

    def __init__(self, network: PlantNetwork, failures: Failures = _NO_FAILURES) -> None:
        """Make the circuit.

        Args:
            network: as its file states it: taps, switching, source voltage.
            failures: that hold in it.

        Raises:
            InputError: names what OpenDSS cannot represent in the same way.
            MissingExtraError: OpenDSS is not installed.
        """
        try:
            package = importlib.import_module("dss")  # only for comparisons, not with the plant
        except ImportError as error:
            raise MissingExtraError("the comparison with OpenDSS", "dss-python") from error
        self._dss: Any = package.DSS.NewContext()
        self._network = network
        self._command(script(network, failures))
        self._circuit: Any = self._dss.ActiveCircuit
        rated = network.data["node"]["u_rated"] / SQRT3
        self._rated_v = rated[:, np.newaxis]
        self._rows = {f"N{int(node)}": row for row, node in enumerate(network.ids("node"))}
        names = {str(name).upper() for name in self._circuit.Loads.AllNames}
        self._consumers = [
            (component, sign, row, phase, f"c{int(element)}_{phase}")
            for component, sign in (("asym_load", 1.0), ("asym_gen", -1.0))
            for row, element in enumerate(network.ids(component))
            for phase in range(3)
            if f"C{int(element)}_{phase}" in names
        ]
        self.u_v: Phasors = np.zeros((len(self._rows), 3), np.complex128)

    def solve(self, injections: Injections) -> Phases:
        """Solve for injections.

        Returns:
            Phase-to-neutral voltages in per unit, shape (nodes, 3), 0 at nodes without source; the
            phasors are in `u_v` then, currents in `line_currents` and `transformer_currents`.

        Raises:
            OrtsnetzError: OpenDSS found no solution.
        """
        powers = {
            "asym_load": injections.load_p + 1j * injections.load_q,
            "asym_gen": injections.gen_p + 1j * injections.gen_q,
        }
        values = [
            (name, sign * complex(powers[component][row, phase]) / 1e3)
            for component, sign, row, phase, name in self._consumers
        ]
        self._command([f"load.{name}.kw={s.real:.17g} kvar={s.imag:.17g}" for name, s in values])
        self._circuit.Solution.Solve()
        if not self._circuit.Solution.Converged:
            raise OrtsnetzError("OpenDSS found no solution for the plant's network")
        self.u_v = self._voltages()
        return np.asarray(np.abs(self.u_v) / self._rated_v)

    def line_currents(self) -> Phasors:
        """Currents into lines, shape (lines, 2 ends, 3); 0 where a line is not in the circuit."""
        found = np.zeros((len(self._network.ids("line")), 2, 3), np.complex128)
        for row, line in enumerate(self._network.ids("line")):
            self._add_currents(f"line.l{int(line)}", found[row])
        return found

    def transformer_currents(self) -> Phasors:
        """Currents into transformers, shape (transformers, 2 ends, 3)."""
        units = self._network.ids("transformer")
        found = np.zeros((len(units), 2, 3), np.complex128)
        for row, unit in enumerate(units):
            for phase in range(3):
                self._add_currents(f"transformer.t{int(unit)}_{phase}", found[row])
            for end, side in enumerate(("from", "to")):
                for part in "pq":
                    self._add_currents(f"reactor.t{int(unit)}_{side}_{part}", found[row, end:])
        return found

    def _add_currents(self, element: str, ends: NDArray[np.complex128]) -> None:
        """Add an element's currents to those of its ends, by the node at which they enter."""
        if self._circuit.SetActiveElement(element) < 0:
            return
        active = self._circuit.ActiveCktElement
        pairs = np.asarray(active.Currents, float).reshape(-1, 2)
        currents = (pairs[:, 0] + 1j * pairs[:, 1]).reshape(active.NumTerminals, -1)
        nodes = np.asarray(active.NodeOrder, int).reshape(active.NumTerminals, -1)
        for end in range(min(len(ends), active.NumTerminals)):
            for node, current in zip(nodes[end], currents[end], strict=True):
                if node:
                    ends[end, node - 1] += current

    def _voltages(self) -> Phasors:
        found = np.zeros((len(self._rows), 3), np.complex128)
        pairs = np.asarray(self._circuit.YNodeVarray, float).reshape(-1, 2)
        for name, (real, imag) in zip(self._circuit.YNodeOrder, pairs, strict=True):
            bus, node = str(name).upper().rsplit(".", 1)
            if bus in self._rows and int(node) <= 3:
                found[self._rows[bus], int(node) - 1] = complex(real, imag)
        return found

    def _command(self, commands: list[str]) -> None:
        self._dss.Text.Commands(commands)
