"""One bench run: everything from the first file to the recording that a verdict is made from."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_common.files.yaml_source import Source
from ortsnetz_common.measurement.time import NS_PER_S
from ortsnetz_hil.bench import namespace as namespaces
from ortsnetz_hil.bench import rundir
from ortsnetz_hil.bench.connected import READY_S, Connected
from ortsnetz_hil.bench.namespace import Namespace
from ortsnetz_hil.bench.options import Options, Ports
from ortsnetz_hil.bench.ports import require_free
from ortsnetz_hil.bench.preparing import Prepared, prepare_run
from ortsnetz_hil.bench.rundir import RunDirectory
from ortsnetz_hil.bench.supervision import Child
from ortsnetz_hil.scenarios.schema import Scenario
from ortsnetz_hil.servers.stepped_time import FINISHED
from ortsnetz_hil.verdict.recording import store_count
from ortsnetz_hil.verdict.recording_file import write_store

__all__ = ["Options", "Ports", "play"]

Say = Callable[[str], None]
SLOWEST_PACE = 0.2
"""Plant seconds a wall second below which stepped time counts as stuck."""
HANDED_OVER = "agent: handed over"
HAND_OVER_S = 300.0
BACKLOG = 20
"""A running agent always has the records of its last cycles."""
POLL_S = 0.2
SHOW_EVERY_S = 5.0


def play(scenario: Scenario, source: Source, options: Options, say: Say) -> RunDirectory:
    """Play a scenario and return its run directory with everything recorded.

    Raises:
        OrtsnetzError: it cannot be played to its end; says what failed.
    """
    require_free(options.ports.broker, "the broker", "--base-port")
    directory = rundir.create(options.directory)
    say(f"bench: {scenario.title} ({scenario.name}), seed {scenario.seed}")
    say(f"bench: run directory {directory.root}")
    with ExitStack() as stack:
        space = _namespace(scenario, stack)
        host = space.bench if space else scenario.connected.address
        run = prepare_run(scenario, source, options, directory, host)
        _until_over(run, Connected(run, space, stack, say), say)
        say("bench: stopping")
    if scenario.connected.cockpit:
        write_store(directory.root, store_count(rundir.stored(directory)))
    return directory


def _namespace(scenario: Scenario, stack: ExitStack) -> Namespace | None:
    """The host of its own that the device under test may have."""
    if not scenario.connected.namespace:
        return None
    space = namespaces.create()
    stack.callback(space.remove)
    return space


def _until_over(run: Prepared, connected: Connected, say: Say) -> None:
    """Wait until the window is over and the device under test has handed over what it has."""
    seconds = float(run.scenario.time.seconds)
    plant, agent = connected.children["plant"], connected.children.get("agent")
    if run.stepped:
        allowed_s = READY_S + seconds / min(SLOWEST_PACE, run.scenario.time.factor or SLOWEST_PACE)
        _wait(lambda: FINISHED in plant.text(), allowed_s, run, connected, say)
    else:
        end_s = run.plant.window.wall_start_ns / NS_PER_S + seconds
        allowed_s = end_s - time.time() + READY_S
        _wait(lambda: time.time() >= end_s, allowed_s, run, connected, say)
    connected.require_alive()  # who has ended in the last moments was not seen by the wait
    if agent is not None and agent.alive:
        say("bench: the window is over; the agent hands over what it has")
        if not _handed_over(run, agent):
            say("bench: the agent has not handed over everything it has")


def _wait(
    over: Callable[[], bool], allowed_s: float, run: Prepared, connected: Connected, say: Say
) -> None:
    """Wait, show progress, and notice who ends by itself."""
    end, shown = time.monotonic() + allowed_s, time.monotonic()
    while not over():
        connected.require_alive()
        if time.monotonic() > end:
            raise OrtsnetzError(f"the run was not over after {allowed_s:.0f} s")
        if time.monotonic() - shown > SHOW_EVERY_S:
            shown = time.monotonic()
            line = _progress(run)
            if line:
                say(line)
        time.sleep(POLL_S)


def _progress(run: Prepared) -> str | None:
    live = _json(run.directory.root / "plant" / "live.json")
    if not live:
        return None
    return (
        f"bench: {live['elapsed_s']:6.0f} of {run.scenario.time.seconds:.0f} s | "
        f"transformer {live['transformer_loading']:.0%} | lines {live['cable_loading']:.0%} | "
        f"u {_pu(live['lowest_u_pu'])}-{_pu(live['highest_u_pu'])}"
    )


def _pu(value: float | None) -> str:
    return "dead" if value is None else f"{value:.3f}"


def _handed_over(run: Prepared, agent: Child) -> bool:
    status = run.directory.agent.parent / "data" / "status.json"
    end = time.monotonic() + HAND_OVER_S
    while time.monotonic() < end and agent.alive:
        if run.stepped:
            if HANDED_OVER in agent.text():
                return True
        elif _json(status).get("journal_backlog", BACKLOG) < BACKLOG:
            return True
        time.sleep(POLL_S)
    return False


def _json(path: Path) -> dict[str, float]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
