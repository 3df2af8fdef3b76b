"""Devices that take setpoints as their servers see them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ortsnetz_hil.plant.core import PHASE_LETTERS, Plant
from ortsnetz_hil.plant.devices.battery import BatteryModel
from ortsnetz_hil.plant.devices.charge_point import ChargePointModel
from ortsnetz_hil.plant.devices.heat_pump import HeatPumpModel
from ortsnetz_hil.plant.devices.inverter import InverterModel
from ortsnetz_hil.plant.devices.tap_changer import TapChangerModel
from ortsnetz_hil.plant.power_flow import GridState
from ortsnetz_hil.servers import device_maps
from ortsnetz_hil.servers.box_settings import BoxSettings
from ortsnetz_hil.servers.commands import Commands, LimitSettings
from ortsnetz_hil.servers.instrument import Instrument, Measured
from ortsnetz_hil.servers.inverter_settings import InverterSettings
from ortsnetz_hil.servers.registers import Stamp
from ortsnetz_hil.servers.scene import Scene, seen
from ortsnetz_hil.servers.tap_settings import TapSettings

Powers = Callable[[GridState], NDArray[np.complex128]]
StatusOf = Callable[[int, float], Any]
Draw = Callable[[Measured, Any, Stamp], list[int]]


class _Spec(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def port(self) -> int: ...


@dataclass(slots=True)
class ControlledDevice:
    """A device that takes setpoints.

    Attributes:
        node_row: row of the node at which it measures voltages.
        powers: complex power per phase, in the direction of its register map.
        status: what the device says besides its measurement, in its own units (`device_maps`), of
            setpoint in force and plant seconds.
        draw: makes the register image of measurement, status and stamp.
    """

    spec: _Spec
    profile: str
    phases: str
    values: int
    commands: Commands
    instrument: Instrument
    scene: Scene
    node_row: int
    powers: Powers
    status: StatusOf
    draw: Draw
    name: str = field(init=False)
    port: int = field(init=False)
    breaker: None = None

    def __post_init__(self) -> None:
        self.name, self.port = self.spec.name, self.spec.port

    def measured(self) -> Measured:
        """The step's measurement."""
        step, phases = self.scene.truth(), self.instrument.phases
        power = self.powers(step.state)
        volts = phases(seen(step.state)[self.node_row])
        return self.instrument.show(step.now_s, volts, phases(power.real), phases(power.imag))

    def image(self, shown: Measured, stamp: Stamp) -> list[int]:
        """The measurement block."""
        now_s = self.scene.truth().now_s
        return self.draw(shown, self.status(self.commands.setpoint(now_s), now_s), stamp)


