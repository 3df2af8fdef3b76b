"""Most meters are hidden: cases in which the truth is known and the estimator believes profiles.

Truth is power-grid-model's power flow of a SimBench low-voltage network at a random quarter hour of
the year, with the individual profiles of its own customers. SimBench gives many customers the same
profile; so that they do not all put the kettle on together, each customer takes its quarter hour
from another day of the same kind. The sun shines on all roofs at once, as it does in SimBench.

The estimator knows class and annual energy of everybody, the phases of nobody without a meter, and
what the remaining meters say.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from power_grid_model import PowerGridModel
from studies.simbench_year import QUARTER_S, QUARTERS_A_DAY, Year, simbench_year

from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.station import (
    NOMINAL_PHASE_V,
    Connection,
    Meter,
    MeterRole,
    Side,
    SourcePseudo,
    Station,
)
from ortsnetz_grid.functions.state_estimation.pseudo.ageing import LastKnown
from ortsnetz_grid.functions.state_estimation.pseudo.customers import Customer
from ortsnetz_grid.network.importing.convert import convert
from ortsnetz_grid.network.importing.source import load
from ortsnetz_grid.network.model import Network

Real = NDArray[np.float64]

NOWHERE = Connection(protocol="none", host="localhost", port=1)
U_SIGMA = 0.004
P_SIGMA_W = 50.0
MV_SIGMA = 0.01
"""How well the medium voltage is known: as a scatter of the truth and as the station's doubt."""
NEW_MV_A_DAY = 20
"""How often the tap changer above sets the medium voltage anew."""
SINGLE_PHASE_BELOW_KWH = 4000.0
SINGLE_PHASE_SHARE = 0.5
EVENNESS = 3.0
"""Parameter of the Dirichlet distribution of three-phase customers' shares."""
CLASSES = {
    "H0": "household",
    "G1": "business_workdays",
    "G2": "business_evenings",
    "G3": "business_continuous",
    "G4": "business_shop",
    "G5": "business_bakery",
    "G6": "business_weekends",
    "L1": "farm",
    "L2": "farm",
    "Ai": "heat_pump_air",
    "So": "heat_pump_soil",
    "HL": "charging_home",
}


@dataclass(frozen=True)
class HiddenMeters:
    """One instant of one network.

    Attributes:
        network: as the estimator has it: unmetered customers evenly on three phases.
        station: the meters that remain, and the doubt about the medium voltage.
        readings: what they say, with noise; nothing if they fell silent.
        last: what they said before they fell silent.
        customers: everybody, by billing data.
        utc_s: the instant.
        truth: power-grid-model's output.
        hidden_nodes: (n,) whether no meter measures the node's voltage.
    """

    network: Network
    station: Station
    readings: dict[str, Reading]
    last: dict[str, LastKnown]
    customers: tuple[Customer, ...]
    utc_s: float
    truth: dict[str, Any]
    hidden_nodes: NDArray[np.bool_]

    @property
    def hour(self) -> float:
        return self.utc_s % 86400 / 3600


@cache
def network_of(code: str) -> Network:
    """Loads evenly on three phases; storage and public charging, which have no class, are off."""
    document = json.loads(convert(load(code), code, None).to_json())
    for each in document["data"]["asym_load"]:
        if each.get("kind") == "storage" or each["profile"].startswith("APLS"):
            each["status"] = 0
    return Network.from_json(json.dumps(document), code)


def hidden_meters(
    code: str,
    seed: int,
    *,
    remaining: float,
    substation: bool,
    own_days: bool = True,
    silent_quarters: int = 0,
) -> HiddenMeters:
    """A case.

    Args:
        code: of SimBench.
        seed: of the instant, the phases, the meters and their noise.
        remaining: share of the customers' meters that is not hidden.
        substation: whether the transformer's meter remains.
        own_days: whether each customer has its own day, or all the same.
        silent_quarters: how long ago all meters fell silent.
    """
    rng = np.random.default_rng(seed)
    network, year = network_of(code), simbench_year()
    quarter = int(rng.integers(len(year.local) - silent_quarters))
    loads = network.document["data"]["asym_load"]
    phases = [_phases(float(each.get("annual_kwh", 0.0)), rng) for each in loads]
    same = np.flatnonzero(year.alike == year.alike[quarter])
    same = same[same < len(year.local) - silent_quarters]
    days = [int(rng.choice(same)) if own_days else quarter for _ in loads]
    volts = 1 + MV_SIGMA * rng.normal()
    seen = _truth(network, phases, days, quarter, volts)
    meters, readings = _meters(network, seen, phases, remaining, rng)
    if substation:
        meter, reading = _substation(network, seen, rng)
        meters, readings = [meter, *meters], {meter.name: reading, **readings}
    metered = {each.element for each in meters if each.role is MeterRole.CUSTOMER}
    customers = [
        Customer(each["id"], CLASSES[each["profile"][:2]], float(each["annual_kwh"]))
        for each in loads
        if each["status"] == 1
    ]
    now, age_s, last = seen, silent_quarters * QUARTER_S, {}
    if silent_quarters:
        last = {name: LastKnown(reading, age_s) for name, reading in readings.items()}
        if (rng.random(silent_quarters) < NEW_MV_A_DAY / QUARTERS_A_DAY).any():
            volts = 1 + MV_SIGMA * rng.normal()
        then = [day + silent_quarters for day in days]
        now = _truth(network, phases, then, quarter + silent_quarters, volts)
    source = int(network.data["source"]["node"][0])
    busbar = {int(network.data["transformer"]["to_node"][0])} if substation else set()
    return HiddenMeters(
        network,
        Station(tuple(meters), (), (), SourcePseudo(source, 1.0, MV_SIGMA)),
        {} if silent_quarters else readings,
        last,
        (*customers, *_roofs(network, year)),
        year.utc_s(quarter) + age_s,
        now,
        ~np.isin(network.data["node"]["id"], list(metered | busbar)),
    )


