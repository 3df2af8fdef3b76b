"""Additional consumers as arrays, for a power flow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.additions import PHASE_NAMES, EnergyConsumer
from ortsnetz_grid.network.assembly import rows_of
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.two_ports import Complex, Real

_TERMINALS = {"wye": ("a", "b", "c"), "delta": ("ab", "bc", "ca")}


@dataclass(frozen=True, slots=True)
class Consumers:
    """The `c` energy consumers of a network, in the order of the file, connected or not.

    At the voltage U across a connection its complex power, consumption positive, is
    `constant_power + constant_current * |U| / nominal_volts
    + constant_impedance * (|U| / nominal_volts)**2`.

    Attributes:
        ids: (c,).
        nodes: (c,) rows of their nodes in the file's order.
        status: (c,) whether they are connected; the powers stand here whether they are or not.
        delta: (c,) False: the three columns are phases a, b, c to neutral; True: ab, bc, ca.
        nominal_volts: (c,) voltage across each connection at which the powers hold, V.
        constant_power: (c, 3) VA.
        constant_current: (c, 3) VA.
        constant_impedance: (c, 3) VA.
    """

    ids: NDArray[np.int32]
    nodes: NDArray[np.intp]
    status: NDArray[np.bool_]
    delta: NDArray[np.bool_]
    nominal_volts: Real
    constant_power: Complex
    constant_current: Complex
    constant_impedance: Complex

    @classmethod
    def of(cls, network: Network) -> Consumers:
        """Collect the consumers (none, where the network has no additions)."""
        found = network.additions.energy_consumer
        count = len(found)
        nodes = np.array([each.node for each in found], dtype=np.int32)
        return cls(
            ids=np.array([each.id for each in found], dtype=np.int32),
            nodes=rows_of(network, nodes) if count else np.zeros(0, dtype=np.intp),
            status=np.array([each.status == 1 for each in found], dtype=np.bool_),
            delta=np.array([each.connection == "delta" for each in found], dtype=np.bool_),
            nominal_volts=np.array([each.u_nominal for each in found], dtype=np.float64),
            constant_power=_shares(found, lambda current, impedance: 1 - current - impedance),
            constant_current=_shares(found, lambda current, _: current),
            constant_impedance=_shares(found, lambda _, impedance: impedance),
        )

    def require_phases(self, network: Network, present: NDArray[np.bool_]) -> None:
        """Refuse consumption on a phase that its node does not have.

        Args:
            network: for names.
            present: (n, 3) phases that exist at the nodes, as `Admittance.present`.

        Raises:
            InputError: names consumer, phase and node.
        """
        power = self.constant_power, self.constant_current, self.constant_impedance
        asked = (np.stack(power) != 0).any(axis=0) & self.status[:, None]
        there = present[self.nodes]
        delta = self.delta[:, None]
        usable = np.where(delta, there & np.roll(there, -1, axis=1), there)
        for row, column in np.argwhere(asked & ~usable).tolist():
            terminals = _TERMINALS["delta" if self.delta[row] else "wye"][column]
            missing = next(phase for phase in terminals if not there[row, PHASE_NAMES.index(phase)])
            node = int(network.data["node"]["id"][self.nodes[row]])
            raise InputError(
                f"{network.label(int(self.ids[row]))}: it consumes at {terminals}, but "
                f"{network.label(node)} has no phase {missing}"
            )


def _shares(
    consumers: tuple[EnergyConsumer, ...], share: Callable[[float, float], float]
) -> Complex:
    """Part (c, 3) of the specified powers, VA; `share` sees those of current and impedance."""
    found = np.zeros((len(consumers), 3), dtype=np.complex128)
    for row, each in enumerate(consumers):
        active = share(each.p_constant_current, each.p_constant_impedance)
        reactive = share(each.q_constant_current, each.q_constant_impedance)
        found[row] = active * np.array(each.p_specified) + 1j * reactive * np.array(
            each.q_specified
        )
    return found
