"""Cars follow late, stop when full, fall back without commands; inverters follow the sun."""

from __future__ import annotations

import numpy as np
import pytest

from ortsnetz_hil.plant.calendar import Instant, window
from ortsnetz_hil.plant.devices.charge_point import ChargePointModel, ControlPilot
from ortsnetz_hil.plant.devices.inverter import InverterModel
from ortsnetz_hil.plant.devices.specs import ChargePoint, Inverter, Session
from ortsnetz_hil.plant.devices.watchdog import RefusedValueError

STEP_S = 0.2
FACTOR = 360.0
HEALTHY = np.full(3, 230.0)


def _charge_point(phases: str = "abc", **changes: float) -> ChargePoint:
    session = Session(arrival_s=360.0, departure_s=40_000.0, energy_wh=20_000.0, max_a=32.0)
    return ChargePoint(
        name="ev-01",
        element=1,
        node=0,
        port=1,
        phases=phases,
        rated_a=32,
        floor_a=7,
        reaction_s=changes.get("reaction_s", 3.0),
        sessions=(session,),
    )


class _Street:
    """A charge point at 230 V whose time passes in steps; a command renews its limit."""

    def __init__(self, spec: ChargePoint, volts: float = 230.0) -> None:
        self.model = ChargePointModel(spec)
        self.now_s = 0.0
        self._volts = np.full(len(spec.phases), volts)
        self._step = 0

    def live(self, seconds: float) -> None:
        for _ in range(round(seconds / STEP_S)):
            self._step += 1
            self.now_s = self._step * STEP_S
            instant = Instant(0, self.now_s * FACTOR, 0)
            self.model.advance(self.now_s, STEP_S * FACTOR, instant, self._volts)

    def live_until(self, now_s: float) -> None:
        self.live(now_s - self.now_s)


def test_a_car_follows_a_new_limit_after_its_reaction_time_and_not_before() -> None:
    street = _Street(_charge_point(reaction_s=3.0))
    street.model.write_limit(32, 0.0)
    street.live_until(5.0)
    assert street.model.current_a == 32.0
    street.model.write_limit(10, street.now_s)
    street.live(2.8)
    assert street.model.current_a == 32.0
    street.live(0.6)
    assert street.model.current_a == 10.0


def test_a_car_follows_although_the_limit_changes_every_second() -> None:
    street = _Street(_charge_point(reaction_s=3.0))
    street.model.write_limit(32, 0.0)
    street.live_until(4.4)
    for limit in (20, 19, 18, 17, 16, 15):
        street.model.write_limit(limit, street.now_s)
        street.live(1.0)
    # within the reaction time of any change the car draws no more than what was allowed then
    assert street.model.current_a <= 18.0


def test_charging_power_is_current_times_local_voltage_at_a_power_factor_of_099() -> None:
    street = _Street(_charge_point(), volts=225.0)
    street.model.write_limit(16, 0.0)
    street.live_until(8.0)
    assert street.model.active_w == pytest.approx([16 * 225 * 0.99] * 3)
    apparent = np.hypot(street.model.active_w, street.model.reactive_var)
    assert apparent == pytest.approx([16 * 225.0] * 3)
    assert (street.model.reactive_var > 0).all()  # inductive consumption


def test_a_single_phase_charge_point_uses_one_terminal() -> None:
    street = _Street(_charge_point(phases="c"))
    street.model.write_limit(20, 0.0)
    street.live_until(8.0)
    assert np.count_nonzero(street.model.active_w) == 1


def test_a_car_stops_when_its_battery_is_full_and_stays_connected() -> None:
    street = _Street(_charge_point())
    for _ in range(40):
        street.model.write_limit(32, street.now_s)
        street.live(1.0)
    assert street.model.served_wh == pytest.approx(20_000.0, abs=2.0)
    assert street.model.state is ControlPilot.B
    assert street.model.wanted_a == 0.0
    assert street.model.current_a == 0.0


