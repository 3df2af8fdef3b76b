"""Orders at the node: taken or refused in words, in force until they end, never twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_node import charger, transformer_meter

from ortsnetz_common.link.messages import Order, OrderState, SetpointSource
from ortsnetz_common.measurement.time import NS_PER_S
from ortsnetz_common.parameters.parameter_set import SCHEMA, Group, ParameterSet
from ortsnetz_common.parameters.responses import Response, Trigger
from ortsnetz_common.parameters.station import Device, SourcePseudo, Station
from ortsnetz_edge.control.arbitration import arbitrate
from ortsnetz_edge.control.memory import Memory, load_memory, save_memory
from ortsnetz_edge.control.orders import MOST_OF_A_DEVICE, MOST_ORDERS, OrderBook

START_NS = 1_795_255_200 * NS_PER_S  # 2026-11-21T10:00:00Z
HOUR_NS = 3600 * NS_PER_S
KILO = 1000.0


def device(name: str, **changed: Any) -> Device:
    """11 kW charge points whose guaranteed floor is 4.83 kW (7 A)."""
    return msgspec.structs.replace(charger(), name=name, **changed)


def node() -> ParameterSet:
    devices = (device("ev-1", group="street"), device("ev-2", group="street"), device("ev-3"))
    station = Station((transformer_meter(),), devices, (), SourcePseudo(1, 1.0, 0.01))
    ready = Response("spare", Trigger("trafo", "voltage_pu", below=0.9), ("street",), 0.5, 60.0)
    return ParameterSet(
        SCHEMA, "ons-1", 1, "", station, groups=(Group("street"),), responses=(ready,)
    )


class Desk:
    """A book and its clocks: the node's own may jump, the other one never does."""

    def __init__(self) -> None:
        self.clock_ns, self.monotonic = START_NS, 100.0
        self.book = OrderBook(node(), now_ns=START_NS, now=100.0)

    def take(self, order: Order) -> tuple[OrderState, ...]:
        return self.book.take(order, now_ns=self.clock_ns, now=self.monotonic)

    def later(self, seconds: float, jump_s: float = 0.0) -> tuple[OrderState, ...]:
        self.monotonic += seconds
        self.clock_ns += round((seconds + jump_s) * NS_PER_S)
        return self.book.step(now_ns=self.clock_ns, now=self.monotonic)

    def limits(self) -> dict[str, float]:
        """What holds by orders alone, W."""
        devices = {one.name: one for one in node().station.devices}
        return {
            name: arbitrate(devices[name], claims).limit_w
            for name, claims in self.book.claims.items()
        }


@pytest.fixture
def desk() -> Desk:
    return Desk()


def order(name: str = "o-1", **changed: Any) -> Order:
    fields: dict[str, Any] = {
        "id": name,
        "node": "ons-1",
        "source": SetpointSource.OPERATOR,
        "issued_by": "olga",
        "issued_ns": START_NS - NS_PER_S,
        "expires_ns": START_NS + HOUR_NS,
        "reason": "works",
        "targets": ("ev-1",),
    }
    if not {"share", "mode", "armed", "revokes", "limit_w"} & set(changed):
        fields["limit_w"] = 6 * KILO
    return Order(**{**fields, **changed})


def states(found: tuple[OrderState, ...]) -> list[tuple[str, str]]:
    return [(state.id, state.state) for state in found]


def test_an_order_limits_its_devices_until_it_expires(desk: Desk) -> None:
    assert states(desk.take(order())) == [("o-1", "accepted")]
    [claim] = desk.book.claims["ev-1"]
    assert (claim.source, claim.limit_w) == (SetpointSource.OPERATOR, 6 * KILO)
    assert claim.reason == "order o-1 of operator olga: works"
    assert claim.until_ns == START_NS + HOUR_NS
    assert desk.later(3599) == ()
    assert desk.later(1)[0].reason == "it ended at 2026-11-21 11:00:00 UTC"
    assert desk.limits() == {}


def test_a_group_is_all_its_devices_and_a_share_is_of_each_rating(desk: Desk) -> None:
    desk.take(order(targets=("street",), share=0.5))
    assert desk.limits() == {"ev-1": 0.5 * 16 * 690, "ev-2": 0.5 * 16 * 690}


