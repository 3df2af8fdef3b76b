"""The agent in the closed loop: CPU time a cycle and memory of every process, from a demo run.

Prints one JSON line. The run is the demo's own (69 devices a second, estimation and limiting
in workers), 60 s long; its verdict is in the line too, so that a fast but useless loop shows.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

SECONDS = 60


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        done = subprocess.run(
            [
                Path(sys.executable).with_name("ortsnetz"),
                "demo",
                *("--seconds", str(SECONDS), "--dir", str(Path(directory) / "run")),
                *("--cockpit-port", "28446", "--broker-port", "28886", "--device-port", "25620"),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS + 180,
        )
    if not done.stdout.strip():
        sys.exit(done.stderr)
    summary = json.loads(done.stdout.strip().splitlines()[-1])
    resources = summary["resources"]
    print(
        json.dumps(
            {
                "benchmark": "agent",
                "network": summary["network"],
                "cpu_ms_per_cycle_with_workers": round(10 * resources["agent"]["cpu_percent"], 1),
                "resident_mb": {name: used["resident_mb"] for name, used in resources.items()},
                "cpu_percent": {name: used["cpu_percent"] for name, used in resources.items()},
                "values_per_second": round(summary["samples"]["acquired"] / summary["seconds"]),
                "overload_to_setpoint_s": summary["overload_to_setpoint"],
                "loop_ok": summary["ok"],
            }
        )
    )


if __name__ == "__main__":
    main()
