"""Plays many evenings in several processes."""

from __future__ import annotations

import multiprocessing
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from studies.limiting.beside import uniform
from studies.limiting.case import case_of
from studies.limiting.evening import play
from studies.limiting.outcome import Outcome, outcome_of

BESIDE_EVERY = 16
"""Of so many pairs of evening and noon, one is played with uniform scaling, too."""


def judged(seed: int) -> Outcome:
    """Play and judge one evening; one that breaks is an outcome, too."""
    case = case_of(seed)
    try:
        outcome = outcome_of(play(case))
        if seed // 2 % BESIDE_EVERY:
            return outcome
        cars, roofs = uniform(case)
        return replace(outcome, uniform_cars=cars, uniform_roofs=roofs)
    except Exception as error:  # noqa: BLE001 - whatever breaks is a finding of the study
        where = traceback.extract_tb(error.__traceback__)[-1]
        words = f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
        return Outcome(seed, case.network, case.noon, failed=words)


def played(seeds: Iterable[int], workers: int) -> Iterator[Outcome]:
    """Outcomes as they come."""
    if workers == 1:
        yield from map(judged, seeds)
        return
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield from pool.imap_unordered(judged, seeds)
