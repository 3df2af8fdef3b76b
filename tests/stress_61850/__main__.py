"""`python -m stress_61850 --seconds 3600 -o run/stress-61850`: exit code 1 with what is wrong."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from stress_61850.running import run


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mean-life", type=float, default=8.0, help="of a connection, s")
    parser.add_argument("-o", "--out", type=Path, default=Path("run/stress-61850"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    found = asyncio.run(
        run(options.out, options.seconds, seed=options.seed, mean_life_s=options.mean_life)
    )
    print((options.out / "summary.txt").read_text(), end="")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
