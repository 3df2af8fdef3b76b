"""What `edge check` says of groups, prepared responses, ratings and tap control of a set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from line_protocol import installed
from small_node import SmallNode, where
from small_substation import bad

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.parameter_set import Group, Limits, ParameterSet, Timing
from ortsnetz_common.parameters.ratings import ThermalRating, TimeLimitedRating
from ortsnetz_common.parameters.responses import Response, Trigger
from ortsnetz_common.parameters.station import SourcePseudo, Station, TapChanger
from ortsnetz_common.parameters.voltage import TapControl, VoltageControl
from ortsnetz_edge.bootstrap import read_configuration
from ortsnetz_edge.console.checking.command import check_node
from ortsnetz_edge.console.checking.findings import Finding
from ortsnetz_edge.console.checking.station_rules import station_rules
from ortsnetz_edge.network_index import NetworkIndex

LOW = Trigger("feeder", "voltage_pu", below=0.9)
SHED = Response("shed", LOW, ("chargers", "ev-1"), 0.5, 60.0)


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallNode:
    installed(monkeypatch)
    node = SmallNode(tmp_path)
    node.device(group="chargers")
    node.further.update(groups=(Group("chargers", contract="14a EnWG module 1"),))
    return node


def said(node: SmallNode) -> list[Finding]:
    return bad(check_node(node.write(), online=False))


def test_groups_responses_and_ratings_as_they_should_be_give_no_finding(node: SmallNode) -> None:
    node.further.update(
        responses=(SHED,),
        limits=Limits(
            ratings=(TimeLimitedRating(5, 1.2, 600.0, 3600.0),),
            thermal=(ThermalRating(4, 30.0, 5.0),),
        ),
    )
    assert said(node) == []


def test_a_response_to_a_meter_that_is_not_there_is_said_once(node: SmallNode) -> None:
    lost = msgspec.structs.replace(SHED, trigger=Trigger("feeder-9", "voltage_pu", below=0.9))
    node.further.update(responses=(lost,))
    (finding,) = said(node)
    assert (finding.where, finding.what) == ("parameters", "parameter set")
    assert "response 'shed': the station has no meter or device 'feeder-9'" in finding.sees


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (
            Limits(ratings=(TimeLimitedRating(99, 1.2, 600.0, 0.0),)),
            "limits.ratings: the network has no line or transformer 99",
        ),
        (
            Limits(thermal=(ThermalRating(5, 30.0, 5.0),)),
            "limits.thermal: the network has no transformer 5",
        ),
    ],
)
def test_a_rating_of_what_the_network_does_not_have_is_said_and_no_agent_starts(
    node: SmallNode, limits: Limits, words: str
) -> None:
    node.further.update(limits=limits)
    (finding,) = said(node)
    assert (finding.where, finding.what) == ("parameters", "ratings")
    assert words in finding.sees
    with pytest.raises(InputError, match=words):
        read_configuration(node.write())


def test_a_group_that_nobody_belongs_to_is_noticed(node: SmallNode) -> None:
    node.device(group="")
    (finding,) = said(node)
    assert (finding.what, finding.sees) == ("group chargers", "no device belongs to it")


def test_a_negative_reserve_is_refused_and_said(node: SmallNode) -> None:
    node.further.update(limits=Limits(loading_margin=-0.2))
    (finding,) = said(node)
    assert "limits.loading_margin: -0.2 is not between 0 and the loading of 1" in finding.sees


def test_a_time_that_is_none_is_refused_and_said(node: SmallNode) -> None:
    node.further.update(timing=Timing(blind_fallback_s=-1.0))
    assert any("blind_fallback_s is -1" in finding.sees for finding in said(node))


def test_a_field_of_another_form_is_said_with_its_device(node: SmallNode) -> None:
    agent = node.write(lambda payload: payload.replace(b'"kind":"ev"', b'"kind":"car"'))
    seen = [finding.sees for finding in bad(check_node(agent, online=False))]
    assert any("station.devices[0] 'ev-1': kind: 'car' is none of ev" in words for words in seen)


def with_taps(*changers: TapChanger, **network: Any) -> list[Finding]:
    """Findings of a station with tap control."""
    station = Station((), (), (), SourcePseudo(1, 1.0, 0.02), changers)
    parameters = ParameterSet(
        "s", "ons-1", 1, "", station, voltage=VoltageControl(tap=TapControl())
    )
    return list(station_rules(parameters, NetworkIndex((1, 2), (), (4,), (), **network)))


def test_tap_control_needs_a_tap_changer_and_a_transformer_with_taps() -> None:
    changer = TapChanger("oltc", "tap-changer", where(1004), 4, 1.0)
    assert with_taps(changer, tap_steps_pu={4: 0.02}) == []
    (none,) = with_taps()
    assert none.sees == "the station has no tap changer"
    (untapped,) = with_taps(changer)
    assert untapped.where == "oltc"
    assert "transformer 4 has no taps" in untapped.sees
