"""The processes of a run: started in order, watched, stopped in order."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_hil.bench.conductor import Conductor
from ortsnetz_hil.bench.namespace import Namespace
from ortsnetz_hil.bench.observer import Observer
from ortsnetz_hil.bench.preparing import Prepared
from ortsnetz_hil.bench.rundir import NODE, ORTSNETZ
from ortsnetz_hil.bench.supervision import Child
from ortsnetz_hil.servers.conducting import SOCKET
from ortsnetz_hil.verdict import observed

READY_S = 90.0
POLL_S = 0.1


class Connected:
    """Everything that takes part in a run.

    Attributes:
        children: processes by name, in the order of their start.
    """

    def __init__(
        self, run: Prepared, space: Namespace | None, stack: ExitStack, say: Callable[[str], None]
    ) -> None:
        """Start everything; all of it stops with the stack, the last started first.

        Raises:
            OrtsnetzError: a process does not come up; quotes its last words.
        """
        self._run, self._space, self._stack, self._say = run, space, stack, say
        self.children: dict[str, Child] = {}
        # it stops last: a process that it has started ends with its thread
        conductor = Conductor(run.directory.root / "plant" / SOCKET, self.children, say)
        stack.callback(conductor.stop)
        self._start("broker", run.broker.command)
        self._observe()
        if run.scenario.connected.cockpit:
            command = [ORTSNETZ, "cockpit", "serve", str(run.directory.cockpit)]
            self._start("cockpit", command, "cockpit: ready")
        self._start("plant", self._plant_command(), "plant: ready")
        if run.scenario.connected.device_under_test == "agent":
            command = [ORTSNETZ, "edge", "run", str(run.directory.agent)]
            self._start("agent", space.command(command) if space else command, "agent: ready")
        else:
            self._invite()

    def _start(self, name: str, command: list[str], ready: str | None = None) -> None:
        self._say(f"bench: starting {name}")
        child = Child(name, command, self._run.directory.log(name), ready)
        self.children[name] = child
        child.start()
        self._stack.callback(child.stop)
        child.wait_ready(READY_S)

    def _observe(self) -> None:
        """Connect the observer as soon as the broker listens."""
        run = self._run
        writer = observed.Writer(run.directory.root / observed.FILE)
        end = time.monotonic() + READY_S
        while True:
            answers = not run.scenario.connected.cockpit
            observer = Observer(NODE, run.broker.bench, writer, answers=answers)
            try:
                observer.start()
                break
            except OrtsnetzError:
                self.require_alive()  # a broker that has ended says why
                if time.monotonic() > end:
                    raise
                time.sleep(POLL_S)
        self._stack.callback(observer.stop)

    def _plant_command(self) -> list[str]:
        run, ports = self._run, self._run.options.ports
        root = run.directory.root
        command = [ORTSNETZ, "plant", "run", str(root), "--conductor", str(root / "plant" / SOCKET)]
        if run.faulty_uplink:
            command += ["--uplink", f"{run.host}:{ports.uplink}"]
            command += ["--broker", f"{run.host}:{ports.broker}"]
        return command

    def _invite(self) -> None:
        run = self._run
        self._say(f"bench: the plant's devices listen on {run.host}: waiting for somebody to ask")
        self._say(
            f"bench: what the device under test may know lies in {run.directory.agent.parent}"
        )
        self._say(f"bench: its broker is {run.host}:{run.options.ports.broker}")

    def require_alive(self) -> None:
        """Make sure that nobody has ended who was not told to.

        Raises:
            OrtsnetzError: names the process and its last words.
        """
        for child in self.children.values():
            if not child.alive and not child.stopped_on_purpose:
                raise OrtsnetzError(
                    f"{child.name} has ended by itself: {child.last_words()} (log: {child.log})"
                )
