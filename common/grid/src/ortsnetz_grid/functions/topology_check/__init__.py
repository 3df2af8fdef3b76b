"""Does the stated topology explain the measurements: bad meter, wrong phase or wrong switch."""

from ortsnetz_grid.functions.topology_check.check import check_topology
from ortsnetz_grid.functions.topology_check.result import (
    Alternative,
    CheckSettings,
    Finding,
    Kind,
)

__all__ = ["Alternative", "CheckSettings", "Finding", "Kind", "check_topology"]
