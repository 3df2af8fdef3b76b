"""The numerical core beside its peers: one table, every peer in the same run on the same cases.

    python benchmarks/core.py [--network NAME]... [-o LINES] [--check | --keep]

`make bench-core` prints the table; times decide nothing there. `--check` (`make bench-core-check`)
fails where a ratio to a peer fell by more than a fifth since `core_figures.json`; `--keep` writes
that file. Each solver runs in a process of its own, with one thread of linear algebra.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from core_cases import Case
from core_prepare import NETWORKS, prepare
from core_registry import SOLVERS
from core_targets import growth, regressions, verdicts, write
from hil_tables import Table, lines, of

HERE = Path(__file__).parent
PACKAGES = ("power-grid-model", "dss-python", "pandapower", "numpy", "scipy")
DEADLINE_S = 300.0
ROUNDS = 3
"""Other work on the machine comes and goes: each solver gets several turns."""
_SLOWER = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
"""Where both are set, small matrices take several times as long."""


def environment() -> dict[str, str]:
    """Of the solvers' processes."""
    kept = {name: value for name, value in os.environ.items() if name not in _SLOWER}
    return {**kept, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def measured(case: Case, solver: str, threads: int) -> dict[str, Any]:
    """What one solver says of one case."""
    line: dict[str, Any] = {
        "benchmark": "core",
        "network": case.name,
        "nodes": case.nodes,
        "solver": solver,
        "how": SOLVERS[solver].how,
        "threads": threads,
    }
    command = [sys.executable, HERE / "core_solver.py", solver, str(threads), case.directory]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            env=environment(),
            timeout=DEADLINE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {**line, "failed": f"no answer in {DEADLINE_S:g} s"}
    try:
        return {**line, **json.loads(done.stdout.splitlines()[-1])}
    except (IndexError, ValueError):
        return {**line, "failed": f"ended with code {done.returncode} and no figures"}


def run(names: list[str], output: Path | None) -> Iterator[dict[str, Any]]:
    """All solvers on all networks; shows progress on standard error."""
    texts: list[str] = []
    with tempfile.TemporaryDirectory() as directory:
        for name in names:
            print(f"# {name}: cases", file=sys.stderr, flush=True)
            case = prepare(name, Path(directory))
            for line in _rounds(case):
                texts.append(json.dumps(line))
                if output is not None:
                    output.write_text("\n".join(texts) + "\n")
                yield line


def _rounds(case: Case) -> list[dict[str, Any]]:
    """All solvers in turn, several times; of each the process with the smallest median."""
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for number in range(ROUNDS):
        for solver, said in SOLVERS.items():
            for threads in said.threads:
                before = found.get((solver, threads))
                if before is not None and "failed" in before:
                    continue
                line = measured(case, solver, threads)
                print(f"# {number + 1}: {json.dumps(line)}", file=sys.stderr, flush=True)
                if before is None or line.get("seconds", np.inf) < before["seconds"]:
                    found[solver, threads] = line
    return list(found.values())


def table(found: list[dict[str, Any]]) -> Table:
    """Times beside ours."""
    base = {
        (line["network"], line["solver"].startswith("estimation")): line["seconds"]
        for line in found
        if line["solver"] in {"ours", "estimation ours, core"}
        and line["threads"] == 1
        and "seconds" in line
    }

    def times(line: Any) -> str:
        ours = base.get((line["network"], line["solver"].startswith("estimation")))
        return f"{line['seconds'] / ours:.1f}" if ours and "seconds" in line else ""

    def microseconds(line: Any) -> str:
        return f"{1e6 * line['seconds']:.1f}" if "seconds" in line else ""

    def said(line: Any) -> str:
        return f"NO FIGURE: {line['failed'][:90]}" if "failed" in line else str(line["how"])

    return Table(
        "Time a solution; x is that over ours with one thread; power flows: largest |dV| to the "
        "truth, estimation: mean error of |V|; pandapower's estimation is balanced",
        {
            "network": of("network"),
            "nodes": of("nodes"),
            "solver": of("solver"),
            "threads": of("threads"),
            "us": microseconds,
            "x": times,
            "MB more": lambda line: f"{line['memory_mb']:.0f}" if "memory_mb" in line else "",
            "pu": lambda line: f"{line['accuracy']:.1e}" if "accuracy" in line else "",
            "how": said,
        },
    )


def processor() -> str:
    """What the processor calls itself."""
    said = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in said if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown processor"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", action="append", help="only these; SimBench codes too")
    parser.add_argument("-o", "--output", type=Path, help="file of JSON lines")
    parser.add_argument("--check", action="store_true", help="fail where a ratio fell")
    parser.add_argument("--keep", action="store_true", help="write the ratios to be checked")
    chosen = parser.parse_args()
    if chosen.output is not None:
        chosen.output.parent.mkdir(parents=True, exist_ok=True)
    found = list(run(chosen.network or list(NETWORKS), chosen.output))
    print(f"# {processor()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print("# " + ", ".join(f"{name} {version(name)}" for name in PACKAGES))
    for text in lines(table(found), found):
        print(text.rstrip())
    print("\nGrowth of the time with the nodes")
    print("\n".join(growth(found)))
    print("\nTargets")
    print("\n".join(verdicts(found)))
    if chosen.keep:
        if any("not judged" in verdict for verdict in verdicts(found)):
            sys.exit("a target was not judged: the figures are not kept")
        write(found)
    if not chosen.check:
        return 0
    fallen = regressions(found)
    print("\nSince the figures that are committed\n" + ("\n".join(fallen) or "no ratio fell"))
    return 1 if fallen else 0


if __name__ == "__main__":
    sys.exit(main())
