"""A cockpit without broker and without web server: real store, real registry, real routes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from ortsnetz_cockpit.assembly import Cockpit
from ortsnetz_cockpit.core.access import passwords
from ortsnetz_cockpit.core.access.roles import Role
from ortsnetz_cockpit.core.api.application import create_application
from ortsnetz_cockpit.core.configuration import CockpitConfiguration
from ortsnetz_cockpit.core.ingest.admission import Admitted
from ortsnetz_common.link.broker import Broker
from ortsnetz_common.link.codec import encode_record
from ortsnetz_common.link.messages import Batch, Catalogue, Presence, Record, Samples
from ortsnetz_common.measurement.origin import Origin
from ortsnetz_common.measurement.point import Point, Unit

OWN_PASSWORD = "correct horse battery"
START_NS = 1_795_255_200_000_000_000  # 2026-11-21T10:00:00Z


@dataclass
class Bench:
    """A cockpit under test and the node that feeds it."""

    cockpit: Cockpit
    page: Path
    epoch: str = "epoch-1"
    sequence: int = 0
    fatal: list[str] = field(default_factory=list)

    def take(self, *records: Record, node: str = "ons-1") -> None:
        """Commit records the way the ingest writer does."""
        self.take_raw(*(encode_record(record) for record in records), node=node)

    def take_raw(self, *records: bytes, node: str = "ons-1") -> None:
        batch = Batch(node, self.epoch, self.sequence + 1, records)
        self.sequence += len(records)
        self.deliver(batch)

    def deliver(self, message: Batch | Presence) -> None:
        admitted = Admitted(message, received_ns=START_NS, size=1, receipt=(-1, 0))
        self.cockpit._writer._handle([admitted])

    def tell_points(self, *names: str, unit: Unit = Unit.WATT) -> None:
        points = tuple(Point(name, unit, index) for index, name in enumerate(names))
        self.take(Catalogue(0, points, "ab" * 32))

    def tell_values(
        self,
        values: dict[int, float | None],
        time_ns: int,
        quality: int = 0,
        origin: Origin = Origin.MEASURED,
    ) -> None:
        count = len(values)
        self.take(
            Samples(
                origin,
                tuple(values),
                tuple(values.values()),
                (quality,) * count,
                (time_ns,) * count,
                (0,) * count,
            )
        )

    def account(self, name: str, role: Role) -> None:
        accounts = self.cockpit.context.accounts
        first = accounts.reset(name, role, "test")
        accounts.log_in(name, first, OWN_PASSWORD, "test")

    def token(self, name: str) -> str:
        return self.cockpit.context.accounts.log_in(name, OWN_PASSWORD, None, "test").token

    def client(self) -> TestClient:
        return TestClient(create_application(self.cockpit.context, page=self.page))


def configuration(directory: Path) -> CockpitConfiguration:
    return CockpitConfiguration(
        data_dir=directory / "data",
        host="127.0.0.1",
        port=1,
        broker=Broker("127.0.0.1", 1),
        nodes=("ons-1", "ons-2"),
    )


@pytest.fixture
def page(tmp_path: Path) -> Path:
    directory = tmp_path / "web"
    (directory / "assets").mkdir(parents=True)
    (directory / "index.html").write_text("<!doctype html><title>page</title>")
    (directory / "assets" / "page-1a2b.js").write_text("1;")
    return directory


@pytest.fixture
def bench(tmp_path: Path, page: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setitem(passwords._COST, "n", 16)  # the cost is the point of scrypt, not of a test
    fatal: list[str] = []
    cockpit = Cockpit(configuration(tmp_path), fatal.append)
    yield Bench(cockpit, page, fatal=fatal)
    cockpit.stop()


@pytest.fixture
def reopen(tmp_path: Path, bench: Bench) -> Iterator[Callable[[], Bench]]:
    """Stop the cockpit and start another one on the same files."""
    opened: list[Cockpit] = []

    def again() -> Bench:
        (opened or [bench.cockpit])[-1].stop()
        cockpit = Cockpit(configuration(tmp_path), bench.fatal.append)
        opened.append(cockpit)
        return Bench(cockpit, bench.page, bench.epoch, bench.sequence, bench.fatal)

    yield again
    for cockpit in opened[-1:]:
        cockpit.stop()


@pytest.fixture
def viewer(bench: Bench) -> TestClient:
    """A client logged in as viewer."""
    bench.account("vera", Role.VIEWER)
    client = bench.client()
    client.headers["Authorization"] = f"Bearer {bench.token('vera')}"
    return client


@pytest.fixture
def eventually() -> Callable[[Callable[[], object], float], None]:
    """Poll a condition with a deadline."""

    def wait(condition: Callable[[], object], deadline_s: float = 10.0) -> None:
        end = time.monotonic() + deadline_s
        while not condition():
            assert time.monotonic() < end, "the condition did not come true in time"
            time.sleep(0.02)

    return wait


@pytest.fixture
def network_text() -> str:
    """A transformer, a line, a load: power-grid-model JSON with names and places."""
    return json.dumps(
        {
            "version": "1.0",
            "type": "input",
            "is_batch": False,
            "attributes": {"line": ["id", "from_node", "to_node", "i_n"]},
            "data": {
                "node": [
                    {"id": 1, "u_rated": 20000.0, "name": "MV busbar", "x": 11.0, "y": 47.0},
                    {"id": 2, "u_rated": 400.0, "name": "LV busbar"},
                    {"id": 3, "u_rated": 400.0},
                ],
                "transformer": [
                    {
                        "id": 10,
                        "from_node": 1,
                        "to_node": 2,
                        "u2": 400.0,
                        "sn": 250000.0,
                        "name": "transformer",
                    }
                ],
                "line": [[11, 2, 3, 270.0]],
                "asym_load": [{"id": 20, "node": 3}],
            },
            "ortsnetz": {"format": "ortsnetz.network/1"},
        }
    )