def _phases(annual_kwh: float, rng: np.random.Generator) -> Real:
    """How a customer's power is really shared."""
    single, place = rng.random() < SINGLE_PHASE_SHARE, int(rng.integers(3))
    shares = rng.dirichlet([EVENNESS] * 3)
    return np.eye(3)[place] if single and annual_kwh < SINGLE_PHASE_BELOW_KWH else shares


def _truth(
    network: Network, phases: list[Real], days: list[int], quarter: int, volts: float
) -> dict[str, Any]:
    """Power flow: customers draw as in the quarter hours `days`, the sun shines as in `quarter`."""
    year = simbench_year()
    data = {name: array.copy() for name, array in network.data.items()}
    loads = network.document["data"]["asym_load"]
    for row, (each, share, when) in enumerate(zip(loads, phases, days, strict=True)):
        if each["status"] == 0:
            continue
        p, q = sum(each["p_specified"]), sum(each["q_specified"])
        data["asym_load"]["p_specified"][row] = p * year.active[each["profile"]][when] * share
        data["asym_load"]["q_specified"][row] = q * year.reactive[each["profile"]][when] * share
    for row, each in enumerate(network.document["data"].get("asym_gen", [])):
        part = year.active[each["profile"]][quarter]
        data["asym_gen"]["p_specified"][row] *= part
        data["asym_gen"]["q_specified"][row] *= part
    data["source"]["u_ref"] = volts
    flow = PowerGridModel(data).calculate_power_flow(symmetric=False)
    return {str(getattr(name, "value", name)): array for name, array in flow.items()}


def _roofs(network: Network, year: Year) -> list[Customer]:
    return [
        Customer(
            each["id"],
            "pv",
            sum(each["p_specified"]) / 1e3 * year.hours_of_use(each["profile"]),
            (1 / 3, 1 / 3, 1 / 3),
        )
        for each in network.document["data"].get("asym_gen", [])
    ]


def _meters(
    network: Network,
    truth: dict[str, Any],
    phases: list[Real],
    remaining: float,
    rng: np.random.Generator,
) -> tuple[list[Meter], dict[str, Reading]]:
    """Of the customers that are alone at their node."""
    # a customer's meter needs one load at its node, in service or not
    nodes = network.data["asym_load"]["node"]
    alone = [row for row, node in enumerate(nodes) if (nodes == node).sum() == 1]
    alone = [row for row in alone if network.data["asym_load"]["status"][row] == 1]
    kept = min(round(remaining * len(nodes)), len(alone))
    meters, readings = [], {}
    for row in rng.choice(alone, kept, replace=False).tolist():
        at = [phase for phase in range(3) if phases[row][phase] > 0]
        meter = _meter(f"customer {row}", MeterRole.CUSTOMER, int(nodes[row]), at)
        place = network.row("node", int(nodes[row]))
        u = truth["node"]["u"][place]
        p, q = (truth["asym_load"][name][row] for name in ("p", "q"))
        meters.append(meter)
        readings[meter.name] = _reading(u, p, q, at, rng)
    return meters, readings


def _substation(
    network: Network, truth: dict[str, Any], rng: np.random.Generator
) -> tuple[Meter, Reading]:
    transformer = network.data["transformer"][0]
    at = [0, 1, 2]
    meter = _meter("transformer", MeterRole.TRANSFORMER, int(transformer["id"]), at, Side.TO)
    u = truth["node"]["u"][network.row("node", int(transformer["to_node"]))]
    p, q = (truth["transformer"][name][0] for name in ("p_to", "q_to"))
    return meter, _reading(u, p, q, at, rng)


def _meter(
    name: str, role: MeterRole, element: int, at: list[int], side: Side | None = None
) -> Meter:
    phases = "".join("abc"[phase] for phase in at)
    return Meter(name, role, "none", NOWHERE, element, phases, U_SIGMA, P_SIGMA_W, side)


def _reading(u: Real, p: Real, q: Real, at: list[int], rng: np.random.Generator) -> Reading:
    def seen(values: Real, sigma: float) -> Any:
        noisy = values[at] + sigma * rng.normal(size=len(at))
        return (*noisy.tolist(), None, None)[:3]

    return Reading(seen(u, U_SIGMA * NOMINAL_PHASE_V), seen(p, P_SIGMA_W), seen(q, P_SIGMA_W))
