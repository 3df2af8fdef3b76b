"""From a decision to the words of an alarm: at night an operator reads what is true now.

Decisions are the function's own, called with bytes as a worker is; what is missing is compared with
the loads that were put into the network.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest
from estimated_present import estimate, solved
from limiting_feeder import Feeder
from msgspec.structs import replace

from ortsnetz_common.link.messages import Alarm, AlarmState
from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.parameter_set import Limits, ParameterSet
from ortsnetz_common.parameters.station import (
    Connection,
    Device,
    DeviceKind,
    SourcePseudo,
    Station,
)
from ortsnetz_edge.control.alarms import AlarmBoard, Condition
from ortsnetz_edge.control.network_conditions import network_limits, why_none_rises
from ortsnetz_edge.control.trust import keeps_everything
from ortsnetz_edge.hosting.calls import (
    DeviceLimit,
    LimitingCall,
    LimitingResult,
    Missed,
    encode,
    limiting_result,
)
from ortsnetz_edge.hosting.combined import both_directions, combined, until_reactive
from ortsnetz_edge.hosting.congestion import Limiting
from ortsnetz_edge.hosting.missed import in_words
from ortsnetz_edge.hosting.state_bytes import to_bytes
from ortsnetz_grid.functions.congestion.situation import limiter_of
from ortsnetz_grid.network.model import Network

S = 10**9
BUSBAR, END, HOUSE, CAR = 2, 5, 1000, 2000
FLOOR_W = 4830.0
CHARGER = Device(
    name="car", kind=DeviceKind.EV, profile="ev-controller",
    connection=Connection("modbus-tcp", "localhost", 1), element=CAR, phase_count=3, phases="abc",
    rated_w=11040.0, floor_w=FLOOR_W, floor_rule="14a EnWG", reaction_s=5.0, fallback_w=FLOOR_W,
    u_sigma=0.005, p_sigma=30.0,
)  # fmt: skip
EXACT = Limits(u_pu=(0.5, 1.5), loading_margin=0.0, u_margin_pu=0.0, sigmas=0.0)


def scene(
    house_node: int, house_w: float, *, transformer_va: float = 30e3, cable_a: float = 30.0
) -> Network:
    """A car at the busbar, and a house that nobody controls."""
    made = Feeder(sections=3, ohm=0.02, transformer_va=transformer_va, cable_a=cable_a)
    made.house(house_node, (house_w / 3,) * 3)
    made.device(BUSBAR, (3680.0,) * 3)
    return made.network()


def too_much_kw(network: Network, car_w: float) -> float:
    """What a transformer of 30 kVA carries beyond its current, at rated voltage."""
    amperes = solved(network, {CAR: ((car_w / 3,) * 3, (0.0,) * 3)})["transformer"]["i_to"]
    return float(amperes.sum() * 0.4 / 3**0.5 - 30.0)


def decided(
    house_node: int,
    house_w: float,
    *,
    cable_a: float = 30.0,
    may_draw: dict[str, float] | None = None,
    limits: Limits = EXACT,
) -> LimitingResult:
    """The answer for the car, which draws 4.8 kW and wants 11."""
    network = scene(house_node, house_w, cable_a=cable_a)
    draws = (1610.0,) * 3
    state = estimate(network, solved(network, {CAR: (draws, (0.0,) * 3)}))
    station = Station((), (CHARGER,), (), SourcePseudo(1, 1.0, 0.01))
    parameters = ParameterSet("ortsnetz.parameters/1", "ons", 1, "", station, limits)
    said = {"car": Reading((230.94,) * 3, draws, (0.0,) * 3, 11040.0, 11040.0)}
    call = LimitingCall(to_bytes(state), said, may_draw=may_draw or {})
    function = Limiting(network, parameters, limiter_of(network))
    return limiting_result(function.call(encode(call)))


def alarms(board: AlarmBoard, result: LimitingResult, seconds: Iterable[int]) -> list[Alarm]:
    """What is said while a decision lasts."""
    return [
        alarm
        for second in seconds
        for alarm in board.step(network_limits(result), now=float(second), time_ns=second * S)
    ]


def standing(board: AlarmBoard, key: str) -> str:
    (cause,) = (alarm.cause for alarm in board.active if alarm.key == key)
    return cause


def kilowatts(words: str) -> float:
    """Power that is missing in all, of what is said by phase."""
    said = re.findall(r"([\d.]+) kW at (each of [abc, ]+|phase [abc])", words)
    return sum(float(amount) * len(re.findall(r"\b[abc]\b", where)) for amount, where in said)


def test_what_no_setting_keeps_is_said_with_its_element_and_the_power_that_is_missing() -> None:
    board = AlarmBoard()
    (alarm,) = (
        one for one in alarms(board, decided(BUSBAR, 40e3), [0]) if one.key == "floors-infeasible"
    )
    assert alarm.priority == 4
    assert "'T1' loading phase " in alarm.cause
    assert re.search(r" at 1(49|5\d)\.\d % \(limit 100 %\)", alarm.cause)
    # once for each phase: its loading and its apparent power ask for the same
    missing_kw = too_much_kw(scene(BUSBAR, 40e3), FLOOR_W)
    assert kilowatts(alarm.cause) == pytest.approx(missing_kw, rel=0.02)
    assert alarm.cause.count(" kW at ") == 1, "all phases are loaded alike"


def test_a_voltage_that_no_setting_keeps_is_said_with_the_power_of_its_own_phase() -> None:
    high = replace(EXACT, u_pu=(0.99, 1.1))
    result = decided(END, 16e3, cable_a=300.0, limits=high)
    (alarm,) = (one for one in network_limits(result) if one.key == "floors-infeasible")
    assert re.search(
        r"node \d+ .*u_pu phase [abc] low at 0\.\d{4} \(limit 0\.99\), "
        r"[\d.]+ kW or [\d.]+ kvar at (each of a, b, c|phase a)",
        alarm.cause,
    )


def test_an_alarm_that_stands_says_the_element_that_is_overloaded_now() -> None:
    """Two seconds of a cable just above its rating, then a transformer far beyond."""
    board = AlarmBoard()
    cable = decided(END, 24e3, cable_a=34.0)
    assert {one.element for one in cable.missed} == {
        "line 100 'L0'",
        "line 101 'L1'",
        "line 102 'L2'",
    }
    alarms(board, cable, range(2))
    assert "'L" in standing(board, "floors-infeasible")
    news = alarms(board, decided(BUSBAR, 44e3), range(2, 600))
    changed = [one for one in news if one.key == "floors-infeasible"]
    assert changed[0].state is AlarmState.ACTIVE
    assert changed[0].worsened
    assert changed[0].time_ns <= 12 * S
    assert "'T1'" in changed[0].cause
    assert "'L" not in standing(board, "floors-infeasible")
    assert len(changed) == 2, "the transformer, and a minute later that the cable is free"
    assert not changed[1].worsened


def condition(**steps: float) -> Condition:
    cause = ", ".join(f"{name} {amount}" for name, amount in steps.items())
    return Condition("k", 4, cause, "consequence", "action", extent=steps)


def said(board: AlarmBoard, second: int, **steps: float) -> list[bool]:
    """Whether what an alarm says anew is worse; empty if it says nothing."""
    news = board.step([condition(**steps)], now=float(second), time_ns=second * S)
    return [alarm.worsened for alarm in news]


def test_an_alarm_is_said_anew_where_it_got_worse_by_a_step_and_not_for_less() -> None:
    board = AlarmBoard()
    assert said(board, 0, T1=2.0) == [False]
    assert said(board, 20, T1=2.9) == []
    assert said(board, 21, T1=3.0) == [True]
    assert said(board, 40, T1=3.9) == []
    assert board.active[0].worsened is False, "it is said once"


def test_an_alarm_that_flutters_between_elements_is_no_flood() -> None:
    board = AlarmBoard()
    news = [said(board, s, **({"T1": 9.0} if s % 2 else {"L7": 1.1})) for s in range(3600)]
    assert sum(map(len, news)) == 2


def test_amounts_that_swing_as_they_like_change_an_alarm_six_times_a_minute_at_most() -> None:
    board = AlarmBoard()
    news = [said(board, s, T1=float(1 + s)) for s in range(600)]
    assert sum(map(len, news)) <= 60


def test_what_got_better_is_said_after_a_minute_and_asks_for_nobody() -> None:
    board = AlarmBoard()
    said(board, 0, T1=9.0, L7=2.0)
    assert [said(board, s, T1=3.0) for s in range(1, 60)] == [[]] * 59
    assert said(board, 61, T1=3.0) == [False]
    assert board.active[0].cause == "T1 3.0"


def test_where_the_network_is_at_its_limit_the_alarm_follows_and_asks_for_nobody() -> None:
    board = AlarmBoard()
    at = LimitingResult("limited", True, 1.0, (DeviceLimit("car", 5e3, "L7", ("L7",)),))
    other = replace(at, limits=(DeviceLimit("car", 5e3, "T1", ("T1",)),))
    assert [one.cause for one in alarms(board, at, range(5))] == ["at its limit: L7"]
    changed = alarms(board, other, range(5, 60))
    assert [(one.cause, one.worsened) for one in changed] == [("at its limit: T1", False)]


def test_after_a_restart_an_alarm_says_what_is_true_now() -> None:
    board = AlarmBoard()
    said(board, 0, L7=1.1)
    again = AlarmBoard(board.active)
    assert said(again, 0, T1=9.0) == [True]
    assert board.active[0].cause != again.active[0].cause
    unchanged = AlarmBoard(board.active)
    assert said(unchanged, 0, L7=1.1) == []


def test_what_is_missed_until_a_slow_device_has_followed_is_an_alarm_and_raises_nothing() -> None:
    result = decided(BUSBAR, 24e3, may_draw={"car": 11e3})
    assert (result.status, result.violated) == ("limited", ())
    assert not keeps_everything(result)
    board = AlarmBoard()
    found = {one.key: one for one in alarms(board, result, range(60))}
    assert found["limits-binding"].priority == 1
    alarm = found["limit-missed-meanwhile"]
    assert (alarm.priority, alarm.state) == (3, AlarmState.ACTIVE)
    assert "'T1' loading phase" in alarm.cause
    assert ", until car has followed" in alarm.cause
    assert kilowatts(alarm.cause) == pytest.approx(too_much_kw(scene(BUSBAR, 24e3), 11e3), rel=0.02)
    assert "until car has followed" in why_none_rises(result)


def test_what_an_inverter_mends_in_its_own_time_asks_for_nobody() -> None:
    board = AlarmBoard()
    missed = decided(BUSBAR, 24e3, may_draw={"car": 11e3})
    news = alarms(board, missed, range(12)) + alarms(board, decided(BUSBAR, 24e3), range(12, 60))
    assert {one.key for one in news} == {"limits-binding"}


def test_a_margin_that_is_given_up_is_named() -> None:
    wide = replace(EXACT, loading_margin=0.1)
    result = decided(BUSBAR, 23.5e3, limits=wide)
    assert (result.verified, result.violated) == (True, ())
    assert result.margins_given_up == result.reserve_given_up != ()
    words = why_none_rises(result)
    assert words.startswith("no limit is raised: the margin cannot be kept at transformer ")
    assert "'T1'" in words
    assert why_none_rises(decided(BUSBAR, 1e3)) == why_none_rises(None) == ""


T1 = Missed(
    "T1", "T1 loading phase a at 135.0 % (limit 100 %)", "loading phase a", 1.35, 1.0, 3.5e3
)


def test_what_both_directions_and_both_times_miss_is_one_answer() -> None:
    ok = LimitingResult("ok", True, 0.9, ())
    less = replace(T1, value=1.2)
    other = Missed("L7", "L7 loading neutral at 110.0 %", "loading neutral", 1.1, 1.0, 2e3)
    one = LimitingResult(
        "infeasible", False, 1.2, (), ("T1",), missed=(less,), margins_given_up=("L1",)
    )
    two = LimitingResult(
        "infeasible", False, 1.4, (), ("T1",), missed=(other, T1), meanwhile=(other,)
    )
    found = both_directions(one, two, frozenset())
    assert found.missed == (T1, other)
    assert (found.meanwhile, found.margins_given_up) == ((other,), ("L1",))
    waiting = until_reactive(replace(ok, meanwhile=(other,)), one)
    assert [(m.element, m.until) for m in waiting.meanwhile] == [
        ("T1", "reactive power is there"),
        ("L7", ""),
    ]

    def once(_deaf: object, may_draw: object) -> LimitingResult:
        return (
            replace(one, status="infeasible") if may_draw else replace(ok, margins_given_up=("L2",))
        )

    slow = combined(once, LimitingCall(b"", {}, may_draw={"pump": 3e3}))
    assert [m.until for m in slow.meanwhile] == ["pump has followed"]
    assert (slow.missed, slow.margins_given_up) == ((), ("L2",))


def test_words_name_each_element_once_with_its_worst_limit_and_few_of_many() -> None:
    more = [
        Missed(f"L{n}", f"L{n} at {n}", "loading phase a", 1.0 + n / 100, 1.0) for n in range(9)
    ]
    phase_b = replace(T1, words="T1 b", what="loading phase b", value=1.1, relief_w=1e3)
    apparent = replace(T1, words="T1 s", what="apparent power phase a", value=1.34, relief_w=3.4e3)
    phase_c = replace(T1, words="T1 c", what="loading phase c", value=1.3)
    neutral = replace(T1, words="T1 n", what="loading neutral", value=1.02, relief_w=200.0)
    low = Missed("N3", "N3 low", "u_pu phase c low", 0.85, 0.9, 1500.0, 2500.0)
    words = in_words([*more, phase_b, T1, phase_c, neutral, apparent, low])
    assert words == (
        "T1 loading phase a at 135.0 % (limit 100 %), 3.50 kW at each of a, c, 1.00 kW at phase b, "
        "0.20 kW moved between phases of relief missing; N3 low, 1.50 kW or 2.50 kvar at phase c "
        "of relief missing; L8 at 8; L7 at 7; and 7 more elements"
    )


def test_what_says_only_that_it_is_violated_is_said_all_the_same() -> None:
    bare = LimitingResult(
        "infeasible", False, None, (), violated=("the power flow does not converge",)
    )
    (found,) = network_limits(bare)
    assert found.cause.endswith(": the power flow does not converge")
