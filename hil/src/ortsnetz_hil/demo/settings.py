"""What a demo run is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ortsnetz_hil.plant.protocols import MIXED

DEFAULT_NETWORK = "1-LV-rural2--0-sw"
SHORTEST_RUN_S = 60


@dataclass(frozen=True, slots=True)
class DemoSettings:
    """Settings of a demo run.

    Attributes:
        network: SimBench code or path of a pandapower or network file.
        seconds: length of the run; None runs until it is interrupted.
        seed: seed of everything random in the plant.
        directory: run directory; created, and emptied first if it is a former run.
        cockpit_port: TCP port of the cockpit's page, on loopback.
        broker_port: TCP port of the broker, on loopback.
        device_port: first TCP port of the device servers; one each.
        broker: `mosquitto`, `iotcore`, or `auto` for the first of them that is installed.
        protocols: through what the devices are seen, see `plant.protocols`.
        silent: devices that stop answering for a while, `DEVICE@SECONDS-SECONDS`.
    """

    network: str
    seconds: int | None
    seed: int
    directory: Path
    cockpit_port: int
    broker_port: int
    device_port: int
    broker: str
    protocols: str = MIXED
    silent: tuple[str, ...] = ()
