"""Each driver beside a plain loop on the library underneath, in the same run.

Both read the same things from the same server, which is a process of its own; round by round in
turn. CPU time is that of this process alone, unless a driver has a process of its own.

    python benchmarks/protocols.py [--only DRIVER]... [--rounds 9] [--json] [--check]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import statistics
import sys
import tempfile
from pathlib import Path

import protocols_figures as figures
from protocols_cases import CASES, Case, prepare
from protocols_timing import Measured, measure

CASE_DEADLINE_S = 120.0


def line(case: Case, ours: Measured, plain: Measured) -> figures.Line:
    """What was measured, judged."""
    each = figures.ratios(ours.cpu_s, plain.cpu_s)
    both = figures.ratios(ours.all_cpu_s, plain.cpu_s)
    apart = case.ours.process is not None
    ratio = statistics.median(each)
    met, why = figures.judged(case.name, ratio)
    return figures.Line(
        driver=case.name,
        what=case.what,
        points=case.points,
        rounds=len(each),
        ours=figures.figures(case.points, ours.cpu_s, ours.seconds),
        plain=figures.figures(case.points, plain.cpu_s, plain.seconds),
        ratio=ratio,
        ratio_least=min(each),
        ratio_most=max(each),
        ratio_all=statistics.median(both) if apart else None,
        met=met,
        why=why,
    )


async def run(name: str, rounds: int) -> figures.Line:
    """Measure one driver."""
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        async with asyncio.timeout(CASE_DEADLINE_S), CASES[name](name, Path(folder)) as case:
            ours, plain = await measure(case, rounds)
            return line(case, ours, plain)


def main() -> int:
    """Measure all, print a table and verdicts or a JSON line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=CASES)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", action="store_true", help="one line a driver, no table")
    parser.add_argument("--check", action="store_true", help="exit 1 where a target is not met")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    wanted = options.only or list(CASES)
    lines = []
    for name in wanted:
        found = asyncio.run(run(name, options.rounds))
        lines.append(found)
        if options.json:
            print(json.dumps(found.as_json()), flush=True)
        else:
            print(f"{name}: {found.what}", file=sys.stderr, flush=True)
    if not options.json:
        print(figures.table(lines))
        print("\n".join(["", *figures.verdicts(lines)]))
    return 0 if not options.check or figures.all_met(lines, wanted) else 1


if __name__ == "__main__":
    raise SystemExit(main())
