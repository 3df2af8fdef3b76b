"""What the devices behind station servers have shown of late: `plant/shown.json`.

Nobody counts reads there, so a run is checked the other way round: is what the store holds what the
device showed at the instant that the value carries?
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from msgspec import Struct

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.point import (
    ACTIVE_POWER,
    PHASE_CURRENT,
    PHASE_VOLTAGE,
    REACTIVE_POWER,
    phase_points,
)
from ortsnetz_hil.servers.device_server import DeviceServer

FILE = "shown.json"
FORMAT = "ortsnetz.shown/1"
FEED_IN = {"pv-inverter"}
"""Devices whose own direction is feed-in."""
KEPT_STEPS = 300
"""A minute of the usual steps."""


class Shown(Struct, frozen=True, forbid_unknown_fields=True):
    """What a device has shown.

    Attributes:
        points: data objects, e.g. `MMXU1.PhV.phsA`; phases are the device's terminals.
        times_ns: the device's own clock at each of the last steps, UTC.
        values: one a point for each step, SI units, consumption positive; None for what it does
            not measure.
    """

    points: tuple[str, ...]
    times_ns: tuple[int, ...]
    values: tuple[tuple[float | None, ...], ...]


class ShownFile(Struct, frozen=True, forbid_unknown_fields=True):
    """The last steps of all devices behind station servers, by name."""

    format: str
    devices: dict[str, Shown]


@dataclass(slots=True)
class ShownLog:
    """Keeps the last steps in memory."""

    owners: tuple[DeviceServer, ...]
    _steps: dict[str, deque[tuple[int, tuple[float | None, ...]]]] = field(init=False)

    def __post_init__(self) -> None:
        self._steps = {owner.device.name: deque(maxlen=KEPT_STEPS) for owner in self.owners}

    def note(self) -> None:
        """Keep what the devices show of the present step."""
        for owner in self.owners:
            device, faults = owner.device, owner.meter_faults
            now_s = device.scene.truth().now_s
            shown = faults.show(device.measured(), now_s)
            time_ns = faults.stamp_ns(device.scene.time_ns, now_s)
            sign = -1.0 if device.profile in FEED_IN else 1.0
            quantities = (shown.u, shown.i, sign * shown.p, sign * shown.q)
            values = [float(v) for each in quantities for v in each]
            self._steps[device.name].append(
                (time_ns, tuple(None if math.isnan(v) else v for v in values))
            )

    def write(self, plant_directory: Path) -> None:
        """Write what is kept; nothing without station servers."""
        if not self.owners:
            return
        found = ShownFile(FORMAT, {o.device.name: self._shown(o) for o in self.owners})
        (plant_directory / FILE).write_bytes(msgspec.json.encode(found))

    def _shown(self, owner: DeviceServer) -> Shown:
        steps = self._steps[owner.device.name]
        return Shown(
            points=_points(len(owner.device.phases)),
            times_ns=tuple(time_ns for time_ns, _ in steps),
            values=tuple(values for _, values in steps),
        )


def _points(terminals: int) -> tuple[str, ...]:
    quantities: Iterable[str] = (PHASE_VOLTAGE, PHASE_CURRENT, ACTIVE_POWER, REACTIVE_POWER)
    return tuple(name for stem in quantities for name in phase_points(stem)[:terminals])


def read(plant_directory: Path) -> dict[str, Shown]:
    """What was shown, by device; empty for a plant without station servers.

    Raises:
        InputError: the file is damaged.
    """
    path = plant_directory / FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=ShownFile).devices
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.MsgspecError) as error:
        raise InputError(f"{path}: cannot be used: {error}") from error
