"""OpenDSS circuits, such as the IEEE test feeders, to network files.

All branches become additions (`additions`): OpenDSS gives lines as phase matrices and transformers
as single-phase units, and the IEEE feeders have one- and two-phase laterals.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.importing.elements import Elements
from ortsnetz_grid.network.importing.opendss_agreement import require_agreement
from ortsnetz_grid.network.importing.opendss_branches import line_attributes, reactor_attributes
from ortsnetz_grid.network.importing.opendss_circuit import read_circuit
from ortsnetz_grid.network.importing.opendss_coverage import left_out
from ortsnetz_grid.network.importing.opendss_injections import (
    capacitor_attributes,
    consumer_attributes,
    outside_band,
)
from ortsnetz_grid.network.importing.opendss_records import Circuit, CircuitElement
from ortsnetz_grid.network.importing.opendss_sources import add_source
from ortsnetz_grid.network.importing.opendss_transformers import add_transformer
from ortsnetz_grid.network.importing.opendss_windings import antifloat_susceptance
from ortsnetz_grid.network.model import Network


def import_opendss(
    path: Path, *, taps: Mapping[str, float] | None = None, leave_out: bool = False
) -> Network:
    """Convert an OpenDSS circuit.

    Args:
        path: its master file.
        taps: tap of the second winding by transformer; those not named stay as in the file, and no
            control moves anything. None: all taps as OpenDSS's own solution ends with.
        leave_out: leave out control elements, meters and monitors other than regulator controls.

    Raises:
        InputError: OpenDSS refuses the file or finds no solution, or the model does not cover its
            elements: all kinds are named.
        MissingExtraError: dss_python is not installed.
    """
    circuit = read_circuit(path, taps or {})
    building = _Building(circuit, Elements(path.name))
    try:
        for sentence in left_out(circuit, allowed=leave_out):
            building.elements.assume(sentence)
        building.add_everything()
        building.say_what_is_assumed(given_taps=bool(taps))
        network = Network.from_json(json.dumps(building.elements.document(None)), "as imported")
        require_agreement(network, circuit, building.nodes)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return network


@dataclass(slots=True)
class _Building:
    """The file while it is being built.

    Attributes:
        circuit: where it comes from.
        elements: what is there so far.
        nodes: node id of each bus.
        rated_v: rated line-to-line voltage of each bus, V.
        antifloat: susceptance (3,) to earth of each bus, S.
    """

    circuit: Circuit
    elements: Elements
    nodes: dict[str, int] = field(default_factory=dict)
    rated_v: dict[str, float] = field(default_factory=dict)
    antifloat: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    def add_everything(self) -> None:
        if not self.circuit.solved:
            raise InputError("OpenDSS finds no solution of this circuit")
        self.add_nodes()
        for line in self.circuit.of_kind("Line"):
            self.add_line(line)
        for reactor in self.circuit.of_kind("Reactor"):
            self.add_reactor(reactor)
        for unit in self.circuit.of_kind("Transformer"):
            self.add_transformer(unit)
        for source in self.circuit.of_kind("Vsource"):
            self.add_source(source)
        for capacitor in self.circuit.of_kind("Capacitor"):
            self.add_capacitor(capacitor)
        self.add_antifloat()
        for load in self.circuit.of_kind("Load"):
            self.add_load(load)

    def add_nodes(self) -> None:
        for bus in self.circuit.buses:
            if bus.rated_v is None:
                raise InputError(
                    f"bus {bus.name} has no rated voltage; let the file "
                    "set voltagebases and call calcvoltagebases"
                )
            self.rated_v[bus.name] = bus.rated_v
            x, y = bus.place or (None, None)
            self.nodes[bus.name] = self.elements.add(
                "node", bus.name, u_rated=bus.rated_v, x=x, y=y
            )

    def add_line(self, line: CircuitElement) -> None:
        self.elements.add_addition(
            "matrix_line",
            line.name,
            from_node=self.nodes[line.buses[0]],
            to_node=self.nodes[line.buses[1]],
            **line_attributes(line, self.circuit.frequency_hz),
        )

    def add_reactor(self, reactor: CircuitElement) -> None:
        self.elements.add_addition(
            "matrix_line",
            reactor.name,
            from_node=self.nodes[reactor.buses[0]],
            to_node=self.nodes[reactor.buses[1]],
            **reactor_attributes(reactor),
        )

    def add_transformer(self, unit: CircuitElement) -> None:
        add_transformer(unit, self.nodes, self.elements)
        susceptance = antifloat_susceptance(unit)
        for winding, bus in enumerate(unit.buses):
            if not unit.open_phases[winding]:
                here = self.antifloat.setdefault(bus, np.zeros(3))
                here += susceptance[winding]

    def add_source(self, source: CircuitElement) -> None:
        bus = source.buses[0]
        add_source(source, self.nodes[bus], self.rated_v[bus], self.elements)

    def add_capacitor(self, capacitor: CircuitElement) -> None:
        self.elements.add_addition(
            "shunt_compensator",
            capacitor.name,
            node=self.nodes[capacitor.buses[0]],
            **capacitor_attributes(capacitor),
        )

    def add_antifloat(self) -> None:
        for bus, susceptance in self.antifloat.items():
            if susceptance.any():
                self.elements.add_addition(
                    "shunt_compensator",
                    f"{bus} transformers to earth",
                    node=self.nodes[bus],
                    status=1,
                    connection="wye",
                    g=[0.0, 0.0, 0.0],
                    b=susceptance.tolist(),
                )
                self.elements.assume(
                    "transformers have OpenDSS's small susceptance to earth (ppm_antifloat), which "
                    "alone says how a network without earth lies to it"
                )

    def add_load(self, load: CircuitElement) -> None:
        self.elements.add_addition(
            "energy_consumer",
            load.name,
            node=self.nodes[load.buses[0]],
            **consumer_attributes(load, self.circuit.load_multiplier),
        )

    def say_what_is_assumed(self, *, given_taps: bool) -> None:
        assume = self.elements.assume
        assume(
            f"reactances and susceptances hold at {self.circuit.frequency_hz:g} Hz, at which the "
            "network is computed: none of its elements depends on the frequency"
        )
        assume("neutrals are eliminated (Kron): earthed at every node")
        if self.circuit.of_kind("RegControl"):
            assume(
                "regulators stand at the taps that were given"
                if given_taps
                else "regulators stand at the taps with which OpenDSS's solution ends"
            )
        if self.circuit.of_kind("Load"):
            assume("loads keep their model at any voltage: Vminpu and Vmaxpu are left out")
        outside = list(outside_band(self.circuit))
        if outside:
            more = f" and {len(outside) - 3} more" if len(outside) > 3 else ""
            assume(
                f"at its own solution OpenDSS takes {', '.join(outside[:3])}{more} as impedance, "
                "because the voltage leaves Vminpu to Vmaxpu; here they are not"
            )
