"""The agent's cycle with made-up devices and functions, a real journal, and no broker."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import math
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ortsnetz_common.errors import InputError, OrtsnetzError
from ortsnetz_common.link.codec import decode_record
from ortsnetz_common.link.messages import (
    Alarm,
    Catalogue,
    Decision,
    Health,
    Intervention,
    Order,
    OrderState,
    Record,
    Samples,
    SetpointSource,
)
from ortsnetz_common.measurement.origin import Origin
from ortsnetz_common.measurement.point import (
    ACTIVE_POWER,
    PHASE_VOLTAGE,
    REACTIVE_POWER,
    READ_COUNT,
    Point,
    Unit,
    phase_points,
)
from ortsnetz_common.measurement.time import NS_PER_S, now_ns
from ortsnetz_common.parameters.parameter_set import SCHEMA, ParameterSet, sha256, write_signed
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
from ortsnetz_common.trust.signature import generate_private_key, public_key
from ortsnetz_edge.agent import Agent
from ortsnetz_edge.assembly import assemble, open_journal
from ortsnetz_edge.bootstrap import accept_version, read_configuration
from ortsnetz_edge.control import conditions
from ortsnetz_edge.drivers.contract import (
    Diagnosis,
    Driver,
    DriverError,
    FailureKind,
    Identity,
    LimitOnly,
    LimitResolution,
    LimitUnit,
    Listener,
    Role,
    Scan,
    SourcePoint,
    Watchdog,
)
from ortsnetz_edge.hosting.calls import (
    BranchState,
    DeviceLimit,
    EstimationCall,
    EstimationResult,
    LimitingCall,
    LimitingResult,
    NodeState,
)
from ortsnetz_edge.hosting.supervisor import Failure, FunctionFailedError
from ortsnetz_edge.running import run_cycles
from ortsnetz_edge.status import read_status

WHERE = Connection("modbus-tcp", "127.0.0.1", 502)
METER = Meter("m", MeterRole.TRANSFORMER, "x", WHERE, 3, "abc", 0.002, 10.0, Side.TO, guards=True)
EV = Device(
    name="ev",
    kind=DeviceKind.EV,
    profile="x",
    connection=WHERE,
    element=5,
    phase_count=3,
    phases="abc",
    rated_w=16 * 690.0,
    floor_w=7 * 690.0,
    floor_rule="14a EnWG",
    reaction_s=5.0,
    fallback_w=7 * 690.0,
    u_sigma=0.002,
    p_sigma=10.0,
)
NETWORK = {
    "version": "1.0",
    "type": "input",
    "is_batch": False,
    "attributes": {"node": ["id", "u_rated"]},
    "data": {
        "node": [[1, 20000.0], [2, 400.0]],
        "transformer": [{"id": 3, "name": "T1"}],
        "line": [{"id": 4}],
        "asym_load": [{"id": 5}],
    },
}


def points_of(name: str) -> tuple[SourcePoint, ...]:
    found = []
    for role, stem, unit in (
        (Role.VOLTAGE, PHASE_VOLTAGE, Unit.VOLT),
        (Role.ACTIVE_POWER, ACTIVE_POWER, Unit.WATT),
        (Role.REACTIVE_POWER, REACTIVE_POWER, Unit.VAR),
    ):
        for terminal, phase in enumerate(phase_points(stem), start=1):
            point = Point(f"{name}/{phase}", unit)
            found.append(SourcePoint(point, role, terminal, -1e6, 1e6))
    for role in (Role.LIMIT, Role.AVAILABLE):
        point = Point(f"{name}/{role.value}", Unit.WATT)
        found.append(SourcePoint(point, role, None, 0.0, math.inf))
    count = Point(f"{name}/{READ_COUNT}", Unit.COUNT)
    found.append(SourcePoint(count, Role.READ_COUNT, None, 0.0, math.inf))
    return tuple(found)


@dataclass
class MadeUpDevice(LimitOnly):
    """A driver without a wire; fulfils `contract.Driver`."""

    name: str
    served: int = 0
    amperes: float = 16.0
    silent: bool = False
    slow_s: float = 0.0
    written: list[float] = field(default_factory=list)
    listener: Listener | None = None

    @property
    def points(self) -> tuple[SourcePoint, ...]:
        return points_of(self.name)

    @property
    def resolution(self) -> LimitResolution | None:
        return LimitResolution(LimitUnit.AMPERE, 1.0, 6.0)

    async def scan(self) -> Scan:
        if self.silent:
            raise DriverError(FailureKind.TIMEOUT, "no answer")
        self.served += 1
        count = self.served
        if self.slow_s:
            await asyncio.sleep(self.slow_s)
        now = now_ns()
        values = (
            (230.0,) * 3 + (1000.0,) * 3 + (0.0,) * 3 + (self.amperes * 690, 11040.0, float(count))
        )
        return Scan(values, (0,) * 12, now, 0, now, count, self.amperes)

    def subscribe(self, listener: Listener) -> bool:
        self.listener = listener
        return True

    async def identify(self) -> Identity:
        return Identity()

    async def write(self, limit: float, watchdog: Watchdog | None) -> None:
        del watchdog
        self.written.append(limit)
        self.amperes = limit

    def diagnose(self) -> Diagnosis:
        return Diagnosis(not self.silent, self.served, {}, None)

    async def stop(self) -> None:
        return


@dataclass
class MadeUpFunctions:
    """Functions without workers; fulfils `hosting.functions.Functions`."""

    limit_w: float | None = None
    failing: bool = False
    margins_given_up: tuple[str, ...] = ()
    calls: list[EstimationCall] = field(default_factory=list)

    def start(self) -> None:
        return

    async def estimate(self, call: EstimationCall, deadline_s: float) -> EstimationResult:
        del deadline_s
        self.calls.append(call)
        if self.failing:
            raise FunctionFailedError(Failure.DEADLINE, "state_estimation: no result within 0.80 s")
        return EstimationResult(
            (NodeState(2, (229.0, 230.0, 231.0)),),
            (BranchState(4, 0.5), BranchState(3, 0.98, (1.0, 2.0, 3.0))),
            (),
            b"state",
        )

    async def limit(self, call: LimitingCall, deadline_s: float) -> LimitingResult:
        del deadline_s
        assert call.state == b"state"
        if self.limit_w is None:
            return LimitingResult(
                "ok",
                verified=True,
                worst_loading=0.5,
                limits=(),
                reserve_given_up=self.margins_given_up,
                margins_given_up=self.margins_given_up,
            )
        limit = DeviceLimit("ev", self.limit_w, "transformer 3 'T1' phase b at 98 %", ("T1",))
        return LimitingResult("limited", verified=True, worst_loading=0.98, limits=(limit,))

    async def stop(self) -> None:
        return

    def counted(self) -> Counter[str]:
        return Counter()


def write_node(directory: Path, **changes: object) -> Path:
    """A run directory of one node; `changes` go into AGENT.json."""
    key = generate_private_key()
    network = json.dumps(NETWORK)
    parameters = ParameterSet(
        SCHEMA,
        "ons-1",
        1,
        sha256(network.encode()),
        Station((METER,), (EV,), (), SourcePseudo(1, 1.0, 0.01)),
    )
    (directory / "network.json").write_text(network)
    (directory / "parameters.json").write_bytes(write_signed(parameters, key))
    (directory / "trust-anchor.pem").write_bytes(public_key(key))
    agent = {
        "node": "ons-1",
        "data_dir": "data",
        "parameters": "parameters.json",
        "trust_anchor": "trust-anchor.pem",
        "network": "network.json",
        "broker": {"host": "127.0.0.1", "port": 1, "tls": None},
    }
    path = directory / "agent.json"
    path.write_text(json.dumps(agent | changes))
    return path


@dataclass
class Bench:
    """An agent with made-up devices and functions."""

    path: Path
    meter: MadeUpDevice = field(default_factory=lambda: MadeUpDevice("m"))
    ev: MadeUpDevice = field(default_factory=lambda: MadeUpDevice("ev"))
    functions: MadeUpFunctions = field(default_factory=MadeUpFunctions)
    records: list[Record] = field(default_factory=list)

    def run(self, check: Callable[[Agent], Awaitable[None]]) -> None:
        """Let an agent live through `check`; afterwards its journal's records are in `records`."""
        asyncio.run(asyncio.wait_for(self._live(check), 20))

    async def _live(self, check: Callable[[Agent], Awaitable[None]]) -> None:
        configuration = read_configuration(self.path)
        configuration.bootstrap.data_dir.mkdir(exist_ok=True)
        drivers: dict[str, Driver] = {"m": self.meter, "ev": self.ev}
        journal = open_journal(configuration)
        agent = assemble(configuration, journal, drivers=drivers, functions=self.functions)
        await check(agent)
        await agent.finish()
        await agent.writer.stop(5.0)
        stretch = journal.store.read(None, 10**9, 10**6)
        assert stretch is not None
        self.records = [decode_record(record) for record in stretch.records]
        journal.store.close()

    def of(self, kind: type) -> list[Record]:
        return [record for record in self.records if isinstance(record, kind)]

    def served(self) -> dict[str, list[float]]:
        """Read counts in the journal, by device."""
        found: dict[str, list[float]] = {"m": [], "ev": []}
        names: list[str] = []
        for record in self.records:
            if isinstance(record, Catalogue):
                names = [point.name for point in record.points]
            if isinstance(record, Samples) and record.origin is Origin.MEASURED:
                for point, value in zip(record.points, record.values, strict=True):
                    if names[point].endswith(READ_COUNT) and value is not None:
                        found[names[point].split("/")[0]].append(value)
        return found


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(write_node(tmp_path))