class Controlled:
    """Makes the devices of a plant that take setpoints.

    What they measure is what the network really carries of them, not what their models intended.
    """

    def __init__(self, plant: Plant, scene: Scene) -> None:
        self._plant, self._scene = plant, scene
        network = plant.network
        self._nodes = {int(node): row for row, node in enumerate(network.ids("node"))}
        self._loads = {int(load): row for row, load in enumerate(network.ids("asym_load"))}
        self._generators = {int(gen): row for row, gen in enumerate(network.ids("asym_gen"))}

    def charge_point(self, model: ChargePointModel) -> ControlledDevice:
        """The controller of a charge point."""
        spec = model.spec

        def status(limit: int, now_s: float) -> device_maps.ChargePointStatus:
            return device_maps.ChargePointStatus(
                int(model.state), limit, model.wanted_a, model.watchdog.rest(now_s)
            )

        return self._limited(
            model,
            "ev-controller",
            further=4,
            address=2000,
            powers=self._drawn(spec.element),
            status=status,
            draw=device_maps.charge_point,
        )

    def inverter(self, model: InverterModel) -> ControlledDevice:
        """A PV inverter."""
        spec = model.spec

        def status(limit: int, _: float) -> device_maps.InverterStatus:
            return device_maps.InverterStatus(
                limit, model.available_w, spec.rated_w, -model.reactive, model.reactive_told
            )

        row = self._generators[spec.element]
        return self._limited(
            model,
            "pv-inverter",
            further=4,
            address=40100,
            powers=lambda state: np.asarray(state.gen_s[row]),
            status=status,
            draw=device_maps.inverter,
        )

    def heat_pump(self, model: HeatPumpModel) -> ControlledDevice:
        """The controller of a heat pump, or the control box before it."""
        spec = model.spec
        if spec.box_s > 0.0:
            return self._control_box(model)

        def status(limit: int, now_s: float) -> device_maps.HeatPumpStatus:
            return device_maps.HeatPumpStatus(
                limit=limit,
                wanted_w=model.wanted_w,
                rated_w=spec.rated_w,
                temperature_c=model.temperature_c,
                fallback_in_s=model.watchdog.rest(now_s),
            )

        return self._limited(
            model,
            "heat-pump",
            further=4,
            address=5100,
            powers=self._drawn(spec.element),
            status=status,
            draw=device_maps.heat_pump,
        )

    def _control_box(self, model: HeatPumpModel) -> ControlledDevice:
        """A control box measures the power in all, with the heat pump's accuracy."""
        spec = model.spec

        def status(limit: int, now_s: float) -> device_maps.BoxStatus:
            return device_maps.BoxStatus(limit, model.watchdog.rest(now_s))

        return ControlledDevice(
            spec=spec,
            profile="control-box",
            phases=spec.phases,
            values=len(spec.phases) + 2,
            commands=Commands(850, BoxSettings(model), delay_s=spec.box_s),
            instrument=self._instrument(spec, "heat-pump", spec.phases),
            scene=self._scene,
            node_row=self._nodes[spec.node],
            powers=self._drawn(spec.element),
            status=status,
            draw=device_maps.control_box,
        )

    def battery(self, model: BatteryModel) -> ControlledDevice:
        """The controller of a home battery."""
        spec = model.spec

        def status(limit: int, now_s: float) -> device_maps.BatteryStatus:
            return device_maps.BatteryStatus(
                limit=limit,
                wanted_w=model.wanted_w,
                charge_share=model.soc_wh / spec.capacity_wh,
                rated_w=spec.rated_w,
                capacity_wh=spec.capacity_wh,
                fallback_in_s=model.watchdog.rest(now_s),
            )

        return self._limited(
            model,
            "home-battery",
            further=4,
            address=650,
            powers=self._drawn(spec.element),
            status=status,
            draw=device_maps.battery,
        )

    def tap_changer(self, model: TapChangerModel) -> ControlledDevice:
        """The controller of a tap changer; it measures voltages at the low-voltage busbar only."""
        spec, transformers = model.spec, self._plant.network.data["transformer"]
        own = transformers[transformers["id"] == spec.element][0]

        def status(setpoint: int, _: float) -> device_maps.TapChangerStatus:
            return device_maps.TapChangerStatus(
                model.position, model.blocked, setpoint, model.operations
            )

        return ControlledDevice(
            spec=spec,
            profile="tap-changer",
            phases=PHASE_LETTERS,
            values=3 + 5,
            commands=Commands(950, TapSettings(model)),
            instrument=self._instrument(spec, "tap-changer", PHASE_LETTERS),
            scene=self._scene,
            node_row=self._nodes[int(own["to_node"])],
            powers=lambda _: np.full(3, np.nan, np.complex128),
            status=status,
            draw=device_maps.tap_changer,
        )

    def _limited(
        self,
        model: ChargePointModel | InverterModel | HeatPumpModel | BatteryModel,
        profile: str,
        *,
        further: int,
        address: int,
        powers: Powers,
        status: StatusOf,
        draw: Draw,
    ) -> ControlledDevice:
        """A device with a limit.

        Args:
            model: of the device.
            profile: its register map.
            further: points of a read besides the four quantities at each terminal.
            address: first of its command registers.
            powers: see `ControlledDevice`.
            status: see `ControlledDevice`.
            draw: see `ControlledDevice`.
        """
        spec = model.spec
        return ControlledDevice(
            spec=spec,
            profile=profile,
            phases=spec.phases,
            values=4 * len(spec.phases) + further,
            commands=Commands(address, _settings(model)),
            instrument=self._instrument(spec, profile, spec.phases),
            scene=self._scene,
            node_row=self._nodes[spec.node],
            powers=powers,
            status=status,
            draw=draw,
        )

    def _drawn(self, element: int) -> Powers:
        row = self._loads[element]
        return lambda state: np.asarray(state.load_s[row])

    def _instrument(self, spec: _Spec, profile: str, phases: str) -> Instrument:
        configuration = self._plant.configuration
        accuracy = configuration.meter_class(profile)
        return Instrument(spec.name, phases, accuracy, configuration.seed)


def _settings(
    model: ChargePointModel | InverterModel | HeatPumpModel | BatteryModel,
) -> LimitSettings:
    return InverterSettings(model) if isinstance(model, InverterModel) else LimitSettings(model)
