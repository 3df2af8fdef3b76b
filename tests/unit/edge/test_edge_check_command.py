"""`ortsnetz edge check`: everything that is wrong with a node, at once, and on-line point by point.

Devices speak the small protocol of `line_protocol`; the real ones have tests of their own in
`tests/interop/test_technician_tools.py`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest
from line_protocol import Device, LineDriver, installed
from small_node import SmallNode, charger, feeder_meter, where

from ortsnetz_common import cli
from ortsnetz_common.measurement.point import Point, Unit
from ortsnetz_common.measurement.time import now_ns
from ortsnetz_common.parameters.parameter_set import Timing
from ortsnetz_common.parameters.station import DeviceKind, Side
from ortsnetz_common.trust.authority import Authority
from ortsnetz_edge.console.checking.certificates import Files, certificates
from ortsnetz_edge.console.checking.command import check_node
from ortsnetz_edge.console.checking.expectations import Place, expected
from ortsnetz_edge.console.checking.findings import Finding, Verdict
from ortsnetz_edge.console.checking.report import PointReport, Report, SourceReport
from ortsnetz_edge.drivers.contract import Role, SourcePoint
from ortsnetz_edge.status import Status, write_status

Change = Callable[[SmallNode], None]
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


def bad(report: Report) -> list[Finding]:
    return [finding for finding in report.findings if finding.verdict is not Verdict.OK]


def test_a_node_as_it_should_be_has_nothing_against_it(node: SmallNode) -> None:
    report = check_node(node.write(), online=False)
    assert bad(report) == []
    assert {finding.what for finding in report.findings} >= {"signature", "network.json"}
    assert report.verdict is Verdict.OK


# What a technician or an engineer may get wrong: the change, who it is said of, what about, words.
MISTAKES: list[tuple[Change, Verdict, str, str, str]] = [
    (
        lambda n: n.device(reaction_s=2.0),
        Verdict.WRONG,
        "ev-1",
        "reaction_s",
        "at least 5 s",
    ),
    (
        lambda n: n.profile(
            "toy-charger", ("reaction_s: 5", "reaction_s: 5\n  acknowledged_s: 90")
        ),
        Verdict.ATTENTION,
        "ev-1",
        "reaction_s",
        "at least 90 s",
    ),
    (
        lambda n: n.profile(
            "toy-charger", ("  fallback: {time_at: holding/32, limit_at: holding/33}\n", "")
        ),
        Verdict.WRONG,
        "ev-1",
        "watchdog_s",
        "a fall-back in the profile",
    ),
    (lambda n: n.device(watchdog_s=None), Verdict.ATTENTION, "ev-1", "watchdog_s", "a time"),
    (lambda n: n.device(watchdog_s=8.0), Verdict.WRONG, "ev-1", "watchdog_s", "more than 10 s"),
    (lambda n: n.device(step_a=0.5), Verdict.WRONG, "ev-1", "step_a", "a multiple of 1 A"),
    (lambda n: n.device(step_a=None), Verdict.ATTENTION, "ev-1", "step_a", "1 A"),
    (
        lambda n: n.device(floor_w=4 * 690.0),
        Verdict.WRONG,
        "ev-1",
        "floor_w",
        "at least 6 A",
    ),
    (
        lambda n: n.device(floor_w=6.5 * 690.0, fallback_w=7 * 690.0),
        Verdict.ATTENTION,
        "ev-1",
        "floor_w",
        "a multiple of 1 A",
    ),
    (
        lambda n: n.device(floor_w=8 * 690.0),
        Verdict.WRONG,
        "ev-1",
        "parameter set",
        "must rise in this order",
    ),
    (lambda n: n.device(p_sigma=0.0), Verdict.WRONG, "ev-1", "p_sigma", "above zero"),
    (lambda n: n.meter(1, u_sigma=-0.1), Verdict.WRONG, "feeder", "u_sigma", "above zero"),
    (lambda n: n.meter(1, u_sigma=0.5), Verdict.ATTENTION, "feeder", "u_sigma", "not %"),
    (lambda n: n.meter(1, phases="abb"), Verdict.WRONG, "feeder", "phases", "each once"),
    (lambda n: n.meter(1, phases="abcb"), Verdict.WRONG, "feeder", "driver", "4 terminals"),
    (lambda n: n.device(phases="ab"), Verdict.WRONG, "ev-1", "phases", "phase_count"),
    (lambda n: n.device(phase_count=2), Verdict.WRONG, "ev-1", "phase_count", "1 or 3"),
    (lambda n: n.meter(1, element=77), Verdict.WRONG, "feeder", "element", "no branch 77"),
    (lambda n: n.meter(1, side=None), Verdict.WRONG, "feeder", "element", "needs its side"),
    (lambda n: n.device(profile="none-such"), Verdict.WRONG, "ev-1", "driver", "none-such"),
    (
        lambda n: n.profile("toy-charger", ("step: 1", "step: 0")),
        Verdict.WRONG,
        "ev-1",
        "driver",
        "setpoint.step",
    ),
    (
        lambda n: n.device(profile="toy-meter"),
        Verdict.WRONG,
        "ev-1",
        "setpoint",
        "takes none",
    ),
    (
        lambda n: n.meter(1, profile="toy-trafo"),
        Verdict.WRONG,
        "feeder",
        "direction",
        "away-from-busbar, for the role 'feeder'",
    ),
    (
        lambda n: n.device(connection=where(1003)),
        Verdict.ATTENTION,
        "ev-1",
        "identity",
        "no serial number",
    ),
    (
        lambda n: n.device(connection=where(1003, identity="S-1", credentials="park")),
        Verdict.WRONG,
        "credentials park",
        "files",
        "park/ca.pem is missing",
    ),
    (
        lambda n: n.meter(1, connection=where(1001)),
        Verdict.ATTENTION,
        "feeder",
        "address",
        "as trafo",
    ),
    (
        lambda n: setattr(n, "meters", (*n.meters, feeder_meter())),
        Verdict.WRONG,
        "feeder",
        "name",
        "used 2 times",
    ),
    (
        lambda n: setattr(n, "devices", (charger(), charger())),
        Verdict.WRONG,
        "ev-1",
        "address",
        "each source its own address",
    ),
    (
        lambda n: n.further.update(timing=Timing(stale_after_s=1.0)),
        Verdict.ATTENTION,
        "parameters",
        "stale_after_s",
        "at least two cycles",
    ),
    (
        lambda n: n.further.update(timing=Timing(cycle_s=0.0)),
        Verdict.WRONG,
        "parameters",
        "cycle_s",
        "above zero",
    ),
    (
        lambda n: n.profile(
            "toy-meter",
            ("direction:", "groups: {slow: 60}\ndirection:"),
            ("scale: 0.1, range", "scale: 0.1, group: slow, range"),
        ),
        Verdict.WRONG,
        "feeder",
        "voltage",
        "reads it every 60 s",
    ),
    (
        lambda n: n.device(connection=where(1003, identity="S-1", timeout_s=3.0)),
        Verdict.ATTENTION,
        "ev-1",
        "time-out",
        "the cycle of 1 s",
    ),
    (
        lambda n: n.meter(1, connection=where(1001, unit=2, timeout_s=0.5)),
        Verdict.ATTENTION,
        "trafo",
        "time-out",
        "feeder 0.5",
    ),
    (
        lambda n: n.further.update(network_sha256="0" * 64),
        Verdict.WRONG,
        "network",
        "network.json",
        "as the parameter set says",
    ),
    (lambda n: n.further.update(node="ons-2"), Verdict.WRONG, "parameters", "node", "'ons-1'"),
    (
        lambda n: n.bootstrap.update(parameters="none.json"),
        Verdict.WRONG,
        "parameters",
        "none.json",
        "No such file",
    ),
    (
        lambda n: n.bootstrap.update(parameters="network.json"),
        Verdict.WRONG,
        "parameters",
        "network.json",
        "a signed parameter set",
    ),
    (
        lambda n: n.bootstrap.update(broker={"host": "b.example", "port": 1, "tls": None}),
        Verdict.WRONG,
        "broker",
        "b.example:1",
        "mutual TLS",
    ),
]


@pytest.mark.parametrize(
    ("change", "verdict", "who", "what", "words"),
    MISTAKES,
    ids=[f"{who}-{what}-{number}" for number, (_, _, who, what, _) in enumerate(MISTAKES)],
)
def test_each_mistake_is_said_of_whom_it_concerns(  # noqa: PLR0917 - columns of the table
    node: SmallNode, change: Change, verdict: Verdict, who: str, what: str, words: str
) -> None:
    change(node)
    found = [
        f for f in bad(check_node(node.write(), online=False)) if (f.where, f.what) == (who, what)
    ]
    assert found
    assert found[0].verdict is verdict
    assert words in f"{found[0].sees} {found[0].expects}"
    assert found[0].advice


def test_all_mistakes_are_listed_at_once(node: SmallNode) -> None:
    for change, *_ in MISTAKES[:6]:
        change(node) if change is not MISTAKES[3][0] else None
    node.meter(0, element=99, p_sigma=0.0)
    node.meter(1, phases="xyz")
    found = {(f.where, f.what) for f in bad(check_node(node.write(), online=False))}
    assert found >= {
        ("ev-1", "reaction_s"),
        ("ev-1", "watchdog_s"),
        ("ev-1", "step_a"),
        ("trafo", "element"),
        ("trafo", "p_sigma"),
        ("feeder", "phases"),
    }


def test_a_set_that_was_changed_is_said_to_be_and_its_contents_are_checked_all_the_same(
    node: SmallNode,
) -> None:
    node.device(p_sigma=0.0)
    agent = node.write(lambda payload: payload.replace(b'"version":3', b'"version":4'))
    report = check_node(agent, online=False)
    assert report.version == 4
    assert {(f.where, f.what) for f in bad(report)} == {
        ("parameters", "signature"),
        ("ev-1", "p_sigma"),
    }


def test_bays_of_one_address_are_each_their_own(node: SmallNode) -> None:
    node.meters = tuple(
        type(meter)(**{**{f: getattr(meter, f) for f in meter.__struct_fields__}, **change})
        for meter, change in (
            (node.meters[1], {"name": "f-1", "connection": where(9, bay="1")}),
            (node.meters[1], {"name": "f-2", "connection": where(9, bay="1")}),
            (node.meters[1], {"name": "f-3", "connection": where(9, bay="2")}),
            (node.meters[1], {"name": "f-4", "connection": where(9)}),
        )
    )
    found = bad(check_node(node.write(), online=False))
    assert {(f.where, f.what, f.verdict) for f in found} == {
        ("f-1", "bay", Verdict.WRONG),
        ("f-2", "bay", Verdict.WRONG),
        ("f-4", "bay", Verdict.ATTENTION),
    }


def issued(folder: Path, days: int) -> Files:
    """Certificates of an authority of its own, valid for so many days from now."""
    folder.mkdir(parents=True)
    authority = Authority(days=days)
    own = authority.issue("ons-1")
    for name, content in (
        ("ca.pem", authority.certificate),
        ("certificate.pem", own.certificate),
        ("key.pem", own.key),
    ):
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o600)
    return Files("x", folder / "ca.pem", folder / "certificate.pem", folder / "key.pem")


def said(files: Files, after_days: float = 0.0) -> list[tuple[Verdict, str]]:
    now = datetime.now(tz=UTC) + timedelta(days=after_days)
    return [(found.verdict, found.sees) for found in certificates(files, now)]


def test_certificates_say_how_long_they_last(tmp_path: Path) -> None:
    files = issued(tmp_path / "a", days=100)
    assert [verdict for verdict, _ in said(files)] == [Verdict.OK, Verdict.OK]
    assert "99 days left" in said(files)[1][1]
    assert [verdict for verdict, _ in said(files, 90)] == [Verdict.ATTENTION] * 2
    assert [verdict for verdict, _ in said(files, 101)] == [Verdict.WRONG] * 2
    assert "expired on" in said(files, 101)[1][1]
    assert "valid from" in said(files, -1)[0][1]


def test_certificates_that_do_not_belong_together_are_told(tmp_path: Path) -> None:
    one, two = issued(tmp_path / "a", 100), issued(tmp_path / "b", 100)
    mixed = Files("x", two.ca, one.certificate, two.key)
    texts = " ".join(sees for _, sees in said(mixed))
    assert "key.pem belongs to another certificate" in texts
    assert "was not issued by ca.pem" in texts
    one.key.chmod(0o644)
    assert (Verdict.ATTENTION, "key.pem can be read by others (mode 644)") in said(one)
    one.certificate.write_text("nothing")
    one.key.unlink()
    texts = " ".join(sees for _, sees in said(one))
    assert "no certificate in it" in texts
    assert "No such file" in texts


# On-line


def meter_values(amperes: float = 10.0, sign: int = 1) -> dict[str, float | str]:
    watts = 230.0 * amperes * sign
    found: dict[str, float | str] = {}
    for phase in range(3):
        found[f"holding/{phase}"] = 2300.0
        found[f"holding/{3 + phase}"] = amperes * 100
        found[f"holding/{6 + phase}:i16"] = watts
        found[f"holding/{9 + phase}:i16"] = 0.0
    return found


class ChargerValues(dict[str, float | str]):
    """Values of a charge point whose clock runs and who counts its answers."""

    def __init__(self, ahead_s: float = 0.0) -> None:
        super().__init__(meter_values())
        self.update({"holding/30": 16.0, "holding/31": 3.0})
        self.update({"holding/20:u64": 0.0, "holding/24:u32": 0.0})
        self.ahead_s, self.count, self.stands_still = ahead_s, 0, False
        self.restarts_at: int | None = None

    def __getitem__(self, key: str) -> float | str:
        if key == "holding/20:u64":
            return float(now_ns() // 1_000_000 + round(self.ahead_s * 1000))
        if key == "holding/24:u32":
            self.count += not self.stands_still
            if self.count == self.restarts_at:
                self.count, self.restarts_at = 1, None
            return float(self.count)
        return super().__getitem__(key)


@dataclass
class Substation:
    """The three devices of the small node, and what a check says of them."""

    node: SmallNode
    trafo: Device = field(default_factory=lambda: Device(meter_values(20.0)))
    feeder: Device = field(default_factory=lambda: Device(meter_values(19.0)))
    ev: Device = field(default_factory=lambda: Device(ChargerValues()))

    def write(self) -> Path:
        node = self.node
        node.meter(0, connection=where(self.trafo.port))
        node.meter(1, connection=where(self.feeder.port))
        node.device(connection=where(self.ev.port, identity="S-1"))
        return node.write()

    def check(self) -> Report:
        report = check_node(self.write(), online=True)
        assert all(device.written == [] for device in (self.trafo, self.feeder, self.ev))
        return report

    def source(self, name: str) -> SourceReport:
        return next(source for source in self.check().sources if source.name == name)


@pytest.fixture
def substation(node: SmallNode, monkeypatch: pytest.MonkeyPatch) -> Iterator[Substation]:
    monkeypatch.setattr("ortsnetz_edge.console.checking.measuring.PAUSE_S", 0.02)
    found = Substation(node)
    with ExitStack() as stack:
        for device in (found.trafo, found.feeder, found.ev):
            stack.enter_context(device.serving())
        yield found


def point(source: SourceReport, name: str) -> PointReport:
    return next(point for point in source.points if point.name == name)


def finding(source: SourceReport, what: str) -> Finding:
    return next(finding for finding in source.findings if finding.what == what)


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
    assert (limit.value, limit.expects) == (11_040.0, "4140 to 11040 W")
    sums = next(f for f in report.findings if f.what == "sum of powers")
    assert sums.sees == "the transformer delivers 13.8 kW, the metered feeders take 13.1 kW"


def change(device: Device, **values: float) -> None:
    device.values.update({name.replace("_", "/", 1): value for name, value in values.items()})


@pytest.mark.parametrize(
    ("raw", "verdict", "words"),
    [
        (2550, Verdict.ATTENTION, "outside EN 50160"),
        (0, Verdict.WRONG, "no voltage: a fuse"),
        (230, Verdict.WRONG, "the scale is wrong by 0.1"),
        (23, Verdict.WRONG, "the scale is wrong by 0.01"),
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


@dataclass
class Said:
    code: int
    out: str
    err: str


@pytest.fixture
def typed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Said]:
    def type_(*words: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["ortsnetz", "edge", "check", *words])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return type_


def test_the_report_is_read_from_the_worst_to_the_best(
    substation: Substation, typed: Callable[..., Said]
) -> None:
    change(substation.feeder, holding_1=230.0)
    agent = str(substation.write())
    said = typed(agent, "--online")
    assert said.code == 1
    lines = said.out.splitlines()
    assert lines[0].startswith("node ons-1  parameter set version 3  20")
    assert lines[-1] == "wrong: 3 sources: 2 ok, 0 need attention, 1 wrong"
    assert any("MMXU1.PhV.phsB" in line and "the scale is wrong by 0.1" in line for line in lines)
    assert not any("MMXU1.PhV.phsA" in line and "ev-1" in line for line in lines)
    assert sum("MMXU1.PhV.phsA" in line for line in lines) == 1  # of the source that is wrong
    assert (
        sum(
            "MMXU1.PhV.phsA" in line
            for line in typed(agent, "--online", "--points").out.splitlines()
        )
        == 3
    )


def test_only_the_sources_asked_for_are_asked(
    substation: Substation, typed: Callable[..., Said]
) -> None:
    agent = str(substation.write())
    said = typed(agent, "--online", "--only", "ev-1")
    assert said.code == 0
    assert "DWMX1.WLimSpt" in said.out
    assert substation.feeder.lines == []
    strange = typed(agent, "--only", "ev-9")
    assert strange.code == 2
    assert "no such source (it has: trafo, feeder, ev-1)" in strange.err


def test_the_same_for_scripts(substation: Substation, typed: Callable[..., Said]) -> None:
    substation.ev.silent = True
    found = json.loads(typed(str(substation.write()), "--online", "--json").out)
    assert found["sources"][0]["points"][0]["value"] == 230.0
    assert found["sources"][2]["findings"][0]["verdict"] == "wrong"


def test_off_line_nobody_is_asked_and_it_is_said(
    substation: Substation, typed: Callable[..., Said]
) -> None:
    said = typed(str(substation.write()))
    assert said.code == 0
    assert said.out.splitlines()[-1].endswith("no device was asked (--online asks)")
    assert substation.ev.lines == []


def test_without_an_agent_json_there_is_one_line_and_exit_code_2(
    tmp_path: Path, typed: Callable[..., Said]
) -> None:
    said = typed(str(tmp_path / "none.json"))
    assert said.code == 2
    assert said.err.count("\n") == 1
    assert "cannot be read" in said.err


class Page(HTMLParser):
    """What stands in a page, and what it would load or run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data


