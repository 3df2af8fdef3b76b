"""Limiting, judged by a power flow and a loading computation of the test's own."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from limiting_feeder import WIDE, Feeder, Truth, factors, lowest, served_w
from numpy.typing import NDArray
from scipy.optimize import minimize

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.congestion.problem import (
    Fairness,
    Infeasible,
    LimitSet,
    Objective,
    Offsets,
    Settings,
)
from ortsnetz_grid.functions.congestion.result import Status
from ortsnetz_grid.network.importing.convert import convert
from ortsnetz_grid.network.importing.source import load
from ortsnetz_grid.network.loading import RatedBranches
from ortsnetz_grid.network.model import Network

# --- properties ---------------------------------------------------------------------------------


@st.composite
def feeders(draw: st.DrawFn) -> Feeder:
    """Feeders with consumers and generators of all kinds of phases, signs and floors."""
    feeder = Feeder(
        sections=draw(st.integers(1, 4)),
        transformer_va=draw(st.sampled_from([30e3, 60e3, 100e3])),
        cable_a=draw(st.sampled_from([60.0, 120.0, 200.0])),
        ohm=draw(st.floats(0.01, 0.08)),
        u_ref=draw(st.floats(0.97, 1.04)),
    )
    nodes = st.integers(2, 2 + feeder.sections)
    watts = st.floats(-1500, 1500)
    for _ in range(draw(st.integers(0, 3))):
        house = (draw(watts), draw(watts), draw(watts))
        feeder.house(draw(nodes), house, q_var=(100.0, -50.0, 0.0), kind=draw(st.integers(0, 2)))
    shapes = [(1 / 3, 1 / 3, 1 / 3), (1, 0, 0), (0, 1, 0), (0, 0, 1), (0.5, 0.5, 0)]
    for _ in range(draw(st.integers(1, 5))):
        total = draw(st.sampled_from([1, -1])) * draw(st.floats(500, 25e3))
        shape = draw(st.sampled_from(shapes))
        request = (total * shape[0], total * shape[1], total * shape[2])
        share = draw(st.sampled_from([0.0, 0.1, 0.4, 1.5]))
        feeder.device(
            draw(nodes),
            request,
            (share * request[0], share * request[1], share * request[2]),
            generator=draw(st.booleans()),
            tangent=draw(st.sampled_from([0.0, 0.1, -0.3])),
        )
    return feeder


bands = st.sampled_from(
    [LimitSet((0.9, 1.1), 1.0), LimitSet((0.95, 1.05), 1.0), LimitSet((0.9, 1.1), 0.6)]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(feeder=feeders(), limits=bands)
def test_every_answer_is_between_floor_and_request_and_keeps_the_limits(
    feeder: Feeder, limits: LimitSet
) -> None:
    result = feeder.decide(limits)
    least = lowest(feeder)
    for device, setting, k_min in zip(feeder.devices, result.devices, least, strict=True):
        assert setting.id == device.id
        assert k_min - 1e-9 <= setting.k <= 1
        for p, request, floor in zip(setting.p_w, device.request_w, device.floor_w, strict=True):
            assert p == pytest.approx(setting.k * request, rel=1e-9, abs=1e-9)
            assert min(abs(floor), abs(request)) <= abs(p) <= abs(request)
            assert p * request >= 0
        wanted = min(sum(map(abs, device.floor_w)), sum(map(abs, device.request_w)))
        assert sum(map(abs, setting.p_w)) >= wanted * (1 - 1e-9)
    if result.status is Status.INFEASIBLE:
        assert not result.verified
        assert factors(result) == pytest.approx(least)
        assert result.binding
    else:
        assert result.verified
        assert Truth(feeder).room(factors(result), limits).min() > -1e-7
        assert (result.status is Status.OK) == bool((factors(result) == 1).all())


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(feeder=feeders(), limits=bands)
def test_no_objective_is_better_served_by_uniform_scaling(feeder: Feeder, limits: LimitSet) -> None:
    """Each is judged by its own measure: squares of the curtailment, energy, the smallest factor.

    Least squares may serve less energy than uniform scaling: that is what they are asked for.
    """
    found = {
        objective: feeder.decide(limits, settings=Settings(objective=objective))
        for objective in Objective
    }
    truth, least = Truth(feeder), lowest(feeder)
    for share in np.linspace(1, 0, 101):
        k = np.maximum(least, share)
        if not truth.keeps(k, limits):
            continue
        assert all(result.status is not Status.INFEASIBLE for result in found.values())
        squares = ((1 - factors(found[Objective.LEAST_SQUARES])) ** 2).sum()
        assert squares <= ((1 - k) ** 2).sum() * 1.01 + 1e-5
        energy = served_w(feeder, factors(found[Objective.ENERGY]))
        assert energy >= served_w(feeder, k) * (1 - 2e-3)
        assert factors(found[Objective.MAX_MIN]).min() >= k.min() - 0.01
        return


# --- optimum ------------------------------------------------------------------------------------


def random_feeder(seed: int) -> tuple[Feeder, LimitSet]:
    rng = np.random.default_rng(seed)
    feeder = Feeder(
        sections=int(rng.integers(2, 5)),
        transformer_va=float(rng.choice([40e3, 63e3])),
        cable_a=float(rng.choice([80.0, 150.0])),
        ohm=float(rng.uniform(0.01, 0.05)),
        u_ref=float(rng.uniform(0.98, 1.03)),
    )
    for node in range(3, 3 + feeder.sections):
        a, b, c = rng.uniform(0, 1200, 3)
        feeder.house(node, (a, b, c))
    for _ in range(int(rng.integers(3, 6))):
        generator = bool(rng.random() < 0.4)
        shape = np.ones(3) / 3 if rng.random() < 0.5 else np.eye(3)[rng.integers(3)]
        a, b, c = float(rng.choice([4600, 11e3, 22e3])) * shape * (-1 if generator else 1)
        feeder.device(
            int(rng.integers(3, 3 + feeder.sections)),
            (a, b, c),
            (0.1 * a, 0.1 * b, 0.1 * c),
            generator=generator,
        )
    return feeder, LimitSet((0.93, 1.07), 1.0)


def optimum(feeder: Feeder, limits: LimitSet) -> NDArray[np.float64] | None:
    """Least sum of squared relative curtailments, by SLSQP on the true power flow."""
    truth, least = Truth(feeder), lowest(feeder)
    count = len(least)
    step = 1e-4 * np.eye(count)

    def slope(k: Any) -> Any:
        return (truth.room(k + step, limits) - truth.room(k - step, limits)).T / 2e-4

    best = None
    for start in (np.ones(count), least, (1 + least) / 2):
        found = minimize(
            lambda k: ((1 - k) ** 2).sum(),
            start,
            jac=lambda k: -2 * (1 - k),
            bounds=list(zip(least, np.ones(count), strict=True)),
            constraints=[
                {"type": "ineq", "fun": lambda k: truth.room(k, limits)[0], "jac": slope},
            ],
            method="SLSQP",
            options={"maxiter": 200, "ftol": 1e-10},
        )  # fmt: skip
        if truth.room(found.x, limits).min() > -1e-6 and (best is None or found.fun < best.fun):
            best = found
    return None if best is None else np.asarray(best.x)


@pytest.mark.parametrize("seed", range(12))
def test_the_answer_is_the_optimum_that_another_solver_finds(seed: int) -> None:
    feeder, limits = random_feeder(seed)
    result = feeder.decide(limits)
    best = optimum(feeder, limits)
    assert (result.status is Status.INFEASIBLE) == (best is None)
    if best is None:
        return
    k = factors(result)
    assert ((1 - k) ** 2).sum() <= ((1 - best) ** 2).sum() * 1.01 + 1e-5
    assert served_w(feeder, k) >= 0.99 * served_w(feeder, best)


# --- stories ------------------------------------------------------------------------------------


def test_nothing_is_curtailed_while_all_limits_hold() -> None:
    feeder = Feeder()
    feeder.device(4, (3667.0,) * 3, (1400.0,) * 3)
    result = feeder.decide(LimitSet((0.9, 1.1), 1.0))
    assert result.status is Status.OK
    assert result.devices[0].k == 1.0
    assert result.binding == ()


def test_charging_stops_at_the_transformers_rating_and_says_so() -> None:
    feeder = Feeder(transformer_va=50e3, cable_a=1000.0)
    for node in (3, 4, 5, 5):
        feeder.device(node, (6000.0,) * 3, (1400.0,) * 3, tangent=0.05)
    result = feeder.decide(WIDE)
    ratios, _ = Truth(feeder).at(factors(result))
    assert result.status is Status.LIMITED
    assert 0.999 <= ratios.max() <= 1.0
    assert result.binding[0].element == 50
    assert "transformer 50 'T1'" in result.devices[0].reason
    assert "of 18.00 kW" in result.devices[0].reason


def test_a_single_phase_car_is_limited_by_a_thin_neutral_not_by_its_phase() -> None:
    feeder = Feeder(neutral_a=20.0)
    feeder.device(5, (7400.0, 0.0, 0.0))
    result = feeder.decide(WIDE)
    assert result.binding[0].what == "loading neutral"
    assert result.binding[0].value == pytest.approx(1.0, abs=1e-3)
    assert result.devices[0].k == pytest.approx(20.0 / (7400.0 / 230.0), rel=0.05)


def test_only_cars_on_the_overloaded_phase_are_limited() -> None:
    feeder = Feeder(cable_a=40.0, neutral_a=500.0)
    first = feeder.device(5, (7400.0, 0.0, 0.0))
    second = feeder.device(5, (7400.0, 0.0, 0.0))
    other = feeder.device(5, (0.0, 0.0, 4600.0))
    result = feeder.decide(WIDE)
    k = factors(result)
    assert k[other] == 1.0
    assert k[first] == pytest.approx(k[second], abs=1e-3)
    assert result.binding[0].what == "loading phase a"


def test_feed_in_is_limited_where_the_voltage_is_highest() -> None:
    feeder = Feeder(sections=4, ohm=0.08, u_ref=1.03, transformer_va=400e3)
    near = feeder.device(3, (-5000.0,) * 3, generator=True)
    far = feeder.device(6, (-5000.0,) * 3, generator=True)
    result = feeder.decide(LimitSet((0.9, 1.05), 1.0))
    _, volts = Truth(feeder).at(factors(result))
    k = factors(result)
    assert result.status is Status.LIMITED
    assert 1.0499 <= volts.max() <= 1.05
    assert k[far] < k[near] <= 1
    assert all(watts <= 0 for watts in result.devices[far].p_w)
    assert "high" in result.binding[0].what


def test_charging_that_holds_the_voltage_down_is_not_cut() -> None:
    """The floors of all devices are not always the safest point."""
    feeder = Feeder(sections=4, ohm=0.08, u_ref=1.03, transformer_va=60e3)
    feeder.house(6, (-6000.0,) * 3)  # sunshine that nobody controls
    car = feeder.device(6, (5500.0,) * 3)
    limits = LimitSet((0.9, 1.05), 1.0)
    truth = Truth(feeder)
    assert truth.room([0.0], limits).min() < 0
    assert feeder.decide(limits).devices[car].k == 1.0
    feeder.cable_a = 26.0  # the nearer car now needs curtailment while the voltage needs charging
    near = feeder.device(3, (9000.0,) * 3)
    truth = Truth(feeder)
    assert truth.room([0.0, 0.0], limits).min() < 0
    assert truth.room([1.0, 1.0], limits).min() < 0
    result = feeder.decide(limits)
    assert result.status is Status.LIMITED
    assert result.devices[near].k < 1
    assert truth.room(factors(result), limits).min() > -1e-7


def test_storage_is_limited_in_both_directions() -> None:
    for sign in (1.0, -1.0):
        feeder = Feeder(transformer_va=30e3)
        feeder.device(4, (sign * 15e3,) * 3, (sign * 1e3,) * 3)
        result = feeder.decide(WIDE)
        assert result.status is Status.LIMITED
        assert 1e3 <= sign * result.devices[0].p_w[0] < 15e3


def test_floors_that_overload_are_returned_and_the_violation_is_named() -> None:
    feeder = Feeder(transformer_va=20e3)
    for node in (3, 4):
        feeder.device(node, (8000.0,) * 3, (4000.0,) * 3)
    result = feeder.decide(WIDE)
    assert result.status is Status.INFEASIBLE
    assert not result.verified
    assert [device.p_w for device in result.devices] == [(4000.0,) * 3] * 2
    ratios, _ = Truth(feeder).at(factors(result))
    worst = result.binding[0]
    assert worst.element == 50
    assert worst.value == pytest.approx(ratios.max(), rel=1e-6)
    assert worst.limit == 1.0
    assert all(
        b.value is not None and b.limit is not None and b.value > b.limit for b in result.binding
    )


def test_a_violation_that_no_device_can_change_is_infeasible() -> None:
    feeder = Feeder(sections=2, cable_a=10.0)
    feeder.house(4, (5000.0,) * 3)
    feeder.device(2, (3000.0,) * 3, (1000.0,) * 3)
    result = feeder.decide(WIDE)
    assert result.status is Status.INFEASIBLE
    assert {binding.element for binding in result.binding} == {100, 101}


def test_least_excess_spares_devices_that_cannot_help() -> None:
    """In operation one house beyond reach must not put a whole station on its floors."""
    feeder = Feeder(sections=3, cable_a=20.0, transformer_va=100e3)
    feeder.house(5, (6000.0,) * 3)
    helpless = feeder.device(2, (3000.0,) * 3, (1000.0,) * 3)
    helpful = feeder.device(5, (3000.0,) * 3, (1000.0,) * 3)
    result = feeder.decide(WIDE, settings=Settings(infeasible=Infeasible.LEAST_EXCESS))
    assert result.status is Status.INFEASIBLE
    assert not result.verified
    assert result.devices[helpless].k > 0.99
    assert result.devices[helpful].p_w[0] == pytest.approx(1000.0, rel=0.05)
    assert {binding.element for binding in result.binding} == {100, 101, 102}


@pytest.mark.parametrize(("reserve", "held"), [(0.03, True), (0.003, False)])
def test_least_excess_asks_the_weak_ones_where_the_estimate_may_be_wrong_by_that_much(
    reserve: float, held: bool
) -> None:
    """What is 101 % by the estimate may be 99.5 % in truth, and then their little is enough."""
    feeder = Feeder(sections=3, cable_a=30.0, transformer_va=100e3)
    feeder.house(5, (6000.0,) * 3)
    weak = feeder.device(2, (9000.0,) * 3, (1000.0,) * 3)
    strong = feeder.device(5, (3000.0,) * 3, (1000.0,) * 3)
    settings = Settings(infeasible=Infeasible.LEAST_EXCESS)
    result = feeder.decide(
        LimitSet((0.5, 1.5), 1.0), margin=offsets(feeder, loading=reserve), settings=settings
    )
    assert result.status is Status.INFEASIBLE
    assert result.devices[strong].p_w[0] == pytest.approx(1000.0, rel=0.1)
    assert (result.devices[weak].k < 0.7) is held
    assert (result.devices[weak].k > 0.99) is not held


def test_least_excess_leaves_the_roofs_that_relieve_an_overload_by_charging() -> None:
    feeder = Feeder(sections=3, transformer_va=30e3)
    rng = np.random.default_rng(0)
    for node in (3, 4, 5):
        for phase in np.eye(3):
            floor = phase * (4200.0 if rng.random() < 0.7 else 0.0)
            feeder.device(node, (4600 * phase).tolist(), floor.tolist())
        feeder.device(node, (-1500.0,) * 3, (0.0,) * 3, generator=True)
    limits = LimitSet((0.8, 1.2), 0.7)
    floors = feeder.decide(limits)
    least = feeder.decide(limits, settings=Settings(infeasible=Infeasible.LEAST_EXCESS))
    assert floors.status is least.status is Status.INFEASIBLE
    truth = Truth(feeder)
    assert truth.room(factors(floors), limits).min() == pytest.approx(-0.6, abs=0.01)
    assert truth.room(factors(least), limits).min() > -0.15


def test_without_devices_a_case_is_ok_or_infeasible() -> None:
    feeder = Feeder(sections=1)
    feeder.house(3, (5000.0,) * 3)
    assert feeder.decide(WIDE).status is Status.OK
    assert feeder.decide(LimitSet((0.5, 1.5), 0.01)).status is Status.INFEASIBLE


def test_requests_beyond_what_the_network_can_carry_are_brought_back() -> None:
    feeder = Feeder(ohm=0.2)
    for node in (3, 4, 5):
        feeder.device(node, (300e3,) * 3, (500.0,) * 3)
    limits = LimitSet((0.9, 1.1), 1.0)
    result = feeder.decide(limits)
    assert result.status is Status.LIMITED
    assert Truth(feeder).room(factors(result), limits).min() > -1e-7
    assert Truth(feeder).room(factors(result), limits).min() < 1e-3


def test_rounding_noise_behind_closed_links_is_not_taken_for_a_missing_power_flow() -> None:
    """Newton's method ends in noise of some 1e-8 pu there, and has no smaller last step."""
    feeder = Feeder(sections=2, links=3)
    for node in (5, 6, 7):
        feeder.device(node, (3e3, 2e3, 1e3))
    for amount in np.linspace(0.5, 1.5, 40):
        feeder.devices = [
            replace(device, request_w=(3e3 * amount, 2e3, 1e3)) for device in feeder.devices
        ]
        assert feeder.decide(WIDE).status is Status.OK


