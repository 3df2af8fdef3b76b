"""How limits come back: in turn, within the room, and without swinging where all comes late."""

from __future__ import annotations

import dataclasses
import random
from itertools import pairwise

import pytest
from feeder_loop import AMPERES, CONTROL_BOX, EV, PUMP, Feeder, Played, crowd
from msgspec.structs import replace

from ortsnetz_common.parameters.parameter_set import Timing
from ortsnetz_common.parameters.station import DeviceKind
from ortsnetz_edge.control.changes import ChangeBudget
from ortsnetz_edge.control.release import Rise, Sustained, Turns
from ortsnetz_edge.drivers.contract import LimitResolution, LimitUnit

BOX = replace(
    EV,
    name="box",
    step_a=None,
    reaction_s=60.0,
    rated_w=11_000.0,
    floor_w=4200.0,
    fallback_w=4200.0,
)
FULL_W = 200e3
ALL_CHARGE = EV.rated_w
HOUR_S = 3600


def charging(count: int = 20) -> list[Played]:
    return [Played(device, AMPERES, lambda _now: ALL_CHARGE) for device in crowd(count)]


def boxes(count: int) -> list[Played]:
    """Charge points behind control boxes: they follow after 50 s and say so after minutes."""
    return [
        Played(device, CONTROL_BOX, lambda _now: BOX.rated_w, follows_s=50.0, says_s=240.0)
        for device in crowd(count, BOX)
    ]


def peak_between(now: float) -> float:
    """The street's own evening peak from the second to the fifth minute."""
    return 75e3 if 60 < now < 300 else 10e3


def changes(log: list[dict[str, float]]) -> int:
    """Most changes of one device's limit."""
    return max(sum(early[name] != late[name] for early, late in pairwise(log)) for name in log[0])


def test_a_crowd_does_not_return_at_once_and_does_return() -> None:
    feeder = Feeder(charging(), FULL_W, peak_between)
    feeder.seconds(299)
    held_w = feeder.drawn_w[-1] - 75e3
    feeder.seconds(3)  # the peak is over, its end is seen and held
    rises = []
    for _ in range(120):
        before = sum(feeder.amounts().values())
        feeder.second()
        rises.append((sum(feeder.amounts().values()) - before) * 690.0)
    room_w = FULL_W - 10e3 - held_w
    assert max(rises) < 0.5 * room_w
    assert max(feeder.drawn_w[300:]) <= FULL_W
    assert feeder.drawn_w[-1] == pytest.approx(0.95 * FULL_W, rel=0.03)


@pytest.mark.parametrize("late", [0, 3, 6, 10], ids="{}-cycles-late".format)
@pytest.mark.parametrize("command_late", [0, 3], ids="commands-{}-late".format)
def test_limits_do_not_swing_however_late_the_meter_is(late: int, command_late: int) -> None:
    timing = Timing(hold_s=max(5.0, late))  # longer than what comes late, as it has to be
    feeder = Feeder(
        charging(), FULL_W, peak_between, late=late, command_late=command_late, timing=timing
    )
    log = []
    for _ in range(600):
        feeder.second()
        log.append(feeder.amounts())
    reacted = 60 + 3 + late + command_late + 3  # the peak, the cars, the delays, three cycles
    assert max(feeder.drawn_w[reacted:]) <= FULL_W
    assert changes(log[500:]) == 0  # at rest
    assert changes(log) <= 30
    assert feeder.drawn_w[-1] > 0.9 * FULL_W


def test_noise_of_the_estimate_does_not_move_limits_up_and_down() -> None:
    noise = random.Random(1)
    feeder = Feeder(charging(), FULL_W, lambda _now: 75e3, noise_w=lambda _: noise.gauss(0, 2e3))
    log = []
    for _ in range(600):
        feeder.second()
        log.append(feeder.amounts())
    assert changes(log[60:]) <= 4


def test_the_others_make_room_while_slow_devices_have_not_followed() -> None:
    feeder = Feeder([*boxes(5), *charging(13)], FULL_W, lambda now: 75e3 if now > 150 else 10e3)
    feeder.seconds(149)
    quick_before = feeder.amounts()["ev-00"]
    feeder.seconds(10)  # the peak has begun: cars follow in seconds, boxes in a minute
    assert max(feeder.drawn_w[155:]) <= FULL_W
    quick = feeder.amounts()["ev-00"]
    feeder.seconds(200)
    assert quick < feeder.amounts()["ev-00"] <= quick_before
    assert max(feeder.drawn_w[155:]) <= FULL_W
    box = feeder.amounts()["box-00"] / BOX.rated_w
    assert box == pytest.approx(feeder.amounts()["ev-00"] / 16, abs=0.1)  # nobody gave up for good


