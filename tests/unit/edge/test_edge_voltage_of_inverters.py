"""P(U) and reactive power of inverters: what is asked, written, kept and given back."""

from __future__ import annotations

import pytest

from ortsnetz_common.link.messages import SetpointSource
from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.station import Connection, Device, DeviceKind
from ortsnetz_edge.control.adjustment import FAILED_FOR_S, Adjustment, AdjustmentControl
from ortsnetz_edge.control.reactive import FeedInControl, ReactiveControl
from ortsnetz_edge.drivers.contract import Adjustable, Quantity
from ortsnetz_grid.functions.voltage.characteristics import P_OF_U, VDE_Q_OF_U

RATED_W = 10_000.0
MOST_VAR = 4_360.0
PV = Device(
    name="pv",
    kind=DeviceKind.PV,
    profile="pv-inverter",
    connection=Connection("modbus-tcp", "127.0.0.1", 502),
    element=1,
    phase_count=3,
    phases="abc",
    rated_w=RATED_W,
    floor_w=0.0,
    floor_rule="none",
    reaction_s=2.0,
    fallback_w=3_000.0,
    u_sigma=0.005,
    p_sigma=10.0,
    reactive_var=MOST_VAR,
    apparent_va=RATED_W,
)


def at(*u_pu: float | None) -> Reading:
    """A reading of these voltages."""
    volts = [None if u is None else 230.0 * u for u in u_pu]
    return Reading(voltage_v=(volts[0], volts[1], volts[2]))


def control(refresh_s: float | None = 10.0) -> AdjustmentControl:
    adjustable = Adjustable(Quantity.REACTIVE_POWER, 10.0, -RATED_W, RATED_W)
    return AdjustmentControl("pv", adjustable, 0, refresh_s, follows_s=4.0)


class Inverter:
    """Lives with a reactive control, once a second; takes what it is told."""

    def __init__(self, one: ReactiveControl) -> None:
        self.one, self.now = one, 0.0
        self.written: list[tuple[float, Adjustment]] = []
        self.deaf = False

    def live(
        self, seconds: int, reading: Reading | None, told: float | None = None
    ) -> list[Adjustment]:
        """What was written meanwhile."""
        before = len(self.written)
        for _ in range(seconds):
            self.now += 1.0
            adjustment = self.one.step(reading, told, 1.0, now=self.now)
            if adjustment is not None:
                self.one.control.written(adjustment, now=self.now)
                self.written.append((self.now, adjustment))
            if reading is not None:
                said = None if self.deaf else self.one.control.said
                self.one.control.observe(said, now=self.now)
        return [adjustment for _, adjustment in self.written[before:]]


def q_of_u() -> Inverter:
    return Inverter(ReactiveControl(PV, control(), VDE_Q_OF_U, hold_s=30.0))


def by_decision() -> Inverter:
    return Inverter(ReactiveControl(PV, control(), None, hold_s=30.0))


def test_feed_in_is_limited_by_the_highest_phase_and_by_degrees() -> None:
    feed_in = FeedInControl(PV, P_OF_U)
    assert feed_in.step(at(1.0, 1.0, 1.0), 1.0) is None
    first = feed_in.step(at(1.0, 1.0, 1.09), 1.0)
    assert first is not None
    assert first.source is SetpointSource.SAFETY
    assert 0.9 * RATED_W < first.limit_w < RATED_W
    for _ in range(100):
        last = feed_in.step(at(1.0, 1.0, 1.09), 1.0)
    assert last is not None
    assert last.limit_w == pytest.approx(0.5 * RATED_W, rel=0.01)
    assert "1.090 pu" in last.reason


def test_a_missing_voltage_gives_no_feed_in_back() -> None:
    feed_in = FeedInControl(PV, P_OF_U)
    for _ in range(100):
        feed_in.step(at(1.1, 1.1, 1.1), 1.0)
    for silent in (None, at(None, None, None)):
        claim = feed_in.step(silent, 1.0)
        assert claim is not None
        assert claim.limit_w < 0.01 * RATED_W


def test_a_restart_gives_back_nothing_that_a_high_voltage_asked_for() -> None:
    claim = FeedInControl(PV, P_OF_U).step(at(1.0, 1.0, 1.10), 1.0)
    assert claim is not None
    assert claim.limit_w == 0.0


@pytest.mark.parametrize("lost", [0.0, None])
def test_feed_in_does_not_return_when_the_terminal_with_the_high_voltage_is_lost(
    lost: float | None,
) -> None:
    feed_in = FeedInControl(PV, P_OF_U)
    for _ in range(60):
        feed_in.step(at(1.0, 1.0, 1.10), 1.0)
    for _ in range(60):
        claim = feed_in.step(at(1.0, 1.0, lost), 1.0)
    assert claim is not None
    assert claim.limit_w < 0.01 * RATED_W


