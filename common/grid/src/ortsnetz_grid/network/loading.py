"""Loading of lines and transformers from a three-phase result.

Loading is the largest phase or neutral current over its rating, at either end; for transformers
also the largest phase's apparent power over a third of the rated power, whichever is larger. It is
not power-grid-model's `loading`, which averages the phases of a transformer and knows no neutral.

Each of these ratios is a *term*. Terms are complex (a phasor over its rating), because limiting
linearises the phasors and not their magnitudes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from power_grid_model import WindingType

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.model import Network

PHASES = ("a", "b", "c")
QUANTITIES = (
    *(f"current phase {phase}" for phase in PHASES),
    "current neutral",
    *(f"apparent power phase {phase}" for phase in PHASES),
)
"""What a term measures, by `Term.quantity`."""

_GROUNDED = (int(WindingType.wye_n), int(WindingType.zigzag_n))


@dataclass(frozen=True, slots=True)
class _Ends:
    """How a component names its ends, their ratings and their windings."""

    sides: tuple[str, ...]
    nodes: tuple[str, ...]
    rated_power: tuple[str, ...] | None = None
    rated_voltage: tuple[str, ...] | None = None
    windings: tuple[str, ...] | None = None


_COMPONENTS = {
    "line": _Ends(("from", "to"), ("from_node", "to_node")),
    "asym_line": _Ends(("from", "to"), ("from_node", "to_node")),
    "transformer": _Ends(
        ("from", "to"),
        ("from_node", "to_node"),
        ("sn", "sn"),
        ("u1", "u2"),
        ("winding_from", "winding_to"),
    ),
    "three_winding_transformer": _Ends(
        ("1", "2", "3"),
        ("node_1", "node_2", "node_3"),
        ("sn_1", "sn_2", "sn_3"),
        ("u1", "u2", "u3"),
        ("winding_1", "winding_2", "winding_3"),
    ),
}


@dataclass(frozen=True, slots=True)
class Term:
    """One ratio that counts towards a branch's loading.

    Attributes:
        branch: index into `RatedBranches.ids`.
        side: end of the branch: `from`, `to`, or `1` to `3`.
        quantity: index into `QUANTITIES`.
    """

    branch: int
    side: str
    quantity: int

    @property
    def words(self) -> str:
        """For people: `current phase b at its from end`."""
        return f"{QUANTITIES[self.quantity]} at its {self.side} end"


@dataclass(frozen=True, slots=True)
class _End:
    """One end of one kind of branch, for all `c` elements of the component."""

    component: str
    side: str
    branches: NDArray[np.intp]  # (c,) index into RatedBranches.ids
    nodes: NDArray[np.intp]  # (c,) row in the node array
    rated_a: NDArray[np.float64]  # (c,) rated phase current, A
    rated_neutral_a: NDArray[np.float64]  # (c,) A, NaN at a side without neutral
    rated_phase_va: NDArray[np.float64] | None  # (c,) a third of the rated power, transformers only


@dataclass(frozen=True, slots=True)
class RatedBranches:
    """The `b` branches of a network that have a rating, and the `m` terms of their loading.

    Attributes:
        ids: (b,) element ids: lines first, transformers last.
        terms: m terms; those of one branch follow each other, in the order of `ids`.
        outputs: what a result must contain, as `output_component_types` of power-grid-model.
    """

    ids: NDArray[np.int32]
    terms: tuple[Term, ...]
    outputs: Mapping[str, list[str]]
    _ends: tuple[_End, ...]
    _order: NDArray[np.intp]  # position of each term among the stacked ratios of all ends
    _starts: NDArray[np.intp]  # (b,) first term of each branch

    @classmethod
    def of(cls, network: Network) -> RatedBranches:
        """Collect ratings.

        Raises:
            InputError: names a branch whose rating is missing (no rating never means no limit), or
                a generic branch: the library has no three-phase model of it.
        """
        for element in network.data.get("generic_branch", {"id": ()})["id"]:
            raise InputError(
                f"{network.label(int(element))}: a generic branch has no three-phase model"
            )
        ends: list[_End] = []
        ids: list[int] = []
        for component, names in _COMPONENTS.items():
            if component in network.data and len(network.data[component]):
                ends += _ends_of(network, component, names, len(ids))
                ids += network.data[component]["id"].tolist()
        stacked = [term for end in ends for term in _terms_of(end)]
        kept = [(term.branch, place, term) for place, term in enumerate(stacked) if term]
        kept.sort(key=lambda entry: entry[:2])
        terms = tuple(term for _, _, term in kept)
        first = {term.branch: place for place, term in reversed(list(enumerate(terms)))}
        return cls(
            ids=np.array(ids, dtype=np.int32),
            terms=terms,
            outputs=_outputs(ends),
            _ends=tuple(ends),
            _order=np.array([place for _, place, _ in kept], dtype=np.intp),
            _starts=np.array([first[branch] for branch in range(len(ids))], dtype=np.intp),
        )

    def ratings(self) -> NDArray[np.float64]:
        """(m,) rating of each term: A, or VA of one phase for apparent powers."""
        stacked: list[NDArray[np.float64]] = []
        for end in self._ends:
            stacked += [np.repeat(end.rated_a, 3), end.rated_neutral_a]
            if end.rated_phase_va is not None:
                stacked.append(np.repeat(end.rated_phase_va, 3))
        if not stacked:
            return np.zeros(0)
        return np.asarray(np.concatenate(stacked)[self._order], dtype=np.float64)

    def ratios(self, result: Mapping[Any, Any]) -> NDArray[np.complex128]:
        """Phasors over ratings, all terms.

        Args:
            result: power-grid-model's asymmetric output, by component; single or batch, row or
                column data, with at least `outputs`.

        Returns:
            (..., m); currents as phasors in the network's frame, apparent power as P + jQ, both
            into the element; 0 where the library says that the end's node is not energised.
        """
        node = result["node"]
        voltage = np.asarray(node["u"]) * np.exp(1j * np.asarray(node["u_angle"]))
        live = np.asarray(node["energized"]) == 1
        stacked = [ratio for end in self._ends for ratio in _ratios_of(end, result, voltage, live)]
        if not stacked:
            return np.zeros((*live.shape[:-1], 0), dtype=np.complex128)
        everything = np.concatenate(stacked, axis=-1)
        return np.asarray(everything[..., self._order], dtype=np.complex128)

    def largest(self, ratios: NDArray[np.complex128]) -> NDArray[np.float64]:
        """Loading of each branch (..., b) from its terms (..., m); 1.0 is the rating."""
        if not len(self.ids):
            return np.zeros((*ratios.shape[:-1], 0))
        return np.asarray(np.maximum.reduceat(np.abs(ratios), self._starts, axis=-1))

    def loading(self, result: Mapping[Any, Any]) -> NDArray[np.float64]:
        """Loading of each branch (..., b), see `ratios` for the argument; 1.0 is the rating."""
        return self.largest(self.ratios(result))


def _ends_of(network: Network, component: str, names: _Ends, first: int) -> list[_End]:
    array = network.data[component]
    node_row = {element: row for row, element in enumerate(network.data["node"]["id"].tolist())}
    neutral_ratings = _neutral_ratings(network, component)
    branches = np.arange(first, first + len(array))
    ends = []
    for place, side in enumerate(names.sides):
        nodes = np.array([_node(network, node_row, row, names.nodes[place]) for row in array])
        rated_a = _rated_current(network, component, names, place)
        grounded = np.ones(len(array), dtype=bool)
        if names.windings is not None:
            grounded = np.isin(array[names.windings[place]], _GROUNDED)
        neutral = np.where(np.isnan(neutral_ratings), rated_a, neutral_ratings)
        ends.append(
            _End(
                component=component,
                side=side,
                branches=branches,
                nodes=nodes,
                rated_a=rated_a,
                rated_neutral_a=np.where(grounded, neutral, np.nan),
                rated_phase_va=_rated_power(array, names, place),
            )
        )
    return ends


def _node(network: Network, node_row: Mapping[int, int], row: NDArray[Any], field: str) -> int:
    """Row of the node at a branch's end."""
    node = int(row[field])
    if node not in node_row:
        raise InputError(f"{network.label(int(row['id']))}: its {field} {node} is no node")
    return node_row[node]


