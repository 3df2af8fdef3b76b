"""A device with a fault confirms, refuses or delays its setpoints; its model shows what it does."""

from __future__ import annotations

import pytest

from ortsnetz_hil.faults.devices import DeviceFailureError, DeviceFaults
from ortsnetz_hil.faults.specs import ChangesAddress, Delays, Fault, Ignores, Reboots, Rejects
from ortsnetz_hil.plant.devices.charge_point import ChargePointModel
from ortsnetz_hil.plant.devices.specs import ChargePoint, TapChanger
from ortsnetz_hil.plant.devices.tap_changer import TapChangerModel
from ortsnetz_hil.plant.devices.watchdog import DEFAULT_S, RefusedValueError
from ortsnetz_hil.servers.commands import WAITING, BusyDeviceError, Commands, LimitSettings
from ortsnetz_hil.servers.tap_settings import TapSettings

FLOOR_A = 7


def _device(*faults: Fault) -> tuple[ChargePointModel, Commands]:
    model = ChargePointModel(
        ChargePoint("ev-1", 1, 2, 15000, "abc", 32, FLOOR_A, reaction_s=1.0, sessions=())
    )
    return model, Commands(2000, LimitSettings(model), DeviceFaults(faults, "ev-1"))


def _ignores(shows: str) -> Ignores:
    return Ignores(name="deaf", first_s=10.0, last_s=20.0, device="ev-1", shows=shows)


@pytest.mark.parametrize(("shows", "shown"), [("old", 16), ("new", 9)])
def test_a_deaf_device_confirms_and_keeps_its_limit_and_may_lie_about_it(
    shows: str, shown: int
) -> None:
    model, commands = _device(_ignores(shows))
    commands.write(0, [16], 5.0)
    commands.write(0, [9], 12.0)
    assert model.limit == 16
    assert commands.setpoint(12.0) == shown
    assert commands.shown(12.0) == [shown, DEFAULT_S, FLOOR_A]
    # somebody still talks to it: its own fall-back does not save it
    assert not model.watchdog.expired(12.0 + DEFAULT_S - 1.0)
    assert commands.setpoint(20.0) == 16
    commands.write(0, [9], 20.0)
    assert (model.limit, commands.setpoint(20.0)) == (9, 9)


def test_a_lie_of_one_fault_is_not_told_again_by_the_next() -> None:
    again = Ignores(name="again", first_s=30.0, last_s=40.0, device="ev-1", shows="new")
    model, commands = _device(_ignores("new"), again)
    commands.write(0, [16], 5.0)
    commands.write(0, [9], 12.0)
    assert commands.setpoint(12.0) == 9
    assert commands.setpoint(31.0) == model.limit == 16


def test_a_deaf_device_still_takes_its_fall_back_settings() -> None:
    model, commands = _device(_ignores("old"))
    commands.write(0, [16], 5.0)
    commands.write(0, [9, 30, 0], 12.0)
    assert (model.limit, model.watchdog.time_s, model.watchdog.fallback) == (16, 30, 0)


def test_a_late_device_acts_when_its_delay_is_over_and_not_before() -> None:
    fault = Delays(name="late", first_s=10.0, last_s=20.0, device="ev-1", seconds=3.0)
    model, commands = _device(fault)
    commands.write(0, [16], 5.0)
    assert model.limit == 16
    commands.write(0, [9], 12.0)
    commands.tick(14.8)
    assert model.limit == 16
    commands.tick(15.0)
    assert model.limit == 9
    assert model.watchdog.remaining_s(15.0) == DEFAULT_S  # the command arrived just now


def test_a_later_setpoint_does_not_overtake_one_that_is_on_its_way() -> None:
    fault = Delays(name="late", first_s=10.0, last_s=20.0, device="ev-1", seconds=30.0)
    model, commands = _device(fault)
    commands.write(0, [9], 19.0)
    commands.write(0, [16], 21.0)  # the fault is over, the first is still under way
    commands.tick(48.8)
    assert model.limit == FLOOR_A
    commands.tick(49.0)
    assert model.limit == 16
    commands.write(0, [10], 50.0)
    assert model.limit == 10


def test_a_late_device_refuses_at_once_what_it_cannot_take() -> None:
    fault = Delays(name="late", first_s=0.0, last_s=20.0, device="ev-1", seconds=3.0)
    model, commands = _device(fault)
    with pytest.raises(RefusedValueError):
        commands.write(0, [5], 1.0)
    commands.tick(10.0)
    assert model.limit == FLOOR_A