def test_a_slow_device_is_raised_only_when_its_last_limit_can_have_acted() -> None:
    feeder = Feeder(boxes(5), 40e3, lambda now: max(0.0, 15e3 - 20.0 * now))
    raised: dict[str, list[float]] = {name: [] for name in feeder.played}
    before = feeder.amounts()
    for _ in range(1200):
        feeder.second()
        after = feeder.amounts()
        for name, amount in after.items():
            if amount > before.get(name, amount):
                raised[name].append(feeder.now)
        before = after
    assert any(raised.values())
    for times in raised.values():
        assert all(late - early >= 60.0 for early, late in pairwise(times))
    assert max(feeder.drawn_w[70:]) <= 40e3
    assert feeder.controller.counted()["setpoint_changes_most_an_hour"] <= 30


def test_a_slow_device_that_ignores_its_limit_is_noticed_compensated_and_taken_back() -> None:
    feeder = Feeder([*boxes(1), *charging(4)], 50e3)
    feeder.seconds(200)
    box = feeder.controller.controls["box-00"]
    feeder.played["box-00"].deaf = True
    feeder.played["box-00"].obeys = BOX.rated_w
    feeder.base_w = lambda _now: 4e3
    noticed = None
    for second in range(120):
        feeder.second()
        if box.cannot_be_limited(now=feeder.now) and noticed is None:
            noticed = second
    # it may have drawn that much for a reaction time after it was told less at last
    assert noticed is not None
    assert noticed <= 60 + 5
    assert max(feeder.drawn_w[-50:]) <= 50e3
    feeder.played["box-00"].deaf = False
    feeder.seconds(300)
    assert not box.goes_its_own_way(now=feeder.now)
    assert feeder.draws["box-00"] <= feeder.amounts()["box-00"]
    assert feeder.drawn_w[-1] > 0.85 * 50e3


def test_changes_within_an_hour_are_bounded_whatever_the_feeder_does() -> None:
    swinging = Timing(hold_s=0.0, changes_per_hour=40)
    feeder = Feeder(charging(3), 30e3, lambda now: 15e3 if now % 40 < 20 else 5e3, timing=swinging)
    times: list[float] = []
    before = feeder.amounts()
    for _ in range(2 * HOUR_S):
        feeder.second()
        after = feeder.amounts()
        if before and after["ev-00"] != before["ev-00"]:
            times.append(feeder.now)
        before = after
    within = max(sum(at <= t < at + HOUR_S for t in times) for at in times)
    # raises end at 40; what is lowered after the last of them is the ramp's way down
    assert within <= 40 + 9
    assert feeder.controller.counted()["setpoint_raises_delayed"] > 0
    over = sum(watts > 30e3 for watts in feeder.drawn_w)
    assert over <= 2 * HOUR_S / 40 * (3 + 1)  # only until the cars have followed


def test_a_third_of_an_hours_changes_is_free_and_the_rest_is_spread() -> None:
    budget = ChangeBudget(12)
    for second in range(4):
        assert budget.may_raise(now=second)
        budget.note(now=float(second))
    assert not budget.may_raise(now=3.0 + 449.0)
    assert budget.may_raise(now=3.0 + 451.0)  # eight for the rest of an hour
    for _ in range(8):
        budget.note(now=800.0)
    assert not budget.may_raise(now=HOUR_S - 1.0)
    assert budget.may_raise(now=HOUR_S + 800.0)
    assert (budget.total, budget.most) == (12, 12)


def test_a_share_of_a_thousandth_does_not_move_each_second() -> None:
    noise = random.Random(2)
    pump = replace(PUMP, kind=DeviceKind.LOAD)
    feeder = Feeder(
        [Played(pump, LimitResolution(LimitUnit.WATT, 10.0, reaction_s=5.0), lambda _now: 9000.0)],
        10e3,
        lambda _now: 5e3,
        noise_w=lambda _: noise.gauss(0, 10.0),
    )
    log = []
    for _ in range(1800):
        feeder.second()
        log.append(feeder.amounts())
    assert changes(log[30:]) <= 6
    assert max(feeder.drawn_w[30:]) <= 10e3
    assert feeder.drawn_w[-1] > 0.94 * 10e3