def _rated_current(
    network: Network, component: str, names: _Ends, place: int
) -> NDArray[np.float64]:
    """Rated phase current of one side, (c,) in A."""
    array = network.data[component]
    if names.rated_power is None or names.rated_voltage is None:
        rated = np.asarray(array["i_n"], dtype=np.float64)
        what = "i_n"
    else:
        power = names.rated_power[place]
        voltage = array[names.rated_voltage[place]]
        with np.errstate(divide="ignore", invalid="ignore"):
            rated = array[power] / (np.sqrt(3) * voltage)
        what = f"{power} or rated voltage"
    for row in np.flatnonzero(~(np.isfinite(rated) & (rated > 0))):
        label = network.label(int(array["id"][row]))
        raise InputError(f"{label} has no rating: {what} must be a positive number")
    return rated


def _rated_power(array: NDArray[Any], names: _Ends, place: int) -> NDArray[np.float64] | None:
    """A third of a transformer's rated power, (c,) in VA."""
    if names.windings is None or names.rated_power is None:
        return None
    return np.asarray(array[names.rated_power[place]] / 3, dtype=np.float64)


def _neutral_ratings(network: Network, component: str) -> NDArray[np.float64]:
    """Ratings of neutrals that differ from the phases', (c,) in A; NaN where none is given."""
    ids = network.data[component]["id"].tolist()
    given = {
        element["id"]: element["i_n_neutral"]
        for element in network.document["data"].get(component, [])
        if isinstance(element, dict) and element.get("i_n_neutral") is not None
    }
    for element, rating in given.items():
        if isinstance(rating, bool) or not isinstance(rating, int | float) or not rating > 0:
            raise InputError(f"{network.label(element)}: i_n_neutral must be a positive number")
    return np.array([given.get(element, np.nan) for element in ids], dtype=np.float64)


