"""Several decisions of a cycle as one answer: slow devices on their way, devices only advised."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ortsnetz_edge.hosting.calls import DeviceLimit, LimitingCall, LimitingResult
from ortsnetz_edge.hosting.combined import combined, reactive_for_both, until_reactive

NAMES = ("slow", "fast", "advised")


def limits(**watts: float) -> tuple[DeviceLimit, ...]:
    return tuple(DeviceLimit(name, limit_w, "full", ("T1",)) for name, limit_w in watts.items())


class Decisions:
    """Room of 9 kW for three devices that ask for 10 kW each, in equal parts; remembers the calls.

    Attributes:
        room_w: for all of them.
        asked: what was asked of it.
    """

    def __init__(self, room_w: float = 9000.0) -> None:
        self.room_w = room_w
        self.asked: list[tuple[frozenset[str], dict[str, float]]] = []

    def once(self, deaf: frozenset[str], may_draw: Mapping[str, float]) -> LimitingResult:
        self.asked.append((deaf, dict(may_draw)))
        free = [name for name in NAMES if name not in deaf and name not in may_draw]
        room_w = self.room_w - sum(may_draw.values()) - 1000.0 * len(deaf)
        each_w = max(0.0, room_w / len(free)) if free else 0.0
        return LimitingResult(
            status="limited" if room_w >= 0 else "infeasible",
            verified=room_w >= 0,
            worst_loading=1.0 - room_w / 1e6,
            limits=limits(**dict.fromkeys(free, each_w)),
            violated=() if room_w >= 0 else ("T1 at 120 %",),
            uncontrolled=tuple(sorted(deaf)),
        )


def call(**asked: object) -> LimitingCall:
    return LimitingCall(b"", {}, **asked)  # type: ignore[arg-type]


def watts(result: LimitingResult) -> dict[str, float]:
    return {limit.device: limit.limit_w for limit in result.limits}


def test_an_ordinary_cycle_needs_one_decision() -> None:
    decisions = Decisions()
    result = combined(decisions.once, call())
    assert decisions.asked == [(frozenset(), {})]
    assert watts(result) == {"slow": 3000.0, "fast": 3000.0, "advised": 3000.0}


def test_nobody_counts_on_a_deaf_device_and_it_is_told_its_share_all_the_same() -> None:
    result = combined(Decisions().once, call(deaf=("fast",)))
    assert watts(result) == {"slow": 4000.0, "advised": 4000.0, "fast": 3000.0}
    assert result.uncontrolled == ("fast",)  # so it is not raised


def test_a_slow_device_keeps_its_share_and_the_fast_ones_make_room_until_it_has_followed() -> None:
    result = combined(Decisions().once, call(may_draw={"slow": 7000.0}))
    assert watts(result) == {"slow": 3000.0, "fast": 1000.0, "advised": 1000.0}
    assert result.verified
    assert result.reserve_given_up == ()


def test_room_that_a_slow_device_leaves_is_not_given_away() -> None:
    result = combined(Decisions().once, call(may_draw={"slow": 1000.0}))
    assert watts(result) == {"slow": 3000.0, "fast": 3000.0, "advised": 3000.0}


def test_where_the_fast_ones_cannot_make_enough_room_it_is_said_and_nothing_is_raised() -> None:
    result = combined(Decisions().once, call(may_draw={"slow": 9500.0}))
    assert watts(result) == {"slow": 3000.0, "fast": 0.0, "advised": 0.0}
    assert result.reserve_given_up == ("T1 at 120 %, until slow has followed",)
    assert result.violated == ()  # once it has followed, all is kept


def test_a_deaf_device_is_not_waited_for() -> None:
    decisions = Decisions()
    combined(decisions.once, call(deaf=("slow",), may_draw={"slow": 7000.0}))
    assert {may_draw for _, asked in decisions.asked for may_draw in asked} == set()


def test_the_active_ones_do_not_count_on_advice_and_the_advised_hear_what_all_would_do() -> None:
    result = combined(Decisions().once, call(advisory=("advised",)))
    assert watts(result) == {"slow": 4000.0, "fast": 4000.0, "advised": 3000.0}
    assert result.uncontrolled == ()


def test_an_advised_device_that_does_not_follow_stays_uncontrolled() -> None:
    result = combined(Decisions().once, call(advisory=("advised",), deaf=("advised", "fast")))
    assert watts(result)["advised"] == 3000.0  # what it is told nobody writes: it is only advised
    assert set(result.uncontrolled) == {"advised", "fast"}


def test_an_unknown_loading_stays_unknown() -> None:
    def once(_deaf: frozenset[str], may_draw: Mapping[str, float]) -> LimitingResult:
        return LimitingResult("ok", True, None if may_draw else 0.5, ())

    assert combined(once, call(may_draw={"slow": 1.0})).worst_loading is None


def held_at(kept_below_w: float, asked: list[dict[str, float]]) -> object:
    """A decision that keeps everything as long as what is held stays below so much in all."""

    def once(_deaf: frozenset[str], may_draw: Mapping[str, float]) -> LimitingResult:
        asked.append(dict(may_draw))
        kept = sum(may_draw.values()) < kept_below_w
        lowered = () if may_draw else (DeviceLimit("fast", 4500.0, "shared anew", ()),)
        return LimitingResult("ok" if kept else "infeasible", kept or not may_draw, 0.9, lowered)

    return once


def test_whether_the_present_limits_keep_everything_is_looked_at_and_said() -> None:
    asked: list[dict[str, float]] = []
    present = {"fast": 5000.0, "slow": 4000.0, "advised": 9000.0}
    once = held_at(10_000.0, asked)
    result = combined(once, call(present=present, advisory=("advised",)))  # type: ignore[arg-type]
    assert result.present_kept
    assert {"fast": 5000.0, "slow": 4000.0} in asked  # who is not active is load
    once = held_at(8000.0, asked)
    assert not combined(once, call(present=present, deaf=("advised",))).present_kept  # type: ignore[arg-type]
    assert not combined(once, call()).present_kept  # nobody looked


def test_where_nobody_is_lowered_nobody_asks_for_the_present() -> None:
    asked: list[dict[str, float]] = []

    def once(_deaf: frozenset[str], may_draw: Mapping[str, float]) -> LimitingResult:
        asked.append(dict(may_draw))
        return LimitingResult("ok", verified=True, worst_loading=0.5, limits=())

    combined(once, call(present={"fast": 5000.0}))
    assert asked == [{}]


@pytest.mark.parametrize("kept", [True, False])
def test_a_look_at_the_present_takes_no_decision(kept: bool) -> None:
    asked: list[dict[str, float]] = []
    looked: list[Mapping[str, float]] = []

    def keeps(
        _deaf: frozenset[str], at_w: Mapping[str, float], _reactive: Mapping[str, float]
    ) -> bool:
        looked.append(at_w)
        return kept

    present = {"fast": 5000.0}
    result = combined(held_at(10_000.0, asked), call(present=present), keeps)
    assert (result.present_kept, asked, looked) == (kept, [{}], [present])


def told(reactive: dict[str, float], **limits_w: float) -> LimitingResult:
    return LimitingResult("limited", True, 0.9, limits(**limits_w), reactive=reactive)


def test_reactive_power_for_feed_in_to_come_is_told_where_it_does_no_harm_now() -> None:
    assert reactive_for_both(told({"roof": 1e3}), told({"roof": 6e3}), lambda _: True) is None
    same = told({"roof": 1e3})
    assert reactive_for_both(same, same, lambda _: pytest.fail("nothing to look at")) is None


def test_as_much_of_it_is_told_as_the_present_bears() -> None:
    consumers, feeders = told({"roof": 1e3}), told({"roof": 6e3, "other": 8e3})
    found = reactive_for_both(consumers, feeders, lambda at: at["roof"] <= 4e3)
    assert found is not None
    assert 3.5e3 < found["roof"] <= 4e3
    assert found["other"] == pytest.approx(8e3 * (found["roof"] - 1e3) / 5e3)  # all by one share


def test_where_the_present_bears_none_of_it_its_own_is_told() -> None:
    consumers, feeders = told({"roof": 1e3}), told({"roof": 6e3, "other": 8e3})
    found = reactive_for_both(consumers, feeders, lambda _: False)
    assert found == {"roof": 1e3, "other": 0.0}


def test_until_reactive_power_is_there_active_power_helps_and_it_is_told_all_the_same() -> None:
    later, now = told({"roof": -3e3}, car=9e3), told({"roof": 0.0}, car=7e3, roof=5e3)
    result = until_reactive(later, now)
    assert watts(result) == {"car": 7e3, "roof": 5e3}
    assert result.reactive == {"roof": -3e3}
    assert result.verified


def test_what_active_power_cannot_mend_until_then_is_said_and_nothing_is_raised() -> None:
    now = LimitingResult("infeasible", False, 1.1, limits(car=4e3), violated=("T1 at 110 %",))
    result = until_reactive(LimitingResult("ok", True, 0.9, ()), now)
    assert result.status == "limited"
    assert result.reserve_given_up == ("T1 at 110 %, until reactive power is there",)


def test_what_a_slow_device_still_draws_decides_on_the_reactive_power_of_now() -> None:
    def once(_deaf: frozenset[str], may_draw: Mapping[str, float]) -> LimitingResult:
        return told({"roof": 5e3} if may_draw else {"roof": 1e3})

    assert combined(once, call(may_draw={"slow": 1.0})).reactive == {"roof": 5e3}