def test_floors_beyond_what_the_network_can_carry_are_infeasible_with_a_reason() -> None:
    feeder = Feeder(ohm=0.2)
    feeder.device(5, (3e6,) * 3, (2e6,) * 3)
    result = feeder.decide(WIDE)
    assert result.status is Status.INFEASIBLE
    assert "power flow does not converge" in result.binding[0].what
    assert result.devices[0].p_w == (2e6,) * 3


def test_a_lower_voltage_limit_of_zero_is_no_limit() -> None:
    feeder = Feeder(sections=1, ohm=0.5, transformer_va=1e6)
    feeder.device(3, (8e3,) * 3)
    assert feeder.decide(LimitSet((0.95, 1.1), 1.0)).status is Status.LIMITED
    assert feeder.decide(LimitSet((0.0, 1.1), 1.0)).status is Status.OK


def test_a_device_that_asks_for_nothing_gets_nothing() -> None:
    feeder = Feeder(transformer_va=20e3)
    feeder.device(4, (0.0, 0.0, 0.0), (1400.0,) * 3)
    feeder.device(4, (9000.0,) * 3)
    result = feeder.decide(WIDE)
    assert result.devices[0].p_w == (0.0, 0.0, 0.0)
    assert result.devices[1].k < 1


def test_a_floor_beyond_the_request_counts_as_the_request() -> None:
    feeder = Feeder(transformer_va=20e3)
    small = feeder.device(4, (3000.0, 0.0, 0.0), (4600.0, 0.0, 0.0))
    feeder.device(4, (9000.0,) * 3)
    assert feeder.decide(WIDE).devices[small].k == 1.0


