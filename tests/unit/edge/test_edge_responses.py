"""Prepared responses: released by their trigger alone, held as long as stated, blind in words."""

from __future__ import annotations

from typing import Any

import pytest
from small_node import charger, transformer_meter

from ortsnetz_common.link.messages import SetpointSource
from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.parameter_set import SCHEMA, ParameterSet
from ortsnetz_common.parameters.responses import Response, Trigger
from ortsnetz_common.parameters.station import SourcePseudo, Station
from ortsnetz_edge.control.responses import PreparedResponses

NOMINAL_V = 230.0
NOTHING = (None, None, None)


class Node:
    """A response to undervoltage at the transformer, and a clock that the test turns."""

    def __init__(
        self, *, released: tuple[str, ...] = (), for_s: float = 0.0, **changed: Any
    ) -> None:
        trigger = changed.pop("trigger", Trigger("trafo", "voltage_pu", below=0.9, for_s=for_s))
        fields = {"share": 0.5, "hold_s": 10.0, "armed": True, **changed}
        ready = Response("under", trigger, ("ev-1",), **fields)
        station = Station((transformer_meter(),), (charger(),), (), SourcePseudo(1, 1.0, 0.01))
        self.now = 100.0
        self.desk = PreparedResponses(
            ParameterSet(SCHEMA, "ons-1", 1, "", station, responses=(ready,)),
            released,
            now=self.now,
        )

    def says(self, *pu: float | None, at: float) -> tuple[str, ...]:
        """A reading of the transformer meter, with one cycle's step before it."""
        self.wait(at)
        volts = tuple(None if each is None else each * NOMINAL_V for each in pu)
        return self.desk.look("trafo", reading(voltage_v=volts), now=self.now)

    def wait(self, at: float, **armed: bool) -> None:
        self.now = 100.0 + at
        self.desk.step(armed, now=self.now)

    @property
    def stands(self) -> bool:
        return self.desk.released == ("under",)

    @property
    def alarms(self) -> set[str]:
        return {condition.key for condition in self.desk.conditions(now=self.now)}


def reading(**said: Any) -> Reading:
    fields: dict[str, Any] = {
        "voltage_v": NOTHING,
        "active_w": NOTHING,
        "reactive_var": NOTHING,
        "limit_w": None,
        "available_w": None,
    }
    return Reading(**{**fields, **said})


def test_the_first_value_beyond_the_trigger_releases_and_says_what_was_measured() -> None:
    node = Node()
    assert node.says(1.0, 1.0, 1.0, at=0.1) == ()
    assert node.says(1.0, 0.89, 1.0, at=0.4) == ("under",)
    [claim] = node.desk.claims["ev-1"]
    assert claim.source is SetpointSource.RESPONSE
    assert claim.limit_w == pytest.approx(0.5 * 16 * 690)
    assert claim.reason == "prepared response 'under': trafo terminal 2 at 0.890 pu, below 0.9"
    assert node.says(1.0, 0.89, 1.0, at=0.6) == (), "it is released once"
    assert node.alarms == {"response-released/under"}


def test_it_stands_for_its_time_after_the_trigger_was_last_met() -> None:
    node = Node()
    node.says(0.8, 0.8, 0.8, at=1)
    node.says(0.8, 0.8, 0.8, at=2)
    for second in range(3, 12):
        node.says(1.0, 1.0, 1.0, at=second)
        assert node.stands
    node.says(1.0, 1.0, 1.0, at=12)
    assert not node.stands
    assert node.desk.claims == {}


def test_the_floor_holds_against_a_response() -> None:
    node = Node(share=0.0)
    node.says(0.8, 0.8, 0.8, at=1)
    [claim] = node.desk.claims["ev-1"]
    assert claim.limit_w == charger().floor_w > 0


def test_a_trigger_with_a_duration_has_to_hold_without_a_break() -> None:
    node = Node(for_s=2.0)
    assert node.says(0.8, 0.8, 0.8, at=0) == ()
    assert node.says(0.8, 0.8, 0.8, at=1) == ()
    assert node.says(1.0, 1.0, 1.0, at=1.5) == ()
    assert node.says(0.8, 0.8, 0.8, at=2) == ()
    assert node.says(0.8, 0.8, 0.8, at=3) == ()
    assert node.says(0.8, 0.8, 0.8, at=4) == ("under",)


def test_silence_is_no_part_of_a_duration() -> None:
    node = Node(for_s=2.0)
    node.says(0.8, 0.8, 0.8, at=0)
    assert node.says(0.8, 0.8, 0.8, at=60) == (), "nobody knows what was in that minute"
    assert node.says(0.8, 0.8, 0.8, at=62) == ("under",)


def test_a_silent_meter_releases_nothing_and_is_an_alarm() -> None:
    node = Node()
    node.says(1.0, 1.0, 1.0, at=0)
    for second in range(1, 30):
        assert node.says(*NOTHING, at=second) == ()
    assert not node.stands
    assert node.alarms == {"response-blind/under"}


def test_a_silent_meter_ends_nothing_and_the_time_begins_anew_when_it_is_back() -> None:
    node = Node()
    node.says(0.8, 0.8, 0.8, at=0)
    node.wait(3600)
    assert node.stands
    assert node.alarms == {"response-released/under", "response-blind/under"}
    node.says(1.0, 1.0, 1.0, at=3601)
    node.says(1.0, 1.0, 1.0, at=3602)
    for second in range(3603, 3611):
        node.says(1.0, 1.0, 1.0, at=second)
        assert node.stands
    node.says(1.0, 1.0, 1.0, at=3611)
    assert not node.stands


def test_a_terminal_that_is_missing_may_be_the_one_that_meets_it() -> None:
    node = Node()
    node.says(1.0, 0.8, 1.0, at=0)
    for second in range(1, 60):
        node.says(1.0, None, 1.0, at=second)
        assert node.stands
    assert node.says(None, None, 0.8, at=61) == (), "one that is there suffices to meet it"


def test_an_order_arms_and_disarms() -> None:
    node = Node(armed=False)
    assert node.says(0.8, 0.8, 0.8, at=0) == ()
    node.wait(1, under=True)
    assert node.desk.look("trafo", reading(voltage_v=(200.0,) * 3), now=node.now) == ("under",)
    node.wait(2, under=False)
    assert not node.stands


def test_what_was_released_stands_after_a_restart() -> None:
    node = Node(released=("under", "one that the new parameters have not"))
    assert node.stands
    assert "before the agent started anew" in node.desk.claims["ev-1"][0].reason
    for second in range(10):
        node.says(1.0, 1.0, 1.0, at=second)
        assert node.stands
    node.says(1.0, 1.0, 1.0, at=10)
    assert not node.stands


def test_power_of_a_phase_may_be_the_trigger() -> None:
    node = Node(trigger=Trigger("trafo", "active_w", above=50_000.0))
    assert node.desk.look("trafo", reading(active_w=(1e4, 1e4, 5.1e4)), now=node.now) == ("under",)
    assert "terminal 3 at 51.00 kW, above 50000" in node.desk.claims["ev-1"][0].reason


def test_only_meters_of_armed_or_released_responses_are_watched() -> None:
    assert Node().desk.watched == ("trafo",)
    assert Node(armed=False).desk.watched == ()
    assert Node(armed=False, released=("under",)).desk.watched == ("trafo",)
