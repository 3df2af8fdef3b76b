"""What the TSO sees: the agreed figures, with the quality that the inputs leave them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi import FastAPI
from fastapi.testclient import TestClient

from ortsnetz_cockpit.apps.tso_exchange.aggregate import aggregates
from ortsnetz_cockpit.apps.tso_exchange.exchange import TsoExchange
from ortsnetz_cockpit.apps.tso_exchange.profile import Interface, load_profile
from ortsnetz_cockpit.sdk.contract import Window
from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.origin import Origin
from ortsnetz_common.measurement.quality import Quality
from ortsnetz_common.parameters.station import (
    Connection,
    Device,
    DeviceKind,
    Meter,
    MeterRole,
    Side,
    SourcePseudo,
    Station,
)

S = 10**9
START = 1_795_255_200 * S
MINUTE = 60 * S
HERE = Connection("modbus-tcp", "127.0.0.1", 502)
QUANTITIES = ["interface.P", "demand.P", "pv.P", "ev.P", "storage.P", "interface.Q"]
PHASES = ("phsA", "phsB", "phsC")


def device(name: str, kind: DeviceKind, phase_count: int = 3) -> Device:
    return Device(
        name=name,
        kind=kind,
        profile="any",
        connection=HERE,
        element=1,
        phase_count=phase_count,
        phases=None,
        rated_w=11_000.0,
        floor_w=0.0,
        floor_rule="none",
        reaction_s=1.0,
        fallback_w=0.0,
        u_sigma=0.01,
        p_sigma=10.0,
    )


def station(side: Side = Side.TO) -> Station:
    meter = Meter(
        name="mt",
        role=MeterRole.TRANSFORMER,
        profile="any",
        connection=HERE,
        element=10,
        phases="abc",
        u_sigma=0.01,
        p_sigma=10.0,
        side=side,
    )
    devices = (
        device("ev-1", DeviceKind.EV),
        device("ev-2", DeviceKind.EV, phase_count=1),
        device("pv-1", DeviceKind.PV),
        device("heat-1", DeviceKind.HEAT_PUMP),
    )
    return Station((meter,), devices, (), SourcePseudo(1, 1.0, 0.01))


def windows(
    count: int = 60, quality: int = 0, start_ns: int = START, **totals: float
) -> list[Window]:
    """Windows of the active power; a total is spread over three phases, `ev-2` has one."""
    found = []
    for source, total in totals.items():
        name = source.replace("_", "-")
        phases = PHASES[:1] if name == "ev-2" else PHASES
        for phase in phases:
            point = f"{name}/MMXU1.W.{phase}"
            mean = total / len(phases)
            found.append(Window(point, start_ns, count, mean, quality, Origin.MEASURED))
    return found


def profile(directory: Path, **changes: Any) -> Path:
    interface = {
        "name": "uw-nord",
        "node": "ons-1",
        "transformer_meter": "mt",
        "quantities": QUANTITIES,
        **changes,
    }
    path = directory / "profile.yaml"
    path.write_text(yaml.safe_dump({"format": "ortsnetz.tso-profile/1", "interfaces": [interface]}))
    return path


@pytest.fixture
def interface(tmp_path: Path) -> Interface:
    return load_profile(profile(tmp_path))[0]


EVENING = {"mt": -20_000.0, "ev_1": 6000.0, "ev_2": 3000.0, "pv_1": -1500.0}


def figures(interface: Interface, given: list[Window], of: Station | None = None) -> dict[str, Any]:
    [found] = aggregates(interface, of or station(), given, [START])
    return {quantity.text: figure for quantity, figure in found.figures}


def test_kinds_are_in_load_convention_and_import_is_positive(interface: Interface) -> None:
    found = figures(interface, windows(**EVENING))
    assert found["interface.P"].value == pytest.approx(20_000.0)
    assert found["ev.P"].value == pytest.approx(9000.0)
    assert found["pv.P"].value == pytest.approx(-1500.0), "generation is negative"
    assert found["demand.P"].value == pytest.approx(20_000 - 9000 + 1500)
    assert found["storage.P"].value == 0.0, "no storage is a true zero"
    for name in ("interface.P", "ev.P", "pv.P", "storage.P"):
        assert (found[name].quality, found[name].origin) == (0, Origin.MEASURED)
    at_mv = figures(interface, windows(**{**EVENING, "mt": 20_400.0}), station(Side.FROM))
    assert at_mv["interface.P"].value == pytest.approx(20_400.0)


def test_the_residual_is_estimated_and_questionable_at_best(interface: Interface) -> None:
    demand = figures(interface, windows(**EVENING))["demand.P"]
    assert demand.quality & 3 == int(Quality.QUESTIONABLE)
    assert demand.origin is Origin.ESTIMATED


@pytest.mark.parametrize(
    ("count", "validity"), [(60, 0), (57, 0), (56, 3), (30, 3), (29, 1), (1, 1), (0, 1)]
)
def test_few_samples_cost_quality_and_then_the_value(
    interface: Interface, count: int, validity: int
) -> None:
    found = figures(interface, windows(count, **EVENING))
    for name in ("interface.P", "ev.P", "pv.P"):
        assert found[name].quality & 3 == validity
        assert (found[name].value is None) == (validity == 1), "no guess"
        assert found[name].share == pytest.approx(count / 60)


def test_one_silent_device_takes_its_kind_and_the_residual_with_it(interface: Interface) -> None:
    given = [window for window in windows(**EVENING) if not window.point.startswith("ev-2/")]
    found = figures(interface, given)
    assert found["ev.P"].value is None
    assert found["demand.P"].value is None
    assert found["demand.P"].quality & 3 == int(Quality.INVALID)
    assert found["interface.P"].value == pytest.approx(20_000.0)
    assert found["pv.P"].value == pytest.approx(-1500.0)


def test_one_silent_phase_of_three_is_not_taken_for_zero(interface: Interface) -> None:
    given = [w for w in windows(**EVENING) if w.point != "pv-1/MMXU1.W.phsB"]
    assert figures(interface, given)["pv.P"].value is None


def test_the_worst_input_decides(interface: Interface) -> None:
    quality = int(Quality.QUESTIONABLE | Quality.OLD_DATA)
    found = figures(interface, windows(**EVENING) + windows(quality=quality, pv_1=-1500.0))
    assert found["pv.P"].quality == quality
    assert found["ev.P"].quality == 0
    assert found["demand.P"].quality & Quality.OLD_DATA


def test_an_unknown_station_or_meter_gives_no_figures(interface: Interface) -> None:
    [found] = aggregates(interface, None, windows(**EVENING), [START])
    assert all(figure.value is None for _, figure in found.figures)
    nothing = Station((), (), (), SourcePseudo(1, 1.0, 0.01))
    assert figures(interface, windows(**EVENING), nothing)["interface.P"].value is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"quantities": []}, "at least one"),
        ({"quantities": ["wind.P"]}, "'wind.P' is unknown"),
        ({"quantities": ["pv"]}, "'pv' is unknown"),
        ({"name": "UW/Nord"}, "valid name"),
        ({"node": "+"}, "valid name"),
        ({"interval_s": 7}, "divide a day"),
        ({"interval_s": 0}, "divide a day"),
        ({"sample_s": 0}, "sample_s"),
        ({"good_share": 0.3}, "least_share"),
        ({"delay_s": -1}, "delay_s"),
        ({"secret": True}, "secret"),
    ],
)
def test_a_wrong_profile_is_refused_by_name(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        load_profile(profile(tmp_path, **changes))


def test_a_profile_names_each_interface_once(tmp_path: Path) -> None:
    path = profile(tmp_path)
    document = yaml.safe_load(path.read_text())
    document["interfaces"] *= 2
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(InputError, match="listed twice"):
        load_profile(path)
    path.write_text("format: [")
    with pytest.raises(InputError, match="not an exchange profile"):
        load_profile(path)
    path.write_text(yaml.safe_dump({**document, "format": "other/2"}))
    with pytest.raises(InputError, match="other/2"):
        load_profile(path)


@dataclass
class FakeHost:
    """The SDK's host with windows from a list and a broker that can be away."""

    data_dir: Path
    given: list[Window] = field(default_factory=list)
    sent: list[tuple[str, Any]] = field(default_factory=list)
    broker_is_there: bool = True

    def viewer(self) -> None:
        return

    def station(self, _node: str) -> Station:
        return station()

    def windows(
        self, _node: str, names: tuple[str, ...], *, start_ns: int, end_ns: int, **_width: int
    ) -> list[Window]:
        return [w for w in self.given if w.point in names and start_ns <= w.start_ns < end_ns]

    def publish(self, topic: str, payload: bytes) -> bool:
        if self.broker_is_there:
            self.sent.append((topic, json.loads(payload)))
        return self.broker_is_there


