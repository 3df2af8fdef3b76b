"""Compressors that run at full power or not at all: what fits runs, others go in small steps."""

from __future__ import annotations

import json

import numpy as np
import pytest
from power_grid_model import PowerGridModel

from ortsnetz_common.parameters.station import DeviceKind
from ortsnetz_grid.functions.congestion.decision import decide
from ortsnetz_grid.functions.congestion.problem import ControlledDevice, LimitSet
from ortsnetz_grid.functions.congestion.result import LimitResult, Status
from ortsnetz_grid.network.model import Network

PUMP_W, CAR_W = 12_000.0, 11_040.0
PUMPS, CARS = range(50, 54), range(60, 64)
HOUSES_W = 20_000.0


def network(transformer_va: float) -> Network:
    """Houses, four compressors and four charge points at the busbar of one transformer."""
    at_busbar = {"node": 2, "status": 1, "type": 0, "q_specified": [0.0] * 3}
    powers = {40: HOUSES_W, **dict.fromkeys(PUMPS, PUMP_W), **dict.fromkeys(CARS, CAR_W)}
    data = {
        "node": [{"id": 1, "u_rated": 20e3}, {"id": 2, "u_rated": 400.0}],
        "line": [],
        "transformer": [{
            "id": 20, "name": "T1", "from_node": 1, "to_node": 2, "from_status": 1, "to_status": 1,
            "u1": 20e3, "u2": 400.0, "sn": transformer_va, "uk": 0.04, "pk": 1400.0, "i0": 0.003,
            "p0": 200.0, "winding_from": 2, "winding_to": 1, "clock": 5, "tap_side": 0,
            "tap_pos": 0, "tap_min": -2, "tap_max": 2, "tap_size": 500.0}],
        "source": [{"id": 30, "node": 1, "status": 1, "u_ref": 1.0, "sk": 50e6}],
        "asym_load": [{"id": i, "p_specified": [watts / 3] * 3, **at_busbar}
                      for i, watts in powers.items()],
    }  # fmt: skip
    document = {"version": "1.0", "type": "input", "is_batch": False, "attributes": {}}
    return Network.from_json(json.dumps(document | {"data": data}), "busbar")


def devices() -> tuple[ControlledDevice, ...]:
    pumps = [
        ControlledDevice(i, DeviceKind.HEAT_PUMP, (PUMP_W / 3,) * 3, (0.0,) * 3, step_w=PUMP_W)
        for i in PUMPS
    ]
    cars = [
        ControlledDevice(
            i, DeviceKind.EV, (CAR_W / 3,) * 3, (1_610.0,) * 3, step_w=690.0, smallest_w=4_140.0
        )
        for i in CARS
    ]
    return (*pumps, *cars)


def decided(transformer_va: float, *, first: int = PUMPS[0]) -> LimitResult:
    ordered = sorted(devices(), key=lambda device: device.id != first)
    return decide(network(transformer_va), tuple(ordered), LimitSet((0.9, 1.1), 1.0))


def loading(answer: LimitResult, transformer_va: float) -> float:
    """Apparent power over rating, by another solver, at the decided powers."""
    data = network(transformer_va).data
    for device in answer.devices:
        row = int(np.flatnonzero(data["asym_load"]["id"] == device.id)[0])
        data["asym_load"]["p_specified"][row] = device.p_w
    state = PowerGridModel(data).calculate_power_flow(symmetric=False)["transformer"][0]
    through = [np.hypot(state[f"p_{end}"], state[f"q_{end}"]).max() * 3 for end in ("from", "to")]
    return float(max(through)) / transformer_va


@pytest.mark.parametrize("transformer_va", [55e3, 65e3, 75e3, 85e3, 95e3, 105e3])
def test_room_for_a_whole_compressor_is_not_left_while_one_waits(transformer_va: float) -> None:
    answer = decided(transformer_va)
    assert answer.status is Status.LIMITED
    assert loading(answer, transformer_va) <= 1.0001
    by_id = {device.id: device for device in answer.devices}
    for pump in PUMPS:
        assert by_id[pump].k == pytest.approx(round(by_id[pump].k), abs=1e-6)
    waiting = [pump for pump in PUMPS if by_id[pump].k < 0.5]
    limited = [car for car in CARS if by_id[car].k < 0.99]
    room_w = (1.0 - loading(answer, transformer_va)) * transformer_va
    if waiting:
        assert room_w < PUMP_W
    if limited:
        assert room_w < 2 * 690.0


@pytest.mark.parametrize("first", PUMPS)
def test_where_room_is_left_for_one_compressor_the_first_one_gets_it(first: int) -> None:
    factors = {device.id: device.k for device in decided(55e3, first=first).devices}
    assert [pump for pump in PUMPS if factors[pump] > 0.5] == [first]