def test_below_the_floor_the_floor_holds_and_the_state_says_so(desk: Desk) -> None:
    [state] = desk.take(order(limit_w=0.0))
    assert state.state == "accepted"
    assert state.reason == (
        "it is below the guaranteed floor, which holds, at ev-1 (4.83 kW, 14a EnWG)"
    )
    assert [claim.limit_w for claim in desk.book.claims["ev-1"]] == [7 * 690.0]


def test_of_contradicting_orders_the_lowest_holds_and_both_are_told(desk: Desk) -> None:
    desk.take(order("low", limit_w=5 * KILO))
    [state] = desk.take(
        order("high", limit_w=8 * KILO, source=SetpointSource.MARKET, issued_by="pool")
    )
    assert state.reason == "order low of operator olga asks for less, and the lowest limit holds"
    assert desk.limits() == {"ev-1": 5 * KILO}
    [state] = desk.take(order("least", share=0.45))
    assert "order high of market pool, order low of operator olga asks for more" in state.reason
    assert desk.limits() == {"ev-1": 0.45 * 16 * 690}


def test_the_same_order_again_changes_nothing_and_is_answered_the_same(desk: Desk) -> None:
    first = desk.take(order())
    desk.later(10)
    assert desk.take(order()) == first
    assert len(desk.book.claims["ev-1"]) == 1
    assert desk.take(order(limit_w=1.0)) == (), "another one under its id has no state of its own"
    assert desk.limits() == {"ev-1": 6 * KILO}


def test_a_revoked_order_ends_and_does_not_come_back(desk: Desk) -> None:
    desk.take(order())
    found = desk.take(order("r-1", targets=(), revokes="o-1", reason="done", issued_by="otto"))
    assert states(found) == [("o-1", "revoked"), ("r-1", "accepted")]
    assert found[0].reason == "revoked by otto: done"
    assert desk.limits() == {}
    assert states(desk.take(order())) == [("o-1", "revoked")], "a late copy is answered, not taken"
    assert desk.limits() == {}


def test_a_revocation_that_overtakes_its_order_holds(desk: Desk) -> None:
    desk.take(order("r-1", targets=(), revokes="o-1"))
    assert states(desk.take(order())) == [("o-1", "revoked")]
    assert desk.limits() == {}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"node": "ons-2"}, "for node 'ons-2', this is 'ons-1'"),
        ({"expires_ns": START_NS}, "it has expired"),
        ({"issued_ns": START_NS + 61 * NS_PER_S}, "check the clocks of node and cockpit"),
        ({"expires_ns": START_NS + 32 * 24 * HOUR_NS}, "longer than 31 days"),
        ({"targets": ("ev-9", "ev-1")}, "this node has no device or group 'ev-9'"),
        ({"targets": ()}, "it has 0 targets"),
        ({"limit_w": 1.0, "share": 0.5}, "it says several things"),
        ({"limit_w": None}, "it says nothing"),
        ({"limit_w": float("nan")}, "is no magnitude"),
        ({"limit_w": -1.0}, "is no magnitude"),
        ({"share": 1.01}, "not between 0 and 1"),
        ({"share": float("nan")}, "not between 0 and 1"),
        ({"mode": "sideways", "targets": ("street",)}, "mode 'sideways' is unknown"),
        ({"mode": "off", "targets": ("ev-1",)}, "no group 'ev-1'"),
        ({"mode": "off", "source": SetpointSource.MARKET}, "only an operator changes a mode"),
        ({"armed": True, "targets": ("other",)}, "no prepared response 'other'"),
        ({"source": SetpointSource.SAFETY}, "'safety' gives no orders"),
        ({"id": ""}, "the id has 0 characters"),
        ({"reason": "x" * 501}, "at most 500 characters"),
    ],
)
def test_what_cannot_be_taken_is_refused_in_words(
    desk: Desk, wrong: dict[str, Any], words: str
) -> None:
    [state] = desk.take(order(**wrong))
    assert state.state == "refused"
    assert words in state.reason
    assert desk.limits() == {}


def test_a_clock_that_was_never_set_takes_no_orders(desk: Desk) -> None:
    desk.clock_ns = 1000 * NS_PER_S
    assert "clock is not set" in desk.take(order(issued_ns=0))[0].reason


