"""Does the stated topology explain the measurements: bad meter, wrong phase or wrong switch."""

from ortsnetz_grid.functions.topology_check.check import check_topology
from ortsnetz_grid.functions.topology_check.connection import ConnectionCheck, check_connection
from ortsnetz_grid.functions.topology_check.phase_identification import (
    IdentificationSettings,
    PhaseIdentification,
    identify_order,
    identify_phase,
)
from ortsnetz_grid.functions.topology_check.result import (
    Alternative,
    CheckSettings,
    Finding,
    Kind,
)

__all__ = [
    "Alternative",
    "CheckSettings",
    "ConnectionCheck",
    "Finding",
    "IdentificationSettings",
    "Kind",
    "PhaseIdentification",
    "check_connection",
    "check_topology",
    "identify_order",
    "identify_phase",
]