class Clock:
    now = START + 2 * MINUTE + 6 * S

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    return FakeHost(tmp_path)


def test_each_interval_is_sent_once_when_it_is_over(interface: Interface, host: FakeHost) -> None:
    clock = Clock()
    host.given = windows(start_ns=START + MINUTE, **EVENING)
    app = TsoExchange([interface], host, clock)
    assert app.send_due() == 1
    assert app.send_due() == 0
    [(topic, message)] = host.sent
    assert topic == "ortsnetz/tso/uw-nord"
    assert message["start"] == "2026-11-21T10:01:00.000Z"
    assert (message["start_ns"], message["revision"]) == (str(START + MINUTE), 1)
    assert [f"{q['kind']}.{q['quantity']}" for q in message["quantities"]] == QUANTITIES
    by_name = {q["kind"]: q for q in message["quantities"] if q["quantity"] == "P"}
    assert by_name["ev"]["value"] == pytest.approx(9000.0)
    assert by_name["demand"]["validity"] == "questionable"
    [reactive] = [q for q in message["quantities"] if q["quantity"] == "Q"]
    assert (reactive["value"], reactive["validity"], reactive["unit"]) == (None, "invalid", "var")
    clock.now += MINUTE - 2 * S
    assert app.send_due() == 0, "the interval is over, its late samples are waited for"
    clock.now += 2 * S
    assert app.send_due() == 1


