"""IEC 61850: MMS, GOOSE and Sampled Values, beside bare loops. `make bench-61850` calls this.

Prints JSON lines, and after each part a table for people (lines that begin with #). Nothing else
should run meanwhile.

    python benchmarks/iec61850_bench.py [mms] [goose] [sampled_values]
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
PARTS = ("mms", "goose", "sampled_values")
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def measure(part: str, options: list[str]) -> bool:
    """Run a part; whether it met its targets."""
    begin = time.monotonic()
    command = [sys.executable, str(HERE / f"iec61850_{part}.py"), *options]
    done = subprocess.run(command, env={**os.environ, **ONE_THREAD}, check=False)
    print(f"# {part}: {time.monotonic() - begin:.0f} s\n#", flush=True)
    return done.returncode == 0


def main() -> int:
    arguments = sys.argv[1:]
    wanted = [word for word in arguments if word in PARTS] or [
        part for part in PARTS if (HERE / f"iec61850_{part}.py").exists()
    ]
    options = [word for word in arguments if word not in PARTS]
    met = [measure(part, options) for part in wanted]
    return 0 if all(met) else 1


if __name__ == "__main__":
    raise SystemExit(main())
