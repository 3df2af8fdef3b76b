"""Cases of limiting, from a seed: an evening of charging, a noon of sun, both, and what binds.

Published networks are strong. So that limits bind, each case draws its limit between what the
floors and what the requests cause, and beyond both ends: some cases bind nothing, some no setting
can keep. Cables get their share of cases by a smaller rating of some.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from studies.grids import network_of, register
from studies.optimum_judge import Judge

from ortsnetz_common.parameters.station import DeviceKind
from ortsnetz_grid.functions.congestion.problem import ControlledDevice, LimitSet
from ortsnetz_grid.network.model import Network

TIMES = ("evening", "noon", "mixed")
BINDS = ("loading", "cables", "voltage")
WIDE = (0.6, 1.4)
BEYOND = (-0.1, 1.1)
"""Where the limit lies between floors (0) and requests (1)."""
CABLE_SHARE = (0.15, 0.4)
FLOOR_W = 4200.0


@dataclass(frozen=True)
class LimitCase:
    """One question to limiting.

    Attributes:
        name: network, time, what is to bind, seed.
        network: with the devices' elements, and houses as they are at that time.
        devices: who may be limited.
        limits: to be kept.
    """

    name: str
    network: Any
    devices: tuple[ControlledDevice, ...]
    limits: LimitSet

    @property
    def asked_w(self) -> NDArray[np.float64]:
        """(d,) sizes of the requests."""
        return np.abs([device.request_w for device in self.devices]).sum(axis=1)

    @property
    def lowest(self) -> NDArray[np.float64]:
        """(d,) lowest factors."""
        return np.array([device.lowest_factor for device in self.devices])


def drawn(name: str, seed: int, *, devices: int = 20) -> LimitCase:
    """A case.

    Args:
        name: network, as `studies.grids` knows it or a SimBench code.
        seed: of everything that is drawn; it also goes round times and what binds.
        devices: how many.
    """
    rng = np.random.default_rng([seed, devices])
    time, binds = TIMES[seed % 3], BINDS[seed // 3 % 3]
    network, chosen = equipped(document_of(name), rng, time, devices, weaken=binds == "cables")
    limits = _limits(Judge(network, chosen), chosen, rng, binds)
    return LimitCase(f"{name} {time} {binds} {seed}", network, chosen, limits)


def with_reactive(case: LimitCase) -> LimitCase:
    """The same case with inverters that take reactive power, after VDE-AR-N 4105's cos phi 0.9."""
    return replace(case, devices=tuple(_steered(device) for device in case.devices))


def _steered(device: ControlledDevice) -> ControlledDevice:
    watts = -sum(device.request_w)
    if watts <= 0:
        return device
    return replace(device, reactive_var=0.484 * watts, apparent_va=1.05 * watts)


def document_of(name: str) -> dict[str, Any]:
    """A network's file, to be changed."""
    register(name)
    return copy.deepcopy(dict(network_of(name).document))


def equipped(
    document: dict[str, Any], rng: np.random.Generator, time: str, devices: int, *, weaken: bool
) -> tuple[Network, tuple[ControlledDevice, ...]]:
    """The network with houses and devices as they are at that time."""
    _houses(document, rng, time)
    if weaken:
        _weaken_cables(document, rng)
    chosen = tuple(_appliances(document, rng, devices, time))
    return Network.from_json(json.dumps(document), "drawn"), chosen


def _houses(document: dict[str, Any], rng: np.random.Generator, time: str) -> None:
    share = {"evening": 0.4, "noon": 0.15, "mixed": 0.25}[time]
    sun = {"evening": 0.0, "noon": 0.8, "mixed": 0.4}[time]
    for component, mean in (("asym_load", share), ("asym_gen", sun)):
        for each in document["data"].get(component, []):
            factor = mean * rng.uniform(0.4, 1.6)
            for field in ("p_specified", "q_specified"):
                each[field] = [factor * value for value in each[field]]


def _weaken_cables(document: dict[str, Any], rng: np.random.Generator) -> None:
    for line in document["data"]["line"]:
        line["i_n"] *= rng.uniform(*CABLE_SHARE)


_KINDS: dict[str, Callable[[np.random.Generator], tuple[DeviceKind, float, float, int]]] = {
    "car": lambda rng: (DeviceKind.EV, float(rng.choice([3700.0, 11e3, 22e3])), 0.0, 1),
    "pump": lambda rng: (DeviceKind.HEAT_PUMP, float(rng.uniform(4e3, 12e3)), 0.3, 1),
    "roof": lambda rng: (DeviceKind.PV, float(rng.uniform(5e3, 25e3)), 0.0, -1),
}
"""Kind, power in W, reactive over active power, direction."""
_SHARES = {
    "evening": (0.75, 0.25, 0.0),
    "noon": (0.15, 0.1, 0.75),
    "mixed": (0.4, 0.2, 0.4),
}


def _appliances(
    document: dict[str, Any], rng: np.random.Generator, count: int, time: str
) -> list[ControlledDevice]:
    data = document["data"]
    nodes = sorted({load["node"] for load in data["asym_load"]})
    first = max(element["id"] for elements in data.values() for element in elements) + 1
    found = []
    for place in range(count):
        kind, watts, tangent, sign = _KINDS[rng.choice(list(_KINDS), p=_SHARES[time])](rng)
        three = watts > 4600.0
        shape = np.ones(3) / 3 if three else np.eye(3)[rng.integers(3)]
        request = sign * watts * shape
        floor = np.zeros(3) if sign < 0 else min(FLOOR_W, watts) * shape
        component, in_file = ("asym_gen", -1) if sign < 0 else ("asym_load", 1)
        data.setdefault(component, []).append({
            "id": first + place, "node": int(rng.choice(nodes)), "status": 1, "type": 0,
            "p_specified": (in_file * request).tolist(),
            "q_specified": (in_file * tangent * request).tolist()})  # fmt: skip
        found.append(ControlledDevice(first + place, kind, tuple(request), tuple(floor)))
    return found


def _limits(
    judge: Judge, devices: tuple[ControlledDevice, ...], rng: np.random.Generator, binds: str
) -> LimitSet:
    """A limit between what floors and requests cause."""
    lowest = np.array([device.lowest_factor for device in devices])
    floors, asked = judge.extremes(lowest), judge.extremes(np.ones(len(devices)))
    where = rng.uniform(*BEYOND)
    load, low, high = (a + where * (b - a) for a, b in zip(floors, asked, strict=True))
    if not np.isfinite([*floors, *asked]).all():
        raise ValueError("no state at the requests")
    if binds != "voltage":
        return LimitSet(WIDE, max(load, 0.05))
    sagging = asked[1] < floors[1] - 1e-6 and abs(asked[1] - floors[1]) > asked[2] - floors[2]
    band = (low, WIDE[1]) if sagging else (WIDE[0], high)
    return LimitSet(band, 100.0)
