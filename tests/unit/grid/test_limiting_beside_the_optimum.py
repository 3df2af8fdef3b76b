"""Limiting beside an accurate optimum: three-phase AC optimal power flow by IPOPT.

Equations, loadings and the cases' limits are the studies' own (`studies/optimum*.py`), voltages of
what is judged are power-grid-model's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from power_grid_model import PowerGridModel
from studies.grids import network_of, register
from studies.optimum import Solver
from studies.optimum_cases import LimitCase, drawn, with_reactive
from studies.optimum_comparison import answered
from studies.optimum_judge import KEPT, Judge
from studies.optimum_network import ThreePhase
from studies.policies import POLICIES, jain

from ortsnetz_grid.functions.congestion.decision import decide
from ortsnetz_grid.functions.congestion.problem import Objective, Settings
from ortsnetz_grid.functions.congestion.result import Status

NETWORKS = ("1-LV-rural1--0-sw", "kerber-landnetz", "voltage-control-lv", "1-LV-semiurb4--0-sw")
CASES = [
    (name, seed)
    for name, seeds in zip(NETWORKS, ((3, 4, 6), (0, 7), (4, 7), (0, 3, 6)), strict=True)
    for seed in seeds
]
DEVICES = 12
SERVED = 0.985
OBJECTIVES = (Objective.LEAST_SQUARES, Objective.ENERGY, Objective.MAX_MIN)


def case_and_judge(name: str, seed: int) -> tuple[LimitCase, Judge]:
    case = drawn(name, seed, devices=DEVICES)
    return case, Judge(case.network, case.devices)


def served(case: LimitCase, factors: Any) -> float:
    return float(case.asked_w @ factors / case.asked_w.sum())


@pytest.mark.parametrize("name", [*NETWORKS, "1-LV-rural3--2-sw"])
def test_the_equations_of_the_reference_are_those_of_power_grid_model(name: str) -> None:
    register(name)
    network = network_of(name)
    node = PowerGridModel(dict(network.data)).calculate_power_flow(
        symmetric=False, error_tolerance=1e-10
    )["node"]
    voltages = (node["u_pu"] * np.exp(1j * node["u_angle"])).reshape(-1)
    equations = ThreePhase.of(network)
    load = np.zeros(len(voltages), dtype=complex)
    rows = {int(element): row for row, element in enumerate(network.data["node"]["id"])}
    for component, sign in (("asym_load", 1), ("asym_gen", -1)):
        for each in network.data.get(component, ()):
            at = 3 * rows[int(each["node"])] + np.arange(3)
            load[at] += sign * (each["p_specified"] + 1j * each["q_specified"]) / 10e3
    taken = equations.injected(voltages)[equations.free]
    assert np.abs(taken - load[equations.free]).max() < 1e-3  # of 10 kVA, behind stiff cables
    slope = equations.admittance[equations.free][:, equations.free].toarray()
    assert np.abs(np.linalg.solve(slope, taken - load[equations.free])).max() < 1e-6


@pytest.mark.parametrize(("name", "seed"), CASES)
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_nearly_all_is_served_that_the_optimum_serves(
    name: str, seed: int, objective: Objective
) -> None:
    case, judge = case_and_judge(name, seed)
    best = Solver(judge, case.devices, case.limits).optimum(objective)
    ours = decide(case.network, case.devices, case.limits, settings=Settings(objective=objective))
    factors = np.array([device.k for device in ours.devices])
    if best is None:
        assert ours.status is Status.INFEASIBLE
        assert judge.room(case.lowest, case.limits)[0] < 0
        return
    assert np.abs(judge.voltages(best.factors)[0] - best.voltages).max() < 1e-6
    assert ours.status is not Status.INFEASIBLE
    assert judge.room(factors, case.limits)[0] >= -KEPT
    assert served(case, factors) >= SERVED * served(case, best.factors)
    if objective is Objective.LEAST_SQUARES:
        squares, least = (((1 - each) ** 2).sum() for each in (factors, best.factors))
        assert squares <= 1.01 * least + 1e-3
    if objective is Objective.MAX_MIN and best.level is not None:
        movable = case.lowest < 1
        assert factors[movable].min() >= SERVED * best.level


@pytest.mark.parametrize("name", ["voltage-control-lv", "1-LV-semiurb4--0-sw", "kerber-landnetz"])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_reactive_power_serves_as_much_more_as_in_the_optimum(
    name: str, objective: Objective
) -> None:
    without, _ = case_and_judge(name, 16)  # noon, too high a voltage
    case = with_reactive(without)
    judge = Judge(case.network, case.devices)
    best = Solver(judge, case.devices, case.limits).optimum(objective)
    ours = decide(case.network, case.devices, case.limits, settings=Settings(objective=objective))
    factors, told = answered(ours)
    assert best is not None
    assert judge.room(factors, case.limits, told)[0] >= -KEPT
    for device, k, q in zip(case.devices, factors, told, strict=True):
        assert abs(q) <= device.reactive_var * (1 + 1e-9)
        apparent = np.hypot(k * sum(device.request_w), q)
        assert apparent <= (device.apparent_va or np.inf) * (1 + 1e-9)
    assert served(case, factors) >= SERVED * served(case, best.factors)
    alone = decide(without.network, without.devices, without.limits)
    assert served(case, factors) > served(without, answered(alone)[0]) + 0.02


@pytest.mark.parametrize("seed", [0, 3, 6])
def test_others_serve_less_or_share_it_less_evenly(seed: int) -> None:
    case, judge = case_and_judge("1-LV-rural1--0-sw", seed)
    best = Solver(judge, case.devices, case.limits).optimum(Objective.LEAST_SQUARES)
    assert best is not None
    for policy in POLICIES.values():
        factors = policy(case, judge)
        assert judge.room(factors, case.limits)[0] >= -KEPT
        least = (1 - best.factors) @ (1 - best.factors)
        assert (1 - factors) @ (1 - factors) >= least - 1e-6
        assert served(case, factors) < 1


def test_an_index_of_fairness_is_one_for_equals_and_small_for_one_who_has_all() -> None:
    assert jain(np.full(5, 0.3)) == pytest.approx(1.0)
    assert jain(np.array([1.0, 0, 0, 0])) == pytest.approx(0.25)
