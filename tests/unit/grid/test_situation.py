"""From a station's estimated present to limits that hold in the real network."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from estimated_present import estimate, solved
from msgspec import structs

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.parameter_set import Limits
from ortsnetz_common.parameters.station import (
    Connection,
    Device,
    DeviceKind,
    SourcePseudo,
    Station,
)
from ortsnetz_grid.functions.congestion.decision import decide
from ortsnetz_grid.functions.congestion.present import Excess
from ortsnetz_grid.functions.congestion.problem import LimitSet, Offsets
from ortsnetz_grid.functions.congestion.result import Status
from ortsnetz_grid.functions.congestion.situation import Situation, situation_from
from ortsnetz_grid.network.loading import RatedBranches
from ortsnetz_grid.network.model import Network

EXACT = Limits(u_pu=(0.9, 1.1), loading=1.0, loading_margin=0.0, u_margin_pu=0.0, sigmas=0.0)
WIRE = Connection("modbus-tcp", "localhost", 1)


def network(*, ohm: float = 0.05, transformer_va: float = 40e3) -> Network:
    """Two feeders of one section: houses and charge points at nodes 3 and 4, a roof at 4."""
    line = {"r1": ohm, "x1": 0.4 * ohm, "c1": 1e-8, "tan1": 0, "r0": 4 * ohm, "x0": 1.5 * ohm,
            "c0": 1e-8, "tan0": 0, "from_node": 2, "from_status": 1, "to_status": 1,
            "i_n": 150.0}  # fmt: skip
    volts = {1: 20e3, 2: 400.0, 3: 400.0, 4: 400.0}
    data = {
        "node": [{"id": node, "u_rated": rated} for node, rated in volts.items()],
        "line": [{"id": 10, "name": "L3", "to_node": 3} | line,
                 {"id": 11, "name": "L4", "to_node": 4} | line],
        "transformer": [{
            "id": 20, "name": "T1", "from_node": 1, "to_node": 2, "from_status": 1, "to_status": 1,
            "u1": 20e3, "u2": 400.0, "sn": transformer_va, "uk": 0.04, "pk": 600.0, "i0": 0.003,
            "p0": 80.0, "winding_from": 2, "winding_to": 1, "clock": 5, "tap_side": 0,
            "tap_pos": 0, "tap_min": -2, "tap_max": 2, "tap_size": 500.0}],
        "source": [{"id": 30, "node": 1, "status": 1, "u_ref": 1.01, "sk": 50e6}],
        "asym_load": [_appliance(40, 3), _appliance(41, 4), _appliance(50, 3), _appliance(51, 4)],
        "asym_gen": [_appliance(52, 4)],
    }  # fmt: skip
    document = {"version": "1.0", "type": "input", "is_batch": False, "attributes": {}}
    return Network.from_json(json.dumps(document | {"data": data}), "station")


def _appliance(element: int, node: int) -> dict[str, Any]:
    return {"id": element, "node": node, "status": 1, "type": 0,
            "p_specified": [0.0] * 3, "q_specified": [0.0] * 3}  # fmt: skip


def charger(name: str, element: int, *, phases: str | None = "abc", count: int = 3) -> Device:
    rated = 22e3 if count == 3 else 4600.0
    return Device(
        name=name, kind=DeviceKind.EV, profile="ev-controller", connection=WIRE, element=element,
        phase_count=count, phases=phases, rated_w=rated, floor_w=4830.0 if count == 3 else 4370.0,
        floor_rule="14a EnWG", reaction_s=5.0, fallback_w=4830.0 if count == 3 else 4370.0,
        u_sigma=0.005, p_sigma=30.0, step_a=1.0,
    )  # fmt: skip


def roof(name: str, element: int) -> Device:
    return Device(
        name=name, kind=DeviceKind.PV, profile="pv-inverter", connection=WIRE, element=element,
        phase_count=3, phases="abc", rated_w=15e3, floor_w=0.0, floor_rule="EEG", reaction_s=2.0,
        fallback_w=4500.0, u_sigma=0.005, p_sigma=30.0,
    )  # fmt: skip


def station(*devices: Device) -> Station:
    return Station((), devices, (), SourcePseudo(1, 1.0, 0.01))


CARS = station(charger("east", 50), charger("west", 51))
HOUSES = {40: ([2000.0, 500.0, 300.0], [200.0, 0.0, 50.0]), 41: ([900.0] * 3, [100.0] * 3)}


def reading(p_w: Any, available_w: float, volts: float = 230.0) -> Reading:
    a, b, c = p_w
    return Reading((volts,) * 3, (a, b, c), (0.0, 0.0, 0.0), 22e3, available_w)


def decided(situation: Situation) -> Any:
    return decide(
        situation.network,
        situation.devices,
        situation.limits,
        bias=situation.bias,
        margin=situation.margin,
    )


def test_in_a_known_network_there_is_no_bias() -> None:
    truth = network()
    result = solved(truth, HOUSES | {50: ([3000.0] * 3, [0.0] * 3)})
    readings = {"east": reading([3000.0] * 3, 11e3), "west": reading([0.0] * 3, 11e3)}
    situation = situation_from(truth, estimate(truth, result), CARS, readings, EXACT)
    assert np.abs(situation.bias.u_pu).max() < 2e-3  # the source's own impedance remains
    assert np.abs(situation.bias.loading).max() < 2e-3
    assert situation.idle == ()
    assert situation.uncontrolled == ()


def test_limits_decided_on_a_wrong_model_hold_in_the_real_network() -> None:
    """The model's impedances are 10 % off; differences from the present make up for it."""
    truth, model = network(), network(ohm=0.045)
    present = HOUSES | {50: ([7000.0] * 3, [0.0] * 3)}
    readings = {"east": reading([7000.0] * 3, 22e3), "west": reading([0.0] * 3, 22e3)}
    state = estimate(truth, solved(truth, present))
    situation = situation_from(model, state, CARS, readings, EXACT)
    answer = decided(situation)
    assert answer.status is Status.LIMITED
    after = HOUSES | {device.id: (device.p_w, [0.0] * 3) for device in answer.devices}
    real = RatedBranches.of(truth).loading(solved(truth, after)).max()
    assert 0.96 < real < 1.005
    watts = sum(answer.devices[0].p_w)
    assert watts / 690.0 == pytest.approx(round(watts / 690.0))
    assert "transformer 20 'T1'" in answer.devices[0].reason
    assert situation.names == {50: "east", 51: "west"}