async def three_cycles(agent: Agent) -> None:
    for _ in range(3):
        await agent.run_cycle()


def test_the_catalogue_comes_first_and_names_every_point(bench: Bench) -> None:
    bench.run(three_cycles)
    catalogue = bench.records[0]
    assert isinstance(catalogue, Catalogue)
    assert catalogue.first == 0
    names = [point.name for point in catalogue.points]
    assert len(names) == len(set(names))
    assert {"m/MMXU1.PhV.phsA", "node-2/MMXU1.PhV.phsC", "branch-4/Loading"} <= set(names)
    assert "branch-3/MMXU1.W.phsB" in names
    assert "branch-4/MMXU1.W.phsB" not in names
    assert catalogue.network is not None
    assert json.loads(catalogue.network) == NETWORK
    assert catalogue.station is not None
    told = json.loads(catalogue.station)
    assert told["station"]["devices"][0]["name"] == "ev"
    assert told["limits"]["loading"] == 1.0


def test_every_answer_of_a_device_is_journaled_exactly_once(bench: Bench) -> None:
    async def check(agent: Agent) -> None:
        await three_cycles(agent)
        bench.meter.slow_s = 0.45  # late: the cycle does not wait for it
        await agent.run_cycle()
        bench.meter.slow_s = 0.0
        await three_cycles(agent)

    bench.run(check)
    served = bench.served()
    assert served["m"] == [float(n) for n in range(1, bench.meter.served + 1)]
    assert served["ev"] == [float(n) for n in range(1, bench.ev.served + 1)]