def test_a_limit_of_zero_pauses_the_car() -> None:
    street = _Street(_charge_point())
    street.model.write_limit(32, 0.0)
    street.live_until(8.0)
    assert street.model.state is ControlPilot.C
    street.model.write_limit(0, street.now_s)
    street.live(4.0)
    assert street.model.state is ControlPilot.B
    assert street.model.wanted_a == 32.0


@pytest.mark.parametrize("amperes", [1, 5, 33, 65_535])
def test_a_charge_point_refuses_what_it_cannot_do(amperes: int) -> None:
    model = ChargePointModel(_charge_point())
    model.write_limit(16, 0.0)
    with pytest.raises(RefusedValueError):
        model.write_limit(amperes, 1.0)
    assert model.limit == 16


def test_a_charge_point_starts_at_its_fall_back_and_returns_to_it_without_commands() -> None:
    street = _Street(_charge_point())
    assert street.model.limit == 7
    street.model.write_limit(32, 0.0)
    street.live_until(59.8)
    assert street.model.limit == 32
    assert street.model.watchdog.rest(street.now_s) == 1
    street.live(0.4)
    assert street.model.limit == 7
    assert street.model.watchdog.rest(street.now_s) == 0
    street.model.write_limit(32, street.now_s)
    assert street.model.limit == 32


def test_the_fall_back_time_can_be_shortened() -> None:
    street = _Street(_charge_point())
    street.model.write_limit(32, 0.0)
    street.model.watchdog.time_s = 5
    street.live_until(5.2)
    assert street.model.limit == 7


def _inverter(reaction_s: float = 1.0) -> InverterModel:
    spec = Inverter("pv-01", 1, 0, 1, "PV3", rated_w=15_000.0, reaction_s=reaction_s)
    return InverterModel(spec)


def test_an_inverter_follows_a_limit_within_its_reaction_time() -> None:
    model = _inverter(reaction_s=1.0)
    model.write_limit(1000, 0.0)
    for step in range(10):
        model.advance(step * STEP_S, 0.0, 0.9, HEALTHY)
    assert model.power_w == pytest.approx(13_500.0)
    model.write_limit(505, 2.0)
    model.advance(2.0, 0.0, 0.9, HEALTHY)
    assert model.power_w == pytest.approx(13_500.0)
    for step in range(11, 16):
        model.advance(step * STEP_S, 0.0, 0.9, HEALTHY)
    assert model.power_w == pytest.approx(0.505 * 15_000.0)


def test_a_limited_inverter_still_says_what_the_sun_offers() -> None:
    model = _inverter()
    for step in range(20):
        model.advance(step * STEP_S, 72.0, 0.8, HEALTHY)
    assert model.power_w == pytest.approx(0.3 * 15_000.0)  # the fall-back, never commanded
    assert model.available_w == pytest.approx(12_000.0)
    assert model.served_wh < model.offered_wh


def test_an_inverter_falls_back_without_commands() -> None:
    model = _inverter()
    model.write_limit(1000, 0.0)
    model.advance(59.9, 0.0, 1.0, HEALTHY)
    assert model.limit == 1000
    model.advance(60.0, 0.0, 1.0, HEALTHY)
    assert model.limit == 300
    with pytest.raises(RefusedValueError):
        model.write_limit(1001, 61.0)


def test_a_run_of_two_minutes_plays_from_eleven_to_twentythree() -> None:
    calendar = window(120.0, wall_start_ns=0)
    assert calendar.factor == 360.0
    assert calendar.after(-5.0).second == 0.0  # waits before the run
    assert calendar.after(60.0).second == 21_600.0
    assert calendar.after(500.0).day == 0  # and after it
    assert calendar.after(500.0).second == pytest.approx(43_200.0, abs=0.01)


def test_an_endless_run_repeats_its_window() -> None:
    calendar = window(None, wall_start_ns=0)
    again = calendar.after(120.0 + 30.0)
    assert again.day == 1
    assert again.second == pytest.approx(10_800.0)
    hour = (again.calendar_ns // 3_600_000_000_000) % 24
    assert hour == 14