def test_reactive_power_counts_and_follows_active_power() -> None:
    plain, inductive = Feeder(transformer_va=30e3), Feeder(transformer_va=30e3)
    plain.device(4, (15e3,) * 3)
    inductive.device(4, (15e3,) * 3, tangent=0.5)
    assert inductive.decide(WIDE).devices[0].k < 0.95 * plain.decide(WIDE).devices[0].k


def test_power_as_weight_curtails_equally_what_loads_a_limit_equally() -> None:
    feeder = Feeder(transformer_va=40e3, cable_a=1000.0, ohm=0.001)
    feeder.device(3, (2000.0,) * 3)
    feeder.device(3, (14e3,) * 3)
    small, large = factors(feeder.decide(WIDE, settings=Settings(fairness=Fairness.POWER)))
    assert small == pytest.approx(large, abs=0.01)
    small, large = factors(feeder.decide(WIDE))
    assert small > large + 0.1


# --- a real network -----------------------------------------------------------------------------


@dataclass
class Imported(Feeder):
    """A network with its own data, and devices placed at its nodes."""

    document: dict[str, Any] = field(default_factory=dict)

    def network(self) -> Network:
        data = self.document["data"]
        added = {
            "asym_load": data["asym_load"] + self.loads,
            "asym_gen": data.get("asym_gen", []) + self.generators,
        }
        return Network.from_json(json.dumps(self.document | {"data": data | added}), "imported")


