"""The node's clock: what is said of one that jumps, or that nothing keeps."""

from __future__ import annotations

import pytest

from ortsnetz_edge.control.alarms import AlarmBoard
from ortsnetz_edge.control.timekeeping import SAID_FOR_S, ClockWatch

START_NS = 1_795_255_200_000_000_000
HOUR_S = 3600.0


def keys(watch: ClockWatch, now: float, ahead_s: float = 0.0) -> list[str]:
    now_ns = START_NS + round((now + ahead_s) * 1e9)
    return [condition.key for condition in watch.step(now_ns=now_ns, now=now)]


@pytest.mark.parametrize("jump_s", [HOUR_S, -HOUR_S, 1.5, -1.5])
def test_a_clock_that_is_set_is_said_for_a_minute(jump_s: float) -> None:
    watch = ClockWatch(lambda: True)
    assert keys(watch, 0.0) == []
    assert keys(watch, 1.0) == []
    assert keys(watch, 2.0, jump_s) == ["clock-jumped"]
    assert keys(watch, 2.0 + SAID_FOR_S, jump_s) == ["clock-jumped"]
    assert keys(watch, 3.0 + SAID_FOR_S, jump_s) == []
    assert watch.counters["clock_jumps"] == 1


def test_how_far_it_jumped_is_said_with_its_sign() -> None:
    watch = ClockWatch(lambda: True)
    keys(watch, 0.0)
    (condition,) = watch.step(now_ns=START_NS + round(-29.0 * 1e9), now=1.0)
    assert "-30.0 s" in condition.cause


def test_a_clock_that_is_slewed_at_the_fastest_rate_does_not_jump() -> None:
    watch = ClockWatch(lambda: True)
    assert [keys(watch, float(second), second * 500e-6) for second in range(7200)] == [[]] * 7200


def test_a_late_cycle_is_no_jump() -> None:
    watch = ClockWatch(lambda: True)
    keys(watch, 0.0)
    assert keys(watch, 500.0) == []


def test_a_clock_that_nothing_keeps_is_an_alarm_after_five_minutes() -> None:
    watch, board = ClockWatch(lambda: False), AlarmBoard()

    def came(now: float) -> list[str]:
        conditions = watch.step(now_ns=START_NS + round(now * 1e9), now=now)
        return [alarm.key for alarm in board.step(conditions, now=now, time_ns=0)]

    assert [came(float(second)) for second in range(300)] == [[]] * 300
    assert came(300.0) == ["clock-unsynchronised"]


def test_a_system_that_does_not_say_is_not_blamed() -> None:
    assert keys(ClockWatch(lambda: None), 0.0) == []