@pytest.mark.parametrize("jump_s", [-7200, 7200])
def test_a_clock_that_is_set_neither_ends_an_order_nor_makes_it_last(
    desk: Desk, jump_s: float
) -> None:
    desk.take(order())
    assert desk.later(1800, jump_s=jump_s) == desk.later(1799) == ()
    assert desk.limits() == {"ev-1": 6 * KILO}
    assert states(desk.later(1)) == [("o-1", "expired")]


def test_orders_of_a_full_book_are_refused_and_a_revocation_is_not(desk: Desk) -> None:
    for number in range(MOST_OF_A_DEVICE + 1):
        [state] = desk.take(order(f"ev-{number}", targets=("street",)))
    assert state.reason == f"{MOST_OF_A_DEVICE} orders for ev-1 are in force: revoke some first"
    for number in range(MOST_ORDERS - MOST_OF_A_DEVICE + 1):
        [state] = desk.take(order(f"o-{number}", armed=True, targets=("spare",)))
    assert state.reason == f"{MOST_ORDERS} orders are in force here: revoke some first"
    assert states(desk.take(order("r", targets=(), revokes="o-7")))[0] == ("o-7", "revoked")
    assert states(desk.take(order("one-more"))) == [("one-more", "refused")], "ev-1 has its 20"
    assert states(desk.take(order("ev-3's", targets=("ev-3",)))) == [("ev-3's", "accepted")]


def test_orders_in_force_survive_a_restart_and_no_longer_than_they_would_have(
    desk: Desk, tmp_path: Path
) -> None:
    desk.take(order())
    desk.take(order("gone"))
    desk.take(order("r-1", targets=(), revokes="gone"))
    desk.later(3000)
    save_memory(tmp_path / "c.json", Memory(orders=desk.book.memory(now=desk.monotonic)))
    kept = load_memory(tmp_path / "c.json").orders
    # the machine starts anew, and its clock has fallen back by two hours
    desk.clock_ns -= 2 * HOUR_NS
    desk.monotonic = 5.0
    desk.book = OrderBook(node(), kept, now_ns=desk.clock_ns, now=desk.monotonic)
    assert desk.limits() == {"ev-1": 6 * KILO}
    assert states(desk.take(order("gone"))) == [("gone", "revoked")]
    assert desk.later(599) == ()
    assert states(desk.later(1)) == [("o-1", "expired")]


def restarted(desk: Desk, *, down_s: float, jump_s: float, synchronised: bool) -> list[bool]:
    """The node is down and its clock jumps; whether the clock is kept can be changed later."""
    kept = desk.book.memory(now=desk.monotonic)
    desk.monotonic += down_s
    desk.clock_ns += round((down_s + jump_s) * NS_PER_S)
    answer = [synchronised]
    desk.book = OrderBook(
        node(),
        kept,
        now_ns=desk.clock_ns,
        now=desk.monotonic,
        clock_kept=lambda: answer[0],
    )
    return answer


def test_a_clock_that_nothing_keeps_ends_no_limit_after_a_restart(desk: Desk) -> None:
    """A node that starts two hours ahead, and finds no time server."""
    desk.take(order())
    restarted(desk, down_s=60.0, jump_s=7200.0, synchronised=False)
    assert states(desk.later(1.0)) == []
    assert desk.limits() == {"ev-1": 6 * KILO}
    assert states(desk.later(3600.0)) == [("o-1", "expired")]


def test_once_the_clock_is_kept_again_it_says_when_an_order_ends(desk: Desk) -> None:
    desk.take(order())
    answer = restarted(desk, down_s=3000.0, jump_s=7200.0, synchronised=False)
    desk.later(1.0)
    answer[0] = True
    assert states(desk.later(1.0, jump_s=-7200.0)) == []
    assert states(desk.later(500.0)) == []
    assert states(desk.later(100.0)) == [("o-1", "expired")]  # and not 3000 s later
    assert desk.limits() == {}


def test_what_lifts_limits_ends_by_the_clock_even_if_nothing_keeps_it(desk: Desk) -> None:
    """A group that is switched off is nobody's to limit: that must not last any longer."""
    desk.take(order("off", mode="off", targets=("street",)))
    desk.take(order("unarmed", armed=False, targets=("spare",)))
    desk.take(order("armed", armed=True, targets=("spare",)))
    restarted(desk, down_s=60.0, jump_s=7200.0, synchronised=False)
    assert states(desk.later(1.0)) == [("off", "expired"), ("unarmed", "expired")]
    assert desk.book.armed == {"spare": True}