def test_margins_are_reserve_and_deviations() -> None:
    truth = network()
    state = estimate(truth, solved(truth, HOUSES), u_sigma=0.003, sigma=0.04)
    limits = Limits(loading_margin=0.02, u_margin_pu=0.001, sigmas=2.0)
    margin = situation_from(truth, state, CARS, {}, limits).margin
    assert margin.loading == pytest.approx(0.02 + 2 * 0.04)
    assert margin.u_pu == pytest.approx(0.001 + 2 * 0.003)


def test_a_silent_device_is_never_guessed() -> None:
    truth = network()
    present = HOUSES | {50: ([3000.0] * 3, [0.0] * 3), 51: ([5000.0] * 3, [0.0] * 3)}
    state = estimate(truth, solved(truth, present))
    east = reading([3000.0] * 3, 11e3)
    mute = [
        {},
        {"west": Reading()},
        {"west": Reading((230.0,) * 3, (5000.0, None, 5000.0), available_w=11e3)},
        {"west": Reading((230.0,) * 3, (5000.0,) * 3)},
    ]
    for silence in mute:
        situation = situation_from(truth, state, CARS, {"east": east} | silence, EXACT)
        assert situation.uncontrolled == ("west",)
        assert [device.id for device in situation.devices] == [50]
        loads = situation.network.data["asym_load"]
        at_west = loads["p_specified"][loads["node"] == 4].sum(axis=0)
        assert at_west == pytest.approx([5900.0] * 3, abs=1.0)


