"""One bench run: everything from the first file to the recording that a verdict is made from."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_common.link.bench_clock import BenchClockAddress
from ortsnetz_common.link.broker import Broker
from ortsnetz_common.measurement.time import NS_PER_S, now_ns
from ortsnetz_hil.bench import broker as brokers
from ortsnetz_hil.bench import namespace as namespaces
from ortsnetz_hil.bench import rundir
from ortsnetz_hil.bench.conductor import Conductor
from ortsnetz_hil.bench.namespace import Namespace
from ortsnetz_hil.bench.observer import Observer
from ortsnetz_hil.bench.ports import require_free
from ortsnetz_hil.bench.rundir import NODE, ORTSNETZ, RunDirectory
from ortsnetz_hil.bench.supervision import Child
from ortsnetz_hil.bench.wishes import Bench, request
from ortsnetz_hil.plant import configuration as files
from ortsnetz_hil.plant import network_file
from ortsnetz_hil.plant.configuration import PlantConfiguration
from ortsnetz_hil.plant.prepare import prepare, start_after
from ortsnetz_hil.scenarios.checks import check_names
from ortsnetz_hil.scenarios.schema import Scenario, encode
from ortsnetz_hil.scenarios.translate import plant_events, plant_faults
from ortsnetz_hil.scenarios.yaml_source import Source
from ortsnetz_hil.servers.conducting import SOCKET
from ortsnetz_hil.servers.run import ports
from ortsnetz_hil.servers.stepped_time import FINISHED
from ortsnetz_hil.verdict import observed

Say = Callable[[str], None]
READY_S = 90.0
LEAD_IN_S = 15
"""In real time the calendar waits this long for the device under test to be up."""
SLOWEST_PACE = 0.2
"""Plant seconds per wall second below which stepped time counts as stuck."""
HANDED_OVER = "agent: handed over"
HAND_OVER_S = 300.0
POLL_S = 0.2
BRANCHES = ("line", "link", "transformer")


@dataclass(frozen=True, slots=True)
class Ports:
    """TCP ports of a run: one base, everything behind it.

    Attributes:
        base: the broker's; the others follow, the devices' from `base + 10` on.
    """

    base: int

    @property
    def broker(self) -> int:
        """Of the broker itself."""
        return self.base

    @property
    def cockpit(self) -> int:
        """Of the cockpit's page."""
        return self.base + 1

    @property
    def clock(self) -> int:
        """Of the bench clock."""
        return self.base + 2

    @property
    def uplink(self) -> int:
        """Where the node reaches the broker when faults act on that wire."""
        return self.base + 3

    @property
    def devices(self) -> int:
        """The first device's."""
        return self.base + 10


@dataclass(frozen=True, slots=True)
class Options:
    """Where a run takes place, and what differs from the file without being another scenario.

    Attributes:
        directory: run directory; created, and emptied first if it is a former run.
        broker: `mosquitto`, `iotcore` or `auto`.
        start_in_s: in real time: seconds until the window begins, so that a device under test that
            is not ours can be brought up; None for the usual.
    """

    directory: Path
    ports: Ports
    broker: str = "auto"
    start_in_s: float | None = None


def play(scenario: Scenario, source: Source, options: Options, say: Say) -> RunDirectory:
    """Play a scenario and return its run directory with everything recorded.

    Raises:
        OrtsnetzError: it cannot be played to its end; says what failed.
    """
    require_free(options.ports.broker, "the broker", "--base-port")
    directory = rundir.create(options.directory)
    with ExitStack() as stack:
        host, space = _place(scenario, stack)
        run = _Run(scenario, source, options, directory, host, space, say)
        run.prepare()
        run.start(stack)
        run.wait()
    say("bench: everything has stopped")
    return directory


def _place(scenario: Scenario, stack: ExitStack) -> tuple[str, Namespace | None]:
    """Address of the bench, and the namespace of the device under test if it has one."""
    if not scenario.connected.namespace:
        return scenario.connected.address, None
    space = namespaces.create()
    stack.callback(space.remove)
    return space.bench, space


