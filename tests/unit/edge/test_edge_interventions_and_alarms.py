"""Every intervention leaves a record; every alarm comes once and goes once."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from ortsnetz_common.link.messages import Alarm, AlarmState, Setpoint, SetpointSource
from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.station import Connection, Device, DeviceKind
from ortsnetz_edge.control.alarms import AlarmBoard, Condition
from ortsnetz_edge.control.interventions import Following, InterventionLedger
from ortsnetz_edge.control.memory import Memory, load_memory, save_memory

S = 10**9
EV = Device(
    name="ev-07",
    kind=DeviceKind.EV,
    profile="ev-controller",
    connection=Connection("modbus-tcp", "127.0.0.1", 502),
    element=1,
    phase_count=3,
    phases="abc",
    rated_w=11_040.0,
    floor_w=4_830.0,
    floor_rule="14a EnWG",
    reaction_s=5.0,
    fallback_w=4_830.0,
    u_sigma=0.002,
    p_sigma=10.0,
)
SETPOINT = Setpoint("ev-07", 6_900.0, SetpointSource.SAFETY, "transformer at 98 %", ("T1",))


def following(
    *, limited: bool, limit_w: float = 6_900.0, reading: Reading | None = None
) -> Following:
    measured = Reading((230.0,) * 3, (2_300.0,) * 3, (0.0,) * 3, 6_900.0, 11_040.0)
    setpoint = replace(SETPOINT, limit_w=limit_w)
    return Following(EV, setpoint, limited, measured if reading is None else reading)


def test_an_intervention_has_a_start_and_an_end_with_the_energy_not_served() -> None:
    ledger = InterventionLedger()
    (start,) = ledger.step([following(limited=True)], 100 * S, now=100)
    assert start.id == "ev-07@100000000000"
    assert (start.end_ns, start.reason, start.binding) == (None, "transformer at 98 %", ("T1",))
    assert (start.floor_w, start.rule) == (4_830.0, "14a EnWG")
    for second in range(101, 160):
        limit_w = 4_830.0 if second == 130 else 6_900.0
        assert ledger.step([following(limited=True, limit_w=limit_w)], second * S, now=second) == ()
    (end,) = ledger.step([following(limited=False)], 160 * S, now=160)
    assert (end.id, end.start_ns, end.end_ns) == (start.id, 100 * S, 160 * S)
    assert end.lowest_limit_w == 4_830.0
    assert end.energy_not_served_wh == pytest.approx((11_040 - 6_900) * 60 / 3600)
    assert ledger.open == ()


def test_an_unlimited_device_leaves_no_record() -> None:
    ledger = InterventionLedger()
    assert ledger.step([following(limited=False)], 100 * S, now=100) == ()


def test_energy_that_nobody_measured_is_unknown_and_not_zero() -> None:
    ledger = InterventionLedger()
    ledger.step([following(limited=True)], 100 * S, now=100)
    for second in range(101, 120):
        ledger.step([following(limited=True, reading=Reading())], second * S, now=second)
    (end,) = ledger.step([following(limited=False)], 120 * S, now=120)
    assert end.energy_not_served_wh is None


def test_an_idle_charge_point_misses_no_energy() -> None:
    ledger = InterventionLedger()
    idle = Reading((230.0,) * 3, (0.0,) * 3, (0.0,) * 3, 4_830.0, 0.0)
    ledger.step([following(limited=True, reading=idle)], 100 * S, now=100)
    (end,) = ledger.step([following(limited=False, reading=idle)], 104 * S, now=104)
    assert end.energy_not_served_wh == 0.0


def test_an_intervention_and_an_alarm_outlive_a_restart_of_the_agent(tmp_path: Path) -> None:
    path = tmp_path / "control.json"
    ledger, board = InterventionLedger(), AlarmBoard()
    (start,) = ledger.step([following(limited=True)], 100 * S, now=100)
    board.step([CONDITION], now=0.0, time_ns=100 * S)
    save_memory(path, Memory(ledger.open, board.active))
    memory = load_memory(path)
    again = InterventionLedger(memory.interventions)
    assert again.step([following(limited=True)], 103 * S, now=103) == ()
    (end,) = again.step([following(limited=False)], 104 * S, now=104)
    assert (end.id, end.start_ns) == (start.id, start.start_ns)
    board = AlarmBoard(memory.alarms)
    assert board.step([CONDITION], now=0.0, time_ns=103 * S) == ()
    board.step([], now=1.0, time_ns=104 * S)
    (cleared,) = board.step([], now=20.0, time_ns=123 * S)
    assert cleared.state is AlarmState.CLEARED


def test_a_damaged_memory_is_an_empty_one(tmp_path: Path) -> None:
    path = tmp_path / "control.json"
    path.write_bytes(b"{]")
    assert load_memory(path) == Memory()
    assert load_memory(tmp_path / "none.json") == Memory()


CONDITION = Condition("device-lost/ev-07", 2, "cause", "consequence", "action")


def test_what_another_version_remembers_otherwise_takes_nothing_from_the_rest(
    tmp_path: Path,
) -> None:
    path = tmp_path / "control.json"
    save_memory(path, Memory(released=("noon",)))
    text = path.read_text().replace('"alarms":[]', '"alarms":[{"of": "a later version"}]')
    path.write_text(text.replace("{", '{"later":{"x":1},', 1))
    assert load_memory(path) == Memory(released=("noon",))


def test_a_condition_that_flutters_is_one_alarm() -> None:
    board = AlarmBoard(clear_after_s=10.0)
    changes: list[Alarm] = []
    for second in range(100):
        current = [CONDITION] if second % 3 else []
        changes += board.step(current, now=float(second), time_ns=second * S)
    assert [alarm.state for alarm in changes] == [AlarmState.ACTIVE]


def test_an_alarm_clears_when_its_condition_has_been_gone_for_a_while() -> None:
    board = AlarmBoard(clear_after_s=10.0)
    board.step([CONDITION], now=0.0, time_ns=0)
    assert board.step([], now=1.0, time_ns=1) == ()
    assert board.step([], now=10.0, time_ns=10) == ()
    (cleared,) = board.step([], now=11.0, time_ns=11)
    assert (cleared.key, cleared.state, cleared.time_ns) == (CONDITION.key, AlarmState.CLEARED, 11)


def test_a_condition_that_needs_to_last_is_no_alarm_before_it_has() -> None:
    board = AlarmBoard()
    patient = Condition("f", 3, "cause", "consequence", "action", after_s=2.0)
    assert board.step([patient], now=0.0, time_ns=0) == ()
    assert board.step([], now=1.0, time_ns=0) == ()
    assert board.step([patient], now=1.5, time_ns=0) == ()
    assert board.step([patient], now=3.0, time_ns=0) == ()
    assert len(board.step([patient], now=3.5, time_ns=0)) == 1