def test_a_charge_point_without_a_car_is_idle_and_asks_for_nothing() -> None:
    truth = network()
    state = estimate(truth, solved(truth, HOUSES))
    readings = {"east": reading([0.0] * 3, 0.0), "west": reading([0.0] * 3, 11e3)}
    situation = situation_from(truth, state, CARS, readings, EXACT)
    assert situation.idle == ("east",)
    assert situation.devices[0].request_w == (0.0, 0.0, 0.0)


def test_what_a_car_draws_it_may_go_on_drawing_whatever_it_says() -> None:
    truth = network()
    present = HOUSES | {50: ([7000.0] * 3, [0.0] * 3)}
    state = estimate(truth, solved(truth, present))
    situation = situation_from(truth, state, CARS, {"east": reading([7000.0] * 3, 0.0)}, EXACT)
    assert sum(situation.devices[0].request_w) == pytest.approx(21e3)


def test_a_device_that_says_it_wants_nothing_and_draws_is_not_idle() -> None:
    truth = network()
    present = HOUSES | {50: ([7000.0] * 3, [0.0] * 3)}
    state = estimate(truth, solved(truth, present))
    situation = situation_from(truth, state, CARS, {"east": reading([7000.0] * 3, 0.0)}, EXACT)
    assert situation.idle == ()


def test_a_device_that_draws_more_than_its_rating_asks_for_what_it_draws() -> None:
    truth = network()
    present = HOUSES | {50: ([7700.0] * 3, [0.0] * 3)}
    state = estimate(truth, solved(truth, present))
    readings = {"east": reading([7700.0] * 3, 30e3, volts=240.0)}
    situation = situation_from(truth, state, CARS, readings, EXACT)
    assert CARS.devices[0].rated_w < 23_100.0
    assert sum(situation.devices[0].request_w) == pytest.approx(23_100.0)


def test_floor_and_step_are_amperes_at_the_measured_voltage() -> None:
    truth = network()
    state = estimate(truth, solved(truth, HOUSES))
    readings = {"east": reading([0.0] * 3, 11e3, volts=220.0)}
    device = situation_from(truth, state, CARS, readings, EXACT).devices[0]
    assert sum(device.floor_w) == pytest.approx(7 * 3 * 220.0)
    assert device.step_w == pytest.approx(3 * 220.0)


def test_without_a_measured_voltage_the_estimated_one_counts() -> None:
    truth = network()
    result = solved(truth, HOUSES)
    east = structs.replace(reading([0.0] * 3, 11e3), voltage_v=(None, None, None))
    situation = situation_from(truth, estimate(truth, result), CARS, {"east": east}, EXACT)
    assert situation.devices[0].step_w == pytest.approx(3 * result["node"]["u"][2].mean(), rel=1e-6)


def test_terminals_are_turned_to_the_networks_phases() -> None:
    truth = network()
    state = estimate(truth, solved(truth, HOUSES | {50: ([0.0, 4600.0, 0.0], [0.0] * 3)}))
    cars = station(
        charger("east", 50, phases="b", count=1), charger("west", 51, phases=None, count=1)
    )
    readings = {
        "east": Reading((230.0, None, None), (4600.0, None, None), available_w=4600.0),
        "west": Reading((230.0, None, None), (0.0, None, None), available_w=4500.0),
    }
    situation = situation_from(truth, state, cars, readings, EXACT)
    east, west = situation.devices
    assert east.request_w == pytest.approx((0.0, 4600.0, 0.0))
    assert west.request_w == pytest.approx((1500.0,) * 3)
    loads = situation.network.data["asym_load"]
    rest = loads["p_specified"][(loads["node"] == 3) & (loads["id"] != 50)].sum(axis=0)
    assert rest == pytest.approx([2000.0, 500.0, 300.0], abs=1.0)


def test_amperes_of_a_single_phase_car_count_at_the_phase_that_it_uses() -> None:
    truth = network()
    state = estimate(truth, solved(truth, HOUSES | {50: ([3500.0, 0.0, 0.0], [0.0] * 3)}))
    wants_16_a = {"east": reading([3500.0, 0.0, 0.0], 3 * 230.0 * 16.0)}
    situation = situation_from(truth, state, CARS, wants_16_a, EXACT)
    device = situation.devices[0]
    assert device.request_w == pytest.approx((3680.0, 0.0, 0.0))
    # seven amperes are its floor, in one phase as in three
    assert device.floor_w == pytest.approx((4830.0 / 3, 0.0, 0.0))
    assert device.step_w == pytest.approx(230.0)
    assert situation.used[50] == pytest.approx(1 / 3)


