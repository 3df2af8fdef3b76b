"""`ortsnetz edge check --online`: what it sees against what it expects, point by point.

Devices speak the small protocol of `line_protocol`; the real ones have tests of their own in
`tests/interop/test_technician_tools.py`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from line_protocol import LineDriver, installed
from small_node import SmallNode, charger
from small_substation import (
    ChargerValues,
    Substation,
    bad,
    change,
    finding,
    meter_values,
    point,
    running,
)

from ortsnetz_common.measurement.point import Point, Unit
from ortsnetz_common.parameters.parameter_set import Timing
from ortsnetz_common.parameters.station import DeviceKind, Side
from ortsnetz_edge.console.checking.command import check_node
from ortsnetz_edge.console.checking.expectations import Place, expected
from ortsnetz_edge.console.checking.findings import Verdict
from ortsnetz_edge.drivers.contract import Role, SourcePoint
from ortsnetz_edge.status import Status, write_status

STATUS = Status(
    node="ons-1",
    pid=os.getpid(),
    time_ns=1,
    cycle=1,
    mode="active",
    reason="",
    cycle_ms=1.0,
    scan_ms=1.0,
    state_age_s=None,
    worst_loading=None,
    uplink_online=True,
    epoch="e",
    journal_backlog=0,
    journal_bytes=0,
    alarms=(),
    sources=(),
    counters={},
)


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallNode:
    installed(monkeypatch)
    return SmallNode(tmp_path)


@pytest.fixture
def substation(node: SmallNode, monkeypatch: pytest.MonkeyPatch) -> Iterator[Substation]:
    with running(node, monkeypatch) as found:
        yield found


def test_a_substation_as_it_should_be_is_ok_point_by_point(substation: Substation) -> None:
    report = substation.check()
    assert report.verdict is Verdict.OK
    ev = report.sources[2]
    assert ev.says == "maker 'Toys', model 'T1', serial number 'S-1'"
    assert ev.expected == "maker 'Toys', serial number 'S-1'"
    assert ev.manner.scans_answered == 6
    assert ev.manner.reads_per_scan == 14.0  # one for each reference, and the identity
    assert ev.manner.limit == "16 A"
    assert ev.manner.clock_s == pytest.approx(0.0, abs=1.0)
    assert 0 < (ev.manner.round_trip_s or 0) <= (ev.manner.round_trip_max_s or 0) < 0.3
    voltage = point(ev, "MMXU1.PhV.phsA")
    assert (voltage.value, voltage.unit, voltage.expects) == (230.0, "V", "207 to 253 V")
    limit = point(ev, "DWMX1.WLimSpt")
    assert (limit.value, limit.expects) == (11_040.0, "4830 to 11040 W")
    sums = next(f for f in report.findings if f.what == "sum of powers")
    assert sums.sees == "the transformer delivers 13.8 kW, the metered feeders take 13.1 kW"


@pytest.mark.parametrize(
    ("raw", "verdict", "words"),
    [
        (2550, Verdict.ATTENTION, "outside EN 50160"),
        (0, Verdict.WRONG, "no voltage: a fuse"),
        (230, Verdict.WRONG, "0.1 times what it should be: the scale"),
        (23, Verdict.WRONG, "0.01 times what it should be: the scale"),
        (3990, Verdict.WRONG, "the voltage between phases"),
        (1300, Verdict.WRONG, "scale, type or order of words"),
    ],
)
def test_a_voltage_that_is_none_is_explained(
    substation: Substation, raw: float, verdict: Verdict, words: str
) -> None:
    change(substation.feeder, holding_1=raw)
    voltage = point(substation.source("feeder"), "MMXU1.PhV.phsB")
    assert voltage.verdict is verdict
    assert words in voltage.advice
    assert voltage.expects == "207 to 253 V"


def test_swapped_currents_show_in_the_apparent_power(substation: Substation) -> None:
    for phase, (amperes, measured) in enumerate(((5, 20), (20, 5), (12, 12))):
        substation.feeder.values[f"holding/{3 + phase}"] = measured * 100.0
        substation.feeder.values[f"holding/{6 + phase}:i16"] = amperes * 230.0
    source = substation.source("feeder")
    found = finding(source, "U*I beside |S|")
    assert "terminal 1: U*I 4600 VA, |S| 1150 VA" in found.sees
    assert "power 1 with current 2, power 2 with current 1" in found.advice
    assert point(source, "MMXU1.A.phsA").verdict is Verdict.ATTENTION
    assert point(source, "MMXU1.A.phsC").verdict is Verdict.OK


def test_a_wrong_scale_shows_in_the_apparent_power(substation: Substation) -> None:
    for phase in range(3):
        substation.feeder.values[f"holding/{6 + phase}:i16"] = 437.0  # 19 A at 230 V are 4370 W
    found = finding(substation.source("feeder"), "U*I beside |S|")
    assert found.advice == "|S| is U*I times 0.1: a scale is wrong"


def test_reactive_power_counts_in_the_apparent_power(substation: Substation) -> None:
    for phase in range(3):
        substation.feeder.values[f"holding/{6 + phase}:i16"] = 0.8 * 4370.0
        substation.feeder.values[f"holding/{9 + phase}:i16"] = -0.6 * 4370.0
    assert substation.source("feeder").findings == ()


def test_a_current_transformer_the_wrong_way_round_is_told(substation: Substation) -> None:
    substation.feeder.values["holding/7:i16"] = -4370.0
    found = finding(substation.source("feeder"), "direction of phases")
    assert found.sees == "terminal 2 flows against the other two"


def test_a_feeder_that_counts_the_other_way_than_the_transformer_is_told(
    substation: Substation,
) -> None:
    substation.feeder.values.update(meter_values(19.0, sign=-1))
    found = next(f for f in substation.check().findings if f.what == "sum of powers")
    assert found.verdict is Verdict.ATTENTION
    assert "one of them counts the other way" in found.advice


def test_a_feeder_counts_into_its_line_at_either_end(substation: Substation) -> None:
    substation.node.meter(1, side=Side.TO)
    found = next(f for f in substation.check().findings if f.what == "sum of powers")
    assert found.verdict is Verdict.OK


def test_a_charge_point_that_feeds_in_is_wrong(substation: Substation) -> None:
    substation.ev.values.update(meter_values(10.0, sign=-1))
    power = point(substation.source("ev-1"), "MMXU1.W.phsA")
    assert power.verdict is Verdict.WRONG
    assert "a consumer draws power, which is positive here" in power.advice


@pytest.mark.parametrize(
    ("kind", "watts", "verdict"),
    [
        (DeviceKind.PV, -3000.0, Verdict.OK),
        (DeviceKind.PV, 20.0, Verdict.OK),  # of its own at night
        (DeviceKind.PV, 3000.0, Verdict.WRONG),
        (DeviceKind.HEAT_PUMP, 3000.0, Verdict.OK),
        (DeviceKind.HEAT_PUMP, -3000.0, Verdict.WRONG),
        (DeviceKind.STORAGE, 3000.0, Verdict.OK),
        (DeviceKind.STORAGE, -3000.0, Verdict.OK),
        (DeviceKind.STORAGE, -4500.0, Verdict.WRONG),  # a third of 11 kW and a tenth
    ],
)
def test_the_sign_of_power_is_that_of_the_kind(
    kind: DeviceKind, watts: float, verdict: Verdict
) -> None:
    device = msgspec.structs.replace(charger(), kind=kind)
    power = SourcePoint(Point("x/MMXU1.W.phsA", Unit.WATT), Role.ACTIVE_POWER, 1, -9e9, 9e9)
    assert expected(power, watts, Place(device, 230.0)).verdict is verdict


def test_a_value_outside_the_range_of_its_profile_is_said_not_to_be_used(
    substation: Substation,
) -> None:
    substation.feeder.values["holding/9:i16"] = 20_000.0
    power = point(substation.source("feeder"), "MMXU1.VAr.phsA")
    assert power.verdict is Verdict.WRONG
    assert power.expects == "-9999 to 9999, the profile's range"
    assert power.quality == "questionable (out of range)"


def test_a_device_that_restarts_meanwhile_is_told(substation: Substation) -> None:
    values = ChargerValues()
    values.restarts_at = 3
    substation.ev.values = values
    assert finding(substation.source("ev-1"), "answers").sees == "its counter went back"


def test_a_slow_device_is_told(substation: Substation) -> None:
    substation.node.further.update(timing=Timing(cycle_s=0.0001, stale_after_s=60.0))
    found = finding(substation.source("feeder"), "round trip")
    assert found.advice.startswith("the cycle does not wait for it")


def test_more_than_the_rating_is_wrong(substation: Substation) -> None:
    substation.ev.values.update(meter_values(25.0))
    power = point(substation.source("ev-1"), "MMXU1.W.phsA")
    assert power.verdict is Verdict.WRONG
    assert power.advice.startswith("more than the rating of 11040 W")


def test_a_limit_below_the_floor_and_a_fault_of_the_charge_point_need_attention(
    substation: Substation,
) -> None:
    change(substation.ev, holding_30=0.0, holding_31=6.0)
    source = substation.source("ev-1")
    assert "below the floor" in point(source, "DWMX1.WLimSpt").advice
    assert "reports a fault" in point(source, "DESE1.ConnSt").advice
    assert source.verdict is Verdict.ATTENTION


def test_a_device_that_does_not_keep_its_limit_is_told(substation: Substation) -> None:
    change(substation.ev, holding_30=8.0)  # and it draws 10 A
    found = finding(substation.source("ev-1"), "limit")
    assert found.sees == "6900 W at a limit of 5520 W"
    assert found.verdict is Verdict.ATTENTION


def test_a_clock_that_is_wrong_is_told(substation: Substation) -> None:
    substation.ev.values = ChargerValues(ahead_s=3600.0)
    source = substation.source("ev-1")
    assert source.manner.clock_s == pytest.approx(3600.0, abs=2.0)
    assert finding(source, "clock").sees == "60 min ahead"
    assert source.verdict is Verdict.ATTENTION


def test_a_device_that_repeats_an_old_answer_is_told(substation: Substation) -> None:
    values = ChargerValues()
    values.stands_still = True
    substation.ev.values = values
    assert "stands still" in finding(substation.source("ev-1"), "answers").sees


def test_another_device_at_the_address_is_told(substation: Substation) -> None:
    substation.ev.who = ("Toys", "T1", "S-2")
    source = substation.source("ev-1")
    assert source.verdict is Verdict.WRONG
    assert source.says == "maker 'Toys', model 'T1', serial number 'S-2'"
    assert "'S-1' is expected, the device says 'S-2'" in finding(source, "identity").sees


def test_a_point_that_the_device_does_not_have_is_told_and_the_others_are_seen(
    substation: Substation,
) -> None:
    del substation.feeder.values["holding/4"]
    source = substation.source("feeder")
    missing = point(source, "MMXU1.A.phsB")
    assert (missing.value, missing.verdict) == (None, Verdict.WRONG)
    assert point(source, "MMXU1.A.phsA").verdict is Verdict.OK


def test_a_silent_device_costs_no_other_its_check(substation: Substation) -> None:
    substation.feeder.silent = True
    report = substation.check()
    assert [source.verdict for source in report.sources] == [
        Verdict.OK,
        Verdict.WRONG,
        Verdict.OK,
    ]
    found = finding(report.sources[1], "connection")
    assert found.sees.endswith("no answer within 0.3 s")
    assert found.advice.startswith("check the unit or link address")


def test_that_the_agent_runs_is_said(node: SmallNode) -> None:
    write_status(node.directory, STATUS)
    assert bad(check_node(node.write(), online=False)) == []  # then it does not matter
    found = bad(check_node(node.write(), online=True))
    assert [(f.what, f.sees) for f in found] == [("process", "the agent is running")]


def test_a_driver_that_breaks_its_promises_costs_its_own_source_only(
    substation: Substation, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = LineDriver.scan

    async def broken(self: LineDriver) -> Any:
        if self.points[0].point.name.startswith("feeder"):
            raise ZeroDivisionError("counts")
        return await scan(self)

    monkeypatch.setattr(LineDriver, "scan", broken)
    report = substation.check()
    assert [source.verdict for source in report.sources] == [
        Verdict.OK,
        Verdict.WRONG,
        Verdict.OK,
    ]
    assert report.sources[1].findings[0].sees == "ZeroDivisionError: counts"
