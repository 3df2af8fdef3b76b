"""One scenario of a power flow as power-grid-model's output data set."""

from __future__ import annotations

import numpy as np

from ortsnetz_grid.network.additions_output import Rows, additional_output
from ortsnetz_grid.network.admittance import BASE_PHASE_VA, rows_of
from ortsnetz_grid.network.output import Output, asym_output
from ortsnetz_grid.network.power_flow.appliances import SIGNS, Appliances
from ortsnetz_grid.network.power_flow.flows import Flows
from ortsnetz_grid.network.power_flow.solver import PowerFlow
from ortsnetz_grid.network.two_ports import Complex


def output_of(
    flow: PowerFlow, appliances: Appliances, powers: Complex, flows: Flows, scenario: int
) -> Output:
    """What power-grid-model would write.

    Args:
        flow: of the network.
        appliances: its loads and generators.
        powers: (b or 1, a, 3) asked of them, VA, consumption positive.
        flows: the result.
        scenario: which of the b.
    """
    voltage = flows.voltage[scenario]
    drawn = _drawn(appliances, powers[0 if len(powers) == 1 else scenario], voltage)
    given: dict[str, Complex] = {}
    first = 0
    for component, sign in SIGNS.items():
        count = len(flow.network.data.get(component, ()))
        if count:
            given[component] = sign * drawn[first : first + count]
        first += count
    given["source"] = _fed(flow, voltage)
    return asym_output(flow.network, flow.admittance, voltage, given)


def additions_of(
    flow: PowerFlow, appliances: Appliances, powers: Complex, flows: Flows, scenario: int
) -> Rows:
    """The same of the additional elements, which power-grid-model's output has no place for.

    Args:
        flow: see `output_of`, as the others.
        appliances: see there.
        powers: see there.
        flows: see there.
        scenario: see there.
    """
    voltage = flows.voltage[scenario]
    drawn = _drawn(appliances, powers[0 if len(powers) == 1 else scenario], voltage)
    consumers = slice(len(drawn) - len(flow.network.additions.energy_consumer), None)
    return additional_output(flow.network, flow.admittance, voltage, drawn[consumers])


def _drawn(appliances: Appliances, asked: Complex, voltage: Complex) -> Complex:
    """Powers (a, 3), VA, that appliances draw at the voltage that they have.

    Between phases, powers are those of the connection (ab, bc, ca).
    """
    at = voltage[appliances.nodes]
    across = (at - np.roll(at, -1, axis=1)) / np.sqrt(3)
    size = np.abs(np.where(appliances.delta[:, None], across, at))
    size = size * appliances.rated_over_nominal[:, None]
    active, reactive = (
        shares[:, 0, None] + shares[:, 1, None] * size + shares[:, 2, None] * size**2
        for shares in (appliances.active_shares, appliances.reactive_shares)
    )
    return np.asarray(asked.real * active + 1j * asked.imag * reactive)


def _fed(flow: PowerFlow, voltage: Complex) -> Complex:
    """Powers (s, 3), VA, of all sources of the file; those out of service feed nothing."""
    sources = flow.network.data["source"]
    found = np.zeros((len(sources), 3), dtype=np.complex128)
    found[sources["status"] == 1] = flow.sources.powers(voltage) * BASE_PHASE_VA
    dead = ~flow.admittance.energised[rows_of(flow.network, sources["node"])]
    found[dead] = 0
    return found