def test_a_late_device_does_not_keep_more_than_it_can_hold() -> None:
    fault = Delays(name="late", first_s=0.0, last_s=20.0, device="ev-1", seconds=1e6)
    _, commands = _device(fault)
    for _ in range(WAITING):
        commands.write(0, [9], 1.0)
    with pytest.raises(BusyDeviceError):
        commands.write(0, [9], 1.0)


def test_a_rejecting_device_takes_nothing_and_its_watchdog_starves() -> None:
    fault = Rejects(name="no", first_s=10.0, last_s=20.0, device="ev-1")
    model, commands = _device(fault)
    commands.write(0, [16], 5.0)
    with pytest.raises(DeviceFailureError):
        commands.write(0, [9], 12.0)
    assert model.limit == 16
    assert model.watchdog.remaining_s(12.0) == DEFAULT_S - 7.0
    commands.write(0, [9], 20.0)
    assert model.limit == 9


def test_a_restarted_device_is_as_delivered_whatever_it_was_told() -> None:
    fault = Delays(name="late", first_s=10.0, last_s=20.0, device="ev-1", seconds=3.0)
    model, commands = _device(fault)
    commands.write(0, [16, 30, 0], 5.0)
    commands.write(0, [20], 19.0)
    commands.restart()
    assert commands.shown(19.5) == [FLOOR_A, DEFAULT_S, FLOOR_A]
    assert model.watchdog.expired(19.5)
    commands.tick(30.0)  # what was on its way is lost
    assert model.limit == FLOOR_A


def test_a_device_is_away_while_it_restarts_and_elsewhere_while_its_address_is_another() -> None:
    faults = DeviceFaults(
        (
            Reboots(name="r", first_s=10.0, last_s=15.0, device="ev-1"),
            ChangesAddress(name="dhcp", first_s=12.0, last_s=30.0, device="ev-1", port=15099),
            Reboots(name="r2", first_s=40.0, last_s=41.0, device="ev-2"),
        ),
        "ev-1",
    )
    ports = [faults.port(t, 15000) for t in (9.9, 10.0, 14.9, 15.0, 29.9, 30.0, 40.5)]
    assert ports == [15000, None, None, 15099, 15099, 15000, 15000]
    assert [faults.restarts(t) for t in (14.9, 15.0, 50.0)] == [0, 1, 1]


def _tap_changer() -> tuple[TapChangerModel, Commands]:
    spec = TapChanger(
        "tap-1", 9, 15000, setpoint_pu=1.0, band_pu=0.01, delay_s=2.0, step_s=1.0, steps_a_day=20
    )
    model = TapChangerModel(spec, tap_min=-5, tap_max=5, position=0)
    return model, Commands(950, TapSettings(model))


def _days_position(model: TapChangerModel, busbar_pu: float, first_s: float) -> int:
    for step in range(40):
        model.advance(first_s + 0.2 * step, busbar_pu)
    return model.position


def test_a_tap_changer_regulates_to_its_written_set_point() -> None:
    model, commands = _tap_changer()
    assert _days_position(model, 1.0, 0.0) == 0
    commands.write(0, [1030], 10.0)  # 3 % more than there is: a lower position raises the voltage
    assert _days_position(model, 1.0, 10.0) < 0
    assert commands.shown(18.0) == [1030, 0]


def test_a_blocked_tap_changer_stays_and_goes_on_when_it_is_let() -> None:
    model, commands = _tap_changer()
    commands.write(1, [1], 0.0)
    assert _days_position(model, 0.95, 0.0) == 0
    assert model.blocked
    commands.write(1, [0], 10.0)
    assert _days_position(model, 0.95, 10.0) < 0


@pytest.mark.parametrize(("place", "value"), [(0, 899), (0, 1101), (1, 2)])
def test_a_tap_changer_refuses_what_it_cannot_mean(place: int, value: int) -> None:
    model, commands = _tap_changer()
    with pytest.raises(RefusedValueError):
        commands.write(place, [value], 0.0)
    assert commands.shown(0.0) == [1000, 0]
    assert not model.blocked


def test_a_restarted_tap_changer_has_its_own_set_point_again() -> None:
    model, commands = _tap_changer()
    commands.write(0, [1030, 1], 0.0)
    commands.restart()
    assert commands.shown(1.0) == [1000, 0]
    assert not model.blocked
