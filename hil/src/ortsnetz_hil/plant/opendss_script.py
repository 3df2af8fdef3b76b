"""A plant's network in OpenDSS's language, with the same models as power-grid-model's.

Lines are pi sections in sequence quantities, transformers as in `opendss_transformer`. A load is
one element per phase between phase and neutral. Bus `n7` is node 7; its nodes 1 to 3 are the phases
that equipment there calls a, b and c.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from power_grid_model import LoadGenType

from ortsnetz_common.errors import InputError
from ortsnetz_hil.plant.consumption import BAND_PU
from ortsnetz_hil.plant.failures import Failures
from ortsnetz_hil.plant.network_file import PlantNetwork
from ortsnetz_hil.plant.opendss_transformer import SQRT3, transformer
from ortsnetz_hil.plant.topology import Mask, Topology, statuses_of

LOAD_MODELS = {
    LoadGenType.const_power: 1,
    LoadGenType.const_impedance: 2,
    LoadGenType.const_current: 5,
}
_LINK_OHM = 1e-6
_LEAK_OHM = 1e7
"""To earth at nodes behind a blown fuse, so that an isolated conductor has a defined voltage."""


def script(network: PlantNetwork, failures: Failures) -> list[str]:
    """Commands that make the circuit, loads without power.

    Raises:
        InputError: names what OpenDSS cannot represent in the same way.
    """
    if network.array("shunt") is not None:
        raise InputError("shunts are not covered by the comparison with OpenDSS")
    live = Topology.of(network, statuses_of(network)).reached()
    alive = {int(node) for node in network.ids("node")[live]}
    volts = set(_volts(network).values())
    return [
        "clear",
        "set defaultbasefrequency=50",
        *_sources(network),
        *_lines(network, failures, alive),
        *_links(network, alive),
        *_transformers(network, alive),
        *_consumers(network, "asym_load", alive),
        *_consumers(network, "asym_gen", alive),
        *_leaks(network, failures),
        *(_fuse(failures, *fuse) for fuse in sorted(failures.fuses)),
        # with bases the tolerance is one of rated voltage, not of what little a dead phase has
        "set voltagebases=[" + " ".join(f"{v / 1e3:.17g}" for v in sorted(volts)) + "]",
        "calcvoltagebases",
        "set tolerance=1e-9 maxiterations=200 controlmode=off",
    ]


def _sources(network: PlantNetwork) -> Iterator[str]:
    volts = _volts(network)
    for place, source in enumerate(network.data["source"]):
        node = int(source["node"])
        rx = 0.1 if np.isnan(source["rx_ratio"]) else float(source["rx_ratio"])
        ratio = 1.0 if np.isnan(source["z01_ratio"]) else float(source["z01_ratio"])
        x = volts[node] ** 2 / float(source["sk"]) / np.hypot(1.0, rx)
        angle = 0.0 if np.isnan(source["u_ref_angle"]) else np.degrees(source["u_ref_angle"])
        yield (
            f"new {'circuit.plant' if place == 0 else f'vsource.s{place}'} phases=3 bus1=n{node} "
            f"basekv={volts[node] / 1e3:.17g} pu={source['u_ref']:.17g} angle={angle:.17g} "
            f"r1={rx * x:.17g} x1={x:.17g} r0={rx * x * ratio:.17g} x0={x * ratio:.17g}"
        )


def _lines(network: PlantNetwork, failures: Failures, alive: set[int]) -> Iterator[str]:
    topology = Topology.of(network, statuses_of(network))
    for line in network.data["line"]:
        key, ends = int(line["id"]), _ends(line)
        if not alive.issuperset(ends):
            continue  # a dead end: only what little it takes for its charging is missed
        if line["c1"] * line["tan1"] or line["c0"] * line["tan0"]:
            raise InputError(f"line {key}: a shunt conductance has no counterpart in OpenDSS")
        if not (line["from_status"] and line["to_status"]):
            raise InputError(f"line {key}: open at one end between two live nodes: not covered")
        r0 = float(line["r0"]) + 3.0 * failures.neutrals.get(key, 0.0)
        buses = _swapped(network, topology, failures, key, ends)
        sequence = {name: float(line[name]) for name in ("r1", "x1", "x0")}
        yield (
            f"new line.l{key} phases=3 bus1={buses[0]} bus2={buses[1]} length=1 units=none "
            + "".join(f"{name}={value:.17g} " for name, value in sequence.items())
            + f"r0={r0:.17g} c1={float(line['c1']) * 1e9:.17g} c0={float(line['c0']) * 1e9:.17g}"
        )


def _swapped(
    network: PlantNetwork,
    topology: Topology,
    failures: Failures,
    line: int,
    ends: tuple[int, int],
) -> list[str]:
    buses = [f"n{node}.1.2.3" for node in ends]
    if line in failures.orders:
        behind: Mask = topology.only_through(line)
        near = [not behind[list(network.ids("node")).index(node)] for node in ends].index(True)
        order = ".".join(str(phase + 1) for phase in failures.orders[line])
        buses[near] = f"n{ends[near]}.{order}"
    return buses


def _leaks(network: PlantNetwork, failures: Failures) -> Iterator[str]:
    topology = Topology.of(network, statuses_of(network))
    behind = np.zeros(topology.nodes, bool)
    for line, _ in failures.fuses:
        behind |= topology.only_through(line)
    for node in network.ids("node")[behind]:
        yield f"new reactor.e{int(node)} phases=3 bus1=n{int(node)} r={_LEAK_OHM:g} x=0"


def _fuse(failures: Failures, line: int, phase: int) -> str:
    """Open one conductor; where cores are swapped, that which begins at the phase."""
    conductor = failures.orders.get(line, (0, 1, 2)).index(phase)
    return f"open line.l{line} term=1 cond={conductor + 1}"


def _links(network: PlantNetwork, alive: set[int]) -> Iterator[str]:
    links: Any = network.array("link")
    for link in [] if links is None else links:
        ends = _ends(link)
        if alive.issuperset(ends) and link["from_status"] and link["to_status"]:
            yield (
                f"new line.k{int(link['id'])} phases=3 bus1=n{ends[0]} bus2=n{ends[1]} length=1 "
                f"units=none r1={_LINK_OHM} x1={_LINK_OHM} r0={_LINK_OHM} x0={_LINK_OHM} c1=0 c0=0"
            )


def _transformers(network: PlantNetwork, alive: set[int]) -> Iterator[str]:
    for unit in network.data["transformer"]:
        if alive.issuperset(_ends(unit)) and unit["from_status"] and unit["to_status"]:
            yield from transformer(unit)


def _consumers(network: PlantNetwork, component: str, alive: set[int]) -> Iterator[str]:
    volts = _volts(network)
    array: Any = network.array(component)
    for element in [] if array is None else array:
        node = int(element["node"])
        if node not in alive or not element["status"]:
            continue
        for phase in range(3):
            yield (
                f"new load.c{int(element['id'])}_{phase} phases=1 bus1=n{node}.{phase + 1} "
                f"kv={volts[node] / SQRT3 / 1e3:.17g} kw=0 kvar=0 "
                f"model={LOAD_MODELS[LoadGenType(int(element['type']))]} "
                # vlowpu 0: an impedance from vminpu down to nothing; else it bends at half voltage
                f"vminpu={BAND_PU[0]} vmaxpu={BAND_PU[1]} vlowpu=0"
            )


def _volts(network: PlantNetwork) -> dict[int, float]:
    return {int(node["id"]): float(node["u_rated"]) for node in network.data["node"]}


def _ends(branch: Any) -> tuple[int, int]:
    return int(branch["from_node"]), int(branch["to_node"])
