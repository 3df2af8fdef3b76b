"""Three-phase network equations of the test's own, from the parameters that a network file holds.

Nothing of the product's admittances, power flow or loading is used. Per unit: each node's rated
phase-to-neutral voltage, and `BASE_VA` a phase. What is not modelled is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from studies.optimum_branches import (
    PHASES,
    WYE_N,
    ZIGZAG_N,
    Complex,
    TwoPort,
    lines,
    transformers,
)

BASE_VA = 10e3
LV_LIMIT_V = 1000.0
STIFF_VA = 1e12
_KNOWN = {"node", "line", "transformer", "source", "asym_load", "asym_gen"}


@dataclass(frozen=True)
class ThreePhase:
    """Equations of a network, all in per unit; voltages are (3n,), phases of a node together.

    Attributes:
        admittance: (3n, 3n) node currents from voltages.
        currents: (m, 3n) currents over their ratings from voltages: phases, then neutrals.
        apparent_of: (a,) places in voltages of the transformers' apparent powers.
        apparent: (a, 3n) currents of these, so that `v conj(i)` is power over a third of the
            rating.
        names: (m + a) of the rows: component, id, quantity.
        free: places of voltages that no source fixes.
        fixed: (3n,) voltages at sources, 1 with the right angle elsewhere.
        low_voltage: places of voltages to which a band applies.
    """

    admittance: sp.csr_matrix
    currents: sp.csr_matrix
    apparent_of: NDArray[np.intp]
    apparent: sp.csr_matrix
    names: tuple[tuple[str, int, str], ...]
    free: NDArray[np.intp]
    fixed: Complex
    low_voltage: NDArray[np.intp]

    @classmethod
    def of(cls, network: Any) -> ThreePhase:
        """From a network's arrays.

        Raises:
            NotImplementedError: it has something that is not modelled here.
        """
        data = {name: array for name, array in network.data.items() if len(array)}
        _refuse(data)
        row = {int(node): place for place, node in enumerate(data["node"]["id"])}
        volts = data["node"]["u_rated"] / np.sqrt(3)
        ports = [*lines(data, row), *transformers(data, row)]
        admittance = sp.csr_matrix((3 * len(volts),) * 2, dtype=complex)
        currents, powers, apparent_of, names, last = [], [], [], [], []
        for port in ports:
            at = np.r_[tuple(3 * node + np.arange(3) for node in port.nodes)]
            amps = port.siemens * np.repeat(volts[list(port.nodes)], 3)  # from per-unit voltages
            element = data[port.component][port.row]
            admittance += _spread(amps * np.repeat(volts[list(port.nodes)], 3)[:, None] / BASE_VA,
                                  at, at, len(volts))  # fmt: skip
            for end, name in enumerate(("from", "to")):
                rated, neutral, third = _ratings(network, port, element, end)
                mine = amps[3 * end : 3 * end + 3]
                rows = [*(mine / rated), *([] if neutral is None else [mine.sum(axis=0) / neutral])]
                for values, what in zip(rows, "abcn", strict=False):
                    currents.append((values, at))
                    names.append((port.component, int(element["id"]), f"{name} {what}"))
                for phase in range(3 if third else 0):
                    powers.append((mine[phase] * volts[port.nodes[end]] / third, at))
                    apparent_of.append(3 * port.nodes[end] + phase)
                    last.append((port.component, int(element["id"]), f"{name} VA {'abc'[phase]}"))
        angle = _angles(len(volts), ports)
        fixed = np.exp(1j * angle)
        sources = []
        for source in data["source"]:
            places = 3 * row[int(source["node"])] + np.arange(3)
            fixed[places] *= source["u_ref"] * np.exp(1j * source["u_ref_angle"])
            sources += places.tolist()
        low = np.flatnonzero(data["node"]["u_rated"] <= LV_LIMIT_V)
        return cls(
            admittance=admittance,
            currents=_stacked(currents, len(volts)),
            apparent_of=np.array(apparent_of, dtype=np.intp),
            apparent=_stacked(powers, len(volts)),
            names=(*names, *last),
            free=np.setdiff1d(np.arange(3 * len(volts)), sources),
            fixed=fixed,
            low_voltage=(3 * low[:, None] + np.arange(3)).reshape(-1),
        )

    def ratios(self, voltages: Complex) -> NDArray[np.float64]:
        """All terms of loading (..., m + a) of voltages (..., 3n)."""
        amps = np.abs(voltages @ self.currents.T)
        power = voltages[..., self.apparent_of] * np.conj(voltages @ self.apparent.T)
        return np.concatenate([amps, np.abs(power)], axis=-1)

    def injected(self, voltages: Complex) -> Complex:
        """Power drawn from each node and phase (3n,), per unit: what the loads there take."""
        return -voltages * np.conj(self.admittance @ voltages)


def _refuse(data: dict[str, Any]) -> None:
    unknown = {name for name in data if name not in _KNOWN and not name.endswith("sensor")}
    if unknown:
        raise NotImplementedError(f"no equations for {', '.join(sorted(unknown))}")
    if (data["source"]["sk"] < STIFF_VA).any():
        raise NotImplementedError("a source with an impedance")
    for component in ("line", "transformer"):
        off = (data[component]["from_status"] == 0) | (data[component]["to_status"] == 0)
        if off.any():
            raise NotImplementedError(f"a {component} that is switched off")
    if any((data[name]["type"] != 0).any() for name in ("asym_load", "asym_gen") if name in data):
        raise NotImplementedError("a load that depends on voltage")


def _ratings(
    network: Any, port: TwoPort, element: Any, end: int
) -> tuple[float, float | None, float | None]:
    """Rated phase current and neutral current, A, and a third of the rated power, VA."""
    if port.component == "line":
        rows = {row["id"]: row for row in network.document["data"]["line"]}
        neutral = rows[int(element["id"])].get("i_n_neutral") or element["i_n"]
        return float(element["i_n"]), float(neutral), None
    rated = float(element["sn"] / (np.sqrt(3) * element[("u1", "u2")[end]]))
    grounded = int(element[("winding_from", "winding_to")[end]]) in (WYE_N, ZIGZAG_N)
    return rated, rated if grounded else None, float(element["sn"] / 3)


def _angles(nodes: int, ports: list[TwoPort]) -> NDArray[np.float64]:
    """Flat angles (3n,): 0 at the source's side, turned behind transformers."""
    graph: dict[int, list[tuple[int, float]]] = {}
    for port in ports:
        start, end = port.nodes
        turn = 0.0
        if port.component == "transformer":  # as the open secondary turns
            lag = np.linalg.solve(port.siemens[3:, 3:], -port.siemens[3:, :3] @ PHASES[:, 1])
            turn = float(np.angle(lag[0]))
        graph.setdefault(start, []).append((end, turn))
        graph.setdefault(end, []).append((start, -turn))
    high = next((port.nodes[0] for port in ports if port.component == "transformer"), 0)
    angle, seen, queue = np.zeros(nodes), {high}, [high]
    while queue:
        here = queue.pop()
        for there, turn in graph.get(here, []):
            if there not in seen:
                seen.add(there)
                angle[there] = angle[here] + turn
                queue.append(there)
    return np.repeat(angle, 3) + np.tile([0, -2 * np.pi / 3, 2 * np.pi / 3], nodes)


def _spread(
    block: Complex, rows: NDArray[np.intp], columns: NDArray[np.intp], nodes: int
) -> sp.csr_matrix:
    r, c = np.repeat(rows, len(columns)), np.tile(columns, len(rows))
    return sp.csr_matrix((block.reshape(-1), (r, c)), shape=(3 * nodes, 3 * nodes))


def _stacked(rows: list[tuple[Complex, NDArray[np.intp]]], nodes: int) -> sp.csr_matrix:
    values = np.concatenate([row for row, _ in rows])
    columns = np.concatenate([at for _, at in rows])
    starts = np.arange(0, len(values) + 1, 6)
    return sp.csr_matrix((values, columns, starts), shape=(len(rows), 3 * nodes))
