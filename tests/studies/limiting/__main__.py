"""The closed loop of limiting on random evenings and noons, judged by the plant's truth.

    python -m studies.limiting [--evenings 1000] [--from 0] [--workers 2] [-o study.jsonl]
    python -m studies.limiting --seeds 17 23 314 -o some.jsonl
    python -m studies.limiting --seed 17 --explain
    python -m studies.limiting --show study.jsonl [more.jsonl ...]

`make study-limiting` calls the first; the last prints the table of what has been played already, in
one run or in several. Exits 1 where the study is not as issue 6 asks.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
from studies.limiting import explanation
from studies.limiting.case import SECONDS, case_of
from studies.limiting.evening import play
from studies.limiting.many import played
from studies.limiting.outcome import Outcome, outcome_of
from studies.limiting.table import by_network, complaints, elsewhere_share, lines


def study(seeds: Sequence[int], workers: int, output: Path | None) -> list[Outcome]:
    """Play all; shows how far it is on standard error."""
    begin = time.monotonic()
    found: list[Outcome] = []
    file = None if output is None else output.open("w")
    for outcome in played(seeds, workers):
        found.append(outcome)
        if file is not None:
            file.write(json.dumps(outcome.line()) + "\n")
            file.flush()
        passed = time.monotonic() - begin
        print(f"\r{len(found)} of {len(seeds)}, {passed:.0f} s", end="", file=sys.stderr)
    print(file=sys.stderr)
    if file is not None:
        file.close()
    return sorted(found, key=lambda outcome: outcome.seed)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--evenings", type=int, default=1000)
    parser.add_argument("--from", type=int, default=0, dest="first")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seeds", type=int, nargs="+", help="only these, as after a change")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--seconds", type=int, default=SECONDS, help="of plant time; with --seed")
    parser.add_argument("--explain", action="store_true")
    parser.add_argument("--raw", action="store_true", help="excesses that do not count, too")
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--show", type=Path, nargs="+", help="files of earlier runs")
    chosen = parser.parse_args()
    if chosen.show:
        return shown(read(chosen.show))
    if chosen.seed is not None:
        evening = play(case_of(chosen.seed).lasting(chosen.seconds))
        if chosen.explain:
            print(*explanation.lines(evening, raw=chosen.raw), sep="\n")
        else:
            print(json.dumps(outcome_of(evening).line()))
        return 0
    if chosen.output is not None:
        chosen.output.parent.mkdir(parents=True, exist_ok=True)
    seeds = chosen.seeds or range(chosen.first, chosen.first + chosen.evenings)
    return shown(study(seeds, chosen.workers, chosen.output))


def read(files: list[Path]) -> list[Outcome]:
    """Outcomes of earlier runs; the last one of a seed counts."""
    lines = [line for file in files for line in file.read_text().splitlines()]
    found = [msgspec.json.decode(line, type=Outcome) for line in lines]
    return sorted({one.seed: one for one in found}.values(), key=lambda outcome: outcome.seed)


def shown(found: list[Outcome]) -> int:
    """Print tables and complaints; 1 where there are any, else 0."""
    print(*lines(found), "", *by_network(found), sep="\n")
    wrong = complaints(found)
    share = elsewhere_share([one for one in found if not one.failed])
    print(f"\nElsewhere above a limit: {share:.4%} of the time.")
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