@pytest.fixture(scope="module")
def rural() -> dict[str, Any]:
    code = "1-LV-rural2--0-sw"
    document: dict[str, Any] = json.loads(convert(load(code), code, 1).to_json())
    return document


@pytest.mark.parametrize("sun", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("cars", [0.0, 1.0])
def test_a_simbench_network_stays_inside_its_planning_band(
    rural: dict[str, Any], cars: float, sun: float
) -> None:
    feeder = Imported(document=rural)
    rng = np.random.default_rng(5)
    nodes = [node["id"] for node in rural["data"]["node"] if node["u_rated"] < 1000]
    for place in range(20):
        node = int(rng.choice(nodes))
        a, b, c = 4600.0 * np.eye(3)[rng.integers(3)] if place % 3 else [7333.0] * 3
        feeder.device(node, (cars * a, cars * b, cars * c), (0.3 * a, 0.3 * b, 0.3 * c))
        feeder.device(node, (-5e3 * sun,) * 3, generator=True)
    limits = LimitSet((0.95, 1.05), 1.0)
    result = feeder.decide(limits)
    truth = Truth(feeder)
    asked = truth.room(np.ones(40), limits).min()
    assert result.status is (Status.OK if asked >= 0 else Status.LIMITED)
    left = truth.room(factors(result), limits).min()
    assert left > -1e-7
    if result.status is Status.LIMITED:
        assert left < 1e-3
        assert served_w(feeder, factors(result)) > 0.5 * served_w(feeder, np.ones(40))


# --- steps, bias and margin ---------------------------------------------------------------------


def test_charge_points_get_whole_steps_and_what_rounding_frees_is_given_back() -> None:
    feeder = Feeder(transformer_va=40e3)
    for node in (3, 4, 5):
        feeder.device(node, (7360.0,) * 3, (1400.0,) * 3, step_w=690.0)
    result = feeder.decide(WIDE)
    k = factors(result)
    steps = k * 3 * 7360.0 / 690.0
    assert steps == pytest.approx(np.round(steps))
    truth = Truth(feeder)
    assert truth.room(k, WIDE).min() >= 0
    for place in range(3):
        more = k.copy()
        more[place] += 690.0 / (3 * 7360.0)
        assert truth.room(more, WIDE).min() < 0  # not one step more has room
    assert result.binding
    assert "transformer 50" in result.devices[0].reason


@pytest.mark.parametrize("holder", [0, 1, 2])
def test_a_step_that_is_left_for_one_stays_with_the_device_that_has_it(holder: int) -> None:
    feeder = Feeder(transformer_va=41.5e3)
    for place in range(3):
        held_w = 25 * 690.0 if place == holder else 19 * 690.0
        feeder.device(4, (7360.0,) * 3, (1400.0,) * 3, step_w=690.0, held_w=held_w)
    steps = np.round(factors(feeder.decide(WIDE)) * 3 * 7360.0 / 690.0)
    assert steps.tolist() == [20.0 if place == holder else 19.0 for place in range(3)]


def offsets(feeder: Feeder, *, u_pu: float = 0.0, loading: float = 0.0) -> Offsets:
    network = feeder.network()
    branches = RatedBranches.of(network)
    shape = (len(network.data["node"]), 3)
    return Offsets(np.full(shape, u_pu), np.full(len(branches.ids), loading))


def test_bias_and_margin_are_kept_free() -> None:
    feeder = Feeder(transformer_va=50e3, cable_a=1000.0)
    feeder.device(4, (20e3,) * 3)
    bias, margin = offsets(feeder, loading=0.05), offsets(feeder, loading=0.02)
    result = feeder.decide(WIDE, bias=bias, margin=margin)
    ratios, _ = Truth(feeder).at(factors(result))
    assert 0.929 <= ratios.max() <= 0.93
    assert result.worst_loading is not None
    assert result.worst_loading.value == pytest.approx(0.98, abs=1e-3)


def test_bias_and_margin_of_voltages_are_kept_free_on_both_sides() -> None:
    feeder = Feeder(sections=4, ohm=0.08, transformer_va=400e3)
    feeder.device(6, (9e3,) * 3)
    limits = LimitSet((0.95, 1.05), 1.0)
    lower = offsets(feeder, u_pu=-0.004)
    result = feeder.decide(limits, bias=lower, margin=offsets(feeder, u_pu=0.003))
    _, volts = Truth(feeder).at(factors(result))
    assert 0.957 <= volts.min() <= 0.9571
    feed_in = Feeder(sections=4, ohm=0.08, transformer_va=400e3)
    feed_in.device(6, (-9e3,) * 3, generator=True)
    upper = offsets(feed_in, u_pu=0.004)
    result = feed_in.decide(limits, bias=upper, margin=offsets(feed_in, u_pu=0.003))
    _, volts = Truth(feed_in).at(factors(result))
    assert 1.0429 <= volts.max() <= 1.043


def test_a_margin_that_cannot_be_kept_is_given_up_and_named_the_limit_is_not() -> None:
    feeder = Feeder(sections=3, cable_a=60.0, transformer_va=400e3)
    feeder.house(3, (12.5e3,) * 3)  # alone loads the first section to about 90 %
    feeder.device(3, (10e3,) * 3)
    feeder.device(2, (10e3,) * 3)
    result = feeder.decide(WIDE, margin=offsets(feeder, loading=0.15))
    ratios, _ = Truth(feeder).at(factors(result))
    assert result.status is Status.LIMITED
    assert result.reserve_given_up == ("line 100 'L0'",)
    assert 0.999 <= ratios.max() <= 1.0


def test_an_offset_that_is_not_a_number_is_refused() -> None:
    feeder = Feeder()
    feeder.device(4, (20e3,) * 3)
    bad = offsets(feeder)
    bad.loading[0] = np.nan
    with pytest.raises(InputError, match=r"line 100 'L0': its margin is not a number"):
        feeder.decide(WIDE, margin=bad)


# --- input --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": 7}, r"device 7: the network has no element"),
        ({"id": 100}, r"device 100: line 100 'L0' is neither an asym_load nor an asym_gen"),
        ({"request_w": (1.0, float("nan"), 0.0)}, r"device 2000: request_w needs three finite"),
        ({"floor_w": (-5.0, 0.0, 0.0)}, r"device 2000: phase a: request .* opposite signs"),
        (
            {"request_w": (9.0, 0.0, 0.0), "floor_w": (5.0, -5.0, 0.0)},
            r"device 2000: phase b: a floor of -5 W and the request have opposite signs",
        ),
        ({"step_w": 0.0}, r"device 2000: step_w"),
    ],
)
def test_an_unusable_device_is_named(change: dict[str, Any], message: str) -> None:
    feeder = Feeder()
    feeder.device(4, (3000.0,) * 3)
    feeder.devices[0] = replace(feeder.devices[0], **change)
    with pytest.raises(InputError, match=message):
        feeder.decide(WIDE)


