"""Whether a guaranteed floor was cut: from the setpoints that the devices were given."""

from __future__ import annotations

from pathlib import Path

from ortsnetz_hil.plant import configuration as files
from ortsnetz_hil.servers import setpoint_log


def floor_violations(plant_directory: Path) -> int | None:
    """Number of setpoints below a charge point's floor (whole amperes); inverters have none.

    None where no device was given any setpoint: then nothing is known of floors.

    Raises:
        InputError: a file is missing or damaged.
    """
    floors = {point.name: point.floor_a for point in files.read(plant_directory).charge_points}
    writes = setpoint_log.read(plant_directory)
    if not writes:
        return None
    return sum(write.value < floors.get(write.device, 0) for write in writes)