def test_estimates_are_marked_as_estimates(bench: Bench) -> None:
    bench.run(three_cycles)
    estimated = [r for r in bench.of(Samples) if isinstance(r, Samples) and r.origin == 1]
    assert len(estimated) == 3
    assert estimated[0].values == (229.0, 230.0, 231.0, 0.5, 0.98, 1.0, 2.0, 3.0)


def test_a_limit_is_written_decided_and_recorded_with_its_reason(bench: Bench) -> None:
    bench.functions.limit_w = 10 * 690.0
    bench.run(three_cycles)
    assert bench.ev.written == [10.0]
    (decision,) = (r for r in bench.of(Decision) if isinstance(r, Decision) and r.setpoints)
    assert decision.status == "limited"
    assert decision.setpoints[0].limit_w == pytest.approx(6900.0)
    assert "phase b at 98 %" in decision.setpoints[0].reason
    (intervention,) = bench.of(Intervention)
    assert isinstance(intervention, Intervention)
    assert intervention.rule == "14a EnWG"
    assert [r.key for r in bench.of(Alarm) if isinstance(r, Alarm)] == ["limits-binding"]


def test_the_health_record_and_the_status_say_why_a_verified_state_raises_nothing(
    bench: Bench,
) -> None:
    bench.functions.margins_given_up = ("transformer 3 'T1'",)
    bench.run(three_cycles)
    words = (
        "the state is verified; no limit is raised: the margin cannot be kept at transformer 3 'T1'"
    )
    assert next(r.reason for r in bench.of(Health) if isinstance(r, Health)) == words
    assert read_status(bench.path.parent / "data").reason == words


