"""The run directory: everything a demo run reads and writes, in one place."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_common.link.bench_clock import BenchClockAddress
from ortsnetz_common.link.broker import Broker
from ortsnetz_hil.bench.broker import PreparedBroker
from ortsnetz_hil.bench.ports import HOST

ORTSNETZ = str(Path(sys.executable).with_name("ortsnetz"))
MARK = ".ortsnetz-run"
NODE = "ons-1"
STEP_DEADLINE_S = 300.0
INTERFACE = "mv-lv-2-101"


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """Paths of a run; see docs/design/first-closed-loop.md."""

    root: Path

    @property
    def network(self) -> Path:
        """The plant's network."""
        return self.root / "network.json"

    @property
    def agent(self) -> Path:
        """Bootstrap file of the agent."""
        return self.root / "agent" / "agent.json"

    @property
    def cockpit(self) -> Path:
        """Bootstrap file of the cockpit."""
        return self.root / "cockpit" / "cockpit.json"

    @property
    def counters(self) -> Path:
        """What the device servers served."""
        return self.root / "plant" / "counters.json"

    def log(self, name: str) -> Path:
        """Log of a process."""
        return self.root / "logs" / f"{name}.log"


def create(root: Path) -> RunDirectory:
    """Create an empty run directory; a former run is emptied, anything else is left alone.

    Raises:
        OrtsnetzError: the directory has contents that are not a former run's.
    """
    if root.exists() and any(root.iterdir()):
        if not (root / MARK).exists():
            raise OrtsnetzError(
                f"{root} is not empty and is not a former run: choose another with --dir"
            )
        shutil.rmtree(root)
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    (root / MARK).touch()
    return RunDirectory(root)


def ortsnetz(*arguments: str) -> None:
    """Run one preparing step of the command line.

    Raises:
        OrtsnetzError: the step failed; carries its own last line.
    """
    step = " ".join(arguments[:2])
    try:
        done = subprocess.run(
            [ORTSNETZ, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=STEP_DEADLINE_S,
        )
    except subprocess.TimeoutExpired as error:
        raise OrtsnetzError(f"step '{step}' took longer than {STEP_DEADLINE_S:.0f} s") from error
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        said = lines[-1] if lines else f"exit code {done.returncode}"
        raise OrtsnetzError(f"step '{step}' failed: {said}")


def write_cockpit(run: RunDirectory, port: int, broker: PreparedBroker) -> None:
    """Bootstrap file of the cockpit and its TSO profile."""
    run.cockpit.parent.mkdir(parents=True, exist_ok=True)
    (run.cockpit.parent / "tso-profile.yaml").write_text(
        f"""# What has been agreed with the TSO; what is not listed never leaves.
format: ortsnetz.tso-profile/1
interfaces:
  - name: {INTERFACE}
    node: {NODE}
    transformer_meter: meter-transformer
    quantities: [interface.P, interface.Q, demand.P, demand.Q, pv.P, pv.Q, ev.P, ev.Q,
                 storage.P, storage.Q]
"""
    )
    _write(
        run.cockpit,
        {
            "data_dir": "data",
            "host": HOST,
            "port": port,
            "broker": _broker(broker.cockpit),
            "nodes": [NODE],
            "tso_profile": "tso-profile.yaml",
            "operator": "operator",
        },
    )


def write_agent(
    run: RunDirectory,
    broker: Broker,
    *,
    bench_clock: BenchClockAddress | None = None,
    journal_max_bytes: int | None = None,
) -> None:
    """Bootstrap file of the agent; its parameters and network were derived by the plant.

    Args:
        run: run directory.
        broker: how the agent reaches the broker.
        bench_clock: where it gets its time; None for its own clock.
        journal_max_bytes: bound of its journal; None for its own default.
    """
    document: dict[str, object] = {
        "node": NODE,
        "data_dir": "data",
        "parameters": "parameters.json",
        "trust_anchor": "trust-anchor.pem",
        "network": "network.json",
        "broker": _broker(broker),
    }
    if bench_clock is not None:
        document["bench_clock"] = msgspec.to_builtins(bench_clock)
    if journal_max_bytes is not None:
        document["journal_max_bytes"] = journal_max_bytes
    _write(run.agent, document)


def _broker(broker: Broker) -> object:
    return msgspec.to_builtins(broker, enc_hook=str)


def _write(path: Path, document: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1))


def stored(run: RunDirectory) -> dict[str, Any]:
    """What the cockpit's store holds of the node, as the cockpit itself counts it.

    Raises:
        OrtsnetzError: it cannot be counted; carries the cockpit's own words.
    """
    return dict(json.loads(_ask_store("count", str(run.cockpit)))[NODE])


def last_stored(run: RunDirectory, sources: Sequence[str], count: int) -> list[str]:
    """The last samples of each point of some sources, one JSON object each.

    Raises:
        OrtsnetzError: the store cannot be read; carries the cockpit's own words.
    """
    arguments = (str(run.cockpit), NODE, *sources, "--count", str(count))
    return _ask_store("last", *arguments).splitlines()


def _ask_store(command: str, *arguments: str) -> str:
    done = subprocess.run(
        [ORTSNETZ, "cockpit", command, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=STEP_DEADLINE_S,
    )
    if done.returncode:
        raise OrtsnetzError(f"the cockpit's store cannot be read: {done.stderr.strip()}")
    return done.stdout
