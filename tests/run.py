"""Everything `make test` checks, in order from quick to slow, with what to do when a step fails.

Runs all steps even when one fails, so that one run shows everything; exits 1 if any failed.
`python tests/run.py STEP...` runs only the named steps.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
SOURCES = [
    "common/base/src",
    "common/grid/src",
    "edge/agent/src",
    "cockpit/server/src",
    "hil/src",
]


@dataclass(frozen=True)
class Step:
    name: str
    command: list[str]
    advice: str


STEPS = [
    Step("format", [str(BIN / "ruff"), "format", "--check", "--quiet", "."], "run `make format`"),
    Step(
        "lint",
        [str(BIN / "ruff"), "check", "--quiet", "."],
        "run `make format`, then read the rule",
    ),
    Step("types", [str(BIN / "mypy"), "--no-error-summary", *SOURCES], "strict types everywhere"),
    Step(
        "contracts",
        [str(BIN / "lint-imports"), "--no-logo"],
        "an import crosses a wall of the house: see [tool.importlinter] in pyproject.toml",
    ),
    Step(
        "tests",
        [sys.executable, "-m", "pytest", "-q", "--durations=15", "tests"],
        "run the named test alone: .venv/bin/pytest -k NAME",
    ),
]


def main() -> int:
    wanted = set(sys.argv[1:])
    unknown = wanted - {step.name for step in STEPS}
    if unknown:
        print(f"unknown step: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    failed = []
    for step in STEPS:
        if wanted and step.name not in wanted:
            continue
        print(f"== {step.name}", flush=True)
        begin = time.monotonic()
        environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
        done = subprocess.run(step.command, cwd=ROOT, check=False, env=environment)
        took = time.monotonic() - begin
        verdict = "ok" if done.returncode == 0 else f"FAILED: {step.advice}"
        print(f"== {step.name}: {verdict} ({took:.1f} s)", flush=True)
        if done.returncode:
            failed.append(step.name)
    print(f"make test: {'failed: ' + ', '.join(failed) if failed else 'all steps passed'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
