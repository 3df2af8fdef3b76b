"""Limiting: time and served power beside uniform scaling and scipy's SLSQP, in one run.

20 charge points and 20 inverters are spread over a SimBench network from a seed. The peers see the
same power flow and the same limits: uniform scaling searches the largest common factor (1 % steps),
SLSQP the same optimum with slopes by finite differences. Prints one JSON line a case.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from ortsnetz_common.parameters.station import DeviceKind
from ortsnetz_grid.functions.congestion.constraints import Constraints
from ortsnetz_grid.functions.congestion.decision import decide
from ortsnetz_grid.functions.congestion.operating_points import DeviceFlows
from ortsnetz_grid.functions.congestion.problem import ControlledDevice, LimitSet
from ortsnetz_grid.network.model import Network

NETWORKS = ("1-LV-rural2--0-sw", "1-LV-semiurb5--0-sw")
CASES = {"evening": (1.0, 0.0), "noon": (0.0, 1.0), "quiet": (0.1, 0.1)}
LIMITS = LimitSet((0.95, 1.05), 1.0)
REPETITIONS = 30
DIVERSITY = 0.4  # of the customers' own peaks: they do not coincide
STEP = 1e-4


def imported(code: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "network.json"
        ortsnetz = Path(sys.executable).with_name("ortsnetz")
        subprocess.run(
            [ortsnetz, "network", "import", code, "-o", path], check=True, capture_output=True
        )
        return dict(json.loads(path.read_text()))


def equipped(document: dict[str, Any], cars: float, sun: float, seed: int) -> Any:
    """Network with devices, and the devices."""
    rng = np.random.default_rng(seed)
    data = document["data"]
    nodes = [node["id"] for node in data["node"] if node["u_rated"] < 1000]
    next_id = max(e["id"] for elements in data.values() for e in elements) + 1
    loads, generators, devices = [], [], []
    for place in range(20):
        node, phase = int(rng.choice(nodes)), int(rng.integers(3))
        rated = (22e3, 11e3, 4600.0)[place % 3]
        shape = np.eye(3)[phase] if rated < 5e3 else np.ones(3) / 3
        floor = 4200.0 * shape
        for kind, watts, least in (
            (DeviceKind.EV, cars * rated * shape, floor),
            (DeviceKind.PV, -sun * 15e3 * np.ones(3) / 3, np.zeros(3)),
        ):
            element = next_id + len(devices)
            devices.append(ControlledDevice(element, kind, tuple(watts), tuple(least)))
            (loads if kind is DeviceKind.EV else generators).append(
                {"id": element, "node": node, "status": 1, "type": 0,
                 "p_specified": [0.0] * 3, "q_specified": [0.0] * 3}
            )  # fmt: skip
    houses = [
        load
        | {name: [DIVERSITY * x for x in load[name]] for name in ("p_specified", "q_specified")}
        for load in data["asym_load"]
    ]
    more = {
        "asym_load": [*houses, *loads],
        "asym_gen": [*data.get("asym_gen", []), *generators],
    }
    text = json.dumps(document | {"data": data | more})
    return Network.from_json(text, "benchmark"), tuple(devices)


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    durations = []
    for _ in range(REPETITIONS):
        start = time.perf_counter()
        result = call()
        durations.append(time.perf_counter() - start)
    return 1e3 * statistics.median(durations), result


class Peer:
    """What the peers see: room to the limits as a function of the factors."""

    def __init__(self, network: Network, devices: tuple[ControlledDevice, ...]) -> None:
        self.flows = DeviceFlows(network, devices)
        self.constraints = Constraints.of(network, self.flows, LIMITS)
        self.lowest = np.array([device.lowest_factor for device in devices])
        self.asked = np.array([sum(map(abs, device.request_w)) for device in devices])

    def room(self, factors: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weighted room to each limit (s, r)."""
        points = self.flows.at(np.atleast_2d(factors))
        excess = self.constraints.excess(points.phasors)
        return -np.where(points.converged[:, None], excess, 10.0)

    def slope(self, factors: NDArray[np.float64]) -> NDArray[np.float64]:
        """Slope of the room by each factor (r, d)."""
        points = np.vstack([factors, factors - STEP * np.eye(len(factors))])
        room = self.room(points)
        return ((room[0] - room[1:]) / STEP).T

    def uniform(self) -> NDArray[np.float64] | None:
        """Largest common factor that keeps the limits, in steps of 1 %."""
        for share in np.linspace(1, 0, 101):
            factors = np.maximum(self.lowest, share)
            if self.room(factors).min() >= 0:
                return factors
        return None

    def slsqp(self) -> NDArray[np.float64]:
        """Least sum of squared relative curtailments, rows near a limit only."""
        near = np.flatnonzero(self.room(np.ones(len(self.lowest)))[0] < 0.3)
        found = minimize(
            lambda k: ((1 - k) ** 2).sum(),
            np.ones(len(self.lowest)),
            jac=lambda k: -2 * (1 - k),
            bounds=list(zip(self.lowest, np.ones(len(self.lowest)), strict=True)),
            constraints=[
                {
                    "type": "ineq",
                    "fun": lambda k: self.room(k)[0, near],
                    "jac": lambda k: self.slope(k)[near],
                }
            ],
            method="SLSQP",
        )
        return np.asarray(found.x)

    def served(self, factors: NDArray[np.float64] | None) -> float | None:
        """Share of the requested power."""
        return None if factors is None else round(float(self.asked @ factors / self.asked.sum()), 4)


def main() -> None:
    for code in NETWORKS:
        document = imported(code)
        for case, (cars, sun) in CASES.items():
            network, devices = equipped(document, cars, sun, seed=1)
            milliseconds, result = timed(lambda n=network, d=devices: decide(n, d, LIMITS))
            factors = np.array([device.k for device in result.devices])
            peer = Peer(network, devices)
            start = time.perf_counter()
            optimum = peer.slsqp()
            slsqp_ms = 1e3 * (time.perf_counter() - start)
            line = {
                "network": code,
                "nodes": len(network.data["node"]),
                "devices": len(devices),
                "case": case,
                "status": str(result.status),
                "median_ms": round(milliseconds, 1),
                "power_flows": result.power_flows,
                "served": peer.served(factors),
                "room_left": round(float(peer.room(factors).min()), 6),
                "uniform_served": peer.served(peer.uniform()),
                "slsqp_ms": round(slsqp_ms, 1),
                "slsqp_served": peer.served(optimum),
                "slsqp_room_left": round(float(peer.room(optimum).min()), 6),
            }
            print(json.dumps(line))


if __name__ == "__main__":
    main()
