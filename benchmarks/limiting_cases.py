"""Cases of the benchmark of limiting: networks with devices, and moments to decide on.

A place is a network with devices at fixed nodes, what a limiter is prepared for; a moment is what
comes anew each second: what the devices ask for, and the limits. As in `studies.optimum_cases`,
limits lie between what floors and requests cause, and a little beyond both ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from studies.optimum_cases import LimitCase, document_of, equipped
from studies.optimum_judge import Judge

from ortsnetz_grid.functions.congestion.problem import LimitSet

WIDE = (0.6, 1.4)
BEYOND = (-0.1, 1.1)
QUIET = 0.1
"""Share of moments in which nobody asks for much."""
FEEDERS, NODES_A_FEEDER = 18, 55
SEED = 2


@dataclass(frozen=True)
class Size:
    """One line of the table: how many decisions of ours, and how many of the peers."""

    network: str
    devices: int
    decisions: int
    of_peers: int


SIZES = (
    Size("1-LV-rural1--0-sw", 5, 300, 40),
    Size("1-LV-semiurb4--0-sw", 20, 300, 40),
    Size("1-LV-rural2--0-sw", 40, 400, 40),
    Size("1-LV-semiurb5--0-sw", 40, 400, 40),
    Size("1-LV-rural3--2-sw", 80, 200, 20),
    Size("kerber-vorstadt", 120, 100, 6),
    Size("ieee-european-lv", 110, 60, 2),
    Size("village", 400, 30, 1),
)


@dataclass(frozen=True)
class Moment:
    """What is asked at one moment, with how the limit was drawn: 0 at the floors, 1 at requests."""

    case: LimitCase
    judge: Judge
    where: float

    @property
    def binds(self) -> bool:
        """Whether the requests are beyond the limits."""
        asked = np.ones(len(self.case.devices))
        return bool(self.judge.room(asked, self.case.limits)[0] < 0)


def place(size: Size) -> LimitCase:
    """The network with its devices, some for evenings and some for noons."""
    document = village() if size.network == "village" else document_of(size.network)
    rng = np.random.default_rng(SEED)
    network, devices = equipped(document, rng, "mixed", size.devices, weaken=False)
    return LimitCase(size.network, network, devices, LimitSet(WIDE, 1.0))


def moments(whole: LimitCase, count: int, seed: int) -> Iterator[Moment]:
    """Evenings, noons and quiet moments of one place."""
    rng = np.random.default_rng(seed)
    anywhere = Judge(whole.network, whole.devices)
    for number in range(count):
        devices = tuple(_asks(device, rng, number) for device in whole.devices)
        judge = anywhere.asked(devices)
        case = replace(whole, name=f"{whole.name} moment {number}", devices=devices)
        where = float(rng.uniform(*BEYOND))
        yield Moment(replace(case, limits=_limits(judge, case, where, number)), judge, where)


def _asks(device: Any, rng: np.random.Generator, number: int) -> Any:
    """An evening's consumers, a noon's roofs, or hardly anybody."""
    roof = min(device.request_w) < 0
    asks = rng.random() < (0.9 if roof == (number % 2 == 1) else 0.3)
    share = float(asks * rng.uniform(0.4, 1.0))
    if rng.random() < QUIET:
        share *= 0.1
    request = tuple(share * watts for watts in device.request_w)
    floor = tuple(min(abs(a), abs(b)) * np.sign(b) for a, b in
                  zip(device.floor_w, request, strict=True))  # fmt: skip
    return replace(device, request_w=request, floor_w=floor)


def _limits(judge: Judge, case: LimitCase, where: float, number: int) -> LimitSet:
    lowest, asked = (judge.extremes(each) for each in (case.lowest, np.ones(len(case.devices))))
    load, low, high = (a + where * (b - a) for a, b in zip(lowest, asked, strict=True))
    if number % 3 != 2:
        return LimitSet(WIDE, max(load, 0.05))
    sags = lowest[1] - asked[1] > asked[2] - lowest[2]
    return LimitSet((low, WIDE[1]) if sags else (WIDE[0], high), 100.0)


def village() -> dict[str, Any]:
    """About 1,000 nodes: feeders of NAYY 4x150 from one busbar of an 1,600 kVA transformer.

    Cable after the manufacturer's table as pandapower has it (0.208 + j0.080 ohm/km, 270 A);
    zero sequence four times the resistance and 3.7 times the reactance; 8 m from house to house.
    """
    km = 0.008
    cable = {"r1": 0.208 * km, "x1": 0.08 * km, "c1": 0.261e-6 * km, "tan1": 0.0,
             "r0": 0.832 * km, "x0": 0.296 * km, "c0": 0.2e-6 * km, "tan0": 0.0,
             "from_status": 1, "to_status": 1, "i_n": 270.0}  # fmt: skip
    nodes = [{"id": 0, "u_rated": 20e3}, {"id": 1, "u_rated": 400.0}]
    lines, loads = [], []
    for feeder in range(FEEDERS):
        for house in range(NODES_A_FEEDER):
            node = 2 + feeder * NODES_A_FEEDER + house
            nodes.append({"id": node, "u_rated": 400.0})
            lines.append({"id": 10_000 + node, "from_node": node - 1 if house else 1,
                          "to_node": node, **cable})  # fmt: skip
            watts = (400.0 * np.eye(3)[node % 3]).tolist()
            loads.append({"id": 20_000 + node, "node": node, "status": 1, "type": 0,
                          "p_specified": watts,
                          "q_specified": [0.2 * p for p in watts]})  # fmt: skip
    transformer = {"id": 9_000, "from_node": 0, "to_node": 1, "from_status": 1, "to_status": 1,
                   "u1": 20e3, "u2": 400.0, "sn": 1600e3, "uk": 0.06, "pk": 16_800.0, "i0": 0.003,
                   "p0": 2_800.0, "winding_from": 2, "winding_to": 1, "clock": 5, "tap_side": 0,
                   "tap_pos": 0, "tap_min": -2, "tap_max": 2, "tap_size": 500.0}  # fmt: skip
    source = {"id": 9_001, "node": 0, "status": 1, "u_ref": 1.02, "sk": 1e15}
    data = {"node": nodes, "line": lines, "transformer": [transformer], "asym_load": loads,
            "source": [source]}  # fmt: skip
    return {"version": "1.0", "type": "input", "is_batch": False, "attributes": {}, "data": data}
