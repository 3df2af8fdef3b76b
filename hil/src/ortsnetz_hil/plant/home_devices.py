"""Heat pumps with their buildings and home batteries: where they are and what they are like.

They stand behind nobody's meter: a customer meter measures one load beyond doubt. Batteries go
first to customers with PV.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ortsnetz_common.errors import InputError
from ortsnetz_hil.plant.devices.specs import Battery, HeatPump
from ortsnetz_hil.plant.network_file import PlantNetwork
from ortsnetz_hil.plant.placement import FLOOR_W, LETTERS, Slots, customer_nodes
from ortsnetz_hil.plant.random_streams import stream
from ortsnetz_hil.plant.request import BatteryWish, HeatPumpWish

SINGLE_PHASE_W = 4_600.0
"""Largest single-phase appliance (VDE-AR-N 4100, 5.5.2)."""
COP = (2.8, 3.8)
DESIGN_DIFFERENCE_K = 34.0
"""The heat pump just holds its building at 20 degrees when it is 14 degrees below zero outside."""
OVERSIZED = (1.0, 1.3)
TIME_CONSTANT_H = (40.0, 100.0)
SETPOINT_C = (20.0, 22.0)
BAND_K = 0.5
MIN_ON_S, MIN_OFF_S = 600.0, 600.0
HEAT_PUMP_REACTION_S = (1.0, 10.0)
BOX_S = (60.0, 120.0)  # project assumption: gateway, market message and box of an evening
START_SHARE = (0.2, 0.6)
EFFICIENCY = 0.95
RESERVE_SHARE = 0.1
BATTERY_REACTION_S = (0.5, 3.0)
SCALED_ABOVE_W, SCALING = 11_000.0, 0.4


@dataclass(frozen=True, slots=True)
class Homes:
    """Where home devices can stand.

    Attributes:
        network: the network before devices are added.
        seed: of the plant.
        metered: nodes of metered customers.
    """

    network: PlantNetwork
    seed: int
    metered: Collection[int]

    def nodes(self, what: str, count: int, preferred: Collection[int]) -> list[int]:
        """Customers' nodes without a meter, those preferred first; several share one if need be.

        Raises:
            InputError: every customer has a meter.
        """
        if not count:
            return []
        free = [node for node in customer_nodes(self.network) if node not in self.metered]
        if not free:
            raise InputError(f"{what}: every customer has a meter, and none stands behind one")
        drawn = [int(n) for n in stream(self.seed, f"nodes of {what}").permutation(free)]
        ordered = sorted(drawn, key=lambda node: node not in preferred)  # stable: the draw stays
        return [ordered[i % len(ordered)] for i in range(count)]


def heat_pumps(homes: Homes, wish: HeatPumpWish, slots: Slots) -> tuple[HeatPump, ...]:
    """Heat pumps at customers without a meter.

    Args:
        homes: where they can stand.
        wish: how many and how large.
        slots: their ids and ports.

    Raises:
        InputError: the wish cannot be fulfilled; names what is wrong.
    """
    _check("heat pumps", wish.rated_w)
    nodes = homes.nodes("heat pumps", wish.count, ())
    found = []
    for i in range(wish.count):
        name = f"hp-{i + 1:02d}"
        rng = stream(homes.seed, f"heat pump {name}")
        cop = round(float(rng.uniform(*COP)), 2)
        loss = wish.rated_w * cop / DESIGN_DIFFERENCE_K / float(rng.uniform(*OVERSIZED))
        setpoint = round(float(rng.uniform(*SETPOINT_C)), 1)
        found.append(
            HeatPump(
                name=name,
                element=slots.first_id + i,
                node=nodes[i],
                port=slots.ports[i],
                phases=_phases(wish.rated_w, int(rng.integers(3))),
                rated_w=wish.rated_w,
                floor_w=_floor_w(wish),
                cop=cop,
                loss_w_per_k=round(loss, 1),
                capacity_wh_per_k=round(loss * float(rng.uniform(*TIME_CONSTANT_H)), 0),
                setpoint_c=setpoint,
                band_k=BAND_K,
                start_c=round(setpoint + float(rng.uniform(-BAND_K, BAND_K)), 2),
                min_on_s=MIN_ON_S,
                min_off_s=MIN_OFF_S,
                reaction_s=round(float(rng.uniform(*HEAT_PUMP_REACTION_S)), 1),
                commanded=wish.commanded,
                box_s=_box_s(homes.seed, name) if wish.control_boxes else 0.0,
            )
        )
    return tuple(found)


def _box_s(seed: int, name: str) -> float:
    return round(float(stream(seed, f"control box of {name}").uniform(*BOX_S)), 1)


def batteries(
    homes: Homes, wish: BatteryWish, slots: Slots, with_pv: Collection[int]
) -> tuple[Battery, ...]:
    """Home batteries at customers without a meter, first at the nodes `with_pv`; see `heat_pumps`.

    Raises:
        InputError: the wish cannot be fulfilled; names what is wrong.
    """
    _check("batteries", wish.rated_w)
    if not wish.capacity_wh > 0:
        raise InputError(f"batteries: capacity {wish.capacity_wh:g} Wh is not positive")
    nodes = homes.nodes("batteries", wish.count, with_pv)
    found = []
    for i in range(wish.count):
        name = f"battery-{i + 1:02d}"
        rng = stream(homes.seed, f"battery {name}")
        found.append(
            Battery(
                name=name,
                element=slots.first_id + i,
                node=nodes[i],
                port=slots.ports[i],
                phases=_phases(wish.rated_w, int(rng.integers(3))),
                rated_w=wish.rated_w,
                capacity_wh=wish.capacity_wh,
                start_share=round(float(rng.uniform(*START_SHARE)), 2),
                efficiency=EFFICIENCY,
                reserve_share=RESERVE_SHARE,
                reaction_s=round(float(rng.uniform(*BATTERY_REACTION_S)), 1),
                commanded=wish.commanded,
            )
        )
    return tuple(found)


def _phases(rated_w: float, drawn: int) -> str:
    return "abc" if rated_w > SINGLE_PHASE_W else LETTERS[drawn]


def battery_floor_w(rated_w: float) -> float:
    """What a commanded battery may always charge with, W; its limit holds in both directions."""
    return min(FLOOR_W, rated_w)


def _floor_w(wish: HeatPumpWish) -> float:
    """Guaranteed minimum of a heat pump's limit, W, magnitude.

    Nobody commands a customer's heat pump: at its fall-back, the floor, it has to be able to run.
    Stated here once more, apart from the product's own rule: 4.2 kW, above 11 kW two fifths (BNetzA
    BK6-22-300, Anlage 1, 4.5.1), and not more than it has.
    """
    if not wish.commanded:
        return max(FLOOR_W, wish.rated_w)
    least = SCALING * wish.rated_w if wish.rated_w > SCALED_ABOVE_W else FLOOR_W
    return min(least, wish.rated_w)


def _check(what: str, rated_w: float) -> None:
    if not rated_w > 0:
        raise InputError(f"{what}: rated power {rated_w:g} W is not positive")