class _Run:
    """A run on its way."""

    def __init__(
        self,
        scenario: Scenario,
        source: Source,
        options: Options,
        directory: RunDirectory,
        host: str,
        space: Namespace | None,
        say: Say,
    ) -> None:
        self._scenario, self._source, self._options = scenario, source, options
        self._directory, self._host, self._space, self._say = directory, host, space, say
        self._stepped = scenario.time.mode == "stepped"
        self._external = scenario.connected.device_under_test == "external"
        self._children: dict[str, Child] = {}
        self._configuration: PlantConfiguration | None = None
        self._broker: brokers.PreparedBroker | None = None

    def prepare(self) -> None:
        """Write everything that the run is made of; nothing has been started yet."""
        scenario, directory, options = self._scenario, self._directory, self._options
        (directory.root / "scenario.json").write_bytes(encode(scenario))
        self._say(f"bench: {scenario.title} ({scenario.name}), seed {scenario.seed}")
        self._say(f"bench: run directory {directory.root}")
        self._network()
        self._broker = brokers.prepare(
            options.broker,
            directory.root / "broker",
            options.ports.broker,
            NODE,
            sys.executable,
            host=self._host,
        )
        self._configuration = self._plant()
        self._agent_files(self._broker.node)
        if scenario.connected.cockpit:
            rundir.write_cockpit(directory, options.ports.cockpit, self._broker)

    def _network(self) -> None:
        wanted = self._scenario.network.source
        path = (self._source.folder or Path()) / wanted
        if path.is_file() and b'"ortsnetz"' in path.read_bytes():
            shutil.copyfile(path, self._directory.network)
            return
        name = str(path) if path.is_file() else wanted
        rundir.ortsnetz(
            *("network", "import", name, "-o", str(self._directory.network)),
            *("--seed", str(self._scenario.seed)),
        )

    def _plant(self) -> PlantConfiguration:
        scenario, directory, options = self._scenario, self._directory, self._options
        start_in = options.start_in_s if options.start_in_s is not None else LEAD_IN_S
        bench = Bench(
            out=directory.root,
            folder=self._source.folder or Path(),
            host=self._host,
            device_port=options.ports.devices,
            clock_port=options.ports.clock,
            wall_start_ns=start_after(now_ns(), 0.0 if self._stepped else start_in),
            node=NODE,
        )
        parsed = network_file.parse(directory.network.read_bytes(), str(directory.network))
        prepared = prepare(request(scenario, bench, directory.network, parsed))
        plant = directory.root / "plant"
        network = network_file.parse((plant / files.NETWORK_FILE).read_bytes(), "the plant")
        names = {name for name, _ in ports(prepared)}
        elements = {
            str(element.get("name") or f"{component} {element['id']}"): int(element["id"])
            for component in BRANCHES
            for element in network.elements(component)
        }
        check_names(scenario, self._source, names, set(elements))
        whole = msgspec.structs.replace(
            prepared,
            events=plant_events(scenario, elements),
            faults=plant_faults(scenario),
        )
        files.write(whole, plant)
        return whole

    def _agent_files(self, node: Broker) -> None:
        if self._faulty_uplink:
            node = Broker(self._host, self._options.ports.uplink, node.tls)
        clock = BenchClockAddress(self._host, self._options.ports.clock) if self._stepped else None
        rundir.write_agent(
            self._directory,
            node,
            bench_clock=clock,
            journal_max_bytes=self._scenario.connected.journal_max_bytes,
        )

    @property
    def _faulty_uplink(self) -> bool:
        return any(fault.target == "uplink" for fault in self._scenario.faults)

    def start(self, stack: ExitStack) -> None:
        """Start everything that is connected, in order; all of it stops with the stack."""
        broker, directory = self._broker, self._directory
        if broker is None:
            raise RuntimeError("a run is prepared before it is started")
        self._child(stack, "broker", broker.command)
        observer = Observer(
            NODE,
            broker.bench,
            observed.Writer(directory.root / observed.FILE),
            answers=not self._scenario.connected.cockpit,
        )
        self._listen(observer, stack)
        if self._scenario.connected.cockpit:
            command = [ORTSNETZ, "cockpit", "serve", str(directory.cockpit)]
            self._child(stack, "cockpit", command, "cockpit: ready")
        conductor = Conductor(directory.root / "plant" / SOCKET, self._children, self._say)
        stack.callback(conductor.stop)
        self._child(stack, "plant", self._plant_command(), "plant: ready")
        if self._external:
            self._invite()
        else:
            command = [ORTSNETZ, "edge", "run", str(directory.agent)]
            command = self._space.command(command) if self._space else command
            self._child(stack, "agent", command, "agent: ready")

    def _child(
        self, stack: ExitStack, name: str, command: list[str], ready: str | None = None
    ) -> None:
        self._say(f"bench: starting {name}")
        child = Child(name, command, self._directory.log(name), ready)
        self._children[name] = child
        child.start()
        stack.callback(child.stop)
        child.wait_ready(READY_S)

    def _listen(self, observer: Observer, stack: ExitStack) -> None:
        """Connect the observer as soon as the broker listens."""
        end = time.monotonic() + READY_S
        while True:
            try:
                observer.start()
                break
            except OrtsnetzError:
                if time.monotonic() > end or not self._children["broker"].alive:
                    raise
                time.sleep(POLL_S)
        stack.callback(observer.stop)

    def _plant_command(self) -> list[str]:
        root, options = self._directory.root, self._options
        command = [ORTSNETZ, "plant", "run", str(root), "--conductor", str(root / "plant" / SOCKET)]
        if self._faulty_uplink:
            command += ["--uplink", f"{self._host}:{options.ports.uplink}"]
            command += ["--broker", f"{self._host}:{options.ports.broker}"]
        return command

    def _invite(self) -> None:
        host, root = self._host, self._directory.root
        self._say(f"bench: the plant's devices listen on {host}; waiting for the device under test")
        self._say(f"bench: what it may know lies in {root / 'agent'}")
        self._say(f"bench: broker {host}:{self._options.ports.broker}")

    def wait(self) -> None:
        """Wait until the window is over and the device under test has handed over what it has.

        Raises:
            OrtsnetzError: a process ended that nobody stopped, or the run is stuck.
        """
        seconds = float(self._scenario.time.seconds)
        if self._stepped:
            allowed_s = READY_S + seconds / min(SLOWEST_PACE, self._scenario.time.factor or 1.0)
            self._until(lambda: FINISHED in self._children["plant"].text(), allowed_s)
        else:
            began_ns = self._configuration.window.wall_start_ns if self._configuration else 0
            end_s = began_ns / NS_PER_S + seconds
            self._until(lambda: time.time() >= end_s, end_s - time.time() + READY_S)
        if not self._external:
            self._say("bench: the window is over; the agent hands over what it has")
            self._hand_over()
            self._children["agent"].stop()

    def _until(self, condition: Callable[[], bool], allowed_s: float) -> None:
        end = time.monotonic() + allowed_s
        shown = 0.0
        while not condition():
            self._all_alive()
            if time.monotonic() > end:
                raise OrtsnetzError(f"the run was not over after {allowed_s:.0f} s")
            if time.monotonic() - shown > 5.0:
                shown = time.monotonic()
                self._show()
            time.sleep(POLL_S)

    def _all_alive(self) -> None:
        for child in self._children.values():
            if not child.alive and not child.stopped_on_purpose:
                raise OrtsnetzError(
                    f"{child.name} has ended by itself: {child.last_words()} (log: {child.log})"
                )

    def _show(self) -> None:
        live = _json(self._directory.root / "plant" / "live.json")
        if live:
            self._say(
                f"bench: {live['elapsed_s']:7.1f} s of {self._scenario.time.seconds:g} s | "
                f"transformer {live['transformer_loading']:.0%} | cables {live['cable_loading']:.0%}"
                f" | u {live['lowest_u_pu']:.3f}-{live['highest_u_pu']:.3f}"
            )

    def _hand_over(self) -> None:
        agent = self._children["agent"]
        if not agent.alive:
            return
        status = self._directory.agent.parent / "data" / "status.json"
        end = time.monotonic() + HAND_OVER_S
        while time.monotonic() < end and agent.alive:
            if self._stepped and HANDED_OVER in agent.text():
                return
            if not self._stepped and _json(status).get("journal_backlog", 1) < BACKLOG:
                return
            time.sleep(POLL_S)
        self._say("bench: the agent has not handed over everything it has")


BACKLOG = 20
"""A running agent always has the records of its last cycles."""


def _json(path: Path) -> dict[str, float]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
