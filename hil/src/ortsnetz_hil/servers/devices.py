"""All devices of a plant as their servers see them."""

from __future__ import annotations

from typing import Protocol

from ortsnetz_hil.plant.core import Plant
from ortsnetz_hil.servers.breaker import Breaker
from ortsnetz_hil.servers.commands import Commands
from ortsnetz_hil.servers.controlled import Controlled
from ortsnetz_hil.servers.instrument import Measured
from ortsnetz_hil.servers.meter_device import meter
from ortsnetz_hil.servers.registers import Stamp
from ortsnetz_hil.servers.scene import Scene

__all__ = ["Scene", "Served", "devices"]


class Served(Protocol):
    """A device behind a server.

    Attributes:
        name, profile, port: from the configuration.
        phases: network phases at its terminals.
        values: points that one read of the measurement block carries: quantities at connected
            terminals, limit, availability, state, and the read counter.
        scene: where the plant's last step is found.
    """

    name: str
    profile: str
    port: int
    phases: str
    values: int
    scene: Scene

    @property
    def commands(self) -> Commands | None:
        """Its command registers, None for a meter."""
        ...

    @property
    def breaker(self) -> Breaker | None:
        """Of a feeder; None for all else."""
        ...

    def measured(self) -> Measured:
        """The step's measurement by the device's own, sound instrument."""
        ...

    def image(self, shown: Measured, stamp: Stamp) -> list[int]:
        """The measurement block, made of what the instrument shows."""
        ...


def devices(plant: Plant, scene: Scene) -> list[Served]:
    """All devices of a plant: meters, then each kind in the order of the configuration.

    Args:
        plant: before its first step: as the devices are now they come back after a restart.
        scene: where its state is found.
    """
    controlled = Controlled(plant, scene)
    found: list[Served] = [meter(plant, scene, spec) for spec in plant.configuration.meters]
    found += [controlled.charge_point(model) for model in plant.charge_points]
    found += [controlled.inverter(model) for model in plant.inverters]
    found += [controlled.heat_pump(model) for model in plant.heat_pumps]
    found += [controlled.battery(model) for model in plant.batteries]
    found += [controlled.tap_changer(model) for model in plant.taps.models]
    return found
