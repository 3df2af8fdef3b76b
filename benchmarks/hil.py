"""The bench: steps, solvers beside each other, servers in real time. `make bench-hil` calls this.

Prints JSON lines, and after each part a table for people (lines that begin with #). About four
minutes; nothing else should run meanwhile.

    python benchmarks/hil.py [stepping] [peers] [serving]
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hil_tables import TABLES, lines

PARTS = ("stepping", "peers", "serving")
PACKAGES = ("power-grid-model", "dss-python", "pandapower", "numpy", "pymodbus", "pyarrow")
HERE = Path(__file__).parent
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""Matrices are small: threads of a linear algebra library only get in each other's way."""


def processor() -> str:
    """What the processor calls itself."""
    said = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in said if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown processor"


def measure(part: str, directory: Path) -> bool:
    """Run one part, pass on what it says, and show its table; returns whether it went well."""
    begin = time.monotonic()
    found: list[dict[str, Any]] = []
    with subprocess.Popen(
        [sys.executable, HERE / f"hil_{part}.py", directory],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **ONE_THREAD},
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            found.append(json.loads(line))
    for line in lines(TABLES[part], found):
        print(f"# {line}".rstrip())
    print(f"# {part}: {time.monotonic() - begin:.0f} s\n#", flush=True)
    return process.returncode == 0


def main() -> int:
    parts = sys.argv[1:] or PARTS
    if unknown := set(parts) - set(PARTS):
        sys.exit(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    print(f"# {processor()}, {os.cpu_count()} cores, {platform.machine()}")
    print(f"# Python {platform.python_version()}, OPENBLAS_NUM_THREADS=1")
    print("# " + ", ".join(f"{name} {version(name)}" for name in PACKAGES), flush=True)
    with tempfile.TemporaryDirectory() as directory:
        went_well = [measure(part, Path(directory)) for part in parts]
    return went_well.count(False)


if __name__ == "__main__":
    sys.exit(main())
