"""How devices take their limits: late, by steps, on or off, on a ramp, not too often."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ortsnetz_common.link.messages import SetpointSource
from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.parameter_set import Timing
from ortsnetz_common.parameters.station import Connection, Device, DeviceKind
from ortsnetz_edge.control.amounts import Amounts
from ortsnetz_edge.control.arbitration import Claim
from ortsnetz_edge.control.device import DeviceControl
from ortsnetz_edge.drivers.contract import LimitResolution, LimitUnit

WALLBOX = Device(
    name="d",
    kind=DeviceKind.EV,
    profile="x",
    connection=Connection("modbus-tcp", "127.0.0.1", 502),
    element=1,
    phase_count=3,
    phases="abc",
    rated_w=11_000.0,
    floor_w=4200.0,
    floor_rule="14a EnWG",
    reaction_s=5.0,
    fallback_w=4200.0,
    u_sigma=0.002,
    p_sigma=10.0,
)
PUMP = replace(WALLBOX, kind=DeviceKind.HEAT_PUMP, rated_w=6000.0, floor_w=0.0, fallback_w=0.0)
PV = replace(WALLBOX, kind=DeviceKind.PV, rated_w=10_000.0, floor_w=0.0, fallback_w=0.0)
PV = replace(PV, reaction_s=2.0)
CONTROL_BOX = LimitResolution(LimitUnit.WATT, 100.0, 4200.0, acknowledged_s=300.0, reaction_s=60.0)
ON_OFF = LimitResolution(LimitUnit.SHARE, 1.0)
SG_READY = LimitResolution(LimitUnit.SHARE, 1.0, reaction_s=180.0, hold_s=600.0)
RAMPING = LimitResolution(LimitUnit.SHARE, 0.01, reaction_s=12.0)
STEPS = LimitResolution(LimitUnit.AMPERE, 1.0, 6.0)
NEED = Claim(SetpointSource.SAFETY, 0.0, "the cable is full")


@dataclass
class Play:
    """One device and what controls it, second by second.

    Attributes:
        says_after_s: time from a write until the device says the limit as its own; None is never.
        drawn_w: what it draws, magnitude.
        written: instants and amounts of all writes.
    """

    device: Device
    resolution: LimitResolution
    says_after_s: float | None = 0.0
    drawn_w: float = 0.0
    now: float = 1000.0
    written: list[tuple[float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.control = DeviceControl(
            device=self.device,
            amounts=Amounts.of(self.device, self.resolution),
            timing=Timing(cycle_s=1.0, refresh_s=10.0, hold_s=0.0),
            first_refresh_s=1.0,
        )
        self.started = self.now
        self.said = self.control.amounts.top

    def second(self, limit_w: float) -> None:
        """One cycle in which the network allows so much."""
        self.now += 1.0
        control = self.control
        if self.says_after_s is not None:
            due = [a for at, a in self.written if at <= self.now - self.says_after_s]
            self.said = due[-1] if due else self.said
        drawn = (self.drawn_w / 3.0,) * 3
        reading = Reading((230.0,) * 3, drawn, (0.0,) * 3, None, None)
        control.observe(reading, self.said, now=self.now)
        claim = Claim(NEED.source, limit_w, NEED.reason)
        control.aim(claim, limit_w, may_raise=True)
        write = control.due(now=self.now, active_since=self.started)
        if write is not None:
            self.written.append((self.now, write.amount))
            control.written(write, now=self.now)

    def seconds(self, count: int, limit_w: float) -> list[bool]:
        """Several cycles; after each whether the device counts as going its own way."""
        found = []
        for _ in range(count):
            self.second(limit_w)
            found.append(self.control.goes_its_own_way(now=self.now))
        return found

    @property
    def amount(self) -> float | None:
        return self.control.amount


def test_a_control_box_that_acknowledges_after_minutes_does_not_count_as_ignoring() -> None:
    box = Play(WALLBOX, CONTROL_BOX, says_after_s=240.0)
    assert not any(box.seconds(400, 5000.0))
    assert not box.control.cannot_be_limited(now=box.now)
    assert box.said == 5000.0


def test_its_late_word_is_not_taken_for_a_limit_of_its_own_when_it_is_released() -> None:
    box = Play(WALLBOX, CONTROL_BOX, says_after_s=240.0)
    box.seconds(400, 5000.0)
    assert not any(box.seconds(400, 11_000.0))
    # it still said 5000 for four minutes, and was meant to have its rating all the while
    assert {amount for at, amount in box.written if at > 1401.0} == {11_000.0}
    assert box.said == 11_000.0


def test_limits_that_change_each_minute_do_not_confuse_a_late_word() -> None:
    box = Play(WALLBOX, CONTROL_BOX, says_after_s=240.0)
    for minute in range(20):
        assert not any(box.seconds(60, 5000.0 + 1000.0 * (minute % 5)))


def test_a_control_box_that_never_acknowledges_counts_as_ignoring_when_its_time_is_over() -> None:
    box = Play(WALLBOX, CONTROL_BOX, says_after_s=None)
    found = box.seconds(400, 5000.0)
    assert found.index(True) == pytest.approx(300 + 2, abs=2)
    again = [at for at, _ in box.written if at > 1000.0 + 303.0]
    assert again[1] - again[0] < 10.0  # it is written to again, more often than refreshed


def test_without_its_time_in_the_profile_the_same_box_would_be_blamed() -> None:
    plain = LimitResolution(LimitUnit.WATT, 100.0, 4200.0)
    assert any(Play(WALLBOX, plain, says_after_s=240.0).seconds(60, 5000.0))


def test_a_device_that_draws_too_much_is_found_before_it_has_to_acknowledge() -> None:
    """It has to follow within its reaction time, whenever its word comes."""
    box = Play(WALLBOX, CONTROL_BOX, says_after_s=240.0, drawn_w=11_000.0)
    found = box.seconds(120, 5000.0)
    assert found.index(True) == pytest.approx(60 + 2, abs=2)
    assert box.control.cannot_be_limited(now=box.now)


@pytest.mark.parametrize(
    ("limit_w", "amount"), [(0.0, 0.0), (3000.0, 0.0), (5999.0, 0.0), (6000.0, 1.0), (7000.0, 1.0)]
)
def test_a_device_that_is_on_or_off_is_off_below_its_rating(limit_w: float, amount: float) -> None:
    pump = Play(PUMP, ON_OFF)
    pump.second(limit_w)
    assert pump.amount == amount


def test_a_device_that_is_on_or_off_with_a_guaranteed_minimum_is_never_switched_off() -> None:
    pump = Play(replace(PUMP, floor_w=4200.0), ON_OFF)
    pump.seconds(60, 4200.0)
    assert {amount for _, amount in pump.written} == {1.0}


@given(st.floats(0.0, 25_000.0), st.sampled_from([0.0, 4140.0, 4200.0]), st.floats(207.0, 253.0))
def test_a_charge_point_gets_zero_or_whole_amperes_from_six(
    limit_w: float, floor_w: float, volts: float
) -> None:
    device = replace(WALLBOX, rated_w=32 * 690.0, floor_w=floor_w)
    amounts = Amounts.of(device, STEPS)
    reading = Reading((volts,) * 3, (0.0,) * 3, (0.0,) * 3, None, None)
    amount = amounts.amount(limit_w, reading, None)
    assert amount in {0.0, *map(float, range(6, 33))}
    # IEC 61851-1: below 6 A there is nothing; 4.2 kW at 230 V and three phases are 7 A
    assert amount >= {0.0: 0.0, 4140.0: 6.0, 4200.0: 7.0}[floor_w]
    if amounts.floor < amount < amounts.top:
        assert amount * 3 * volts <= limit_w + 0.02 * 3 * volts


@given(st.floats(0.0, 12_000.0), st.sampled_from([0.01, 0.001, 0.1]))
def test_a_share_keeps_the_limit_whatever_its_step(limit_w: float, step: float) -> None:
    amounts = Amounts.of(PV, LimitResolution(LimitUnit.SHARE, step))
    amount = amounts.amount(limit_w, None, None)
    assert amount * PV.rated_w <= limit_w + 1e-2 or amount == amounts.floor
    assert amount * PV.rated_w > min(limit_w, PV.rated_w) - (step + 1e-4) * PV.rated_w


def test_a_share_in_whole_percent_is_raised_percent_by_percent() -> None:
    pv = Play(PV, RAMPING)
    assert [(pv.second(limit_w), pv.amount)[1] for limit_w in (5000.0, 5100.0, 5240.0)] == [
        pytest.approx(share) for share in (0.5, 0.51, 0.52)
    ]


def test_a_compressor_is_locked_at_once_and_released_when_its_time_is_over() -> None:
    pump = Play(PUMP, SG_READY)
    pump.second(6000.0)
    pump.second(3000.0)
    assert pump.written[-1] == (1002.0, 0.0)
    pump.seconds(640, 6000.0)
    released = next(at for at, amount in pump.written if at > 1002.0 and amount == 1.0)
    assert released == pytest.approx(1002.0 + 600.0, abs=2.0)


def test_each_lock_begins_its_time_anew() -> None:
    pump = Play(PUMP, SG_READY)
    pump.second(3000.0)
    pump.seconds(620, 6000.0)
    assert pump.amount == 1.0
    pump.second(0.0)
    assert pump.amount == 0.0
    pump.seconds(590, 6000.0)
    assert pump.amount == 0.0


def test_a_held_device_begins_its_ramp_when_its_time_is_over() -> None:
    """What `allowed_w` has reached meanwhile would be let go at once."""
    pump = Play(PUMP, SG_READY)
    pump.second(0.0)
    pump.seconds(30, 6000.0)
    assert pump.control.allowed_w == 0.0


def test_a_device_found_locked_is_not_released_at_once_either() -> None:
    pump = Play(PUMP, SG_READY)
    pump.said = 0.0
    pump.seconds(60, 6000.0)
    assert pump.amount == 0.0


def test_an_inverter_on_its_ramp_is_not_blamed_for_it() -> None:
    pv = Play(PV, RAMPING, drawn_w=10_000.0)
    pv.seconds(20, 10_000.0)
    for second in range(60):
        pv.drawn_w = max(3000.0, 10_000.0 - 1000.0 * second)  # a tenth of its rating a second
        assert not any(pv.seconds(1, 3000.0))


def test_an_inverter_that_stays_above_its_limit_is_blamed_after_its_ramp() -> None:
    pv = Play(PV, RAMPING, drawn_w=10_000.0)
    pv.seconds(20, 10_000.0)
    found = pv.seconds(60, 3000.0)
    assert found.index(True) == pytest.approx(12 + 2, abs=2)
    assert pv.control.cannot_be_limited(now=pv.now)


RESOLUTIONS = {
    "control box": (WALLBOX, CONTROL_BOX),
    "on or off": (PUMP, ON_OFF),
    "SG Ready": (PUMP, SG_READY),
    "on a ramp": (PV, RAMPING),
    "by amperes": (replace(WALLBOX, rated_w=32 * 690.0), STEPS),
}


@pytest.mark.parametrize("kind", RESOLUTIONS)
@given(data=st.data())
def test_whatever_is_asked_a_device_gets_only_what_it_takes_and_when(
    kind: str, data: st.DataObject
) -> None:
    device, resolution = RESOLUTIONS[kind]
    says_after_s = min(240.0, resolution.acknowledged_s)
    play = Play(device, resolution, says_after_s=says_after_s)
    amounts = play.control.amounts
    wishes = st.tuples(st.integers(1, 90), st.floats(0.0, 1.2 * device.rated_w))
    for seconds, limit_w in data.draw(st.lists(wishes, min_size=1, max_size=8)):
        play.seconds(seconds, limit_w)
    lowered_at: float | None = None
    before = amounts.top
    for at, amount in play.written:
        assert amounts.floor <= amount <= amounts.top
        assert amount == 0.0 or amount >= resolution.smallest
        assert amount / resolution.step == pytest.approx(round(amount / resolution.step))
        if amount > before and lowered_at is not None:
            assert at - lowered_at >= resolution.hold_s
        lowered_at = at if amount < before else lowered_at
        before = amount
    assert not play.control.goes_its_own_way(now=play.now)
