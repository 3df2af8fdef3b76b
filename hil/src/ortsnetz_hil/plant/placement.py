"""Where charge points, inverters and meters are, and when cars come: all from the seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.station import NOMINAL_PHASE_V
from ortsnetz_hil.plant.calendar import WINDOW_S
from ortsnetz_hil.plant.devices.specs import ChargePoint, Inverter, Session
from ortsnetz_hil.plant.network_file import PlantNetwork
from ortsnetz_hil.plant.random_streams import stream

FLOOR_W = 4200.0
"""Guaranteed minimum of controllable consumption (BNetzA BK6-22-300 for section 14a EnWG)."""
INVERTER_W = 15_000.0
PV_PROFILES = ("PV2", "PV3", "PV4", "PV5", "PV6", "PV7")
KINDS = (22, 22, 11, 11, 4.6)  # mixture 2:2:1, kW
RATED_A = {22: 32, 11: 16, 4.6: 20}
PHASE_COUNT = {22: 3, 11: 3, 4.6: 1}
HOUR_S = 3600.0
NOON_SHARE = 0.2
# two steps of the plant below the 5 s of IEC 61851-1 and the 2 s of the register map
EV_REACTION_S = (1.0, 4.5)
PV_REACTION_S = (0.5, 1.5)


@dataclass(frozen=True, slots=True)
class Ports:
    """Consecutive TCP ports: transformer meter, feeders, customers, charge points, inverters."""

    base: int

    def at(self, index: int) -> int:
        """Port of a device.

        Raises:
            InputError: beyond the last port.
        """
        port = self.base + index
        if not 1 <= port <= 65_535:
            raise InputError(f"base port {self.base} leaves no port for device number {index + 1}")
        return port


def floor_a(phase_count: int) -> int:
    """The floor in whole amperes, rounded up at nominal voltage."""
    return int(np.ceil(FLOOR_W / (NOMINAL_PHASE_V * phase_count)))


def customer_nodes(network: PlantNetwork) -> list[int]:
    """Low-voltage nodes with a customer, in the order of the file."""
    nodes, low = network.ids("node"), network.low_voltage()
    loaded = {int(node) for node in network.data["asym_load"]["node"]}
    return [int(n) for n, lv in zip(nodes, low, strict=True) if lv and int(n) in loaded]


def choose_nodes(network: PlantNetwork, count: int, rng: np.random.Generator) -> list[int]:
    """Distinct customer nodes; where there are fewer than wanted, several devices share one."""
    nodes = customer_nodes(network)
    if not nodes:
        raise InputError("the network has no customer on low voltage; the plant needs one")
    chosen: list[int] = []
    while len(chosen) < count:
        chosen += [int(node) for node in rng.permutation(nodes)]
    return chosen[:count]


def charge_points(
    network: PlantNetwork, seed: int, count: int, first_id: int, ports: Sequence[int]
) -> tuple[ChargePoint, ...]:
    """Charge points with their cars."""
    nodes = choose_nodes(network, count, stream(seed, "nodes of charge points"))
    kinds = _kinds(count)
    found = []
    for i in range(count):
        name = f"ev-{i + 1:02d}"
        rng = stream(seed, f"charge point {name}")
        kind = kinds[i]
        phases = "abc" if PHASE_COUNT[kind] == 3 else "abc"[int(rng.integers(3))]
        found.append(
            ChargePoint(
                name=name,
                element=first_id + i,
                node=nodes[i],
                port=ports[i],
                phases=phases,
                rated_a=RATED_A[kind],
                floor_a=floor_a(PHASE_COUNT[kind]),
                reaction_s=round(float(rng.uniform(*EV_REACTION_S)), 1),
                sessions=_sessions(kind, rng),
            )
        )
    return tuple(found)


def _kinds(count: int) -> list[float]:
    """Ratings in kW: 8 : 8 : 4 of twenty, the same mixture for any number."""
    return [KINDS[i % len(KINDS)] for i in range(count)]


def _sessions(kind: float, rng: np.random.Generator) -> tuple[Session, ...]:
    """Stays of one charge point: everybody comes home in the evening, some charge at noon."""
    sessions = []
    if rng.random() < NOON_SHARE:
        arrival = rng.uniform(0.5, 2.0) * HOUR_S
        sessions.append(_session(arrival, 2.5 * HOUR_S, rng.uniform(10.0, 20.0), kind, rng))
    # hours since 11:00: arrivals between 16:30 and 19:30, most around 18:00
    arrival = float(np.clip(rng.normal(7.0, 0.6), 5.5, 8.5)) * HOUR_S
    stay = max(WINDOW_S - arrival, 0.0) if rng.random() < 0.7 else rng.uniform(3.0, 4.0) * HOUR_S
    lowest = {22: 32.0, 11: 22.0, 4.6: 12.0}[kind]
    sessions.append(_session(arrival, stay, rng.uniform(lowest, 50.0), kind, rng))
    return tuple(sessions)


def _session(
    arrival_s: float, stay_s: float, energy_kwh: float, kind: float, rng: np.random.Generator
) -> Session:
    rated = RATED_A[kind]
    car = 16 if kind == 22 and rng.random() < 0.15 else rated
    return Session(
        arrival_s=round(arrival_s, 1),
        departure_s=round(min(arrival_s + stay_s, WINDOW_S), 1),
        energy_wh=round(energy_kwh * 1000.0, 0),
        max_a=float(car),
    )


def inverters(
    network: PlantNetwork, seed: int, count: int, first_id: int, ports: Sequence[int]
) -> tuple[Inverter, ...]:
    """Three-phase inverters of 15 kW, each with the SimBench profile of a roof's direction."""
    rng = stream(seed, "inverters")
    nodes = choose_nodes(network, count, stream(seed, "nodes of inverters"))
    return tuple(
        Inverter(
            name=f"pv-{i + 1:02d}",
            element=first_id + i,
            node=nodes[i],
            port=ports[i],
            profile=PV_PROFILES[int(rng.integers(len(PV_PROFILES)))],
            rated_w=INVERTER_W,
            reaction_s=round(float(rng.uniform(*PV_REACTION_S)), 1),
        )
        for i in range(count)
    )