def test_late_samples_make_a_new_revision(interface: Interface, host: FakeHost) -> None:
    clock = Clock()
    app = TsoExchange([interface], host, clock)
    app.send_due()
    assert host.sent[0][1]["quantities"][0]["value"] is None
    host.given = windows(start_ns=START + MINUTE, **EVENING)
    clock.now += MINUTE
    app.send_due()
    sent = [(m["start_ns"], m["revision"], m["quantities"][0]["value"]) for _, m in host.sent[1:]]
    assert sent == [
        (str(START + MINUTE), 2, pytest.approx(20_000.0)),
        (str(START + 2 * MINUTE), 1, None),
    ]


def test_an_absent_broker_and_a_restart_leave_no_interval_out(
    interface: Interface, host: FakeHost
) -> None:
    clock = Clock()
    TsoExchange([interface], host, clock).send_due()
    host.broker_is_there = False
    clock.now += MINUTE
    app = TsoExchange([interface], host, clock)
    assert app.send_due() == 0
    clock.now += MINUTE
    host.broker_is_there = True
    app = TsoExchange([interface], host, clock)
    assert app.send_due() == 2
    starts = [int(message["start_ns"]) for _, message in host.sent]
    assert starts == [START + n * MINUTE for n in (1, 2, 3)]
    (host.data_dir / "sent.json").write_text("{broken")
    assert TsoExchange([interface], host, clock).send_due() == 1, "a repetition, not a failure"


def test_what_is_not_listed_never_leaves(tmp_path: Path, host: FakeHost) -> None:
    [listed] = load_profile(profile(tmp_path, quantities=["pv.P"]))
    host.given = windows(start_ns=START + MINUTE, **EVENING)
    app = TsoExchange([listed], host, Clock())
    app.send_due()
    [(topic, message)] = host.sent
    assert topic == "ortsnetz/tso/uw-nord"
    assert [(q["kind"], q["quantity"]) for q in message["quantities"]] == [("pv", "P")]
    assert "9000" not in json.dumps(message)
    web = FastAPI()
    web.include_router(app.router)
    client = TestClient(web)
    assert [one["interface"] for one in client.get("/api/v1/tso/interfaces").json()] == ["uw-nord"]
    span = {"from": str(START), "to": str(START + 2 * MINUTE)}
    assert client.get("/api/v1/tso/interfaces/uw-sued/aggregates", params=span).status_code == 404
    served = client.get("/api/v1/tso/interfaces/uw-nord/aggregates", params=span).json()
    assert [one["start_ns"] for one in served] == [str(START), str(START + MINUTE)]
    for one in served:
        assert [(q["kind"], q["quantity"]) for q in one["quantities"]] == [("pv", "P")]
    many = {"from": "0", "to": str(START)}
    answer = client.get("/api/v1/tso/interfaces/uw-nord/aggregates", params=many)
    assert answer.status_code == 422


def test_the_aggregate_of_stored_samples(bench: Any, tmp_path: Path, interface: Interface) -> None:
    """From committed samples to the figure, through the real store."""
    import msgspec

    from ortsnetz_cockpit.hosting import AppHost
    from ortsnetz_common.link.messages import Catalogue
    from ortsnetz_common.measurement.point import Point, Unit

    names = [f"mt/MMXU1.W.{phase}" for phase in PHASES]
    points = tuple(Point(name, Unit.WATT, 10) for name in names)
    text = msgspec.json.encode(station()).decode()
    bench.take(Catalogue(0, points, "ab", None, text))
    for second in range(60):
        values = {0: -1000.0 - second, 1: -2000.0, 2: -3000.0}
        bench.tell_values(values, START + second * S)
    cockpit = bench.cockpit
    host = AppHost(cockpit.store, cockpit.sites, tmp_path, lambda _topic, _payload: True)
    app = TsoExchange([interface], host, Clock())
    first, second_minute = app.compute(interface, [START, START + MINUTE])
    values = {quantity.text: figure.value for quantity, figure in first.figures}
    assert values["interface.P"] == pytest.approx(6000.0 + sum(range(60)) / 60)
    assert values["ev.P"] is None
    assert all(figure.value is None for q, figure in second_minute.figures if q.text != "storage.P")
