"""The situation of a station, as the arguments of `decide`.

Decisions of the agent rest on the estimated present. Controllable devices are taken out of it with
what they measured and put back with what they could draw or feed in; all else stays as estimated.
The model serves for differences only: what the present has more than the model of the present is
carried along as bias, and what the estimate does not know for sure as margin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from power_grid_model import LoadGenType, initialize_array

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.parameter_set import Limits
from ortsnetz_common.parameters.station import Station
from ortsnetz_grid.functions.congestion.limiter import Limiter
from ortsnetz_grid.functions.congestion.participants import Participant, participants_of
from ortsnetz_grid.functions.congestion.problem import ControlledDevice, LimitSet, Offsets
from ortsnetz_grid.functions.state_estimation.result import StateEstimate
from ortsnetz_grid.network.library_coverage import require_library_covers
from ortsnetz_grid.network.loading import RatedBranches
from ortsnetz_grid.network.model import Network

_KEPT = (
    "node",
    "line",
    "asym_line",
    "link",
    "transformer",
    "three_winding_transformer",
)
"""Components whose data stay; loads, generators and shunts are in the estimated injections."""

_ROTATION = np.exp(2j * np.pi / 3 * np.arange(3))
"""Turns phases a, b, c onto each other: the mean of the turned phasors is the positive sequence."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What `decide` needs, and who takes part.

    Attributes:
        network: the present without the controllable devices; they are `asym_load` in it.
        devices: controllable devices, their ids are the elements of the station's devices.
        limits: to keep.
        bias: what the present has more than the model of it.
        margin: reserve and uncertainty of the estimate.
        names: names of the controllable devices by element id.
        idle: names of controllable devices that want nothing at present.
        uncontrolled: names of devices that said nothing usable or do not follow their limits; their
            power stays as estimated.
        drawn_w: what each of `devices` draws or feeds in now, in the direction of its request, W.
        used: by element id, share of a device's terminals that carry its power: its setpoint stands
            for the power of all of them.
    """

    network: Network
    devices: tuple[ControlledDevice, ...]
    limits: LimitSet
    bias: Offsets
    margin: Offsets
    names: Mapping[int, str]
    idle: tuple[str, ...]
    uncontrolled: tuple[str, ...]
    drawn_w: tuple[float, ...]
    used: Mapping[int, float]


def situation_from(
    network: Network,
    state: StateEstimate,
    station: Station,
    readings: Mapping[str, Reading],
    limits: Limits,
    *,
    deaf: frozenset[str] = frozenset(),
    may_draw: Mapping[str, float] | None = None,
    unspoken: frozenset[str] = frozenset(),
    loading_of: Mapping[int, float] = MappingProxyType({}),
    limiter: Limiter | None = None,
) -> Situation:
    """Build the arguments of `decide` from one cycle.

    Args:
        network: of the station.
        state: estimated present.
        station: its devices.
        readings: usable values of the same cycle, by name of meter or device.
        limits: of the parameter set.
        deaf: names of devices that do not follow their limits; like those that say nothing, they
            stay as estimated and the others make room for them.
        may_draw: see `participants_of`.
        unspoken: see `participants_of`.
        loading_of: highest loading of branches whose rating depends on time.
        limiter: of the station, see `limiter_of`; None makes one.

    Raises:
        InputError: names what does not fit together, or says that the estimated present has no
            power flow.
    """
    _check(network, state)
    takes_part, uncontrolled = participants_of(
        network,
        state,
        station,
        {k: v for k, v in readings.items() if k not in deaf},
        may_draw=may_draw or {},
        unspoken=unspoken,
    )
    present = _present(network, state, takes_part)
    limiter = limiter or limiter_of(network)
    branches = limiter.branches
    return Situation(
        network=_asking(present, takes_part),
        devices=tuple(one.controlled for one in takes_part),
        limits=LimitSet(limits.u_pu, limits.loading, limits.unbalance, loading_of),
        bias=_bias(limiter, present, branches, state),
        margin=Offsets(
            u_pu=limits.u_margin_pu + limits.sigmas * state.u_sigma_pu,
            loading=limits.loading_margin
            + limits.sigmas * by_branch(branches, state, state.loading_sigma),
        ),
        names={one.device.element: one.device.name for one in takes_part},
        idle=tuple(one.device.name for one in takes_part if one.is_idle),
        uncontrolled=uncontrolled,
        drawn_w=tuple(one.drawn_w for one in takes_part),
        used={one.device.element: one.used for one in takes_part},
    )


def limiter_of(network: Network) -> Limiter:
    """A limiter for the situations of a station, prepared once.

    Raises:
        InputError: names an element that is missing, unrated or not covered.
    """
    kept = (*_KEPT, "source")
    data = {name: network.data[name] for name in kept if name in network.data}
    return Limiter(replace(network, data=data))


def _check(network: Network, state: StateEstimate) -> None:
    require_library_covers(network, "limiting")
    if not np.array_equal(network.data["node"]["id"], state.node_ids):
        raise InputError("the estimated state belongs to another network: its nodes differ")


def _present(
    network: Network, state: StateEstimate, takes_part: tuple[Participant, ...]
) -> Network:
    """The estimated present: devices with what they measured, the rest at its node."""
    row_of = {node: row for row, node in enumerate(state.node_ids.tolist())}
    p_w, q_var = state.p_w.copy(), state.q_var.copy()
    for one in takes_part:
        p_w[row_of[one.node]] -= one.present_w
        q_var[row_of[one.node]] -= one.present_var
    sources = _sources(network, state, row_of)
    fed = np.isin(state.node_ids, sources["node"])
    rows = np.flatnonzero(state.energised & ~fed)  # what is at a source's node, the source supplies
    rest = max(network.components) + 1 + rows
    loads = initialize_array("input", "asym_load", len(rows) + len(takes_part))
    loads["id"] = [*rest, *(one.device.element for one in takes_part)]
    loads["node"] = [*state.node_ids[rows], *(one.node for one in takes_part)]
    loads["status"] = 1
    loads["type"] = LoadGenType.const_power
    devices = slice(len(rows), None)
    loads["p_specified"][: len(rows)], loads["q_specified"][: len(rows)] = p_w[rows], q_var[rows]
    if takes_part:
        loads["p_specified"][devices] = [one.present_w for one in takes_part]
        loads["q_specified"][devices] = [one.present_var for one in takes_part]
    data = {name: network.data[name] for name in _KEPT if name in network.data}
    data |= {"source": sources, "asym_load": loads}
    return Network(
        data=data,
        document=network.document,
        components={
            element: name for name, array in data.items() for element in array["id"].tolist()
        },
        names={**network.names, **{one.device.element: one.device.name for one in takes_part}},
    )


def _sources(network: Network, state: StateEstimate, row_of: Mapping[int, int]) -> NDArray[Any]:
    """Sources with the estimated voltage of their node (positive sequence) as reference."""
    sources = network.data["source"].copy()
    for source in sources:
        row = row_of[int(source["node"])]
        phasors = state.u_pu[row] * np.exp(1j * state.u_angle[row])
        positive = (phasors * _ROTATION).mean()
        size = np.abs(positive)  # the built-in may overflow for what is not a number
        if source["status"] == 1 and not size > 0:
            label = network.label(int(source["id"]))
            raise InputError(f"{label}: the estimated state has no voltage at its node")
        source["u_ref"], source["u_ref_angle"] = size, np.angle(positive)
    return sources


def _asking(present: Network, takes_part: tuple[Participant, ...]) -> Network:
    """The same with devices at their request: reactive power keeps the present power factor."""
    loads = present.data["asym_load"].copy()
    if takes_part:
        rows = slice(len(loads) - len(takes_part), None)
        loads["p_specified"][rows] = [one.controlled.request_w for one in takes_part]
        # who can be told reactive power has none of its own: what it is told now would, as its
        # own, be kept from cycle to cycle without need
        loads["q_specified"][rows] = [
            np.zeros(3) if one.controlled.reactive_var > 0 else one.request_var
            for one in takes_part
        ]
    return replace(present, data={**present.data, "asym_load": loads})


def _bias(
    limiter: Limiter, present: Network, branches: RatedBranches, state: StateEstimate
) -> Offsets:
    """What the estimate has more than the power flow of the same injections."""
    try:
        u_pu, loading = limiter.present(present)
    except InputError as error:
        raise InputError(f"the estimated present has no power flow: {error}") from error
    return Offsets(
        u_pu=np.where(state.energised[:, None], state.u_pu - u_pu, 0.0),
        loading=by_branch(branches, state, state.loading) - loading,
    )


def by_branch(
    branches: RatedBranches, state: StateEstimate, values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Values of the state's branches in the order of the rated branches.

    Raises:
        InputError: the state has none of a branch.
    """
    place = {element: row for row, element in enumerate(state.branch_ids.tolist())}
    missing = [element for element in branches.ids.tolist() if element not in place]
    if missing:
        raise InputError(f"the estimated state has no loading of branch {missing[0]}")
    return values[[place[element] for element in branches.ids.tolist()]]
