"""The inspection of a network: findings and a summary of its topology, as data."""

from __future__ import annotations

from dataclasses import dataclass

from power_grid_model import CalculationType

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.problem import Problem, Severity
from ortsnetz_grid.network.topology import Topology
from ortsnetz_grid.network.validation import findings


@dataclass(frozen=True, slots=True)
class Inspection:
    """What there is to say about a network.

    Attributes:
        network: what was inspected.
        topology: its connections, or None where an error keeps them from being read.
        findings: errors first.
    """

    network: Network
    topology: Topology | None
    findings: tuple[Problem, ...]

    @classmethod
    def of(cls, network: Network) -> Inspection:
        """Inspect; a network with sensors is judged as a case for state estimation."""
        topology = None
        if len(network.data.get("node", ())):
            try:
                topology = Topology.of(network)
            except InputError as error:
                unreadable = Problem("", (), (), str(error))
                found = findings(network, _calculation(network), None)
                told = any(each.severity == Severity.ERROR for each in found)
                return cls(network, None, found if told else (unreadable, *found))
        return cls(network, topology, findings(network, _calculation(network), topology))

    def of_severity(self, severity: Severity) -> tuple[Problem, ...]:
        """Findings of one severity."""
        return tuple(each for each in self.findings if each.severity == severity)

    @property
    def valid(self) -> bool:
        """Whether it may be computed."""
        return not self.of_severity(Severity.ERROR)


def _calculation(network: Network) -> CalculationType:
    """Sensors are only checked where they count."""
    sensors = any(len(array) for name, array in network.data.items() if name.endswith("_sensor"))
    return CalculationType.state_estimation if sensors else CalculationType.power_flow