def test_a_silent_device_is_marked_without_value_and_nothing_is_written_to_it(
    bench: Bench,
) -> None:
    bench.ev.silent = True
    bench.functions.limit_w = 10 * 690.0
    bench.run(three_cycles)
    assert bench.ev.written == []
    assert "ev" not in bench.functions.calls[0].readings
    lost = [r for r in bench.of(Samples) if isinstance(r, Samples) and None in r.values]
    assert len(lost) == 1
    assert set(lost[0].values) == {None}
    assert all(quality & 1 for quality in lost[0].qualities)


def test_a_device_that_says_no_limit_that_can_be_is_not_written_to_and_that_is_said(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conditions, "LIMIT_UNKNOWN_AFTER_S", 0.0)
    bench.ev.amperes = -1.0
    bench.functions.limit_w = 10 * 690.0
    bench.run(three_cycles)
    assert bench.ev.written == []
    alarms = {r.key: r for r in bench.of(Alarm) if isinstance(r, Alarm)}
    assert set(alarms) == {"limit-unknown/ev", "limits-binding"}
    assert alarms["limit-unknown/ev"].consequence.startswith("nothing is written to it")


def test_a_failed_function_is_said_and_leaves_limits_as_they_are(bench: Bench) -> None:
    bench.functions.failing = True
    bench.ev.amperes = 10.0
    bench.run(three_cycles)
    assert bench.ev.written == []
    health = bench.of(Health)[0]
    assert isinstance(health, Health)
    assert health.mode == "starting"
    assert "no result within" in health.reason
    assert health.state_age_s is None


def test_a_restarted_agent_continues_epoch_and_numbers(bench: Bench) -> None:
    bench.run(three_cycles)
    first = list(bench.records)
    bench.run(three_cycles)
    assert bench.records[: len(first)] == first
    assert isinstance(bench.records[len(first)], Catalogue)
    assert bench.served()["m"] == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]


def test_cycles_begin_at_whole_seconds_until_the_agent_is_told_to_stop(bench: Bench) -> None:
    async def check(agent: Agent) -> None:
        stopping = asyncio.Event()
        asyncio.get_running_loop().call_later(2.5, stopping.set)
        await run_cycles(agent, stopping)
        assert agent.cycle in {2, 3}

    bench.run(check)
    times = [r.times_ns[0] for r in bench.of(Samples) if isinstance(r, Samples) and r.origin == 0]
    assert all(time_ns % 10**9 < 0.5e9 for time_ns in times)


def test_what_a_device_reports_between_two_cycles_is_in_the_journal(bench: Bench) -> None:
    async def check(agent: Agent) -> None:
        stopping = asyncio.Event()
        running = asyncio.create_task(run_cycles(agent, stopping))
        await asyncio.sleep(0)
        assert bench.meter.listener is not None
        asked = await bench.meter.scan()
        bench.meter.listener(replace(asked, values=(229.5, *asked.values[1:])))
        stopping.set()
        await running
        assert agent.counted()["reports"] == 1

    bench.run(check)
    values = {value for r in bench.of(Samples) if isinstance(r, Samples) for value in r.values}
    assert 229.5 in values


def test_in_stepped_time_nothing_is_subscribed(bench: Bench) -> None:
    bench.run(three_cycles)
    assert bench.meter.listener is None


