"""What stands beside the devices in one instant, and where the devices are."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.admittance import Admittance
from ortsnetz_grid.network.model import Network
from ortsnetz_grid.network.power_flow.appliances import SIGNS, Appliances
from ortsnetz_grid.network.two_ports import Complex, Real

POWER, CURRENT, IMPEDANCE = 0, 1, 2
"""How power depends on the voltage: not at all, linearly, quadratically."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Powers at `k` loaded nodes, without those of the `d` devices. Consumption is positive.

    Attributes:
        nodes: (k,) rows of the nodes that may carry load; all are energised.
        rest: (3, k, 3) complex VA of constant power, current and impedance at rated voltage.
        place: (d,) each device's node as an index into `nodes`; -1 without supply or switched off.
        kind: (d,) how the device's power depends on the voltage.
        tangent: (d, 3) reactive over active power that is kept when the device is limited.
        fixed_var: (d, 3) reactive power that no factor changes.
        source_voltage: (1, s) voltages behind the sources in service, pu; None: as the file says.
        remembered: what others have computed of all this but the source voltage.
    """

    nodes: NDArray[np.intp]
    rest: Complex
    place: NDArray[np.intp]
    kind: NDArray[np.intp]
    tangent: Real
    fixed_var: Real
    source_voltage: Complex | None = None
    remembered: dict[bytes, object] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, network: Network, admittance: Admittance, ids: tuple[int, ...]) -> Snapshot:
        """The network as its file has it; all that is not a device stands at its own power.

        Devices keep the power factor of the file: Q = Q0 P / P0 in each phase. Where P0 is 0 there
        is none to keep and Q stays as it is.

        Args:
            network: the network.
            admittance: its model.
            ids: `asym_load` or `asym_gen` of each device.

        Raises:
            InputError: names an element whose power is missing or not a number.
        """
        appliances = Appliances.of(network)
        row_of = {element: row for row, element in enumerate(appliances.ids.tolist())}
        rows = np.array([row_of[element] for element in ids], dtype=np.intp)
        tangent, fixed_var = kept_reactive(network, ids)
        live = admittance.energised[appliances.nodes] & appliances.status
        nodes = np.unique(appliances.nodes[live])
        place_of = np.full(len(admittance.node_ids), -1, dtype=np.intp)
        place_of[nodes] = np.arange(len(nodes))
        fixed = np.ones(len(appliances.ids), dtype=np.bool_)
        fixed[rows] = False
        without = replace(appliances, status=appliances.status & fixed)
        _require_powers(network, ids)
        return cls(
            nodes=nodes,
            rest=_rest(without, nodes, live),
            place=np.where(live[rows], place_of[appliances.nodes[rows]], -1),
            kind=np.argmax(appliances.active_shares[rows], axis=1).reshape(-1),
            tangent=tangent,
            fixed_var=fixed_var,
        )


def kept_reactive(network: Network, ids: tuple[int, ...]) -> tuple[Real, Real]:
    """Reactive power of devices: share of the active one that is kept, and what stays, (d, 3).

    Args:
        network: the network.
        ids: `asym_load` or `asym_gen` of each device; its active power in the file may be missing.

    Raises:
        InputError: names a device whose reactive power is missing, or has nothing to go by.
    """
    p0, q0 = np.zeros((len(ids), 3)), np.zeros((len(ids), 3))
    for place, element in enumerate(ids):
        component = network.components[element]
        row = network.data[component][network.row(component, element)]
        p0[place] = SIGNS[component] * row["p_specified"]
        q0[place] = SIGNS[component] * row["q_specified"]
        _require_reactive(network, element, p0[place], q0[place])
    has_factor = np.isfinite(p0) & (p0 != 0)
    tangent = np.divide(q0, p0, out=np.zeros_like(p0), where=has_factor)
    return tangent, np.where(has_factor, 0.0, q0)


def _rest(appliances: Appliances, nodes: NDArray[np.intp], live: NDArray[np.bool_]) -> Complex:
    """Sum (3, k, 3) of what is no device, by kind and node."""
    found = np.zeros((3, len(nodes), 3), dtype=np.complex128)
    for kind in (POWER, CURRENT, IMPEDANCE):
        rows = np.flatnonzero(appliances.status & live & (appliances.active_shares[:, kind] > 0))
        at = np.searchsorted(nodes, appliances.nodes[rows])
        np.add.at(found[kind], at, appliances.power[rows])
    return found


def _require_powers(network: Network, devices: tuple[int, ...]) -> None:
    """Refuse an element without power that is no device."""
    own = np.array(devices, dtype=np.int32)
    for component in SIGNS:
        array = network.data.get(component)
        if array is None or not len(array):
            continue
        fixed = ~np.isin(array["id"], own)
        for column in ("p_specified", "q_specified"):
            finite = np.isfinite(array[column]).reshape(len(array), -1).all(axis=1)
            for row in np.flatnonzero(fixed & ~finite):
                label = network.label(int(array["id"][row]))
                raise InputError(f"{label}: {column} is missing or not a number")


def _require_reactive(network: Network, element: int, p0: Real, q0: Real) -> None:
    """A device's own active power may be missing, its reactive power may not."""
    label = network.label(element)
    if not np.isfinite(q0).all():
        raise InputError(f"{label}: q_specified is not a number in every phase")
    if (~np.isfinite(p0) & (q0 != 0)).any():
        raise InputError(
            f"{label}: no power factor to keep: q_specified is given, p_specified is not a number"
        )
