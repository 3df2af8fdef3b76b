"""Plant, wires and agent in one loop: a few of the evenings and noons of `make study-limiting`.

Impedances are up to 20 % off, a customer is at wrong phases, meters are noisy and biased, answers
and commands are late and get lost; the plant's own power flow judges.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from studies.limiting.case import case_of
from studies.limiting.evening import play
from studies.limiting.outcome import Outcome, outcome_of
from studies.limiting.table import complaints

SECONDS = 75
EVENINGS, NOONS = (0, 6, 10), (1, 11, 13)
"""Of the smaller networks: 15, 44 and 59 nodes."""


@pytest.fixture(scope="module")
def outcomes() -> dict[int, Outcome]:
    cases = [replace(case_of(seed), seconds=SECONDS) for seed in (*EVENINGS, *NOONS)]
    return {case.seed: outcome_of(play(case)) for case in cases}


def test_true_limits_are_kept_and_no_floor_is_cut(outcomes: dict[int, Outcome]) -> None:
    assert complaints(list(outcomes.values())) == []


@pytest.mark.parametrize("seeds", [EVENINGS, NOONS])
def test_limits_bind_so_that_there_is_something_to_keep(
    outcomes: dict[int, Outcome], seeds: tuple[int, ...]
) -> None:
    assert sum(outcomes[seed].limited_s for seed in seeds) > SECONDS / 2


def test_cars_and_roofs_are_served_all_the_same(outcomes: dict[int, Outcome]) -> None:
    cars = [outcomes[seed].cars for seed in EVENINGS]
    roofs = [outcomes[seed].roofs for seed in NOONS]
    for energies in (cars, roofs):
        asked = sum(energy.requested_wh for energy in energies if energy)
        assert sum(energy.served_wh for energy in energies if energy) > 0.3 * asked


def test_no_limit_changes_every_second(outcomes: dict[int, Outcome]) -> None:
    assert max(outcome.changes_max for outcome in outcomes.values()) < SECONDS / 2
