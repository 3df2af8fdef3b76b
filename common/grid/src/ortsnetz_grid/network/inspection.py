"""The inspection of a network: findings and its topology, as data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from power_grid_model import CalculationType

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.admittance import Admittance
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.problem import Problem, Severity
from ortsnetz_grid.network.topology import Topology
from ortsnetz_grid.network.validation import findings

NOT_COVERED = "not-covered"
"""Rule of what the three-phase model refuses though its numbers are right."""


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
        topology = _topology(network)
        found = findings(network, _calculation(network), topology)
        if all(each.severity != Severity.ERROR for each in found):
            found = (*_refused(network), *found)
        return cls(network, topology, found)

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


def _topology(network: Network) -> Topology | None:
    if not len(network.data.get("node", ())):
        return None
    try:
        return Topology.of(network)
    except InputError:  # the same element is refused by a finding
        return None


def _refused(network: Network) -> tuple[Problem, ...]:
    """What the admittance model of an otherwise sound network refuses."""
    try:
        with np.errstate(all="ignore"):
            admittance = Admittance.of(network)
    except InputError as error:
        return (Problem("", (), (), str(error), rule=NOT_COVERED),)
    except np.linalg.LinAlgError:
        sentence = "a line's impedance matrix is singular, and no power flow can be computed"
        return (Problem("asym_line", (), (), sentence, rule="singular"),)
    finite = np.isfinite(admittance.blocks).all(axis=(1, 2, 3, 4))
    return tuple(
        Problem(
            network.components[element],
            (),
            (element,),
            f"{network.label(element)}: its admittance is no finite number",
            rule="singular",
            advice="see whether an impedance is nearly zero: make it a link",
        )
        for element in admittance.branch_ids[~finite].tolist()
    )
