"""An order to devices that nothing is written to says so at once, and again when that changes."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from small_node import charger, transformer_meter

from ortsnetz_common.link.messages import Order, OrderState, SetpointSource
from ortsnetz_common.measurement.time import NS_PER_S
from ortsnetz_common.parameters.parameter_set import SCHEMA, Group, Mode, ParameterSet
from ortsnetz_common.parameters.responses import Response, Trigger
from ortsnetz_common.parameters.station import SourcePseudo, Station
from ortsnetz_edge.control.memory import Memory, load_memory, save_memory
from ortsnetz_edge.control.orders import OrderBook

NOW_NS = 1_795_255_200 * NS_PER_S  # 2026-11-21T10:00:00Z
NOT_FOLLOWED = "not followed by ev-1, ev-2: group 'street' is {}, nothing is written there"


def node(street: str = "active", whole: str = "active") -> ParameterSet:
    """Two 11 kW charge points of a group and one of none."""
    devices = tuple(
        msgspec.structs.replace(charger(), name=name, group=group)
        for name, group in (("ev-1", "street"), ("ev-2", "street"), ("ev-3", ""))
    )
    station = Station((transformer_meter(),), devices, (), SourcePseudo(1, 1.0, 0.01))
    spare = Response("spare", Trigger("trafo", "voltage_pu", below=0.9), ("street",), 0.5, 60.0)
    return ParameterSet(
        SCHEMA,
        "ons-1",
        1,
        "",
        station,
        mode=Mode(whole),
        groups=(Group("street", mode=street),),
        responses=(spare,),
    )


def book(parameters: ParameterSet) -> OrderBook:
    return OrderBook(parameters, now_ns=NOW_NS, now=0.0)


def take(
    desk: OrderBook, name: str, *targets: str, lasts_s: int = 3_600, **what: object
) -> list[tuple[str, str, str]]:
    """What is said when an order comes, and in the cycle after it."""
    asked = what or {"limit_w": 6_000.0}
    ends_ns = NOW_NS + lasts_s * NS_PER_S
    order = Order(
        name, "ons-1", SetpointSource.OPERATOR, "olga", NOW_NS, ends_ns, "works", targets,
        **asked,  # type: ignore[arg-type]
    )  # fmt: skip
    return said((*desk.take(order, now_ns=NOW_NS, now=1.0), *desk.step(now_ns=NOW_NS, now=1.0)))


def said(states: tuple[OrderState, ...]) -> list[tuple[str, str, str]]:
    return [(state.id, state.state, state.reason) for state in states]


def kept(_device: str, _limit_w: float) -> bool:
    return True


@pytest.mark.parametrize("mode", ["advisory", "off"])
def test_mode_group_and_devices_are_named_when_it_is_taken(mode: str) -> None:
    desk = book(node(street=mode))
    words = NOT_FOLLOWED.format(mode)
    assert take(desk, "o-1", "street", "ev-3") == [("o-1", "accepted", words)]
    assert take(desk, "o-2", "ev-3") == [("o-2", "accepted", "")]
    [(_, _, floor)] = take(desk, "o-3", "ev-1", limit_w=0.0)
    assert "not followed by ev-1: group 'street'" in floor
    assert "guaranteed floor" in floor


def test_a_node_that_writes_nothing_is_named_before_its_groups() -> None:
    [(_, _, reason)] = take(book(node(street="off", whole="advisory")), "o-1", "street", "ev-3")
    assert reason == (
        "not followed by ev-1, ev-2: group 'street' is off, nothing is written there; "
        "not followed by ev-3: the node is advisory, nothing is written there"
    )
    [(_, _, reason)] = take(book(node(whole="advisory")), "o-1", "street")
    assert reason.startswith("not followed by ev-1, ev-2: the node is advisory")


def test_what_a_device_says_by_itself_confirms_no_order_that_it_does_not_follow() -> None:
    desk = book(node(street="advisory"))
    take(desk, "o-1", "street", "ev-3")
    take(desk, "o-2", "ev-3")
    assert [state.id for state in desk.confirm(kept, now_ns=NOW_NS)] == ["o-2"]


def test_a_group_that_an_order_takes_out_is_said_at_the_orders_that_stand() -> None:
    desk = book(node())
    take(desk, "o-1", "street")
    take(desk, "o-3", "ev-3")
    desk.confirm(kept, now_ns=NOW_NS)
    out, told = take(desk, "off", "street", mode="off")
    assert out == ("off", "accepted", "")
    words = NOT_FOLLOWED.format("off by order")
    assert told == ("o-1", "in-force", f"confirmed by ev-1, ev-2; {words}")
    assert take(desk, "o-2", "street") == [("o-2", "accepted", words)]
    back = take(desk, "r", revokes="off")
    assert back[2:] == [
        ("o-1", "in-force", "confirmed by ev-1, ev-2"),
        ("o-2", "accepted", ""),
    ]


def test_a_group_that_comes_back_by_itself_is_said_too() -> None:
    desk = book(node())
    take(desk, "off", "street", lasts_s=600, mode="advisory")
    take(desk, "o-1", "street")
    assert said(desk.step(now_ns=NOW_NS, now=600.0)) == []
    assert [one[:2] for one in said(desk.step(now_ns=NOW_NS, now=601.0))] == [
        ("off", "expired"),
        ("o-1", "accepted"),
    ]
    [state] = desk.confirm(kept, now_ns=NOW_NS)
    assert (state.state, state.reason) == ("in-force", "confirmed by ev-1, ev-2")


def test_a_response_that_is_armed_for_nothing_says_so() -> None:
    desk = book(node(street="advisory"))
    words = NOT_FOLLOWED.format("advisory")
    assert take(desk, "a", "spare", armed=True) == [("a", "accepted", words)]
    assert take(desk, "b", "spare", armed=False) == [("b", "accepted", "")]


def test_a_parameter_set_that_takes_a_group_in_is_said_after_the_restart(tmp_path: Path) -> None:
    desk = book(node(street="advisory"))
    take(desk, "o-1", "street")
    path = tmp_path / "control.json"
    save_memory(path, Memory(orders=desk.memory(now=1.0)))
    memory = load_memory(path).orders
    same = OrderBook(node(street="advisory"), memory, now_ns=NOW_NS, now=0.0)
    assert same.step(now_ns=NOW_NS, now=1.0) == ()
    active = OrderBook(node(), memory, now_ns=NOW_NS, now=0.0)
    assert said(active.step(now_ns=NOW_NS, now=1.0)) == [("o-1", "accepted", "")]
