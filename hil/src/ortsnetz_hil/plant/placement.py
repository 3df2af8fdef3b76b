"""Where charge points and inverters are and what they are like: all from the seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.station import NOMINAL_PHASE_V
from ortsnetz_hil.plant.devices.characteristics import preset
from ortsnetz_hil.plant.devices.specs import ChargePoint, Inverter
from ortsnetz_hil.plant.network_file import PlantNetwork
from ortsnetz_hil.plant.random_streams import stream
from ortsnetz_hil.plant.request import ChargePointWish, InverterWish
from ortsnetz_hil.plant.sessions import Point, Span, sessions
from ortsnetz_hil.plant.sessions import check as check_cars

FLOOR_W = 4200.0
"""Guaranteed minimum of controllable consumption (BNetzA BK6-22-300 for section 14a EnWG)."""
PV_PROFILES = ("PV2", "PV3", "PV4", "PV5", "PV6", "PV7")
LETTERS = "abc"
RATED_A = (6, 32)
"""Currents that an `ev-controller` takes, see docs/register-maps.md."""
SINGLE_PHASE_KW = 7.4
"""Above it a charge point is three-phase: 32 A at one phase."""
# two steps of the plant below the 5 s of IEC 61851-1 and the 2 s of the register map
EV_REACTION_S = (1.0, 4.5)
PV_REACTION_S = (0.5, 1.5)
RANDOM = "random"
ROTATIONS = ("abc", "bca", "cab")
ORDERS = (*ROTATIONS, "acb", "bac", "cba")


@dataclass(frozen=True, slots=True)
class Ports:
    """Consecutive TCP ports: meters, charge points, inverters, heat pumps, batteries, tap changers.

    Meters come in the order transformers, feeders, customers.
    """

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

    def range(self, first: int, count: int) -> list[int]:
        """Ports of consecutive devices."""
        return [self.at(first + i) for i in range(count)]


@dataclass(frozen=True, slots=True)
class Slots:
    """Numbers of devices of one kind: the first one's element id, and their ports."""

    first_id: int
    ports: Sequence[int]


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
    network: PlantNetwork, seed: int, wish: ChargePointWish, span: Span, slots: Slots
) -> tuple[ChargePoint, ...]:
    """Charge points with their cars.

    Raises:
        InputError: the wish cannot be fulfilled; names what is wrong.
    """
    check_cars(wish)
    _check_phases("charge points", wish.phases, (RANDOM, "abc", *LETTERS))
    _check_phases("charge points at three phases", wish.rotation, (RANDOM, *ORDERS))
    nodes = choose_nodes(network, wish.count, stream(seed, "nodes of charge points"))
    found = []
    for i in range(wish.count):
        point = _point(i, wish.ratings_kw)
        rng = stream(seed, f"charge point {point.name}")
        found.append(
            ChargePoint(
                name=point.name,
                element=slots.first_id + i,
                node=nodes[i],
                port=slots.ports[i],
                phases=_phases(point, i, wish, seed, rng),
                rated_a=point.rated_a,
                floor_a=min(floor_a(point.phase_count), point.rated_a),
                reaction_s=round(float(rng.uniform(*EV_REACTION_S)), 1),
                sessions=sessions(point, wish, span, seed, rng),
            )
        )
    return tuple(found)


def _point(index: int, ratings_kw: Sequence[float]) -> Point:
    """Charge point number `index`: the mixture of ratings is repeated for any number."""
    if not ratings_kw:
        raise InputError("charge points: ratings_kw is empty")
    rated_kw = ratings_kw[index % len(ratings_kw)]
    phase_count = 3 if rated_kw > SINGLE_PHASE_KW else 1
    rated_a = round(rated_kw * 1000.0 / (phase_count * NOMINAL_PHASE_V))
    if not RATED_A[0] <= rated_a <= RATED_A[1]:
        raise InputError(
            f"charge points: {rated_kw:g} kW are {rated_a} A on {phase_count} phases; charge "
            f"points have {RATED_A[0]} to {RATED_A[1]} A"
        )
    return Point(f"ev-{index + 1:02d}", rated_a, phase_count)


def _phases(
    point: Point, index: int, wish: ChargePointWish, seed: int, rng: np.random.Generator
) -> str:
    if point.phase_count == 1:
        drawn = LETTERS[int(rng.integers(3))]  # always drawn, so that cars do not depend on it
        if wish.phases == RANDOM:
            return drawn
        return LETTERS[index % 3] if wish.phases == "abc" else wish.phases
    if wish.rotation != RANDOM:
        return wish.rotation
    return ROTATIONS[int(stream(seed, f"wiring of {point.name}").integers(3))]


def _check_phases(what: str, phases: str, known: Sequence[str]) -> None:
    if phases not in known:
        raise InputError(f"{what}: phases '{phases}' are none of {', '.join(known)}")


def inverters(
    network: PlantNetwork, seed: int, wish: InverterWish, slots: Slots
) -> tuple[Inverter, ...]:
    """Inverters, each with the SimBench profile of a roof's direction.

    Raises:
        InputError: the wish cannot be fulfilled; names what is wrong.
    """
    _check_phases("inverters", wish.phases, (RANDOM, *LETTERS, *ORDERS))
    if not wish.rated_w > 0:
        raise InputError(f"inverters: rated power {wish.rated_w:g} W is not positive")
    control = preset(wish.control) if isinstance(wish.control, str) else wish.control
    rng = stream(seed, "inverters")
    wiring = stream(seed, "phases of inverters")
    nodes = choose_nodes(network, wish.count, stream(seed, "nodes of inverters"))
    return tuple(
        Inverter(
            name=f"pv-{i + 1:02d}",
            element=slots.first_id + i,
            node=nodes[i],
            port=slots.ports[i],
            profile=PV_PROFILES[int(rng.integers(len(PV_PROFILES)))],
            rated_w=wish.rated_w,
            reaction_s=round(float(rng.uniform(*PV_REACTION_S)), 1),
            phases=LETTERS[int(wiring.integers(3))] if wish.phases == RANDOM else wish.phases,
            control=control,
        )
        for i in range(wish.count)
    )
