"""`ortsnetz edge check` off-line: everything that is wrong with a node is listed at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from line_protocol import installed
from small_node import SmallNode, charger, feeder_meter, where
from small_substation import bad

from ortsnetz_common.parameters.parameter_set import Timing
from ortsnetz_common.parameters.station import Device, PseudoMeasurement, SourcePseudo
from ortsnetz_common.trust.authority import Authority
from ortsnetz_edge.console.checking.certificates import Files, certificates
from ortsnetz_edge.console.checking.command import check_node
from ortsnetz_edge.console.checking.findings import Verdict

Change = Callable[[SmallNode], None]


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallNode:
    installed(monkeypatch)
    return SmallNode(tmp_path)


def test_a_node_as_it_should_be_has_nothing_against_it(node: SmallNode) -> None:
    report = check_node(node.write(), online=False)
    assert bad(report) == []
    assert {finding.what for finding in report.findings} >= {"signature", "network.json"}
    assert report.verdict is Verdict.OK


def test_what_a_device_falls_back_to_is_said(node: SmallNode) -> None:
    said = [
        f.sees for f in check_node(node.write(), online=False).findings if f.what == "fallback_w"
    ]
    assert said == ["4830 W are written to holding/33, in force after 60 s without a write"]


def renamed(device: Device, name: str) -> Device:
    return msgspec.structs.replace(device, name=name)


def assumed(element: int, sigma_w: float = 300.0) -> PseudoMeasurement:
    return PseudoMeasurement(element, (500.0,) * 24, (sigma_w,) * 24)


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
        lambda n: n.meter(0, guards=False),
        Verdict.ATTENTION,
        "station",
        "guards",
        "no meter guards the limits",
    ),
    (
        lambda n: setattr(n, "devices", (charger(), renamed(charger(1004), "ev-2"))),
        Verdict.WRONG,
        "ev-2",
        "element",
        "6, as ev-1",
    ),
    (
        lambda n: setattr(n, "pseudo", (assumed(77),)),
        Verdict.WRONG,
        "station",
        "pseudo-measurement 77",
        "no such load or generator",
    ),
    (
        lambda n: setattr(n, "pseudo", (assumed(6), assumed(6))),
        Verdict.WRONG,
        "station",
        "pseudo-measurement 6",
        "there 2 times",
    ),
    (
        lambda n: setattr(n, "pseudo", (assumed(6, sigma_w=0.0),)),
        Verdict.WRONG,
        "station",
        "pseudo-measurement 6",
        "above zero in each hour",
    ),
    (
        lambda n: setattr(n, "source", SourcePseudo(9, 1.0, 0.02)),
        Verdict.WRONG,
        "station",
        "source",
        "no node 9",
    ),
    (
        lambda n: setattr(n, "source", SourcePseudo(1, 400.0, 0.02)),
        Verdict.WRONG,
        "station",
        "source",
        "0.85 to 1.15 pu",
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
        lambda n: n.bootstrap.update(journal_max_bytes=2**60),
        Verdict.ATTENTION,
        "agent",
        "data directory",
        "room for the whole journal",
    ),
    (
        lambda n: n.bootstrap.update(bench_clock={"host": "127.0.0.1", "port": 7}),
        Verdict.ATTENTION,
        "agent",
        "bench_clock",
        "none on a node in the field",
    ),
    (
        lambda n: (n.directory / "parameters-version").write_text("9"),
        Verdict.WRONG,
        "parameters",
        "version",
        "at least 9",
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
    (
        lambda n: n.device(fallback_w=8 * 690.0),
        Verdict.ATTENTION,
        "ev-1",
        "fallback_w",
        "5520 W are written to holding/33, in force after 60 s without a write at most its floor",
    ),
    (
        lambda n: n.profile("toy-charger", (", limit_at: holding/33", "")),
        Verdict.ATTENTION,
        "ev-1",
        "fallback_w",
        "a limit of its own",
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
        ("ev-1", "parameter set"),  # the agent refuses it
    }


def test_bays_of_one_address_are_each_their_own(node: SmallNode) -> None:
    trafo, feeder = node.meters
    node.meters = (
        trafo,
        *(
            msgspec.structs.replace(feeder, name=name, connection=where(9, bay=bay))
            for name, bay in (("f-1", "1"), ("f-2", "1"), ("f-3", "2"), ("f-4", ""))
        ),
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
