"""Seeded cases of state estimation: a network, the truth of a power flow, sensors that see a part.

Truth comes from power-grid-model's power flow. The estimator knows the lines' impedances
as well as the case says, the phases of unmetered customers not at all, and 10 to 30 % of the
customers by meters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from power_grid_model import CalculationMethod, PowerGridModel
from power_grid_model.errors import PowerGridError
from studies.demand import Allocation, Belief, Customers, kinds_of
from studies.grids import network_of
from studies.metered import METER_U_SIGMA, Sensors

from ortsnetz_grid.network.model import Network

Array = NDArray[Any]
TRUTH = (
    (CalculationMethod.newton_raphson, 1e-10),
    (CalculationMethod.iterative_current, 1e-10),
    (CalculationMethod.newton_raphson, 1e-7),
)
"""Method and tolerance in per unit, the first that converges. Behind a stiff source at 110 kV the
library's Newton moves by 1e-8 for ever, iterative current does not."""
LIMITS_PU = (0.88, 1.12)
GROSS_ERROR = 0.03
IMPEDANCE_ERROR = 0.2


@dataclass(frozen=True)
class Kind:
    """What is wrong in a case beyond noise.

    Attributes:
        impedance_error: largest relative error of a line's impedance, uniform, one for each line.
        gross_error: relative error of one voltage meter, in one phase or in all.
        allocation: how unmetered customers are believed to spread over the phases.
        normal: what customers draw differs from the belief as it says, normally, phase by phase;
            else customers are like customers, and all is on one phase or not.
    """

    impedance_error: float = 0.0
    gross_error: float = 0.0
    allocation: Allocation = "even"
    normal: bool = False

    @property
    def clean(self) -> bool:
        """Nothing but noise and ignorance."""
        return not self.impedance_error and not self.gross_error


@dataclass(frozen=True)
class Case:
    """One case.

    Attributes:
        grid: name of its network.
        seed: of everything that was drawn.
        kind: what is wrong in it.
        network: what the estimator has: network, believed impedances, sensors.
        real: the network that the truth was computed with.
        truth: power-grid-model's asymmetric output of its power flow.
        wrong: the sensor with a gross error.
        beliefs: sensors that are no meters.
    """

    grid: str
    seed: int
    kind: Kind
    network: Network
    real: Network
    truth: Mapping[str, Array]
    wrong: int | None
    beliefs: frozenset[int]


def kind_of(seed: int) -> Kind:
    """A third clean, a third with wrong impedances, a third with a gross error."""
    allocation: Allocation = "another" if seed % 2 else "even"
    return (
        Kind(allocation=allocation),
        Kind(allocation=allocation, impedance_error=IMPEDANCE_ERROR),
        Kind(allocation=allocation, gross_error=GROSS_ERROR),
    )[seed % 3]


def make_case(grid: str, seed: int, kind: Kind | None = None) -> Case:
    """A case of a network; the same for the same arguments."""
    kind = kind_of(seed) if kind is None else kind
    rng = np.random.default_rng([seed, *grid.encode()])
    base = network_of(grid)
    data = {name: array.copy() for name, array in base.data.items()}
    mains = data["source"]["u_ref"] + rng.normal(0, 0.01)
    assumed, data["source"]["u_ref"] = data["source"]["u_ref"].copy(), mains
    truth, customers = _truth(data, rng, normal=kind.normal)
    sensors = Sensors.of(data, truth, rng)
    fed = data["source"]["node"][data["source"]["status"] == 1]
    if rng.random() < 0.5 or kind.normal:
        sensors.add_voltages(fed)
    else:
        sensors.add_assumed_voltages(fed, assumed[data["source"]["status"] == 1])
    sensors.add_transformers()
    _add_customers(sensors, customers, kind.allocation)
    arrays = sensors.arrays()
    wrong = _spoil(arrays["asym_voltage_sensor"], data, kind.gross_error, rng)
    believed = {name: array.copy() for name, array in data.items()}
    _misjudge(believed["line"], kind.impedance_error, rng)
    for component in customers:
        believed[component]["p_specified"] = believed[component]["q_specified"] = np.nan
    return Case(
        grid=grid,
        seed=seed,
        kind=kind,
        network=_with(base, {**believed, **arrays}),
        real=_with(base, data),
        truth=truth,
        wrong=wrong,
        beliefs=sensors.beliefs(),
    )


