"""Limiting: time of a decision on 15 to 1,000 nodes and 5 to 400 devices, beside three solvers.

    python benchmarks/limiting.py [--network NAME]... [--check] [-o LINES]

HiGHS, OSQP and Clarabel are handed the same problem whole: every row of every limit, linearised.
Each place has a process of its own with one thread of linear algebra. `make bench-limiting` prints
the table; how much is served beside an accurate optimum is `make study-optimum`. `--check` fails
where a target is not met.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from core import environment, processor
from hil_tables import lines
from limiting_cases import SIZES
from limiting_table import TIMES, verdicts

HERE = Path(__file__).parent
PACKAGES = ("highspy", "osqp", "clarabel", "power-grid-model", "numpy", "scipy")
DEADLINE_S = 150.0


def measured(number: int) -> list[dict[str, Any]]:
    """Lines of one place; those that were said before a deadline or an end count."""
    command = [sys.executable, HERE / "limiting_timing.py", str(number)]
    try:
        said = subprocess.run(
            command, stdout=subprocess.PIPE, env=environment(), timeout=DEADLINE_S, check=True
        ).stdout
    except subprocess.TimeoutExpired as error:
        print(f"# {SIZES[number].network}: not finished in {DEADLINE_S:g} s", file=sys.stderr)
        said = error.stdout or b""
    except subprocess.CalledProcessError as error:
        print(f"# {SIZES[number].network}: ended with code {error.returncode}", file=sys.stderr)
        said = error.stdout or b""
    found = [text for text in said.decode().splitlines() if text.startswith("{")]
    return [json.loads(text) for text in found]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", action="append", help="only these")
    parser.add_argument("-o", "--output", type=Path, help="file of JSON lines")
    parser.add_argument("--check", action="store_true", help="exit 1 where a target is not met")
    chosen = parser.parse_args()
    wanted = chosen.network or [size.network for size in SIZES]
    found: list[dict[str, Any]] = []
    for number, size in enumerate(SIZES):
        if size.network in wanted:
            print(f"# {size.network}", file=sys.stderr, flush=True)
            found += measured(number)
            if chosen.output is not None:
                chosen.output.parent.mkdir(parents=True, exist_ok=True)
                chosen.output.write_text("".join(json.dumps(line) + "\n" for line in found))
    print(f"# {processor()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print("# " + ", ".join(f"{name} {version(name)}" for name in PACKAGES))
    for text in lines(TIMES, found):
        print(text.rstrip())
    judged = list(verdicts(found))
    print("\nTargets\n" + "\n".join(judged))
    failed = any("NOT MET" in each or "MISS" in each for each in judged) or not found
    return 1 if chosen.check and failed else 0


if __name__ == "__main__":
    sys.exit(main())
