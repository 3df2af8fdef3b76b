"""Devices as their servers see them: the plant's state behind registers, and commands to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.parameters.station import Side
from ortsnetz_hil.plant.configuration import PlantConfiguration, PlantMeter
from ortsnetz_hil.plant.core import Plant, Step
from ortsnetz_hil.plant.devices.charge_point import ChargePointModel
from ortsnetz_hil.plant.devices.inverter import InverterModel
from ortsnetz_hil.servers import maps
from ortsnetz_hil.servers.commands import Commands
from ortsnetz_hil.servers.instrument import Instrument
from ortsnetz_hil.servers.maps import ChargePointStatus, InverterStatus, Stamp


@dataclass(slots=True)
class Scene:
    """What all device servers look at: the last step and when it was.

    Attributes:
        step: None until the plant has made its first step.
        time_ns: wall instant of the step, UTC: the devices' own clock.
    """

    step: Step | None = None
    time_ns: int = 0

    def truth(self) -> Step:
        """The last step; servers start only after the first."""
        if self.step is None:
            raise RuntimeError("a device was read before the plant's first step")
        return self.step


class Served(Protocol):
    """A device behind a server.

    Attributes:
        name, profile, port: from the configuration.
        values: points that one read of the measurement block carries: quantities at connected
            terminals, limit, availability, state, and the read counter.
        commands: its command registers, None for a meter.
    """

    name: str
    profile: str
    port: int
    values: int
    commands: Commands | None

    def registers(self, reads: int) -> list[int]:
        """The measurement block, carrying the number of this read."""
        ...


@dataclass(slots=True)
class MeterDevice:
    """A transformer, feeder or customer meter."""

    spec: PlantMeter
    instrument: Instrument
    scene: Scene
    node_row: int
    rows: list[int]
    name: str = field(init=False)
    profile: str = field(init=False)
    port: int = field(init=False)
    values: int = field(init=False)
    commands: Commands | None = None

    def __post_init__(self) -> None:
        self.name, self.profile, self.port = self.spec.name, self.spec.profile, self.spec.port
        self.values = 4 * self.instrument.terminals + 1

    def registers(self, reads: int) -> list[int]:
        """The measurement block."""
        step = self.scene.truth()
        power = self._power(step)
        shown = self.instrument.show(
            self.instrument.phases(np.abs(step.state.u_v[self.node_row])),
            self.instrument.phases(power.real),
            self.instrument.phases(power.imag),
        )
        stamp = Stamp(reads, self.scene.time_ns)
        if self.profile == "meter-transformer":
            return maps.transformer_meter(shown, stamp)
        if self.profile == "meter-feeder":
            return maps.feeder_meter(shown, stamp)
        return maps.customer_meter(shown, stamp)

    def _power(self, step: Step) -> NDArray[np.complex128]:
        """Complex power per network phase in the direction that the register map states."""
        if self.profile == "meter-transformer":
            # the low-voltage end counts positive into the transformer, the meter out of it
            return np.asarray(-step.state.transformers.s_to[self.rows[0]])
        if self.profile == "meter-feeder":
            lines = step.state.lines
            ends = lines.s_from if self.spec.side is Side.FROM else lines.s_to
            return np.asarray(ends[self.rows[0]])
        load = step.injections
        return np.asarray(
            load.load_p[self.rows].sum(axis=0) + 1j * load.load_q[self.rows].sum(axis=0)
        )


@dataclass(slots=True)
class ChargePointDevice:
    """The controller of a charge point."""

    model: ChargePointModel
    instrument: Instrument
    scene: Scene
    plant: Plant
    index: int
    name: str = field(init=False)
    port: int = field(init=False)
    values: int = field(init=False)
    commands: Commands | None = field(init=False)
    profile: str = "ev-controller"

    def __post_init__(self) -> None:
        self.name, self.port = self.model.spec.name, self.model.spec.port
        self.values = 4 * self.instrument.terminals + 4
        self.commands = Commands(2000, self.model)

    def registers(self, reads: int) -> list[int]:
        """The measurement block."""
        model, used = self.model, slice(self.instrument.terminals)
        shown = self.instrument.show(
            self.plant.terminal_voltage(self.index), model.active_w[used], model.reactive_var[used]
        )
        status = ChargePointStatus(
            state=int(model.state),
            limit_a=model.limit,
            wanted_a=model.wanted_a,
            fallback_in_s=model.watchdog.rest(self.scene.truth().now_s),
        )
        return maps.charge_point(shown, status, Stamp(reads, self.scene.time_ns))


@dataclass(slots=True)
class InverterDevice:
    """A PV inverter."""

    model: InverterModel
    instrument: Instrument
    scene: Scene
    node_row: int
    name: str = field(init=False)
    port: int = field(init=False)
    values: int = field(init=False)
    commands: Commands | None = field(init=False)
    profile: str = "pv-inverter"

    def __post_init__(self) -> None:
        self.name, self.port = self.model.spec.name, self.model.spec.port
        self.values = 4 * self.instrument.terminals + 3
        self.commands = Commands(40100, self.model)

    def registers(self, reads: int) -> list[int]:
        """The measurement block."""
        step = self.scene.truth()
        feed_in = np.full(3, self.model.power_w / 3.0)
        shown = self.instrument.show(np.abs(step.state.u_v[self.node_row]), feed_in, np.zeros(3))
        spec = self.model.spec
        status = InverterStatus(self.model.limit, self.model.available_w, spec.rated_w)
        return maps.inverter(shown, status, Stamp(reads, self.scene.time_ns))


def devices(plant: Plant, scene: Scene) -> list[Served]:
    """All devices of a plant in the order of their ports."""
    configuration = plant.configuration
    nodes = {int(node): row for row, node in enumerate(plant.network.ids("node"))}
    found: list[Served] = [_meter(plant, scene, spec, nodes) for spec in configuration.meters]
    for i, point in enumerate(plant.charge_points):
        instrument = _instrument(configuration, point.spec.name, "ev-controller", point.spec.phases)
        found.append(ChargePointDevice(point, instrument, scene, plant, i))
    for model in plant.inverters:
        instrument = _instrument(configuration, model.spec.name, "pv-inverter", "abc")
        found.append(InverterDevice(model, instrument, scene, nodes[model.spec.node]))
    return found


def _instrument(
    configuration: PlantConfiguration, name: str, profile: str, phases: str
) -> Instrument:
    return Instrument(name, phases, configuration.meter_class(profile), configuration.seed)


def _meter(plant: Plant, scene: Scene, spec: PlantMeter, nodes: dict[int, int]) -> MeterDevice:
    network = plant.network
    instrument = _instrument(plant.configuration, spec.name, spec.profile, spec.phases)
    if spec.side is None:
        loads = {int(load): row for row, load in enumerate(network.ids("asym_load"))}
        rows = [loads[load] for load in spec.loads]
        return MeterDevice(spec, instrument, scene, nodes[spec.element], rows)
    component = "transformer" if spec.profile == "meter-transformer" else "line"
    row = int(np.flatnonzero(network.ids(component) == spec.element)[0])
    end = "from_node" if spec.side is Side.FROM else "to_node"
    node = nodes[int(network.data[component][end][row])]
    return MeterDevice(spec, instrument, scene, node, [row])