def test_the_status_file_says_how_the_agent_is(bench: Bench) -> None:
    bench.functions.limit_w = 10 * 690.0
    bench.run(three_cycles)
    status = read_status(bench.path.parent / "data")
    assert (status.node, status.cycle, status.mode) == ("ons-1", 3, "active")
    ev = status.sources[1]
    assert (ev.name, ev.quality) == ("ev", "good")
    assert ev.limit_w == pytest.approx(6900.0)
    assert ev.reason is not None
    assert "6.9 of 11.0 kW" in ev.reason


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"node": "ons-2"}, "is for node 'ons-1'"),
        ({"colour": "blue"}, "unknown field"),
        ({"network": "parameters.json"}, "not the network file"),
        ({"parameters": "none.json"}, "cannot be read"),
        ({"journal_max_bytes": 10}, "journal_max_bytes"),
    ],
)
def test_a_bootstrap_file_with_a_mistake_is_refused_in_one_sentence(
    tmp_path: Path, change: dict[str, object], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        read_configuration(write_node(tmp_path, **change))


def test_a_parameter_set_signed_by_somebody_else_is_refused(tmp_path: Path) -> None:
    path = write_node(tmp_path)
    (tmp_path / "trust-anchor.pem").write_bytes(public_key(generate_private_key()))
    with pytest.raises(InputError, match="signature"):
        read_configuration(path)


def test_an_older_parameter_set_than_was_in_force_is_refused(tmp_path: Path) -> None:
    configuration = read_configuration(write_node(tmp_path))
    newer = dataclasses.replace(
        configuration, parameters=msgspec.structs.replace(configuration.parameters, version=7)
    )
    configuration.bootstrap.data_dir.mkdir()
    for accepted in (configuration, newer, newer):
        accept_version(accepted)
    with pytest.raises(InputError, match="version 1 is older than version 7"):
        accept_version(configuration)


def test_a_data_directory_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    path = write_node(tmp_path, data_dir="network.json")
    with pytest.raises(OrtsnetzError, match=r"network\.json"):
        open_journal(read_configuration(path))


def an_order(name: str, **changed: Any) -> Order:
    now = now_ns()
    return Order(
        **{
            "id": name,
            "node": "ons-1",
            "source": SetpointSource.OPERATOR,
            "issued_by": "olga",
            "issued_ns": now,
            "expires_ns": now + 3600 * NS_PER_S,
            "reason": "works",
            **changed,
        }
    )


def given(bench: Bench, *orders: Order, full_disk: bool) -> dict[tuple[str, str], str]:
    """Give a node orders, one a cycle; the reasons of what it says, by order and state."""
    coming = list(orders)

    def take(most: int) -> tuple[Order, ...]:
        return tuple(coming.pop(0) for _ in coming[: min(most, 1)])

    async def check(agent: Agent) -> None:
        if full_disk:
            agent.memory_path.with_name(agent.memory_path.name + ".new").mkdir()
        agent.uplink.take_orders = take  # type: ignore[method-assign]
        for _ in range(len(orders) + 2):
            await agent.run_cycle()
        assert bool(agent.counters["memory_not_written"]) is full_disk

    bench.run(check)
    return {(r.id, r.state): r.reason for r in bench.of(OrderState) if isinstance(r, OrderState)}


def test_an_order_that_was_not_written_down_holds_and_says_so(bench: Bench) -> None:
    order = an_order("o-1", targets=("ev",), limit_w=10 * 690.0)
    said = given(bench, order, full_disk=True)
    assert bench.ev.written == [10.0]
    for state in ("accepted", "in-force"):
        reason = said["o-1", state]
        assert "not kept over a restart" in reason
        assert "control.json" in reason
        assert "give it again" in reason


def test_a_revocation_that_was_not_written_down_says_so(bench: Bench) -> None:
    order = an_order("o-1", targets=("ev",), limit_w=10 * 690.0)
    revocation = an_order("r-1", revokes="o-1")
    said = given(bench, order, revocation, full_disk=True)
    assert "not kept over a restart" in said["o-1", "revoked"]
    assert "not kept over a restart" in said["r-1", "accepted"]


def test_of_an_order_that_is_kept_nothing_of_the_kind_is_said(bench: Bench) -> None:
    order = an_order("o-1", targets=("ev",), limit_w=10 * 690.0)
    said = given(bench, order, full_disk=False)
    assert said == {("o-1", "accepted"): "", ("o-1", "in-force"): "confirmed by ev"}


def test_a_refused_order_is_nothing_to_keep(bench: Bench) -> None:
    said = given(bench, an_order("o-1", targets=("none",), limit_w=0.0), full_disk=True)
    assert said == {("o-1", "refused"): "this node has no device or group 'none'"}
