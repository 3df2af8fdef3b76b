"""Meters as their servers see them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.parameters.station import Side
from ortsnetz_hil.plant.configuration import PlantMeter
from ortsnetz_hil.plant.core import Plant, Step
from ortsnetz_hil.servers import maps
from ortsnetz_hil.servers.breaker import Breaker
from ortsnetz_hil.servers.commands import Commands
from ortsnetz_hil.servers.instrument import Instrument, Measured
from ortsnetz_hil.servers.registers import Stamp
from ortsnetz_hil.servers.scene import Scene, seen


@dataclass(slots=True)
class MeterDevice:
    """A transformer, feeder or customer meter.

    Attributes:
        node_row: row of the node at which it measures voltages.
        rows: row of its branch, or of the loads that it adds up.
        breaker: of a feeder; only an IED operates it.
    """

    spec: PlantMeter
    instrument: Instrument
    scene: Scene
    node_row: int
    rows: list[int]
    name: str = field(init=False)
    profile: str = field(init=False)
    port: int = field(init=False)
    phases: str = field(init=False)
    values: int = field(init=False)
    commands: Commands | None = None
    breaker: Breaker | None = None

    def __post_init__(self) -> None:
        self.name, self.profile, self.port = self.spec.name, self.spec.profile, self.spec.port
        self.phases = self.spec.phases
        self.values = 4 * self.instrument.terminals + 1

    def measured(self) -> Measured:
        """The step's measurement."""
        step = self.scene.truth()
        power = self._power(step)
        return self.instrument.show(
            step.now_s,
            self.instrument.phases(seen(step.state)[self.node_row]),
            self.instrument.phases(power.real),
            self.instrument.phases(power.imag),
        )

    def image(self, shown: Measured, stamp: Stamp) -> list[int]:
        """The measurement block."""
        if self.profile == "meter-transformer":
            return maps.transformer_meter(shown, stamp)
        if self.profile == "meter-feeder":
            return maps.feeder_meter(shown, stamp)
        return maps.customer_meter(shown, stamp)

    def _power(self, step: Step) -> NDArray[np.complex128]:
        """Complex power per phase in the direction that the register map states."""
        if self.profile == "meter-transformer":
            # the low-voltage end counts positive into the transformer, the meter out of it
            return np.asarray(-step.state.transformers.s_to[self.rows[0]])
        if self.profile == "meter-feeder":
            lines = step.state.lines
            ends = lines.s_from if self.spec.side is Side.FROM else lines.s_to
            return np.asarray(ends[self.rows[0]])
        return np.asarray(step.state.load_s[self.rows].sum(axis=0))


def meter(plant: Plant, scene: Scene, spec: PlantMeter) -> MeterDevice:
    """A meter at its place.

    Args:
        plant: the plant.
        scene: where its state is found.
        spec: which meter.
    """
    network, configuration = plant.network, plant.configuration
    accuracy = configuration.meter_class(spec.profile)
    instrument = Instrument(spec.name, spec.phases, accuracy, configuration.seed)
    nodes = {int(node): row for row, node in enumerate(network.ids("node"))}
    if spec.side is None:
        loads = {int(load): row for row, load in enumerate(network.ids("asym_load"))}
        rows = [loads[load] for load in spec.loads]
        return MeterDevice(spec, instrument, scene, nodes[spec.element], rows)
    component = "transformer" if spec.profile == "meter-transformer" else "line"
    row = int(np.flatnonzero(network.ids(component) == spec.element)[0])
    end = "from_node" if spec.side is Side.FROM else "to_node"
    node = nodes[int(network.data[component][end][row])]
    breaker = Breaker(plant, spec.element, spec.side) if component == "line" else None
    return MeterDevice(spec, instrument, scene, node, [row], breaker=breaker)