def without_groups() -> ParameterSet:
    whole = node()
    devices = tuple(msgspec.structs.replace(one, group="") for one in whole.station.devices)
    station = msgspec.structs.replace(whole.station, devices=devices)
    return msgspec.structs.replace(whole, groups=(), responses=(), station=station)


def test_an_order_for_what_a_new_parameter_set_has_not_ends_in_words(desk: Desk) -> None:
    desk.take(order(targets=("street",)))
    kept = desk.book.memory(now=desk.monotonic)
    fewer = without_groups()
    desk.book = OrderBook(fewer, kept, now_ns=desk.clock_ns, now=desk.monotonic)
    [state] = desk.later(1)
    assert (state.id, state.state) == ("o-1", "refused")
    assert "no device or group 'street'" in state.reason


def test_an_order_holds_for_what_a_new_parameter_set_still_has(desk: Desk) -> None:
    desk.take(order(targets=("ev-1", "street")))
    kept = desk.book.memory(now=desk.monotonic)
    fewer = without_groups()
    desk.book = OrderBook(fewer, kept, now_ns=desk.clock_ns, now=desk.monotonic)
    assert desk.later(1) == ()
    assert desk.limits()["ev-1"] == 6 * KILO


def test_an_order_is_in_force_once_all_its_devices_keep_it(desk: Desk) -> None:
    desk.take(order(targets=("street",)))

    def kept_by(*names: str) -> Callable[[str, float], bool]:
        return lambda name, limit_w: name in names and limit_w == 6 * KILO

    assert desk.book.confirm(kept_by("ev-1"), now_ns=1) == ()
    [state] = desk.book.confirm(kept_by("ev-1", "ev-2"), now_ns=2)
    assert (state.state, state.reason) == ("in-force", "confirmed by ev-1, ev-2")
    assert desk.book.confirm(kept_by("ev-1", "ev-2"), now_ns=3) == ()
    assert desk.take(order(targets=("street",))) == (state,)


def test_of_ordered_modes_the_lesser_holds_and_of_armings_the_later(desk: Desk) -> None:
    desk.take(order("a", mode="advisory", targets=("street",)))
    desk.take(order("b", mode="active", targets=("street",)))
    assert desk.book.modes == {"street": "advisory"}
    desk.take(order("c", armed=False, targets=("spare",), issued_ns=START_NS))
    desk.take(order("d", armed=True, targets=("spare",), issued_ns=START_NS - 2))
    assert desk.book.armed == {"spare": False}
    desk.later(3600)
    assert (desk.book.modes, desk.book.armed) == ({}, {})


@given(
    st.lists(
        st.tuples(
            st.integers(0, 6),
            st.sampled_from(["limit", "revoke"]),
            st.sampled_from(["ev-1", "ev-3", "street"]),
            st.floats(0, 20_000),
            st.integers(1, 300),
            st.floats(0, 200),
            st.floats(-400, 400),
        ),
        max_size=25,
    )
)
def test_whatever_comes_no_limit_is_below_the_floor_and_none_outlives_its_order(
    events: list[tuple[int, str, str, float, int, float, float]],
) -> None:
    desk = Desk()
    ends: dict[str, float] = {}
    for number, what, target, limit_w, life_s, pause_s, jump_s in events:
        name = f"o-{number}"
        times = {"issued_ns": desk.clock_ns, "expires_ns": desk.clock_ns + life_s * NS_PER_S}
        if what == "limit":
            asked = order(name, limit_w=limit_w, targets=(target,), **times)
            was_open = name in {one.id for one in desk.book.open}
            desk.take(asked)
            if not was_open:  # what holds is not replaced by another one under its id
                ends[name] = desk.monotonic + life_s
        else:
            desk.take(order(f"r-{len(ends)}-{number}", targets=(), revokes=name, **times))
            assert name not in {one.id for one in desk.book.open}
        desk.later(pause_s, jump_s)
        assert all(desk.monotonic < ends[one.id] + 1e-6 for one in desk.book.open)
        assert all(7 * 690.0 <= limit_w <= 16 * 690.0 for limit_w in desk.limits().values())