def power_flow(data: Mapping[str, Array]) -> dict[str, Array] | None:
    """power-grid-model's power flow as exactly as it can, or None."""
    model = PowerGridModel(dict(data))
    for method, tolerance in TRUTH:
        try:
            flow = model.calculate_power_flow(
                symmetric=False,
                error_tolerance=tolerance,
                max_iterations=40,
                calculation_method=method,
            )
        except PowerGridError:  # a demand beyond what the network can carry
            continue
        return {str(getattr(name, "value", name)): array for name, array in flow.items()}
    return None


def _truth(
    data: dict[str, Array], rng: np.random.Generator, *, normal: bool
) -> tuple[dict[str, Array], dict[str, Customers]]:
    """Draw demand and solve; with less demand where voltages would not be those of a network."""
    level, sun = rng.uniform(0.3, 0.8), rng.uniform(0, 1)
    stated = _stated(data)
    rated = float(data["transformer"]["sn"][data["transformer"]["to_status"] == 1].sum())
    state = rng.bit_generator.state
    for _ in range(20):
        rng.bit_generator.state = state
        customers = {}
        for component, (total, kinds) in stated.items():
            share = sun if component == "asym_gen" else level * rated / total.sum()
            customers[component] = Customers(share * total, kinds)
            p, q = customers[component].draw(rng, normal=normal)
            data[component]["p_specified"], data[component]["q_specified"] = p, q
        flow = power_flow(data)
        if flow is not None:
            u = flow["node"]["u_pu"][flow["node"]["energized"] == 1]
            if u.min() > LIMITS_PU[0] and u.max() < LIMITS_PU[1]:
                return flow, customers
        level, sun = 0.7 * level, 0.7 * sun
    raise RuntimeError("no demand keeps the voltages within limits")


def _stated(data: Mapping[str, Array]) -> dict[str, tuple[Array, tuple[str, ...]]]:
    """Totals of customers in the network file (k,) in W, and their kinds."""
    volts = dict(zip(data["node"]["id"].tolist(), data["node"]["u_rated"].tolist(), strict=True))
    found = {}
    for component in ("asym_load", "asym_gen"):
        array = data.get(component)
        if array is not None and len(array):
            total = np.abs(array["p_specified"].sum(axis=1)) * (array["status"] == 1)
            at = np.array([volts[int(node)] for node in array["node"]])
            found[component] = (total, kinds_of(total, at))
    return found


def _add_customers(
    sensors: Sensors, customers: Mapping[str, Customers], allocation: Allocation
) -> None:
    """Meters at some of the customers' nodes, beliefs about all the others."""
    rng, data = sensors.rng, sensors.data
    nodes = np.unique(data["asym_load"]["node"][data["asym_load"]["status"] == 1])
    count = max(1, round(rng.uniform(0.1, 0.3) * len(nodes)))
    metered = np.sort(rng.choice(nodes, count, replace=False))
    sensors.add_voltages(metered)
    for component, those in customers.items():
        at, serves = data[component]["node"], data[component]["status"] == 1
        seen = np.isin(at, metered) & serves
        sensors.add_meters(component, np.flatnonzero(seen))
        belief: Belief = those.belief(allocation, rng)
        sensors.add_beliefs(component, np.flatnonzero(~seen & serves), belief)


def _spoil(
    voltage: Array, data: Mapping[str, Array], error: float, rng: np.random.Generator
) -> int | None:
    """Give one voltage meter a gross error, in all phases or in one."""
    if not error:
        return None
    ids, rated = data["node"]["id"], data["node"]["u_rated"]
    order = np.argsort(ids)
    at = rated[order[np.searchsorted(ids[order], voltage["measured_object"])]]
    meters = np.flatnonzero(voltage["u_sigma"] < 1.01 * METER_U_SIGMA * at / np.sqrt(3))
    row = int(rng.choice(meters))
    phases = slice(None) if rng.random() < 0.5 else int(rng.integers(3))
    voltage["u_measured"][row, phases] *= 1 + error * rng.choice([-1, 1])
    return int(voltage["id"][row])


def _misjudge(lines: Array, error: float, rng: np.random.Generator) -> None:
    """One factor for each line, as a wrong length or cross-section has it."""
    factor = rng.uniform(1 - error, 1 + error, len(lines))
    for name in ("r1", "x1", "r0", "x0"):
        lines[name] *= factor


def _with(base: Network, data: Mapping[str, Array]) -> Network:
    """The same network with other arrays and the sensors' ids."""
    components = {
        int(element): name for name, array in data.items() for element in array["id"].tolist()
    }
    return replace(base, data=dict(data), components=components)