def test_the_page_holds_everything_and_loads_and_runs_nothing(
    substation: Substation, typed: Callable[..., Said], tmp_path: Path
) -> None:
    hostile = "<script>alert(1)</script>"
    substation.ev.who = (f"Toys{hostile}", 'T1" onload="x', "S-1")
    change(substation.feeder, holding_1=230.0)
    path = tmp_path / "report.html"
    said = typed(str(substation.write()), "--online", "--html", str(path))
    assert said.code == 1
    page = Page(path.read_text(encoding="utf-8"))
    assert {"script", "link", "img", "iframe"}.isdisjoint(tag for tag, _ in page.tags)
    for _, attributes in page.tags:
        assert not any(name.startswith("on") or name == "src" for name in attributes)
        assert (attributes.get("href") or "#").startswith("#")
    assert hostile in page.words  # as text
    for words in ("ons-1", "MMXU1.PhV.phsB", "the scale is wrong by 0.1", "127.0.0.1"):
        assert words in page.words
    marks = [a for tag, a in page.tags if tag == "rect" and a.get("class") == "mark"]
    assert len(marks) >= 12
    lowest = min(float(mark["x"] or 0) for mark in marks)
    assert lowest == 0.0  # 23 V lies below all that the gauge shows


def test_a_page_that_cannot_be_written_is_a_mistake_of_the_input(
    node: SmallNode, typed: Callable[..., Said], tmp_path: Path
) -> None:
    said = typed(str(node.write()), "--html", str(tmp_path / "none" / "x.html"))
    assert said.code == 2
    assert "cannot be written" in said.err


def test_that_the_agent_runs_is_said(node: SmallNode) -> None:
    (node.directory / "data").mkdir()
    write_status(node.directory / "data", STATUS)
    assert bad(check_node(node.write(), online=False)) == []  # then it does not matter
    found = bad(check_node(node.write(), online=True))
    assert [(f.what, f.sees) for f in found] == [("process", "the agent is running")]


def test_on_a_terminal_something_moves_while_devices_are_asked(
    substation: Substation, typed: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    substation.feeder.silent = True
    agent = str(substation.write())
    leader, follower = os.openpty()
    with os.fdopen(follower, "w", encoding="utf-8") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        assert typed(agent, "--online").code == 1
    assert "asking 3 sources: " in os.read(leader, 65_536).decode()
    os.close(leader)


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
