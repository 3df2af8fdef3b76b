"""The rules of limiting, as sentences. Time is an argument; nothing sleeps."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from msgspec.structs import replace

from ortsnetz_common.link.messages import Alarm, AlarmState, SetpointSource
from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.parameter_set import SCHEMA, Mode, ParameterSet, Timing
from ortsnetz_common.parameters.station import (
    Connection,
    Device,
    DeviceKind,
    Meter,
    MeterRole,
    Side,
    SourcePseudo,
    Station,
)
from ortsnetz_edge.acquisition.image import ProcessImage, SourceImage
from ortsnetz_edge.control.alarms import AlarmBoard
from ortsnetz_edge.control.amounts import Amounts
from ortsnetz_edge.control.arbitration import Claim, arbitrate
from ortsnetz_edge.control.conditions import limits_unknown
from ortsnetz_edge.control.controller import Controller, Verdict
from ortsnetz_edge.control.failsafe import AgentMode
from ortsnetz_edge.control.idle import is_idle
from ortsnetz_edge.control.overload import WatchedBranch
from ortsnetz_edge.drivers.contract import LimitResolution, LimitUnit, Scan
from ortsnetz_edge.hosting.calls import DeviceLimit, LimitingResult
from ortsnetz_edge.network_index import Rating

WHERE = Connection("modbus-tcp", "127.0.0.1", 502)
AMPERES = LimitResolution(LimitUnit.AMPERE, 1.0, 6.0)
SHARES = LimitResolution(LimitUnit.SHARE, 0.001)
EV = Device(
    name="ev",
    kind=DeviceKind.EV,
    profile="ev-controller",
    connection=WHERE,
    element=1,
    phase_count=3,
    phases="abc",
    rated_w=32 * 690.0,
    floor_w=7 * 690.0,
    floor_rule="14a EnWG",
    reaction_s=5.0,
    fallback_w=8 * 690.0,
    u_sigma=0.002,
    p_sigma=10.0,
    step_a=1.0,
    watchdog_s=60.0,
)
SINGLE_PHASE = replace(
    EV,
    name="single",
    phase_count=1,
    rated_w=20 * 230.0,
    floor_w=19 * 230.0,
    fallback_w=19 * 230.0,
)
PV = replace(
    EV,
    name="pv",
    kind=DeviceKind.PV,
    rated_w=15_000.0,
    floor_w=0.0,
    fallback_w=4_500.0,
    reaction_s=2.0,
    step_a=None,
)
TRAFO = Meter(
    name="trafo",
    role=MeterRole.TRANSFORMER,
    profile="meter-transformer",
    connection=WHERE,
    element=9,
    phases="abc",
    u_sigma=0.002,
    p_sigma=100.0,
    side=Side.TO,
    guards=True,
)
METER_READING = Reading((230.0,) * 3, (1000.0,) * 3, (0.0,) * 3)


def limited(device: str, limit_w: float) -> DeviceLimit:
    return DeviceLimit(device, limit_w, "transformer 9 'T1' phase b at 98 %", ("T1",))


def result(*limits: DeviceLimit, loading: float = 0.5, verified: bool = True) -> LimitingResult:
    return LimitingResult("limited" if limits else "ok", verified, loading, limits)


class Substation:
    """A controller with devices that obey after a cycle, and a meter that can be lost."""

    def __init__(self, *devices: Device, found: float | None = None, mode: str = "active") -> None:
        self.devices = devices
        self.now = 1000.0
        self.cycle = 0
        self.meter: Reading | None = METER_READING
        self.volts = 230.0
        self.available_w = {device.name: device.rated_w for device in devices}
        self.lost: set[str] = set()
        self.doubted: tuple[str, ...] = ()
        self.deaf: set[str] = set()
        self.refusing: set[str] = set()
        self.drawn_w: dict[str, float] = {}
        parameters = ParameterSet(
            SCHEMA,
            "ons-1",
            1,
            "0" * 64,
            Station((TRAFO,), devices, (), SourcePseudo(1, 1.0, 0.01)),
            timing=Timing(hold_s=0.0),  # how limits come back is another file's matter
            mode=Mode(mode),
        )
        resolutions = {d.name: SHARES if d.kind is DeviceKind.PV else AMPERES for d in devices}
        watched = (WatchedBranch(TRAFO, Rating(4 * 60.0, 230.0, 4 * 13_800.0)),)
        self.controller = Controller(parameters, resolutions, watched, now=self.now)
        self.in_force = {
            d.name: self.controller.controls[d.name].amounts.top if found is None else found
            for d in devices
        }
        self.verdict: Verdict | None = None

    def readings(self) -> dict[str, Reading]:
        found = {} if self.meter is None else {"trafo": self.meter}
        for device in self.devices:
            if device.name not in self.lost:
                drawn_w = (self.drawn_w.get(device.name, 0.0) / 3.0,) * 3
                available_w = self.available_w[device.name]
                found[device.name] = Reading(
                    (self.volts,) * 3, drawn_w, (0.0,) * 3, None, available_w
                )
        return found

    def image(self) -> ProcessImage:
        sources = {}
        for device in self.devices:
            scan = Scan((), (), 0, 0, 0, None, self.in_force[device.name])
            valid = device.name not in self.lost
            sources[device.name] = SourceImage(scan, 0.0, valid, None)
        return ProcessImage(self.cycle, 0, sources, (), ())

    def step(self, found: LimitingResult | None, *, seconds: float = 1.0) -> Verdict:
        self.cycle += 1
        self.now += seconds
        verdict = self.controller.step(
            self.image(),
            self.readings(),
            found,
            "state_estimation: no result",
            doubted=self.doubted,
            now=self.now,
        )
        for write in verdict.writes:
            if write.device in self.refusing:
                continue
            self.controller.controls[write.device].written(write, now=self.now)
            if write.device not in self.deaf:
                self.in_force[write.device] = write.amount
        self.verdict = verdict
        return verdict

    def steps(self, count: int, found: LimitingResult | None) -> list[float]:
        """Amount in force at the first device after each of several cycles."""
        amounts = []
        for _ in range(count):
            self.step(found)
            amounts.append(self.in_force[self.devices[0].name])
        return amounts


def test_at_the_start_limits_are_kept_as_they_are_found() -> None:
    substation = Substation(EV, found=10.0)
    for _ in range(20):
        verdict = substation.step(None)
        assert verdict.writes == ()
        assert verdict.mode is AgentMode.STARTING
    assert substation.in_force["ev"] == 10.0


def test_the_first_verified_state_raises_a_found_limit_step_by_step() -> None:
    substation = Substation(EV, found=10.0)
    amounts = substation.steps(20, result())
    assert amounts == sorted(amounts)
    assert amounts[0] <= 10.0 + 0.1 * 32 + 1
    assert amounts[-1] == 32.0
    rises = [late - early for early, late in pairwise(amounts)]
    assert max(rises) <= 4.0


def test_a_limit_is_lowered_at_once() -> None:
    substation = Substation(EV)
    substation.step(result())
    substation.step(result(limited("ev", 10 * 690.0)))
    assert substation.in_force["ev"] == 10.0


def test_a_limit_is_rounded_down_to_whole_amperes_at_the_measured_voltage() -> None:
    substation = Substation(EV)
    substation.volts = 240.0
    substation.step(result(limited("ev", 10 * 690.0)))
    assert substation.in_force["ev"] == 9.0


def test_the_floor_is_never_cut_whatever_is_asked() -> None:
    for device in (EV, SINGLE_PHASE):
        substation = Substation(device)
        substation.volts = 250.0
        for asked_w in (0.0, 1.0, device.floor_w - 1.0):
            substation.step(result(limited(device.name, asked_w)))
            per_ampere = 230.0 * device.phase_count
            assert substation.in_force[device.name] * per_ampere >= device.floor_w - 1e-6


def test_an_inverter_may_be_limited_to_nothing() -> None:
    substation = Substation(PV)
    substation.step(result(limited("pv", 0.0)))
    assert substation.in_force["pv"] == 0.0


def test_a_lost_guard_meter_never_raises_a_limit() -> None:
    substation = Substation(EV)
    substation.step(result(limited("ev", 10 * 690.0)))
    substation.meter = None
    amounts = substation.steps(25, result())
    assert amounts == [10.0] * 25
    assert substation.verdict is not None
    assert substation.verdict.mode is AgentMode.SAFE
    assert "trafo" in substation.verdict.reason


def test_a_guard_meter_that_lacks_one_phase_counts_as_lost() -> None:
    substation = Substation(EV)
    substation.step(result(limited("ev", 10 * 690.0)))
    substation.meter = Reading((230.0, None, 230.0), (1.0,) * 3, (0.0,) * 3)
    assert substation.steps(5, result()) == [10.0] * 5


def test_with_a_lost_guard_meter_a_limit_may_still_be_lowered() -> None:
    substation = Substation(EV)
    substation.step(result(limited("ev", 12 * 690.0)))
    substation.meter = None
    substation.step(result(limited("ev", 9 * 690.0)))
    assert substation.in_force["ev"] == 9.0


def test_an_unverified_result_never_raises_a_limit() -> None:
    substation = Substation(EV)
    substation.step(result(limited("ev", 10 * 690.0)))
    assert substation.steps(5, result(verified=False)) == [10.0] * 5


def test_without_a_result_nothing_is_raised() -> None:
    substation = Substation(EV)
    substation.step(result(limited("ev", 10 * 690.0)))
    assert substation.steps(25, None) == [10.0] * 25


def test_blind_for_long_enough_limits_ramp_to_the_fallback_and_stay_there() -> None:
    substation = Substation(EV, PV)
    substation.step(result())
    kept = substation.steps(29, None)
    assert set(kept) == {32.0}
    ramp = substation.steps(70, None)
    assert ramp == sorted(ramp, reverse=True)
    assert 32.0 > ramp[30] > 8.0
    assert ramp[-1] == 8.0
    assert substation.in_force["pv"] == pytest.approx(0.3)
    assert substation.verdict is not None
    assert substation.verdict.mode is AgentMode.BLIND
    ev = next(s for s in substation.verdict.setpoints if s.device == "ev")
    assert ev.source is SetpointSource.FALLBACK
    assert "no verified state" in ev.reason
    assert substation.steps(50, None) == [8.0] * 50


def test_blind_never_raises_a_limit_that_is_below_the_fallback() -> None:
    substation = Substation(EV)
    substation.step(result(limited("ev", 7 * 690.0)))
    assert substation.steps(120, None) == [7.0] * 120


def test_an_agent_that_never_sees_a_verified_state_ends_at_the_fallback_too() -> None:
    substation = Substation(EV)
    substation.steps(100, None)
    assert substation.in_force["ev"] == 8.0


def test_after_blindness_limits_rise_at_the_release_rate() -> None:
    substation = Substation(EV)
    substation.step(result())
    substation.steps(120, None)
    amounts = substation.steps(3, result())
    assert amounts[0] <= 8.0 + 0.1 * 32 + 1
    assert substation.steps(10, result())[-1] == 32.0


def test_a_flickering_state_keeps_the_agent_from_the_fallback_but_raises_only_when_verified() -> (
    None
):
    substation = Substation(EV)
    substation.step(result())
    for _ in range(30):
        substation.steps(20, None)
        substation.step(result())
    assert substation.in_force["ev"] == 32.0


def test_infeasible_holds_the_floors_and_is_not_blindness() -> None:
    substation = Substation(EV)
    floor = limited("ev", EV.floor_w)
    infeasible = LimitingResult("infeasible", False, 1.2, (floor,), ("transformer at 120 %",))
    assert substation.steps(60, infeasible) == [7.0] * 60
    assert substation.verdict is not None
    assert substation.verdict.mode is AgentMode.ACTIVE
    assert substation.verdict.status == "infeasible"


def test_idle_charge_points_are_held_at_their_floor_near_the_limit() -> None:
    substation = Substation(EV)
    substation.available_w["ev"] = 0.0
    substation.step(result(loading=0.79))
    assert substation.in_force["ev"] == 32.0
    substation.step(result(loading=0.81))
    assert substation.in_force["ev"] == 7.0


def test_a_car_that_arrives_while_idle_points_are_held_is_released_step_by_step() -> None:
    substation = Substation(EV)
    substation.available_w["ev"] = 0.0
    substation.step(result(loading=0.9))
    substation.available_w["ev"] = EV.rated_w
    amounts = substation.steps(12, result(loading=0.9))
    assert amounts[0] <= 7.0 + 0.1 * 32 + 1
    assert amounts[-1] == 32.0


def test_the_hold_of_idle_points_ends_some_time_after_the_network_is_calm() -> None:
    substation = Substation(EV)
    substation.available_w["ev"] = 0.0
    substation.step(result(loading=0.9))
    assert set(substation.steps(9, result(loading=0.7))) == {7.0}
    assert substation.steps(20, result(loading=0.7))[-1] == 32.0


def test_silence_is_not_idleness() -> None:
    substation = Substation(EV)
    substation.step(result(loading=0.5))
    substation.lost.add("ev")
    substation.step(result(loading=0.9))
    assert substation.in_force["ev"] == 32.0


def test_a_limit_in_force_is_written_again_to_feed_the_watchdog() -> None:
    substation = Substation(EV)
    writes = [len(substation.step(result()).writes) for _ in range(60)]
    assert sum(writes) == pytest.approx(6, abs=1)


def test_a_limit_is_not_written_twice_within_the_refresh_time_when_nothing_changes() -> None:
    substation = Substation(EV)
    substation.step(result(limited("ev", 10 * 690.0)))
    for _ in range(9):
        assert substation.step(result(limited("ev", 10 * 690.0))).writes == ()


def test_noise_of_the_voltage_does_not_make_a_limit_go_up_and_down() -> None:
    substation = Substation(EV)
    amounts = []
    for number in range(40):
        substation.volts = 230.0 + (0.3 if number % 2 else -0.3)
        substation.step(result(limited("ev", 10 * 690.0)))
        amounts.append(substation.in_force["ev"])
    changes = sum(a != b for a, b in pairwise(amounts))
    assert changes <= 1


def test_a_device_that_confirms_and_ignores_is_noticed_and_written_again() -> None:
    substation = Substation(EV)
    substation.step(result())
    substation.deaf.add("ev")
    control = substation.controller.controls["ev"]
    order = result(limited("ev", 10 * 690.0))
    noticed = []
    for _ in range(20):
        substation.step(order)
        noticed.append(control.goes_its_own_way(now=substation.now))
    assert noticed.index(True) == pytest.approx(8, abs=1)
    substation.deaf.clear()
    substation.steps(3, order)
    assert substation.in_force["ev"] == 10.0


def cycles_until_given_up(substation: Substation, *orders: LimitingResult) -> int | None:
    """Cycles until a device counts as one that cannot be limited; the orders take turns."""
    control = substation.controller.controls["ev"]
    for cycle in range(30):
        substation.step(orders[cycle % len(orders)])
        if control.cannot_be_limited(now=substation.now):
            return cycle
    return None


REACTION_AND_TWO = 8  # the slowest reaction of 5 s, two cycles, and the cycle that notices


def test_a_deaf_device_cannot_be_limited_even_if_its_limit_changes_each_second() -> None:
    substation = Substation(EV)
    substation.step(result())
    substation.deaf.add("ev")
    orders = [result(limited("ev", amperes * 690.0)) for amperes in (10, 12, 11)]
    given_up = cycles_until_given_up(substation, *orders)
    assert given_up == pytest.approx(REACTION_AND_TWO, abs=1)


def test_a_device_that_refuses_its_first_limit_cannot_be_limited() -> None:
    substation = Substation(EV)
    substation.step(result())
    substation.refusing.add("ev")
    given_up = cycles_until_given_up(substation, result(limited("ev", 10 * 690.0)))
    assert given_up == pytest.approx(REACTION_AND_TWO, abs=1)


def test_a_device_that_says_its_new_limit_and_draws_more_cannot_be_limited() -> None:
    substation = Substation(EV)
    substation.step(result())
    substation.drawn_w["ev"] = 16 * 690.0
    given_up = cycles_until_given_up(substation, result(limited("ev", 10 * 690.0)))
    assert given_up == pytest.approx(REACTION_AND_TWO, abs=1)


def test_a_device_that_draws_as_much_as_it_is_told_can_be_limited() -> None:
    substation = Substation(EV)
    substation.step(result())
    substation.drawn_w["ev"] = 10 * 690.0 * 1.05  # meters and rounding are no disobedience
    assert cycles_until_given_up(substation, result(limited("ev", 10 * 690.0))) is None


def test_a_device_that_is_lower_than_it_was_told_can_be_limited() -> None:
    substation = Substation(EV)
    substation.steps(20, result())
    substation.deaf.add("ev")
    substation.in_force["ev"] = 8.0
    assert cycles_until_given_up(substation, result()) is None


def test_a_device_that_follows_again_is_limited_again_after_a_while() -> None:
    substation = Substation(EV)
    substation.step(result())
    substation.deaf.add("ev")
    order = result(limited("ev", 10 * 690.0))
    assert cycles_until_given_up(substation, order) is not None
    substation.deaf.clear()
    substation.steps(40, order)
    control = substation.controller.controls["ev"]
    assert not control.cannot_be_limited(now=substation.now)


def test_a_device_that_fell_back_by_itself_is_raised_by_the_rules_and_not_at_once() -> None:
    substation = Substation(EV)
    substation.steps(20, result())
    substation.in_force["ev"] = 7.0
    substation.meter = None
    assert set(substation.steps(5, result())) == {7.0}
    substation.meter = METER_READING
    amounts = substation.steps(12, result())
    assert amounts[0] <= 7.0 + 0.1 * 32 + 1
    assert amounts[-1] == 32.0


def test_a_lost_device_is_not_written_to() -> None:
    substation = Substation(EV)
    substation.step(result())
    substation.lost.add("ev")
    for _ in range(15):
        assert substation.step(result(limited("ev", 7 * 690.0))).writes == ()


@pytest.mark.parametrize("mode", ["advisory", "off"])
def test_only_the_active_mode_writes(mode: str) -> None:
    substation = Substation(EV, mode=mode)
    for _ in range(15):
        assert substation.step(result(limited("ev", 7 * 690.0))).writes == ()


def test_a_reason_names_limit_rating_and_the_element_that_binds() -> None:
    substation = Substation(EV)
    verdict = substation.step(result(limited("ev", 10 * 690.0)))
    setpoint = verdict.setpoints[0]
    assert setpoint.reason == ("limited to 6.9 of 22.1 kW: transformer 9 'T1' phase b at 98 %")
    assert setpoint.binding == ("T1",)
    assert setpoint.source is SetpointSource.SAFETY


def test_a_guard_meter_without_reactive_power_counts_as_lost() -> None:
    substation = Substation(EV)
    substation.step(result(limited("ev", 10 * 690.0)))
    substation.meter = Reading((230.0,) * 3, (1000.0,) * 3, (0.0, None, 0.0))
    assert substation.steps(5, result()) == [10.0] * 5


def test_a_guard_meter_that_the_estimation_doubts_raises_nothing_and_is_named() -> None:
    substation = Substation(EV)
    substation.step(result(limited("ev", 10 * 690.0)))
    substation.doubted = ("trafo",)
    assert substation.steps(20, result()) == [10.0] * 20
    assert substation.verdict is not None
    assert substation.verdict.mode is AgentMode.SAFE
    assert "trafo" in substation.verdict.reason


def test_an_answer_that_gives_up_its_reserve_raises_nothing() -> None:
    substation = Substation(EV)
    substation.step(result(limited("ev", 10 * 690.0)))
    given_up = replace(result(limited("ev", 20 * 690.0)), reserve_given_up=("T1",))
    assert substation.steps(5, given_up) == [10.0] * 5
    lower = replace(result(limited("ev", 8 * 690.0)), reserve_given_up=("T1",))
    assert substation.steps(1, lower) == [8.0]


def test_a_device_that_says_nothing_usable_keeps_its_limit() -> None:
    substation = Substation(EV)
    substation.step(result(limited("ev", 10 * 690.0)))
    silent = replace(result(), uncontrolled=("ev",))
    assert substation.steps(30, silent) == [10.0] * 30


def test_a_device_that_was_away_is_released_from_where_it_was() -> None:
    substation = Substation(EV)
    substation.step(result(limited("ev", 10 * 690.0)))
    substation.lost.add("ev")
    substation.steps(60, result())
    substation.lost.clear()
    assert substation.steps(1, result())[0] <= 10.0 + 0.1 * 32 + 1


def test_falling_voltage_raises_no_amperes_without_a_verified_state() -> None:
    substation = Substation(EV)
    order = result(limited("ev", 10.9 * 690.0))
    substation.step(order)
    substation.volts = 220.0
    unverified = replace(order, verified=False)
    assert substation.steps(5, unverified) == [10.0] * 5


def test_a_fall_back_before_the_first_verified_state_is_not_written_over_when_blind() -> None:
    substation = Substation(EV)
    substation.steps(5, None)
    substation.in_force["ev"] = 7.0
    assert substation.steps(120, None) == [7.0] * 120


def test_a_device_that_restarts_during_the_blind_ramp_is_not_raised_to_the_ramp() -> None:
    substation = Substation(EV)
    substation.step(result())
    substation.steps(40, None)
    assert substation.in_force["ev"] > 20.0
    substation.in_force["ev"] = 8.0
    assert substation.steps(60, None) == [8.0] * 60


def test_a_slow_device_on_its_way_up_has_not_lowered_its_limit() -> None:
    substation = Substation(EV, found=10.0)
    substation.step(result())
    substation.deaf.add("ev")
    for _ in range(5):
        substation.step(result())
        assert not substation.controller.controls["ev"].goes_its_own_way(now=substation.now)


def test_nothing_below_the_floor_is_ever_written() -> None:
    substation = Substation(EV, found=0.0)
    for _ in range(120):
        for write in substation.step(None).writes:
            assert write.amount >= 7.0
    assert substation.steps(20, result())[-1] == 32.0


@pytest.mark.parametrize("nonsense", [65_535.0, float("nan"), -1.0])
def test_nonsense_read_back_is_no_limit_to_keep(nonsense: float) -> None:
    substation = Substation(EV, found=nonsense)
    substation.step(result())
    control = substation.controller.controls["ev"]
    assert control.amount is None or control.amount == 32.0
    assert not control.limited


def test_an_unknown_loading_does_not_end_the_hold_of_idle_charge_points() -> None:
    substation = Substation(EV)
    substation.available_w["ev"] = 0.0
    substation.step(result(loading=0.9))
    assert set(substation.steps(30, result(loading=float("nan")))) == {7.0}


def overloaded(ampere: float) -> Reading:
    """Import through a 165.6 kVA transformer, metered at its low-voltage end; a phase above all."""
    watts = -ampere * 230.0
    return Reading((230.0,) * 3, (0.5 * watts, watts, 0.5 * watts), (0.0,) * 3)


def test_a_measured_overload_lowers_consumers_at_once_when_the_state_is_not_verified() -> None:
    substation = Substation(EV, PV)
    substation.step(result())
    substation.meter = overloaded(264.0)
    amounts = substation.steps(6, None)
    assert amounts[0] < 32.0
    assert amounts == sorted(amounts, reverse=True)
    assert amounts[-1] == 8.0
    assert substation.in_force["pv"] == 1.0
    assert substation.verdict is not None
    setpoint = substation.verdict.setpoints[0]
    assert setpoint.source is SetpointSource.SAFETY
    assert "trafo measures 110% on phase b" in setpoint.reason
    substation.meter = overloaded(100.0)
    assert substation.steps(20, None) == [8.0] * 20


def test_a_measured_overload_of_feed_in_lowers_generators_only() -> None:
    substation = Substation(PV, EV)
    substation.step(result())
    substation.meter = overloaded(-264.0)
    assert substation.steps(6, None)[-1] == pytest.approx(0.3)
    assert substation.in_force["ev"] == 32.0


def test_a_measured_overload_needs_no_state_at_the_start_either() -> None:
    substation = Substation(EV, found=32.0)
    substation.meter = overloaded(264.0)
    assert substation.steps(6, None)[-1] == 8.0


def test_a_doubted_guard_meter_that_shows_an_overload_is_believed_in_lowering() -> None:
    substation = Substation(EV)
    substation.step(result())
    substation.meter, substation.doubted = overloaded(264.0), ("trafo",)
    assert substation.steps(6, result())[-1] == 8.0


def test_a_verified_state_knows_better_than_a_single_meter() -> None:
    substation = Substation(EV)
    substation.meter = overloaded(264.0)
    assert substation.steps(6, result()) == [32.0] * 6


def test_a_measured_overload_never_raises_or_cuts_a_floor() -> None:
    substation = Substation(EV, found=7.0)
    substation.meter = overloaded(600.0)
    assert substation.steps(40, None) == [7.0] * 40


def claims(*pairs: tuple[SetpointSource, float]) -> Iterable[Claim]:
    return [Claim(source, limit_w, source.name.lower()) for source, limit_w in pairs]


def test_the_lowest_limit_wins_and_keeps_its_source_and_reason() -> None:
    winner = arbitrate(
        EV, claims((SetpointSource.SAFETY, 9000.0), (SetpointSource.OPERATOR, 8000.0))
    )
    assert (winner.source, winner.limit_w, winner.reason) == (
        SetpointSource.OPERATOR,
        8000.0,
        "operator",
    )


def test_of_equal_limits_safety_wins() -> None:
    winner = arbitrate(EV, claims((SetpointSource.MARKET, 9000.0), (SetpointSource.SAFETY, 9000.0)))
    assert winner.source is SetpointSource.SAFETY


def test_nobody_goes_below_the_floor_or_above_the_rating() -> None:
    assert arbitrate(EV, claims((SetpointSource.OPERATOR, 0.0))).limit_w == EV.floor_w
    assert arbitrate(EV, claims((SetpointSource.MARKET, 1e6))).limit_w == EV.rated_w
    assert arbitrate(EV, []).source is SetpointSource.NONE


@pytest.mark.parametrize("volts", [200.0, 207.0, 213.0, 218.0, 230.0, 240.0])
@pytest.mark.parametrize("amperes", [19.0, 20.0, 24.0])
def test_a_decision_is_told_in_the_amperes_that_it_verified_at_any_voltage(
    volts: float, amperes: float
) -> None:
    car = replace(SINGLE_PHASE, rated_w=32 * 230.0)
    substation = Substation(car)
    substation.volts = volts
    substation.step(result(limited("single", amperes * volts)))
    assert substation.in_force["single"] == amperes


@pytest.mark.parametrize("volts", [200.0, 213.0, 230.0])
def test_who_asks_for_the_floor_gets_its_amperes_at_any_voltage(volts: float) -> None:
    car = replace(SINGLE_PHASE, rated_w=32 * 230.0)
    for asked_w in (0.0, car.floor_w):
        substation = Substation(car)
        substation.volts = volts
        substation.step(result(limited("single", asked_w)))
        assert substation.in_force["single"] == 19.0


@pytest.mark.parametrize(
    ("rated_w", "floor_w", "floor_a", "top_a"),
    [(11_000.0, 4_200.0, 7, 16), (22_000.0, 4_830.0, 7, 32), (11_040.0, 4_200.0, 7, 16)],
)
def test_floors_are_rounded_up_and_ratings_to_the_nearest_ampere(
    rated_w: float, floor_w: float, floor_a: int, top_a: int
) -> None:
    device = replace(EV, rated_w=rated_w, floor_w=floor_w, fallback_w=floor_w)
    amounts = Amounts.of(device, AMPERES)
    assert (amounts.floor, amounts.top) == (floor_a, top_a)


@pytest.mark.parametrize("volts", [(230.0, 230.0, 0.0), (230.0, 230.0, None), (0.0, 0.0, 0.0)])
def test_a_terminal_without_a_voltage_makes_no_more_amperes_of_the_same_watts(
    volts: tuple[float | None, float | None, float | None],
) -> None:
    amounts = Amounts.of(EV, AMPERES)
    # 7 kW are 10 A at three terminals, and 15 A at two
    assert amounts.amount(7_000.0, Reading(voltage_v=volts), None) == 10.0


def test_a_voltage_that_no_network_has_in_service_makes_hardly_more_amperes() -> None:
    amounts = Amounts.of(EV, AMPERES)
    # at 120 V they would be 19 A, and 13 kW if it is the device's own meter that is wrong
    assert amounts.amount(7_000.0, Reading(voltage_v=(120.0,) * 3), None) == 11.0


@pytest.mark.parametrize("said", [None, -1.0])
def test_a_device_that_does_not_say_its_limit_is_an_alarm_and_not_written_to(
    said: float | None,
) -> None:
    substation, board = Substation(EV, PV), AlarmBoard()

    def alarms(seconds: int) -> list[tuple[str, AlarmState]]:
        changes: list[Alarm] = []
        for _ in range(seconds):
            verdict = substation.step(result(limited("ev", 10 * 690.0), limited("pv", 0.0)))
            written.update(write.device for write in verdict.writes)
            found = limits_unknown(substation.image(), substation.controller.controls.values())
            changes += board.step(found, now=substation.now, time_ns=0)
        return [(alarm.key, alarm.state) for alarm in changes]

    written: set[str] = set()
    substation.in_force["ev"] = said  # type: ignore[assignment]
    assert alarms(2) == []
    assert alarms(60) == [("limit-unknown/ev", AlarmState.ACTIVE)]
    assert written == {"pv"}
    substation.in_force["ev"] = 32.0
    assert alarms(20) == [("limit-unknown/ev", AlarmState.CLEARED)]
    assert written == {"ev", "pv"}


def test_a_device_that_is_lost_is_no_second_alarm_for_its_limit() -> None:
    substation = Substation(EV)
    substation.step(result())
    substation.lost.add("ev")
    substation.step(result())
    controls = substation.controller.controls.values()
    assert list(limits_unknown(substation.image(), controls)) == []


BOXED = replace(EV, kind=DeviceKind.ENERGY_MANAGER)
FIXED_SPEED = replace(EV, kind=DeviceKind.HEAT_PUMP, rated_w=9000.0, floor_w=4200.0, step_w=9000.0)


@pytest.mark.parametrize(
    ("device", "available_w", "drawn_w", "idle"),
    [
        (EV, 0.0, 0.0, True),
        (EV, 4000.0, 0.0, False),
        (FIXED_SPEED, 0.0, 0.0, True),
        (FIXED_SPEED, 9000.0, 0.0, False),
        (replace(EV, kind=DeviceKind.STORAGE), -20.0, 0.0, True),
        (replace(EV, kind=DeviceKind.STORAGE), -3000.0, -900.0, False),
        (PV, 0.0, 0.0, False),
        (BOXED, None, 0.0, True),
        (BOXED, None, 4000.0, False),
        (FIXED_SPEED, None, 0.0, False),  # held at its floor it could never show that it wants
        (replace(BOXED, floor_w=0.0), None, 0.0, False),
    ],
)
def test_whoever_wants_nothing_and_may_begin_at_any_time_is_idle(
    device: Device, available_w: float | None, drawn_w: float, idle: bool
) -> None:
    reading = Reading((230.0,) * 3, (drawn_w / 3,) * 3, (0.0,) * 3, None, available_w)
    assert is_idle(device, reading) is idle
    assert not is_idle(device, None)
