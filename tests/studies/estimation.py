"""State estimation on networks that nothing was tuned to, beside power-grid-model, in one run.

A third of the cases is clean, a third has impedances up to 20 % wrong, a third one voltage meter
3 % wrong; phases of unmetered customers are unknown, 10 to 30 % are metered. In half as many more
customers differ normally from what is believed: these judge the intervals, and nothing
else. Where no meter is wrong, both get the same sensors and weights, too (`equal_weights`).
Prints a table; writes one JSON line a case. `make study-estimation` calls this.

    python -m studies.estimation [--seeds 30] [--grid NAME]... [--from 0] [-o study.jsonl]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from studies.commanded import apart
from studies.estimation_cases import Kind, make_case
from studies.estimation_table import lines
from studies.grids import GRIDS
from studies.judging import Judged, judged

from ortsnetz_grid.kernels.native import in_words

GROSS_SEED = 2


def study(grids: Iterable[str], seeds: Sequence[int], output: Path | None) -> list[Judged]:
    """Judge all cases; shows how far it is on standard error."""
    found: list[Judged] = []
    texts: list[str] = []
    for grid in grids:
        begin = time.monotonic()
        asked = [(seed, None) for seed in seeds]
        asked += [(seed, Kind(normal=True)) for seed in seeds[::2]]
        for place, (seed, kind) in enumerate(asked):
            found.append(judged(make_case(grid, seed, kind), exact=kind is None))
            texts.append(json.dumps(asdict(found[-1])))
            print(f"\r{grid}: {place + 1} of {len(asked)}", end="", file=sys.stderr, flush=True)
        print(f", {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
        if output is not None:
            output.write_text("\n".join(texts) + "\n")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--from", type=int, default=0, dest="first")
    parser.add_argument("--grid", action="append", choices=sorted(GRIDS))
    parser.add_argument("-o", "--output", type=Path)
    chosen = parser.parse_args()
    if chosen.output is not None:
        chosen.output.parent.mkdir(parents=True, exist_ok=True)
    seeds = range(chosen.first, chosen.first + chosen.seeds)
    print(f"State estimation on unknown networks, seeds from {chosen.first}; {in_words()}")
    grids = chosen.grid or list(GRIDS)
    for line in lines(study(grids, seeds, chosen.output)):
        print(line)
    print("\nThe command beside the library, one case with a gross error each:")
    for grid in grids:
        print(apart(make_case(grid, GROSS_SEED)))


if __name__ == "__main__":
    main()
