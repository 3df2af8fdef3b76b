"""All benchmarks one after the other; each prints JSON lines. `make bench` calls this."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

ORDER = ("estimation.py", "cockpit_ingest.py", "agent.py")
HERE = Path(__file__).parent


def main() -> int:
    print(f"# {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    failed = 0
    for name in ORDER:
        print(f"# {name}", flush=True)
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        done = subprocess.run([sys.executable, HERE / name], check=False, env=environment)
        failed += done.returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