def test_a_device_listed_twice_is_named() -> None:
    feeder = Feeder()
    feeder.device(4, (3000.0,) * 3)
    feeder.devices *= 2
    with pytest.raises(InputError, match=r"device 2000 \(asym_load 2000\) is listed twice"):
        feeder.decide(WIDE)


@pytest.mark.parametrize(
    "band", [(1.1, 0.9), (-0.1, 1.1), (float("nan"), 1.1), (0.9, float("inf"))]
)
def test_a_band_that_is_none_is_refused(band: tuple[float, float]) -> None:
    with pytest.raises(InputError, match="u_pu"):
        LimitSet(band, 1.0)


@pytest.mark.parametrize("loading", [-1.0, 0.0, float("nan"), float("inf")])
def test_a_loading_limit_that_is_none_is_refused(loading: float) -> None:
    with pytest.raises(InputError, match="loading"):
        LimitSet((0.9, 1.1), loading)


def test_missing_power_of_a_house_is_named_not_taken_as_zero() -> None:
    feeder = Feeder()
    feeder.house(4, (float("nan"), 0.0, 0.0))
    feeder.device(4, (3000.0,) * 3)
    feeder.loads[0]["p_specified"] = [None, 0.0, 0.0]
    with pytest.raises(InputError, match=r"asym_load 1000: p_specified is missing"):
        feeder.decide(WIDE)


def test_a_devices_own_power_may_be_missing_its_reactive_power_may_not() -> None:
    feeder = Feeder()
    feeder.device(4, (3000.0,) * 3)
    feeder.loads[0]["p_specified"] = [None, None, None]
    assert feeder.decide(WIDE).status is Status.OK
    feeder.loads[0]["q_specified"] = [0.0, None, 0.0]
    with pytest.raises(InputError, match=r"asym_load 2000: q_specified is not a number"):
        feeder.decide(WIDE)
