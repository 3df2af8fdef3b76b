"""Everything `make test` checks, in order from quick to slow, with what to do when a step fails.

Runs all steps even when one fails, so that one run shows everything; exits 1 if any failed.
`python tests/run.py STEP...` runs only the named steps.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
SOURCES = [
    "common/base/src",
    "common/grid/src",
    "edge/agent/src",
    "edge/iec61850/src",
    "cockpit/server/src",
    "hil/src",
]


PYTEST = [sys.executable, "-m", "pytest", "-q", "--durations=10"]
ALONE = "run the named test alone: .venv/bin/pytest -k NAME"


@dataclass(frozen=True)
class Step:
    name: str
    command: list[str]
    advice: str
    beside: str = ""  # steps that follow each other with the same word here run at the same time


FIELD_PEERS = [
    f"tests/interop/test_{name}.py"
    for name in (
        "dnp3_as_tshark_sees_it",
        "dnp3_station_of_a_plant",
        "dnp3_with_opendnp3",
        "edge_modbus_as_tshark_sees_it",
        "edge_modbus_behind_the_socket",
        "edge_modbus_over_tls",
        "edge_modbus_with_libmodbus",
        "mixed_plant_as_independent_clients_see_it",
        "opcua_as_tshark_sees_it",
        "opcua_park_shows_the_plant",
        "opcua_with_node_opcua",
        "sunspec_with_pysunspec2",
        "technician_tools",
    )
]
"""Field protocols before stacks that are not ours: with wide deadlines they share the machine."""
SUBSTATION_PEERS = [
    f"tests/interop/test_{name}.py"
    for name in (
        "goose_as_tshark_sees_it",
        "goose_for_technicians",
        "goose_of_a_plant",
        "goose_reaches_the_agent",
        "goose_survives_disturbances",
        "goose_with_libiec61850",
        "goose_without_capability",
        "iec61850_control_models",
        "iec61850_driver_with_an_ied",
        "iec61850_ied_as_a_rust_client_sees_it",
        "iec61850_ied_as_tshark_sees_it",
        "iec61850_technician_and_set_points",
        "iec61850_under_stress",
        "sampled_values_on_the_wire",
    )
]
"""IEC 61850 before others' clients and decoders, likewise."""

EDGE_AND_BENCH = ["tests/unit/edge", "tests/unit/hil"]
UNIT = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "tests/unit").iterdir()
    if path.is_dir() and path.relative_to(ROOT).as_posix() not in EDGE_AND_BENCH
)


SMALL_NODES = [
    "tests/chaos/test_fail_safe.py",
    "tests/interop/test_sampled_values_to_power_quality.py",
]
"""In real time, too, but of a few sources each: they leave nearly all of the machine to others."""


UNDISTURBED = ["tests/interop/test_drivers_survive_disconnects.py"]
"""Counts tasks, files and octets while the drivers of all protocols reconnect at random."""


STEPS = [
    Step("format", [str(BIN / "ruff"), "format", "--check", "--quiet", "."], "run `make format`"),
    Step(
        "lint",
        [str(BIN / "ruff"), "check", "--quiet", "."],
        "run `make format`, then read the rule",
    ),
    Step(
        "contracts",
        [str(BIN / "lint-imports"), "--no-logo"],
        "an import crosses a wall of the house: see [tool.importlinter] in pyproject.toml",
    ),
    Step(
        "types",
        [str(BIN / "mypy"), "--no-error-summary", *SOURCES],
        "strict types everywhere",
        beside="busy",
    ),
    Step("unit", [*PYTEST, *UNIT, *SUBSTATION_PEERS], ALONE, beside="busy"),
    Step("unit, edge and bench", [*PYTEST, *EDGE_AND_BENCH, *FIELD_PEERS], ALONE, beside="busy"),
    Step("stepped", [*PYTEST, "-m", "stepped", "tests/end_to_end"], ALONE, beside="busy"),
    Step(
        "real time",
        [
            *(*PYTEST, "-m", "not stepped", "tests"),
            *(
                f"--ignore={path}"
                for path in (
                    "tests/unit",
                    *FIELD_PEERS,
                    *SUBSTATION_PEERS,
                    *SMALL_NODES,
                    *UNDISTURBED,
                )
            ),
        ],
        ALONE,
        beside="calm",
    ),
    Step("small nodes", [*PYTEST, *SMALL_NODES], ALONE, beside="calm"),
    Step("disconnects", [*PYTEST, *UNDISTURBED], ALONE),
]
"""Types, unit tests and runs in stepped time do not depend on how busy the machine is: they share
it. What lives in real time shares it with what leaves it almost idle, and with nothing else."""


def main() -> int:
    wanted = set(sys.argv[1:])
    unknown = wanted - {step.name for step in STEPS}
    if unknown:
        print(f"unknown step: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    chosen = [step for step in STEPS if not wanted or step.name in wanted]
    failed = []
    together: list[Step] = []
    for step, following in zip(chosen, [*chosen[1:], None], strict=True):
        together.append(step)
        if step.beside and following is not None and following.beside == step.beside:
            continue
        failed += _run(together)
        together = []
    print(f"make test: {'failed: ' + ', '.join(failed) if failed else 'all steps passed'}")
    return 1 if failed else 0


def _run(steps: list[Step]) -> list[str]:
    """Run steps at the same time; names of those that failed. Only a single one shows its way."""
    print(f"== {', '.join(step.name for step in steps)}", flush=True)
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
    begin = time.monotonic()
    with ExitStack() as stack:
        outputs = [
            stack.enter_context(tempfile.TemporaryFile()) if len(steps) > 1 else None for _ in steps
        ]
        running = [
            subprocess.Popen(
                step.command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
            )
            if output is not None
            else subprocess.Popen(step.command, cwd=ROOT, env=environment)
            for step, output in zip(steps, outputs, strict=True)
        ]
        failed = []
        for step, output, process in zip(steps, outputs, running, strict=True):
            code = process.wait()
            took = time.monotonic() - begin
            if output is not None:
                output.seek(0)
                sys.stdout.buffer.write(output.read())
            verdict = "ok" if code == 0 else f"FAILED: {step.advice}"
            print(f"== {step.name}: {verdict} ({took:.1f} s)", flush=True)
            failed += [step.name] if code else []
    return failed


if __name__ == "__main__":
    sys.exit(main())
