"""What an intervention's record says, how it is renewed, and how a technician sees it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from ortsnetz_common.link.codec import encode_record
from ortsnetz_common.link.messages import Intervention, Setpoint, SetpointSource
from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.station import Connection, Device, DeviceKind
from ortsnetz_edge.console.interventions.command import interventions, interventions_on
from ortsnetz_edge.control.interventions import MOST_LIMITS, Following, InterventionLedger
from ortsnetz_edge.journal.journal import FILE
from ortsnetz_edge.journal.layout import Entry, JournalError
from ortsnetz_edge.journal.store import JournalStore

S = 10**9
SETPOINT = Setpoint("ev-07", 6_900.0, SetpointSource.SAFETY, "transformer at 98 %", ("T1",))
EV = Device(
    name="ev-07",
    kind=DeviceKind.EV,
    profile="ev-controller",
    connection=Connection("modbus-tcp", "127.0.0.1", 502),
    element=1,
    phase_count=3,
    phases="abc",
    rated_w=11_040.0,
    floor_w=4_830.0,
    floor_rule="14a EnWG",
    reaction_s=5.0,
    fallback_w=4_830.0,
    u_sigma=0.002,
    p_sigma=10.0,
    customer="DE0001234567",
    group="private charging",
)
READING = Reading((230.0,) * 3, (2_300.0,) * 3, (0.0,) * 3, 6_900.0, 11_040.0)


def following(limit_w: float, *, limited: bool = True) -> Following:
    return Following(EV, replace(SETPOINT, limit_w=limit_w), limited, READING)


def ledger() -> InterventionLedger:
    return InterventionLedger(contracts={"private charging": "14a EnWG module 1"})


def test_a_record_names_the_customer_the_contract_and_every_limit() -> None:
    book = ledger()
    book.step([following(6_900.0)], 100 * S, now=100)
    for second, limit_w in ((101, 6_900.0), (102, 4_830.0), (103, 4_830.0), (104, 9_000.0)):
        assert book.step([following(limit_w)], second * S, now=second) == ()
    (end,) = book.step([following(11_040.0, limited=False)], 105 * S, now=105)
    assert (end.customer, end.contract) == ("DE0001234567", "14a EnWG module 1")
    assert end.limits == ((100 * S, 6_900.0), (102 * S, 4_830.0), (104 * S, 9_000.0))
    assert end.limits_left_out == 0


def test_limits_beyond_the_bound_are_counted_and_the_lowest_is_still_known() -> None:
    book = ledger()
    for second in range(MOST_LIMITS + 50):
        book.step([following(9_000.0 - second)], second * S, now=second)
    (end,) = book.step([following(11_040.0, limited=False)], 1_000 * S, now=1_000)
    assert (len(end.limits), end.limits_left_out) == (MOST_LIMITS, 50)
    assert end.lowest_limit_w == 9_000.0 - MOST_LIMITS - 49


def test_a_long_intervention_is_recorded_again_every_quarter_of_an_hour() -> None:
    book = ledger()
    records = [
        (second, record)
        for second in range(3_600)
        for record in book.step([following(6_900.0)], second * S, now=second)
    ]
    assert [second for second, _ in records] == [0, 900, 1_800, 2_700]
    assert len({record.id for _, record in records}) == 1
    energies = [record.energy_not_served_wh for _, record in records]
    assert energies[1] == pytest.approx((11_040 - 6_900) / 4)
    assert all(record.end_ns is None for _, record in records)


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """A node whose journal holds two interventions, and what else an agent writes."""
    data = tmp_path / "data"
    data.mkdir()
    book = ledger()
    store = JournalStore(data / FILE, max_bytes=10_000_000)
    records: list[Intervention] = [*book.step([following(6_900.0)], 100 * S, now=100)]
    records += book.step([following(11_040.0, limited=False)], 160 * S, now=160)
    records += book.step([following(4_830.0)], 200 * S, now=200)
    store.append([Entry(encode_record(record)) for record in records])
    store.close()
    return data


def test_the_newest_record_of_each_counts_newest_intervention_first(node: Path) -> None:
    found = interventions_on(node)
    assert [(one.start_ns, one.end_ns) for one in found] == [(200 * S, None), (100 * S, 160 * S)]


def test_a_node_without_journal_is_said(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="no journal"):
        interventions_on(tmp_path)


def test_the_command_writes_what_the_cockpit_exports(node: Path, tmp_path: Path) -> None:
    agent = bootstrap(tmp_path, node)
    run = CliRunner()
    text = run.invoke(interventions, [str(agent)])
    assert text.exit_code == 0, text.output
    assert "DE0001234567" in text.output
    assert "lasts" in text.output
    exported = {
        form: run.invoke(interventions, [str(agent), "--format", form]).output
        for form in ("csv", "json")
    }
    rows = list(csv.DictReader(io.StringIO(exported["csv"])))
    listed = json.loads(exported["json"])
    assert [row["id"] for row in rows] == [entry["id"] for entry in listed]
    assert listed[0]["end"] is None
    assert rows[1]["limits"] == "1970-01-01T00:01:40.000Z 6900"
    assert listed[1]["limits"] == [{"time": "1970-01-01T00:01:40.000Z", "limit_w": 6900.0}]


def bootstrap(folder: Path, data: Path) -> Path:
    path = folder / "agent.json"
    names = {"parameters": "p.json", "network": "n.json", "trust_anchor": "t.pem"}
    broker = {"host": "127.0.0.1", "port": 8883}
    whole = {"node": "ons-1", "data_dir": str(data), "broker": broker, **names}
    path.write_text(json.dumps(whole))
    return path
