"""What `edge check` says of set points besides the limit: tap changers, and reactive power."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ortsnetz_common.parameters.station import Connection, Device, DeviceKind, TapChanger
from ortsnetz_edge.console.checking.findings import Finding
from ortsnetz_edge.console.checking.offline import source_of
from ortsnetz_edge.console.checking.set_point_rules import reactive_rules, tap_changer_rules
from ortsnetz_edge.profiles.library import Library

WIRE = Connection("modbus-tcp", "127.0.0.1", 502)
CHANGER = TapChanger("oltc", "tap-changer", WIRE, 3, 1.0)
PV = Device(
    "pv", DeviceKind.PV, "pv-inverter", WIRE, 1, 3, "abc", 10e3, 0.0, "none", 2.0, 3e3, 0.005, 10.0,
    reactive_var=4_360.0, apparent_va=10e3,
)  # fmt: skip


def of_changer(changer: TapChanger = CHANGER, **change: Any) -> list[Finding]:
    profile = msgspec.structs.replace(Library().load("tap-changer"), **change)
    return list(tap_changer_rules(changer, profile))


def test_a_tap_changer_as_it_should_be_gives_no_finding() -> None:
    assert of_changer() == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"further_setpoints": ()}, "takes no voltage set point"),
        ({"voltage": None}, "says no voltage"),
        ({"tap_position": None}, "says no tap position"),
    ],
)
def test_what_its_profile_lacks_is_said(change: dict[str, Any], says: str) -> None:
    (finding,) = of_changer(**change)
    assert says in finding.sees


def test_a_set_point_in_volts_is_noticed() -> None:
    (finding,) = of_changer(msgspec.structs.replace(CHANGER, setpoint_pu=230.0))
    assert (finding.what, finding.sees) == ("setpoint_pu", "230")


def test_reactive_power_that_the_profile_cannot_tell_is_noticed() -> None:
    inverter = Library().load("pv-inverter")
    assert list(reactive_rules(PV, inverter)) == []
    lacking = msgspec.structs.replace(inverter, further_setpoints=())
    (finding,) = reactive_rules(PV, lacking)
    assert "takes no reactive power" in finding.sees
    assert list(reactive_rules(msgspec.structs.replace(PV, reactive_var=0.0), lacking)) == []


def test_more_reactive_power_than_the_rating_is_noticed() -> None:
    (finding,) = reactive_rules(
        msgspec.structs.replace(PV, reactive_var=43_600.0), Library().load("pv-inverter")
    )
    assert "10000 VA" in finding.expects


def test_a_tap_changer_is_a_source_with_three_terminals() -> None:
    source = source_of(CHANGER)
    assert (source.name, source.terminals, source.rated_w) == ("oltc", 3, None)