def test_a_single_phase_car_at_a_three_phase_charge_point_is_seen() -> None:
    truth = network()
    state = estimate(truth, solved(truth, HOUSES | {50: ([3500.0, 0.0, 0.0], [0.0] * 3)}))
    readings = {"east": reading([3500.0, 0.0, 0.0], 4600.0)}
    device = situation_from(truth, state, CARS, readings, EXACT).devices[0]
    assert device.request_w == pytest.approx((4600.0, 0.0, 0.0))


def test_a_car_that_goes_from_one_phase_to_three_is_over_by_its_amperes_for_one_decision() -> None:
    """What it may draw at the other phases is not kept free: most cars never go there."""
    truth = network(transformer_va=25e3)
    rated_a = 25e3 / 3 / 230.0
    cars = station(charger("east", 50), charger("west", 51, phases="bca"))
    branches = RatedBranches.of(truth)

    def answer(present: dict[int, Any], readings: dict[str, Reading]) -> dict[int, float]:
        state = estimate(truth, solved(truth, HOUSES | present))
        situation = situation_from(truth, state, cars, readings, EXACT)
        found = decided(situation)
        assert found.status is Status.LIMITED
        return {one.id: sum(one.p_w) / situation.used[one.id] / 690.0 for one in found.devices}

    def loading(present: dict[int, Any]) -> float:
        return float(branches.loading(solved(truth, HOUSES | present)).max())

    wants_w = 3 * 230.0 * 32.0
    alone = answer(
        {50: ([3500.0, 0.0, 0.0], [0.0] * 3), 51: ([0.0, 3500.0, 0.0], [0.0] * 3)},
        {"east": reading([3500.0, 0.0, 0.0], wants_w), "west": reading([3500.0, 0, 0], wants_w)},
    )
    east_w, west_w = (alone[element] * 230.0 for element in (50, 51))
    kept = {50: ([east_w, 0.0, 0.0], [0.0] * 3), 51: ([0.0, west_w, 0.0], [0.0] * 3)}
    assert 0.95 < loading(kept) <= 1.005
    gone_on = kept | {50: ([east_w] * 3, [0.0] * 3)}
    assert 1.2 < loading(gone_on) <= 1.05 + alone[50] / rated_a
    seen = answer(
        gone_on,
        {"east": reading([east_w] * 3, wants_w), "west": reading([west_w, 0, 0], wants_w)},
    )
    after = {50: ([seen[50] * 230.0] * 3, [0.0] * 3), 51: ([0.0, seen[51] * 230.0, 0.0], [0.0] * 3)}
    assert loading(after) <= 1.005


def test_a_car_that_has_not_begun_yet_may_use_all_phases() -> None:
    truth = network()
    state = estimate(truth, solved(truth, HOUSES | {50: ([300.0, 0.0, 0.0], [0.0] * 3)}))
    readings = {"east": reading([300.0, 0.0, 0.0], 11_000.0)}
    situation = situation_from(truth, state, CARS, readings, EXACT)
    assert situation.devices[0].request_w == pytest.approx((11_000.0 / 3,) * 3)
    assert situation.used[50] == 1.0


def test_feed_in_asks_with_a_negative_sign_and_keeps_its_power_factor() -> None:
    truth = network()
    power = ([-3000.0] * 3, [300.0] * 3)
    state = estimate(truth, solved(truth, HOUSES | {52: power}))
    read = Reading((230.0,) * 3, (-3000.0,) * 3, (300.0,) * 3, available_w=12e3)
    situation = situation_from(truth, state, station(roof("roof", 52)), {"roof": read}, EXACT)
    assert situation.devices[0].request_w == pytest.approx((-4000.0,) * 3)
    loads = situation.network.data["asym_load"]
    row = loads[loads["id"] == 52][0]
    assert row["p_specified"] == pytest.approx([-4000.0] * 3)
    assert row["q_specified"] == pytest.approx([400.0] * 3)
    answer = decided(situation)
    assert answer.status is Status.OK