@pytest.mark.parametrize("lost", [0.0, None])
def test_a_blown_fuse_does_not_turn_the_reactive_power_against_a_high_voltage(
    lost: float | None,
) -> None:
    one = ReactiveControl(PV, control(), VDE_Q_OF_U, hold_s=30.0)
    inverter = Inverter(one)
    inverter.live(60, at(1.09, 1.09, 1.09))
    inverter.live(60, at(1.09, 1.09, lost))
    assert one.asked == pytest.approx(MOST_VAR, rel=0.01)


def test_no_decision_counts_on_an_inverter_that_lately_ignored_its_reactive_power() -> None:
    inverter = by_decision()
    inverter.live(1, at(1.0, 1.0, 1.0), told=3_000.0)
    assert not inverter.one.control.fails(now=inverter.now)
    inverter.deaf = True
    inverter.live(10, at(1.0, 1.0, 1.0), told=3_000.0)
    assert inverter.one.control.fails(now=inverter.now)
    inverter.deaf = False
    inverter.live(60, at(1.0, 1.0, 1.0))
    assert inverter.one.control.fails(now=inverter.now), "it is not tried again each minute"
    assert not inverter.one.control.fails(now=inverter.now + FAILED_FOR_S)


def test_an_inverter_that_measures_one_terminal_follows_that_one() -> None:
    one = ReactiveControl(PV, control(), VDE_Q_OF_U, hold_s=30.0)
    Inverter(one).live(60, at(1.09, None, None))
    assert one.asked == pytest.approx(MOST_VAR, rel=0.01)


def test_a_high_voltage_draws_inductive_power_and_settles() -> None:
    inverter = Inverter(ReactiveControl(PV, control(refresh_s=None), VDE_Q_OF_U, hold_s=30.0))
    inverter.live(100, at(1.05, 1.05, 1.05))
    assert inverter.one.control.said == pytest.approx(MOST_VAR / 2, abs=100.0)
    # creeping and the voltage's noise are not worth a write
    assert inverter.live(50, at(1.0503, 1.0497, 1.05)) == []


def test_the_characteristic_goes_on_from_what_is_in_force() -> None:
    inverter = q_of_u()
    inverter.one.control.observe(2_000.0, now=0.0)  # before a restart of the agent
    inverter.live(1, at(1.05, 1.05, 1.05))
    assert inverter.one.control.said == pytest.approx(2_000.0, abs=100.0)


def test_what_the_decision_tells_is_written_at_once_and_comes_before_the_characteristic() -> None:
    inverter = q_of_u()
    inverter.live(50, at(1.05, 1.05, 1.05))
    (written,) = inverter.live(1, at(1.05, 1.05, 1.05), told=4_000.0)
    assert written.value == 4_000.0
    assert "network's limits" in written.reason


def test_without_a_decision_its_reactive_power_stays_and_is_then_given_back_slowly() -> None:
    inverter = by_decision()
    inverter.live(1, at(1.0, 1.0, 1.0), told=3_000.0)
    inverter.live(29, at(1.0, 1.0, 1.0))
    assert inverter.one.control.said == 3_000.0
    inverter.live(4, at(1.0, 1.0, 1.0))
    assert 1_500.0 < (inverter.one.control.said or 0.0) < 3_000.0
    inverter.live(100, at(1.0, 1.0, 1.0))
    assert inverter.one.control.said == pytest.approx(0.0, abs=200.0)


def test_nobody_who_asks_for_nothing_is_written_to() -> None:
    assert by_decision().live(100, at(1.1, 1.1, 1.1)) == []


def test_a_device_that_does_not_answer_is_not_written_to() -> None:
    assert q_of_u().live(100, None) == []


def test_a_set_point_is_repeated_for_the_watchdog_and_when_it_is_lost() -> None:
    inverter = by_decision()
    inverter.live(1, at(1.0, 1.0, 1.0), told=1_000.0)
    assert [a.value for a in inverter.live(21, at(1.0, 1.0, 1.0), told=1_000.0)] == [1_000.0] * 2
    inverter.deaf = True  # it has restarted
    again = inverter.live(9, at(1.0, 1.0, 1.0), told=1_000.0)
    assert [a.value for a in again] == [1_000.0] * 2


def test_one_that_ignores_its_set_point_is_noticed_after_its_reaction_and_not_before() -> None:
    inverter = by_decision()
    inverter.deaf = True
    inverter.live(4, at(1.0, 1.0, 1.0), told=1_000.0)
    assert not inverter.one.control.ignored(now=inverter.now)
    inverter.live(3, at(1.0, 1.0, 1.0), told=1_000.0)
    assert inverter.one.control.ignored(now=inverter.now)


def test_one_without_a_watchdog_is_written_to_once() -> None:
    one = Inverter(ReactiveControl(PV, control(refresh_s=None), None, hold_s=30.0))
    assert len(one.live(100, at(1.0, 1.0, 1.0), told=500.0)) == 1


def test_nothing_beyond_the_profile_s_bounds_is_asked() -> None:
    inverter = by_decision()
    (written,) = inverter.live(1, at(1.0, 1.0, 1.0), told=20_000.0)
    assert written.value == RATED_W
