"""Plays every scenario of the bench in full length and proves each by its sabotages.

`make scenarios` calls this; `python tests/play_scenarios.py NAME...` plays only the named ones.
Exits 1 if a scenario failed, or if one did not notice a sabotage.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from ortsnetz_hil.bench.judging import judged
from ortsnetz_hil.bench.options import Options, Ports
from ortsnetz_hil.bench.proving import prove_one
from ortsnetz_hil.bench.run import play
from ortsnetz_hil.scenarios import library, reader

BASE_PORT = 27_000


def main() -> int:
    failed = 0
    with TemporaryDirectory() as directory:
        for name in sys.argv[1:] or library.names():
            failed += _play(name, Path(directory))
    print(f"{failed} of the scenarios and sabotages did not end as they have to")
    return 1 if failed else 0


def _play(name: str, directory: Path) -> int:
    scenario, source = reader.read(library.find(name))
    options = Options(directory / name, Ports(BASE_PORT), networks=directory / "networks")
    began = time.monotonic()
    verdict = judged(play(scenario, source, options, lambda _: None))
    _say("passed" if verdict.ok else "FAILED", name, "", began)
    for one in verdict.criteria:
        if not one.passed:
            print(f"    {one.sentence}: {one.words}")
    failed = int(not verdict.ok)
    for proof in scenario.proofs:
        began = time.monotonic()
        proved = prove_one(proof, source, options, lambda _: None)
        _say("noticed" if proved.noticed else "NOT NOTICED", name, proof.name, began)
        failed += not proved.noticed
    return failed


def _say(what: str, name: str, sabotage: str, began: float) -> None:
    took = time.monotonic() - began
    print(f"{what:12} {name:36} {sabotage:48} {took:6.1f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
