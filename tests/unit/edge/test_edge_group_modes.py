"""Modes of device groups: off, advisory, active; the lesser of node, group and order holds."""

from __future__ import annotations

from itertools import product

import pytest
from feeder_loop import AMPERES, EV, Feeder, Played, crowd
from msgspec.structs import replace

from ortsnetz_common.errors import InputError
from ortsnetz_common.link.messages import Setpoint
from ortsnetz_common.parameters.parameter_set import Group
from ortsnetz_edge.control.modes import LimitingMode

MODES = ("off", "advisory", "active")


def street(first: str, second: str = "active", *, node: str = "active") -> Feeder:
    """Three charge points in each of two groups at a feeder that carries five."""
    groups = (Group("first", first), Group("second", second))
    played = [
        Played(replace(device, group=group), AMPERES, lambda _now: EV.rated_w)
        for group, prefix in (("first", "a"), ("second", "b"))
        for device in crowd(3, replace(EV, name=prefix))
    ]
    return Feeder(played, 5 * EV.rated_w + 2e3, groups=groups, mode=node)


def written(feeder: Feeder, seconds: int) -> set[str]:
    names: set[str] = set()
    for _ in range(seconds):
        feeder.second()
        assert feeder.verdict is not None
        names |= {write.device[0] for write in feeder.verdict.writes}
    return names


def setpoints(feeder: Feeder) -> dict[str, Setpoint]:
    assert feeder.verdict is not None
    return {setpoint.device: setpoint for setpoint in feeder.verdict.setpoints}


@pytest.mark.parametrize(("node", "group", "order"), list(product(MODES, MODES, (*MODES, None))))
def test_the_least_of_node_group_and_order_holds(node: str, group: str, order: str | None) -> None:
    feeder = street(group, node=node)
    feeder.modes = {} if order is None else {"first": order}
    feeder.second()
    names = [node, group, *([order] if order else [])]
    expected = MODES[min(map(MODES.index, names))]
    assert feeder.controller.controls["a-00"].mode is LimitingMode.of(expected)
    assert ("a" in written(feeder, 20)) == (expected == "active")


def test_what_a_group_that_is_off_draws_is_load_to_the_others() -> None:
    feeder = street("off")
    assert written(feeder, 60) == {"b"}
    assert feeder.drawn_w[-1] <= feeder.capacity_w
    assert feeder.draws["a-00"] == EV.rated_w
    assert feeder.draws["b-00"] < 0.75 * EV.rated_w
    assert not setpoints(feeder)["a-00"].binding


def test_advice_is_reported_once_and_not_written_and_the_others_do_not_count_on_it() -> None:
    feeder = street("advisory")
    advised: list[Setpoint] = []
    names: set[str] = set()
    for _ in range(60):
        names |= written(feeder, 1)
        assert feeder.verdict is not None
        advised += feeder.verdict.advised
    assert names == {"b"}
    assert feeder.drawn_w[-1] <= feeder.capacity_w  # although nobody followed the advice
    told = setpoints(feeder)["a-00"]
    assert told.reason.startswith("advised only, not written: limited to")
    assert told.limit_w > feeder.controller.controls["b-00"].setpoint.limit_w
    assert {one.device for one in advised} == {"a-00", "a-01", "a-02"}
    assert len(advised) <= 2 * 3


def test_a_node_that_only_advises_advises_everybody_as_it_would_limit_them() -> None:
    limited, advised = street("active"), street("active", node="advisory")
    limited.seconds(60)
    assert written(advised, 60) == set()
    assert advised.drawn_w[-1] > advised.capacity_w
    for name in ("a-00", "b-00"):
        assert 7.0 <= advised.amounts()[name] <= limited.amounts()[name]


def test_a_group_that_goes_off_is_left_with_what_it_has_and_comes_back_by_the_rules() -> None:
    feeder = street("active")
    feeder.seconds(60)
    held = feeder.amounts()["a-00"]
    feeder.modes = {"first": "off"}
    assert written(feeder, 60) == {"b"}
    assert feeder.draws["a-00"] == pytest.approx(held * 690.0)
    feeder.played["a-00"].told.append((feeder.now, 8.0))  # its own watchdog
    feeder.seconds(10)
    feeder.modes = {}
    feeder.second()
    assert feeder.amounts()["a-00"] == 8.0  # from where it is, not from where it was
    feeder.seconds(60)
    assert feeder.amounts()["a-00"] > 8.0
    assert feeder.drawn_w[-1] <= feeder.capacity_w


def test_an_order_in_an_unknown_mode_is_a_mistake_and_not_a_mode() -> None:
    with pytest.raises(InputError, match="mode 'on' is unknown, take one of off, advisory, active"):
        LimitingMode.of("on")
