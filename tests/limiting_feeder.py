"""A feeder to limit, and the truth about it: a power flow and a loading of the tests' own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from power_grid_model import PowerGridModel, initialize_array
from power_grid_model.errors import PowerGridError

from ortsnetz_common.parameters.station import DeviceKind
from ortsnetz_grid.functions.congestion.decision import decide
from ortsnetz_grid.functions.congestion.problem import ControlledDevice, LimitSet
from ortsnetz_grid.functions.congestion.result import LimitResult
from ortsnetz_grid.network.model import Network

WIDE = LimitSet((0.5, 1.5), 1.0)
EV, PV = DeviceKind.EV, DeviceKind.PV
Watts = tuple[float, float, float]


@dataclass
class Feeder:
    """A transformer and a chain of cable sections; node 2 is the busbar, then 3, 4, ..."""

    sections: int = 3
    transformer_va: float = 100e3
    cable_a: float = 200.0
    ohm: float = 0.02
    u_ref: float = 1.0
    neutral_a: float | None = None
    links: int = 0
    loads: list[dict[str, Any]] = field(default_factory=list)
    generators: list[dict[str, Any]] = field(default_factory=list)
    devices: list[ControlledDevice] = field(default_factory=list)

    def house(
        self, node: int, p_w: Watts, *, q_var: Watts = (0.0, 0.0, 0.0), kind: int = 0
    ) -> None:
        """Something that nobody controls; negative power feeds in."""
        self.loads.append(_appliance(1000 + len(self.loads), node, p_w, q_var, kind))

    def device(
        self,
        node: int,
        request_w: Watts,
        floor_w: Watts = (0.0, 0.0, 0.0),
        *,
        generator: bool = False,
        tangent: float = 0.0,
        step_w: float | None = None,
        held_w: float = 0.0,
    ) -> int:
        """Something that can be limited; returns its place among the devices."""
        element = 2000 + len(self.devices)
        in_file = tuple((-0.7 if generator else 0.7) * watts for watts in request_w)
        appliance = _appliance(element, node, in_file, tuple(tangent * p for p in in_file), 0)
        (self.generators if generator else self.loads).append(appliance)
        kind = PV if generator else EV
        self.devices.append(
            ControlledDevice(element, kind, request_w, floor_w, step_w, held_w=held_w)
        )
        return len(self.devices) - 1

    def network(self) -> Network:
        line = {"r1": self.ohm, "x1": 0.4 * self.ohm, "c1": 1e-8, "tan1": 0, "r0": 4 * self.ohm,
                "x0": 1.5 * self.ohm, "c0": 1e-8, "tan0": 0, "from_status": 1, "to_status": 1,
                "i_n": self.cable_a}  # fmt: skip
        if self.neutral_a is not None:
            line["i_n_neutral"] = self.neutral_a
        sn = self.transformer_va
        data = {
            "node": [{"id": 1, "u_rated": 20e3}]
            + [{"id": 2 + place, "u_rated": 400.0} for place in range(self.sections + 1)],
            "line": [
                {"id": 100 + place, "name": f"L{place}", "from_node": 2 + place,
                 "to_node": 3 + place} | line for place in range(self.sections)
            ],
            "transformer": [{
                "id": 50, "name": "T1", "from_node": 1, "to_node": 2, "from_status": 1,
                "to_status": 1, "u1": 20e3, "u2": 400.0, "sn": sn, "uk": 0.04, "pk": 0.015 * sn,
                "i0": 0.003, "p0": 0.002 * sn, "winding_from": 2, "winding_to": 1, "clock": 5,
                "tap_side": 0, "tap_pos": 0, "tap_min": -2, "tap_max": 2, "tap_size": 500.0}],
            "source": [{"id": 90, "node": 1, "status": 1, "u_ref": self.u_ref, "sk": 1e8}],
            "asym_load": self.loads,
            "asym_gen": self.generators,
        }  # fmt: skip
        last = 2 + self.sections
        data["node"] += [{"id": last + 1 + i, "u_rated": 400.0} for i in range(self.links)]
        data["link"] = [
            {"id": 200 + i, "from_node": last + i, "to_node": last + 1 + i, "from_status": 1,
             "to_status": 1} for i in range(self.links)]  # fmt: skip
        document = {"version": "1.0", "type": "input", "is_batch": False, "attributes": {}}
        return Network.from_json(json.dumps(document | {"data": data}), "feeder")

    def decide(self, limits: LimitSet, **arguments: Any) -> LimitResult:
        return decide(self.network(), tuple(self.devices), limits, **arguments)


def _appliance(element: int, node: int, p_w: Any, q_var: Any, kind: int) -> dict[str, Any]:
    return {"id": element, "node": node, "status": 1, "type": kind,
            "p_specified": list(p_w), "q_specified": list(q_var)}  # fmt: skip


class Truth:
    """Loadings and voltages of a feeder at given factors, computed without the code under test."""

    def __init__(self, feeder: Feeder) -> None:
        self.network = feeder.network()
        self.devices = feeder.devices
        self.neutral_a = feeder.neutral_a
        self.model = PowerGridModel(dict(self.network.data))

    def at(self, factors: Sequence[float] | NDArray[np.float64]) -> tuple[Any, Any]:
        """All ratios that make up loadings (s, m), and all LV voltages (s, v)."""
        k = np.atleast_2d(np.asarray(factors, dtype=float))
        result = self.model.calculate_power_flow(symmetric=False, update_data=self._update(k))
        node_row = {int(node): row for row, node in enumerate(self.network.data["node"]["id"])}
        volts = result["node"]["u"] * np.exp(1j * result["node"]["u_angle"])
        ratios = []
        for component, sides in (("line", ("from", "to")), ("transformer", ("from", "to"))):
            for row, branch in enumerate(self.network.data[component]):
                for side, rated_volts in zip(sides, ("u1", "u2"), strict=True):
                    flow = result[component]
                    power = flow[f"p_{side}"][:, row] + 1j * flow[f"q_{side}"][:, row]
                    amps = np.conj(power / volts[:, node_row[int(branch[f"{side}_node"])]])
                    if component == "line":
                        rated = branch["i_n"]
                        ratios.append(abs(amps.sum(axis=1)) / (self.neutral_a or rated))
                    else:
                        rated = branch["sn"] / (np.sqrt(3) * branch[rated_volts])
                        ratios += list((abs(power) / (branch["sn"] / 3)).T)
                        if side == "to":  # the delta winding has no neutral
                            ratios.append(abs(amps.sum(axis=1)) / rated)
                    ratios += list((abs(amps) / rated).T)
        lv = self.network.data["node"]["u_rated"] <= 1000
        return np.array(ratios).T, result["node"]["u_pu"][:, lv].reshape(len(k), -1)

    def _update(self, k: NDArray[np.float64]) -> dict[str, Any]:
        update = {}
        for component, sign in (("asym_load", 1), ("asym_gen", -1)):
            places = [
                place
                for place, device in enumerate(self.devices)
                if self.network.components[device.id] == component
            ]
            if not places:
                continue
            array = initialize_array("update", component, (len(k), len(places)))
            for column, place in enumerate(places):
                device = self.devices[place]
                row = self.network.data[component][self.network.row(component, device.id)]
                power = sign * k[:, place, None] * np.array(device.request_w)
                p0, q0 = row["p_specified"], row["q_specified"]
                array["id"][:, column] = device.id
                array["p_specified"][:, column] = power
                array["q_specified"][:, column] = [
                    [q * p / p_ if p_ else q for q, p, p_ in zip(q0, watts, p0, strict=True)]
                    for watts in power
                ]
            update[component] = array
        return update

    def room(self, factors: Any, limits: LimitSet) -> Any:
        """Distance from each limit (s, r), positive inside; voltages times ten."""
        ratios, volts = self.at(factors)
        low, high = limits.u_pu
        return np.concatenate([limits.loading - ratios, 10 * (volts - low), 10 * (high - volts)], 1)

    def keeps(self, k: Any, limits: LimitSet) -> bool:
        """Whether all limits hold; without a power flow they do not."""
        try:
            return bool(self.room(k, limits).min() >= 0)
        except PowerGridError:
            return False


def factors(result: LimitResult) -> NDArray[np.float64]:
    return np.array([device.k for device in result.devices])


def served_w(feeder: Feeder, k: Any) -> float:
    return sum(
        float(factor) * sum(abs(watts) for watts in device.request_w)
        for factor, device in zip(k, feeder.devices, strict=True)
    )


def lowest(feeder: Feeder) -> NDArray[np.float64]:
    """Smallest factors: neither the floor's total nor a phase's floor is cut."""
    found = []
    for device in feeder.devices:
        request, floor = np.abs(device.request_w), np.abs(device.floor_w)
        if not request.sum():
            found.append(1.0)
            continue
        used = request > 0
        phases = (np.minimum(floor, request)[used] / request[used]).max()
        found.append(min(1.0, max(floor.sum() / request.sum(), phases)))
    return np.array(found)