def test_a_store_that_shows_no_direction_may_begin_to_charge_at_any_time() -> None:
    truth = network()
    battery = structs.replace(charger("battery", 50), kind=DeviceKind.STORAGE, step_a=None)
    for p, expected in ((3000.0, 9000.0), (-3000.0, -9000.0), (0.0, 9000.0)):
        state = estimate(truth, solved(truth, HOUSES | {50: ([p] * 3, [0.0] * 3)}))
        readings = {"battery": reading([p] * 3, 9000.0)}
        situation = situation_from(truth, state, station(battery), readings, EXACT)
        assert sum(situation.devices[0].request_w) == pytest.approx(expected)


def test_a_state_of_another_network_is_refused() -> None:
    truth = network()
    state = estimate(truth, solved(truth, HOUSES))
    other = replace(state, node_ids=state.node_ids + 1)
    with pytest.raises(InputError, match="another network"):
        situation_from(truth, other, CARS, {}, EXACT)


@pytest.mark.parametrize(
    ("field", "row", "words"),
    [
        ("u_pu", 0, "source 30: the estimated state has no voltage at its node"),
        ("u_pu", 2, "node 3: its bias is not a number"),
        ("u_sigma_pu", 2, "node 3: its margin is not a number"),
        ("p_w", 2, "p_specified is missing or not a number"),
        ("q_var", 2, "q_specified is missing or not a number"),
        ("loading", 0, "transformer 20 'T1': its bias is not a number"),
        ("loading_sigma", 0, "transformer 20 'T1': its margin is not a number"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_a_state_with_a_gap_is_refused_and_never_counts_as_fine(
    field: str, row: int, words: str
) -> None:
    truth = network()
    state = estimate(truth, solved(truth, HOUSES))
    values = getattr(state, field).copy()
    values[row] = np.nan
    readings = {"east": reading([0.0] * 3, 11e3), "west": reading([0.0] * 3, 11e3)}
    with pytest.raises(InputError, match=words):
        decided(situation_from(truth, replace(state, **{field: values}), CARS, readings, EXACT))


def test_a_device_that_is_not_in_the_network_is_named() -> None:
    truth = network()
    state = estimate(truth, solved(truth, HOUSES))
    stray = station(charger("stray", 10))
    with pytest.raises(InputError, match=r"device 'stray': element 10 is no asym_load"):
        situation_from(truth, state, stray, {"stray": reading([0.0] * 3, 1.0)}, EXACT)


def test_what_the_present_has_beyond_a_limit_is_kept_free_below_it_up_to_a_bound() -> None:
    truth = network()
    state = estimate(truth, solved(truth, HOUSES))
    beyond = replace(state, loading=np.full_like(state.loading, 1.03))
    beyond.loading[0] = 1.4
    kept = replace(state, loading=np.full_like(state.loading, 0.99))
    limits = LimitSet((0.9, 1.1), 1.0)
    assert not Excess.of(truth, kept, limits).is_any
    excess = Excess.of(truth, beyond, limits)
    assert excess.is_any
    branches = RatedBranches.of(truth)
    none = Offsets(np.zeros((len(state.node_ids), 3)), np.full(len(branches.ids), 0.02))
    ahead = excess.ahead(none, branches, beyond)
    assert sorted(ahead.loading.tolist()) == pytest.approx(
        [0.05, 0.05, 0.07][-len(ahead.loading) :]
    )
    low = replace(state, u_pu=np.full_like(state.u_pu, 0.897))
    found = Excess.of(truth, low, LimitSet((0.9, 1.1), 10.0)).ahead(none, branches, low)
    of_low_voltage = truth.data["node"]["u_rated"] < 1e3
    assert found.u_pu[of_low_voltage] == pytest.approx(0.003)
    assert not found.u_pu[~of_low_voltage].any()  # medium voltage has no band
