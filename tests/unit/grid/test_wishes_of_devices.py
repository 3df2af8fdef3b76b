"""What heat pumps, stores, loads and energy managers want, and what a decision makes of it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from msgspec import structs

from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.station import (
    Connection,
    Device,
    DeviceKind,
    SourcePseudo,
    Station,
)
from ortsnetz_grid.functions.congestion.participants import Participant, participants_of
from ortsnetz_grid.functions.congestion.wishes import Wish
from ortsnetz_grid.functions.state_estimation.result import StateEstimate
from ortsnetz_grid.network.model import Network

NOTHING = np.zeros((1, 3))


def a_device(kind: DeviceKind, rated_w: float = 10_000.0, **further: object) -> Device:
    base = Device(
        name="it", kind=kind, profile="x", connection=Connection("modbus-tcp", "127.0.0.1", 1),
        element=50, phase_count=3, phases="abc", rated_w=rated_w, floor_w=4_200.0,
        floor_rule="14a EnWG", reaction_s=5.0, fallback_w=rated_w, u_sigma=0.01, p_sigma=10.0,
    )  # fmt: skip
    return structs.replace(base, **further)


HEAT_PUMP = a_device(DeviceKind.HEAT_PUMP)
STORE = a_device(DeviceKind.STORAGE)
MANAGER = a_device(DeviceKind.ENERGY_MANAGER, 30_000.0)


def says(
    total_w: float, available_w: float | None = None, limit_w: float | None = 10_000.0
) -> Reading:
    third = total_w / 3
    return Reading((230.0,) * 3, (third,) * 3, (0.0,) * 3, limit_w, available_w)


def wish(device: Device, reading: Reading, *, unspoken: bool = False) -> Wish:
    found = Wish.of(device, reading, unspoken=unspoken)
    assert found is not None
    return found


def participant(device: Device, reading: Reading, **further: object) -> Participant:
    (found,) = participants((device,), {"it": reading}, **further)
    return found


def participants(
    devices: tuple[Device, ...], readings: dict[str, Reading], **further: object
) -> tuple[Participant, ...]:
    """Devices at node 2, the low-voltage busbar of the smallest network."""
    data = {
        "node": [{"id": 2, "u_rated": 400.0}],
        "source": [{"id": 30, "node": 2, "status": 1, "u_ref": 1.0, "sk": 5e6}],
        "asym_load": [{"id": device.element, "node": 2, "status": 1, "type": 0,
                       "p_specified": [0.0] * 3, "q_specified": [0.0] * 3} for device in devices],
    }  # fmt: skip
    document = {"version": "1.0", "type": "input", "is_batch": False, "attributes": {}}
    network = Network.from_json(json.dumps(document | {"data": data}), "smallest")
    state = StateEstimate(
        node_ids=np.array([2]), energised=np.array([True]), u_pu=np.ones((1, 3)),
        u_angle=NOTHING, u_sigma_pu=NOTHING, p_w=NOTHING, q_var=NOTHING,
        branch_ids=np.array([], dtype=int), loading=np.zeros(0), loading_sigma=np.zeros(0),
        p_from_w=NOTHING[:0], q_from_var=NOTHING[:0], p_to_w=NOTHING[:0], q_to_var=NOTHING[:0],
        removed=(), problems=(),
    )  # fmt: skip
    station = Station((), devices, (), SourcePseudo(2, 1.0, 0.01))
    found, silent = participants_of(network, state, station, readings, **further)
    assert silent == ()
    return found


def test_a_heat_pump_that_is_locked_wants_what_its_thermostat_calls_for() -> None:
    locked = wish(HEAT_PUMP, says(0.0, available_w=10_000.0, limit_w=4_200.0))
    assert (locked.direction, locked.asked_w, locked.is_idle) == (1.0, 10_000.0, False)
    assert wish(HEAT_PUMP, says(0.0, available_w=0.0)).is_idle


@pytest.mark.parametrize(
    ("drawn_w", "available_w", "direction", "asked_w"),
    [
        (5_000.0, 8_000.0, 1.0, 8_000.0),
        (-5_000.0, -8_000.0, -1.0, 8_000.0),
        (-5_000.0, 8_000.0, -1.0, 8_000.0),  # a store that says magnitudes only shows it by power
        (0.0, -8_000.0, -1.0, 8_000.0),  # held back entirely, it would discharge
        (0.0, 8_000.0, 1.0, 8_000.0),
        (-5_000.0, 0.0, -1.0, 5_000.0),  # what it gives it may go on giving
        (500.0, -600.0, -1.0, 600.0),  # what is below a tenth of the rating shows nothing
    ],
)
def test_a_store_is_limited_in_the_direction_in_which_it_works_or_would(
    drawn_w: float, available_w: float, direction: float, asked_w: float
) -> None:
    found = wish(STORE, says(drawn_w, available_w))
    assert (found.direction, found.asked_w) == (direction, pytest.approx(asked_w))
    assert not found.is_idle


def test_a_full_store_is_idle_and_held_as_one_that_may_charge() -> None:
    found = wish(STORE, says(0.0, available_w=0.0))
    assert (found.direction, found.asked_w, found.is_idle) == (1.0, 0.0, True)


def test_a_manager_with_a_roof_that_feeds_in_may_still_ask_for_its_chargers() -> None:
    found = wish(MANAGER, says(-6_000.0, available_w=22_000.0))
    assert (found.direction, found.asked_w) == (1.0, 22_000.0)


@pytest.mark.parametrize(
    ("drawn_w", "limit_w", "asked_w", "idle"),
    [
        (4_100.0, 4_200.0, 10_000.0, False),  # at its limit: nobody knows how much more it wants
        (0.0, 0.0, 10_000.0, False),  # locked: the same
        (6_000.0, 10_000.0, 6_000.0, False),  # far below its limit: that is what it wants
        (0.0, 4_200.0, 0.0, True),
        (0.0, None, 0.0, True),
        (3_000.0, None, 10_000.0, False),  # neither wish nor limit is known, and it works
    ],
)
def test_a_device_behind_a_control_box_that_never_says_what_it_wants(
    drawn_w: float, limit_w: float | None, asked_w: float, *, idle: bool
) -> None:
    found = wish(HEAT_PUMP, says(drawn_w, limit_w=limit_w), unspoken=True)
    assert (found.asked_w, found.is_idle) == (asked_w, idle)


def test_a_wish_that_is_only_missing_now_is_not_guessed() -> None:
    for device in (HEAT_PUMP, STORE, MANAGER):
        assert Wish.of(device, says(3_000.0), unspoken=False) is None


def test_a_slow_device_is_where_it_may_still_be_and_at_nobodys_disposal() -> None:
    """Told 4.2 kW, it may draw 9 kW for a while: the others have to make room for that."""
    reading = says(5_000.0, available_w=10_000.0)
    controlled = participant(HEAT_PUMP, reading, may_draw={"it": 9_000.0}).controlled
    assert sum(controlled.request_w) == pytest.approx(9_000.0)
    assert controlled.lowest_factor == 1.0
    free = participant(HEAT_PUMP, reading).controlled
    assert sum(free.request_w) == pytest.approx(10_000.0)
    assert free.lowest_factor == pytest.approx(0.42)


def test_a_slow_device_that_wants_less_than_it_may_is_not_thought_to_draw_more() -> None:
    reading = says(5_000.0, available_w=6_000.0)
    controlled = participant(HEAT_PUMP, reading, may_draw={"it": 9_000.0}).controlled
    assert sum(controlled.request_w) == pytest.approx(6_000.0)


def test_a_discharging_store_that_may_still_be_at_its_old_limit_counts_as_feed_in() -> None:
    reading = says(-2_000.0, available_w=-10_000.0)
    controlled = participant(STORE, reading, may_draw={"it": 7_000.0}).controlled
    assert sum(controlled.request_w) == pytest.approx(-7_000.0)
    assert sum(controlled.floor_w) == pytest.approx(-7_000.0)


def test_what_the_set_says_of_a_device_reaches_the_decision() -> None:
    charger = a_device(
        DeviceKind.EV, 22_080.0, floor_w=4_830.0, step_a=1.0, weight=2.0, price=0.3,
        reactive_var=3_000.0, apparent_va=24_000.0,
    )  # fmt: skip
    controlled = participant(charger, says(0.0, available_w=22_080.0)).controlled
    assert (controlled.weight, controlled.price) == (2.0, 0.3)
    assert (controlled.reactive_var, controlled.apparent_va) == (3_000.0, 24_000.0)
    assert controlled.smallest_w == pytest.approx(6 * 690.0)  # IEC 61851-1: 6 A
    assert participant(HEAT_PUMP, says(0.0, available_w=0.0)).controlled.smallest_w == 0.0


FIXED = structs.replace(HEAT_PUMP, step_w=10_000.0)


def test_a_compressor_that_cannot_run_at_its_floor_stands_still_there() -> None:
    """It is told 4.2 kW and no less; what it will draw is nothing, in one step of its rating."""
    controlled = participant(FIXED, says(0.0, available_w=10_000.0, limit_w=4_200.0)).controlled
    assert (controlled.step_w, controlled.lowest_factor) == (10_000.0, 0.0)
    lately_lowered = participant(FIXED, says(10_000.0, 10_000.0, limit_w=4_200.0)).controlled
    assert lately_lowered.lowest_factor == 0.0


def test_a_compressor_that_runs_at_its_floor_all_the_same_keeps_it() -> None:
    controlled = participant(FIXED, says(4_100.0, available_w=10_000.0, limit_w=4_200.0)).controlled
    assert controlled.step_w is None
    assert controlled.lowest_factor == pytest.approx(0.42)
    assert participant(HEAT_PUMP, says(0.0, available_w=10_000.0)).controlled.step_w is None


def test_a_compressor_whose_floor_lets_it_run_has_one() -> None:
    small = structs.replace(FIXED, rated_w=4_000.0, step_w=4_000.0, floor_w=4_000.0)
    assert participant(small, says(0.0, available_w=4_000.0)).controlled.lowest_factor == 1.0


@pytest.mark.parametrize("volts", [(0.0, 0.0, 0.0), (230.0, 230.0, 0.0), (230.0, 420.0, 230.0)])
def test_a_device_behind_a_blown_fuse_counts_its_steps_at_the_voltage_of_its_node(
    volts: tuple[float, float, float],
) -> None:
    charger = a_device(DeviceKind.EV, 22_080.0, floor_w=4_830.0, step_a=1.0)
    reading = structs.replace(says(0.0, available_w=22_080.0), voltage_v=volts)
    controlled = participant(charger, reading).controlled
    assert controlled.step_w == pytest.approx(3 * 400.0 / 3**0.5)
    assert sum(controlled.floor_w) == pytest.approx(7 * 3 * 400.0 / 3**0.5)


def test_a_compressor_that_runs_comes_before_those_that_wait() -> None:
    """Where room is left for one of them, the decision gives it to the first."""
    pumps = tuple(structs.replace(FIXED, name=f"hp-{n}", element=50 + n) for n in range(3))
    waits, runs = says(0.0, 10_000.0, limit_w=4_200.0), says(10_000.0, 10_000.0)
    found = participants(pumps, {"hp-0": waits, "hp-1": waits, "hp-2": runs})
    assert [one.device.name for one in found] == ["hp-2", "hp-0", "hp-1"]
