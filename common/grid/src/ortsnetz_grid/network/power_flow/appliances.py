"""Loads and generators of a network: where they are and how their power depends on the voltage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from power_grid_model import LoadGenType

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.admittance import rows_of
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.power_flow.injections import KINDS, Injections
from ortsnetz_grid.network.two_ports import Complex, Real

SIGNS = {"sym_load": 1.0, "asym_load": 1.0, "sym_gen": -1.0, "asym_gen": -1.0}
"""Consumption in the components of power-grid-model, whose generators count generation."""

_PLACE = {
    int(LoadGenType.const_power): 0,
    int(LoadGenType.const_current): 1,
    int(LoadGenType.const_impedance): 2,
}


@dataclass(frozen=True, slots=True)
class Appliances:
    """The `a` loads, generators and energy consumers of a network.

    Attributes:
        ids: (a,).
        nodes: (a,) rows of their nodes.
        status: (a,) whether they are connected.
        delta: (a,) whether the three powers are between phases (ab, bc, ca).
        power: (a, 3) VA at nominal voltage as the file says, consumption positive (generators
            too); NaN where the file says nothing.
        active_shares: (a, 3) share of the active power that is constant power, current, impedance.
        reactive_shares: (a, 3) of the reactive power.
        rated_over_nominal: (a,) node's rated voltage over the voltage at which `power` holds.
    """

    ids: NDArray[np.int32]
    nodes: NDArray[np.intp]
    status: NDArray[np.bool_]
    delta: NDArray[np.bool_]
    power: Complex
    active_shares: Real
    reactive_shares: Real
    rated_over_nominal: Real

    @classmethod
    def of(cls, network: Network) -> Appliances:
        """Collect them.

        Raises:
            InputError: names one with a kind of its own, or at a node that does not exist.
        """
        parts = [
            _of_library(network, component)
            for component in SIGNS
            if len(network.data.get(component, ()))
        ]
        parts.append(_of_additions(network))
        return cls(
            **{
                name: np.concatenate([getattr(part, name) for part in parts])
                for name in cls.__slots__
            }
        )

    def require_powers(self, network: Network) -> None:
        """Refuse missing numbers.

        Raises:
            InputError: names a connected appliance without power.
        """
        for row in np.flatnonzero(self.status & ~np.isfinite(self.power).all(axis=1)):
            label = network.label(int(self.ids[row]))
            raise InputError(f"{label}: p_specified or q_specified is missing or not a number")

    def powers_with(self, ids: NDArray[np.int32], power: Complex) -> Complex:
        """Powers (b, a, 3) of all, where those of some elements are given and the rest stay.

        Args:
            ids: (j,) elements.
            power: (b, j, 3) VA, consumption positive, generators too.

        Raises:
            InputError: an id is no load, generator or consumer.
        """
        order = np.argsort(self.ids, kind="stable")
        at = np.searchsorted(self.ids[order], ids)
        rows = order[np.minimum(at, len(order) - 1)] if len(order) else at
        wrong = np.asarray(ids)[self.ids[rows] != ids] if len(order) else np.asarray(ids)
        if len(wrong):
            raise InputError(f"the network has no load or generator {wrong[0]}")
        found = np.repeat(self.power[None], len(power), axis=0)
        found[:, rows] = power
        return found

    def injections(self, power: Complex | None = None) -> Injections:
        """What the connected ones draw.

        Args:
            power: (b, a, 3) VA in the order of `ids`, consumption positive; the file's if absent.
        """
        powers = self.power[None] if power is None else power
        used = np.flatnonzero(self.status)
        nodes = np.unique(self.nodes[used])
        arrays = {
            kind: self._drawn(powers, number % 3, nodes, self._of_kind(number))
            for number, kind in enumerate(KINDS)
            if len(self._of_kind(number))
        }
        return Injections(nodes, **arrays)

    def _of_kind(self, number: int) -> NDArray[np.intp]:
        """Rows of the connected appliances that have a share of a kind."""
        share = np.abs(self.active_shares) + np.abs(self.reactive_shares)
        delta = number >= 3
        return np.flatnonzero(self.status & (self.delta == delta) & (share[:, number % 3] > 0))

    def _drawn(
        self, powers: Complex, place: int, nodes: NDArray[np.intp], rows: NDArray[np.intp]
    ) -> Complex:
        """Sum (b, k, 3) of the shares of one kind at each of the nodes."""
        rows = rows[np.argsort(self.nodes[rows], kind="stable")]
        at = np.searchsorted(nodes, self.nodes[rows])
        # the first appliance of every node, then the second of those that have one, and so on
        turn = np.arange(len(rows)) - np.searchsorted(at, at)
        first = turn == 0
        if np.count_nonzero(first) == len(nodes):
            found = self._share(powers, place, rows[first])
        else:
            found = np.zeros((len(powers), len(nodes), 3), dtype=np.complex128)
            found[:, at[first]] = self._share(powers, place, rows[first])
        for number in range(1, int(turn.max(initial=0)) + 1):
            here = turn == number
            found[:, at[here]] += self._share(powers, place, rows[here])
        return found

    def _share(self, powers: Complex, place: int, rows: NDArray[np.intp]) -> Complex:
        """Part (b, r, 3) of the powers of some appliances that is of one kind."""
        share = np.take(powers, rows, axis=1, mode="clip")  # "clip" does without a buffer
        active, reactive = self.active_shares[rows, place], self.reactive_shares[rows, place]
        if not (active == 1).all() or not (reactive == 1).all():
            share = share.real * active[:, None] + 1j * (share.imag * reactive[:, None])
        if place:
            share = share * self.rated_over_nominal[rows, None] ** place
        return share


def _of_library(network: Network, component: str) -> Appliances:
    array = network.data[component]
    power = array["p_specified"] + 1j * array["q_specified"]
    if power.ndim == 1:
        power = np.repeat(power[:, None] / 3, 3, axis=1)
    shares = np.zeros((len(array), 3))
    for row, kind in enumerate(array["type"].tolist()):
        if kind not in _PLACE:
            label = network.label(int(array["id"][row]))
            raise InputError(f"{label}: type {kind} is no constant power, current or impedance")
        shares[row, _PLACE[kind]] = 1
    return Appliances(
        ids=array["id"],
        nodes=rows_of(network, array["node"]),
        status=array["status"] == 1,
        delta=np.zeros(len(array), dtype=np.bool_),
        power=SIGNS[component] * power,
        active_shares=shares,
        reactive_shares=shares,
        rated_over_nominal=np.ones(len(array)),
    )


def _of_additions(network: Network) -> Appliances:
    found = network.additions.energy_consumer
    ids = np.array([each.id for each in found], dtype=np.int32)
    node_ids = np.array([each.node for each in found], dtype=np.int32)
    nodes = rows_of(network, node_ids) if found else np.zeros(0, dtype=np.intp)
    delta = np.array([each.connection == "delta" for each in found], dtype=np.bool_)
    rated = np.asarray(network.data["node"]["u_rated"])[nodes] / np.where(delta, 1, np.sqrt(3))
    active = [(each.p_constant_current, each.p_constant_impedance) for each in found]
    reactive = [(each.q_constant_current, each.q_constant_impedance) for each in found]
    specified: Any = [(each.p_specified, each.q_specified) for each in found]
    power = np.array(specified, dtype=np.float64).reshape(-1, 2, 3)
    return Appliances(
        ids=ids,
        nodes=nodes,
        status=np.array([each.status == 1 for each in found], dtype=np.bool_),
        delta=delta,
        power=power[:, 0] + 1j * power[:, 1],
        active_shares=_with_rest(active),
        reactive_shares=_with_rest(reactive),
        rated_over_nominal=rated / np.array([each.u_nominal for each in found]),
    )


def _with_rest(shares: list[tuple[float, float]]) -> Real:
    """Shares (a, 3) of constant power, current and impedance from those of the latter two."""
    given = np.array(shares, dtype=np.float64).reshape(-1, 2)
    return np.concatenate([1 - given.sum(axis=1, keepdims=True), given], axis=1)