def test_only_what_was_allowed_all_the_time_is_given_back() -> None:
    allowed = Sustained(5.0)
    assert allowed.note(100.0, now=0.0) == 100.0
    assert allowed.note(40.0, now=1.0) == 40.0
    assert [allowed.note(90.0 + t, now=float(t)) for t in range(2, 9)] == [40.0] * 5 + [92.0, 93.0]


def rise(device: str, present_w: float, wanted_w: float, asked_w: float | None = None) -> Rise:
    return Rise(device, present_w, min(wanted_w, present_w + 1000.0), wanted_w, asked_w, 8.0)


def test_half_the_room_at_most_is_on_its_way_until_it_shows() -> None:
    turns = Turns()
    rises = [rise(f"d{n:02}", 5000.0, 6000.0) for n in range(10)]
    first = turns.grant(rises, now=0.0)
    assert sum(first.values()) - 50_000.0 == pytest.approx(5000.0)
    left = [one for one in rises if first[one.device] == one.present_w]
    assert sum(turns.grant(left, now=1.0).values()) == sum(one.present_w for one in left)
    assert turns.given_w(now=9.0) == 0.0
    later = turns.grant(left, now=9.0)
    assert sum(later.values()) > sum(one.present_w for one in left)


def test_one_device_at_a_time_is_let_through_and_who_has_least_comes_first() -> None:
    turns = Turns()
    granted = turns.grant([rise("much", 9000.0, 10_000.0), rise("little", 1000.0, 1900.0)], now=0.0)
    assert granted == {"much": 9000.0, "little": 1900.0}


def test_a_limit_above_what_is_asked_for_takes_no_room() -> None:
    turns = Turns()
    idle = [rise(f"idle{n}", 5000.0, 11_000.0, asked_w=0.0) for n in range(5)]
    granted = turns.grant([*idle, rise("car", 5000.0, 6000.0)], now=0.0)
    assert all(limit_w == 6000.0 for limit_w in granted.values())


def test_feed_in_does_not_count_on_the_room_of_consumption() -> None:
    turns = Turns()
    cars = [rise(f"car{n}", 5000.0, 6000.0) for n in range(6)]
    roofs = [dataclasses.replace(rise(f"roof{n}", 5000.0, 6000.0), feeds_in=True) for n in range(2)]
    granted = turns.grant([*cars, *roofs], now=0.0)
    assert sum(granted[one.device] > one.present_w for one in cars) == 3
    assert sum(granted[one.device] > one.present_w for one in roofs) == 1


def test_a_large_step_is_not_passed_for_ever_by_small_ones() -> None:
    """A heat pump of fixed speed takes 12 kW at once; cars take theirs by the ampere."""
    turns = Turns()
    pump = Rise("pump", 4800.0, 12_000.0, 12_000.0, 12_000.0, 8.0, step_w=12_000.0)
    assert pump.flow_w(12_000.0) == 12_000.0  # at its floor it stands
    for second in range(60):
        cars = [
            Rise(f"car{n}", 5000.0, 5690.0, 5690.0, 11_000.0, 8.0) for n in range(second % 7, 20, 7)
        ]
        granted = turns.grant([*cars, *([pump] if second else [])], now=float(second))
        if granted.get("pump") == 12_000.0:
            break
    assert 8 <= second <= 20


def test_a_car_that_arrives_does_not_wait_out_the_hold_of_an_idle_point() -> None:
    arrives = 100.0
    cars = [Played(d, AMPERES, lambda _now: ALL_CHARGE) for d in crowd(6)]
    late = Played(
        replace(EV, name="late"), AMPERES, lambda now: ALL_CHARGE if now >= arrives else 0.0
    )
    feeder = Feeder([*cars, late], 7 * ALL_CHARGE / 0.96)
    feeder.seconds(99)
    assert feeder.amounts()["late"] == 7.0
    feeder.seconds(2)
    assert feeder.amounts()["late"] > 7.0
    feeder.seconds(20)
    assert feeder.amounts()["late"] == 16.0


def test_what_is_taken_back_is_no_longer_on_its_way() -> None:
    turns = Turns()
    turns.grant([rise("a", 5000.0, 6000.0), rise("b", 5000.0, 6000.0)], now=0.0)
    assert turns.given_w(now=1.0) == 1000.0
    turns.taken_back("a", 400.0)
    assert turns.given_w(now=1.0) == 600.0
    turns.taken_back("a", 5000.0)
    assert turns.given_w(now=1.0) == 0.0
