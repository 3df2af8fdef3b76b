"""The rules of limiting, as sentences. Time is an argument; nothing sleeps."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from msgspec.structs import replace

from ortsnetz_common.link.messages import SetpointSource
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
from ortsnetz_edge.control.amounts import Amounts
from ortsnetz_edge.control.arbitration import Claim, arbitrate
from ortsnetz_edge.control.controller import Controller, Verdict
from ortsnetz_edge.control.failsafe import AgentMode
from ortsnetz_edge.drivers.contract import LimitResolution, LimitUnit, Scan
from ortsnetz_edge.hosting.calls import DeviceLimit, LimitingResult

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
        self.deaf: set[str] = set()
        parameters = ParameterSet(
            SCHEMA,
            "ons-1",
            1,
            "0" * 64,
            Station((TRAFO,), devices, (), SourcePseudo(1, 1.0, 0.01)),
            timing=Timing(),
            mode=Mode(mode),
        )
        resolutions = {d.name: SHARES if d.kind is DeviceKind.PV else AMPERES for d in devices}
        self.controller = Controller(parameters, resolutions, now=self.now)
        self.in_force = {
            d.name: self.controller.controls[d.name].amounts.top if found is None else found
            for d in devices
        }
        self.verdict: Verdict | None = None

    def readings(self) -> dict[str, Reading]:
        found = {} if self.meter is None else {"trafo": self.meter}
        for device in self.devices:
            if device.name not in self.lost:
                found[device.name] = Reading(
                    (self.volts,) * 3, (0.0,) * 3, (0.0,) * 3, None, self.available_w[device.name]
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
            self.image(), self.readings(), found, "state_estimation: no result", now=self.now
        )
        for write in verdict.writes:
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
