"""`python -m soak --minutes 5`: a table, and exit code 1 with what is wrong."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from soak.soaking import complaints, run, table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        soaked = run(Path(folder), options.minutes * 60, seed=options.seed)
    print(table(soaked))
    early, late = soaked.early, soaked.late
    print(
        f"\n{soaked.faults} disconnections after each device had been lost in each way: "
        f"tasks {early.tasks} to {late.tasks}, files {early.files} to {late.files} "
        f"(of driver processes {early.process_files} to {late.process_files}), "
        f"{soaked.octets_a_fault:.0f} octets each"
    )
    found = complaints(soaked)
    print("\n".join(found) or "nothing is left behind, nobody was late, nothing was written")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