def _terms_of(end: _End) -> list[Term | None]:
    """Terms in the order of `_ratios_of`; None where a side has no neutral."""
    terms: list[Term | None] = [
        Term(branch, end.side, quantity)
        for branch in end.branches.tolist()
        for quantity in (0, 1, 2)
    ]
    terms += [
        None if np.isnan(rated) else Term(branch, end.side, 3)
        for branch, rated in zip(end.branches.tolist(), end.rated_neutral_a, strict=True)
    ]
    if end.rated_phase_va is not None:
        terms += [
            Term(branch, end.side, quantity)
            for branch in end.branches.tolist()
            for quantity in (4, 5, 6)
        ]
    return terms


def _ratios_of(
    end: _End,
    result: Mapping[Any, Any],
    voltage: NDArray[np.complex128],
    live: NDArray[np.bool_],
) -> list[NDArray[np.complex128]]:
    """Ratios of one end: 3c phase currents, c neutrals, and 3c apparent powers of transformers."""
    flow = result[end.component]
    power = np.asarray(flow[f"p_{end.side}"]) + 1j * np.asarray(flow[f"q_{end.side}"])
    flat = (*power.shape[:-2], -1)
    at_end = live[..., end.nodes]
    volts = np.where(at_end[..., None], voltage[..., end.nodes, :], 1.0)
    current = np.where(at_end[..., None], np.conj(power / volts), 0.0)
    with np.errstate(invalid="ignore"):  # a side without neutral has no such term
        neutral = current.sum(axis=-1) / end.rated_neutral_a
    ratios = [(current / end.rated_a[:, None]).reshape(flat), neutral]
    if end.rated_phase_va is not None:
        ratios.append((power / end.rated_phase_va[:, None]).reshape(flat))
    return ratios


def _outputs(ends: list[_End]) -> dict[str, list[str]]:
    outputs = {"node": ["u", "u_angle", "energized"]}
    for end in ends:
        outputs.setdefault(end.component, []).extend([f"p_{end.side}", f"q_{end.side}"])
    return outputs
