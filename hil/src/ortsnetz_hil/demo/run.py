"""One demo run from the first file to the verdict."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from ortsnetz_common.measurement.time import NS_PER_S
from ortsnetz_hil.bench import broker as brokers
from ortsnetz_hil.bench import rundir
from ortsnetz_hil.bench.interruption import Interrupted, interruptible
from ortsnetz_hil.bench.ports import HOST, require_free
from ortsnetz_hil.bench.resources import Usage, usage
from ortsnetz_hil.bench.rundir import NODE, ORTSNETZ, RunDirectory
from ortsnetz_hil.bench.supervision import Child
from ortsnetz_hil.demo import status
from ortsnetz_hil.demo.settings import DemoSettings
from ortsnetz_hil.demo.summary import Recording, Summary, summarise
from ortsnetz_hil.plant.configuration import read
from ortsnetz_hil.servers.port_plan import ports

Say = Callable[[str], None]
READY_S = 90.0
LEAD_IN_S = 20
"""The calendar waits this long for plant and agent to be up."""
STATUS_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Children:
    """The processes of a run in the order of their start."""

    broker: Child
    cockpit: Child
    plant: Child
    agent: Child

    def all(self) -> tuple[Child, ...]:
        """In the order of their start."""
        return (self.broker, self.cockpit, self.plant, self.agent)


class Meter:
    """CPU time and memory of each process over the run.

    Attributes:
        figures: by process: `cpu_percent` of one core, `resident_mb` at the end.
        running: whether the run has begun.
    """

    def __init__(self) -> None:
        self.figures: dict[str, dict[str, float]] = {}
        self.running = False
        self._began_s = 0.0
        self._before: dict[int, Usage] = {}

    def begin(self, children: Children) -> None:
        """Note where each process stands."""
        self.running = True
        self._began_s = time.monotonic()
        for child in children.all():
            found = usage(child.pid) if child.pid else None
            if found and child.pid:
                self._before[child.pid] = found

    def end(self, children: Children) -> None:
        """Compare; a process that was restarted in between has no figures."""
        seconds = time.monotonic() - self._began_s
        for child in children.all():
            before = self._before.get(child.pid or 0)
            now = usage(child.pid) if child.pid else None
            if before and now:
                self.figures[child.name] = {
                    "cpu_percent": round(100 * (now.cpu_s - before.cpu_s) / seconds, 1),
                    "resident_mb": round(now.resident_mb, 1),
                }


def run(settings: DemoSettings, say: Say) -> Summary | None:
    """Run the closed loop and return its summary; None if it was stopped before its time.

    Raises:
        OrtsnetzError: a port is taken or a step failed; says which and what to do.
    """
    require_free(settings.cockpit_port, "the cockpit's page", "--cockpit-port")
    require_free(settings.broker_port, "the broker", "--broker-port")
    directory = rundir.create(settings.directory)
    with interruptible():
        children: Children | None = None
        meter = Meter()
        interrupted = False
        try:
            children = _prepare(settings, directory, say)
            _start(children, directory, settings, say)
            meter.begin(children)
            _watch(children, directory, settings, meter, say)
        except Interrupted:
            say("\ndemo: interrupted")
            interrupted = True
        finally:
            if children is not None:
                _stop(children, say)
    if children is None or (interrupted and settings.seconds is not None):
        return None
    if interrupted and not meter.figures:
        say("demo: stopped before there was anything to judge")
        return None
    recording = Recording(
        directory=directory,
        settings=settings,
        restarts={child.name: child.restarts for child in children.all()},
        resources=meter.figures,
    )
    say("demo: judging the run: the same seed without limiter and with uniform scaling")
    return summarise(recording)


def _prepare(settings: DemoSettings, directory: RunDirectory, say: Say) -> Children:
    say(f"demo: run directory {directory.root}")
    say(f"demo: importing network {settings.network}")
    rundir.ortsnetz(
        *("network", "import", settings.network),
        *("-o", str(directory.network), "--seed", str(settings.seed)),
    )
    broker = brokers.prepare(
        settings.broker,
        directory.root / "broker",
        settings.broker_port,
        NODE,
        sys.executable,
    )
    tls = "mutual TLS" if broker.node.tls else "without TLS, on loopback only"
    say(f"demo: broker {broker.kind} ({tls})")
    rundir.write_cockpit(directory, settings.cockpit_port, broker)
    rundir.write_agent(directory, broker.node)
    return Children(
        broker=Child("broker", broker.command, directory.log("broker")),
        cockpit=Child(
            "cockpit",
            [ORTSNETZ, "cockpit", "serve", str(directory.cockpit)],
            directory.log("cockpit"),
            ready="cockpit: ready",
        ),
        plant=Child(
            "plant",
            [
                *(ORTSNETZ, "plant", "run", str(directory.root)),
                *(word for fault in settings.silent for word in ("--silent", fault)),
            ],
            directory.log("plant"),
            ready="plant: ready",
        ),
        agent=Child(
            "agent",
            [ORTSNETZ, "edge", "run", str(directory.agent)],
            directory.log("agent"),
            ready="agent: ready",
        ),
    )


def _start(children: Children, directory: RunDirectory, settings: DemoSettings, say: Say) -> None:
    say("demo: starting broker and cockpit")
    children.broker.start()
    children.cockpit.start()
    children.cockpit.wait_ready(READY_S)
    say("demo: deriving the station and starting the plant with its device servers")
    rundir.ortsnetz(
        *("plant", "prepare", str(directory.network), "--out", str(directory.root)),
        *("--seed", str(settings.seed), "--base-port", str(settings.device_port)),
        *("--node", NODE, "--start-in", str(LEAD_IN_S), "--protocols", settings.protocols),
        *(("--seconds", str(settings.seconds)) if settings.seconds else ()),
    )
    plant = read(directory.root / "plant")
    for name, port in dict(ports(plant)).items():
        require_free(port, f"device '{name}'", "--device-port")
    children.plant.start()
    children.plant.wait_ready(READY_S)
    say("demo: starting the agent")
    children.agent.start()
    children.agent.wait_ready(READY_S)
    say(f"\n  cockpit   http://{HOST}:{settings.cockpit_port}/")
    say(f"  log in    {_one_time_password(children.cockpit)}")
    say("            (it works once, to set a password of your own)\n")


def _one_time_password(cockpit: Child) -> str:
    mark = "one-time password for "
    for line in cockpit.text().splitlines():
        if mark in line:
            user, _, password = line.split(mark, 1)[1].partition(":")
            return f"user {user.strip()}, one-time password {password.strip()}"
    return f"see {cockpit.log}"


def _write_processes(children: Children, directory: RunDirectory, began: float) -> None:
    document = {"began": began, "pids": {child.name: child.pid for child in children.all()}}
    part = directory.root / "processes.json.part"
    part.write_text(json.dumps(document))
    part.replace(directory.root / "processes.json")


def _watch(
    children: Children, directory: RunDirectory, settings: DemoSettings, meter: Meter, say: Say
) -> None:
    began_wall = read(directory.root / "plant").window.wall_start_ns / NS_PER_S
    _write_processes(children, directory, began_wall)
    while time.time() < began_wall:
        time.sleep(0.1)
    began = time.monotonic()
    while settings.seconds is None or time.monotonic() - began < settings.seconds:
        restarted = [child.name for child in children.all() if child.keep_alive()]
        if restarted:
            _write_processes(children, directory, began_wall)
        line = status.line(directory, time.monotonic() - began, restarted)
        if sys.stdout.isatty():
            sys.stdout.write(f"\r\x1b[K{line}")
            sys.stdout.flush()
        else:
            say(line)
        meter.end(children)
        time.sleep(STATUS_EVERY_S)
    say("")


def _stop(children: Children, say: Say) -> None:
    # the agent first: it hands over what it has; the plant next, so that its truth ends with it
    say("demo: stopping")
    for child in (children.agent, children.plant, children.cockpit, children.broker):
        code = child.stop()
        if child.served and code not in {0, None, -signal.SIGTERM}:
            say(f"demo: {child.name} ended with code {code}: {child.last_words()}")
