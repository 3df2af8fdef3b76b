"""The study of limiting in time: what its judge counts, and that it can fail."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from studies.limiting.case import case_of
from studies.limiting.evening import play
from studies.limiting.judging import Excess, excess, grace_s
from studies.limiting.outcome import Outcome, outcome_of
from studies.limiting.table import by_network, complaints, elsewhere_share, lines

GRACE_S = 11.0
NOTHING = Excess(1, 0.0, 0.0, 0.0, 0.0, 0.0, 0.9)
GOOD = Outcome(1, "village", noon=False, seconds=300, excesses=(NOTHING, NOTHING, NOTHING))


def loading(*runs: tuple[int, float]) -> np.ndarray:
    """A branch that is loaded to a ratio for so many seconds, one run after the other."""
    return np.concatenate([np.full(seconds, ratio) for seconds, ratio in runs])[:, np.newaxis]


def judged(ratio: np.ndarray, keep: np.ndarray | None = None) -> Excess:
    return excess(ratio, np.ones(ratio.shape, bool) if keep is None else keep, 1.0, GRACE_S)


def test_an_excess_counts_three_cycles_after_the_slowest_device_and_the_wires_had_their_time() -> (
    None
):
    assert grace_s(cycle_s=1.0, slowest_reaction_s=5.0, injected_s=3.0) == GRACE_S
    assert judged(loading((50, 0.9), (11, 1.2), (50, 0.9))).counted_s == 0.0
    assert judged(loading((50, 0.9), (12, 1.2), (50, 0.9))).counted_s == 1.0


def test_an_excess_that_ended_begins_anew() -> None:
    twice = judged(loading((11, 1.2), (1, 1.0), (11, 1.2)))
    assert (twice.raw_s, twice.helpable_s, twice.counted_s) == (22.0, 22.0, 0.0)


def test_a_limit_that_is_just_reached_is_kept() -> None:
    assert judged(loading((100, 1.0))).raw_s == 0.0


def test_what_floors_could_not_have_kept_does_not_count_and_is_said() -> None:
    ratio = loading((60, 1.3))
    keep = np.arange(60)[:, np.newaxis] >= 40  # then a car leaves
    found = judged(ratio, keep)
    assert (found.raw_s, found.helpable_s, found.counted_s) == (60.0, 20.0, 9.0)


def test_the_worst_value_is_that_of_the_time_that_counts() -> None:
    found = judged(loading((5, 1.4), (15, 1.05)))
    assert found.worst == 1.05
    assert found.worst_raw == 1.4


def test_elements_have_their_own_time_and_a_second_counts_once() -> None:
    early, late = loading((15, 1.1), (15, 0.9)), loading((7, 0.9), (15, 1.1), (8, 0.9))
    found = judged(np.hstack([early, late]))
    assert found.raw_s == 22.0
    assert found.counted_s == found.counted_element_s == 8.0  # 4 s each, one after the other


def with_excess(which: int, found: Excess) -> Outcome:
    excesses = [NOTHING] * 3
    excesses[which] = found
    return replace(GOOD, excesses=tuple(excesses))


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (replace(GOOD, below_floor=2), "2 commands below a floor"),
        (replace(GOOD, failed="ValueError: no"), "ValueError: no"),
        (with_excess(0, replace(NOTHING, counted_s=1.0, worst=1.01)), "1 s above a limit"),
        (with_excess(1, replace(NOTHING, counted_s=1.0, worst=1.11)), "111.0% of the limit"),
        (with_excess(2, replace(NOTHING, counted_s=31.0, worst=1.01)), "elsewhere: 0.103%"),
    ],
)
def test_the_study_complains_of(bad: Outcome, words: str) -> None:
    others = [replace(GOOD, seed=seed) for seed in range(100)][:99]
    found = complaints([*others, bad])
    assert len(found) == 1
    assert words in found[0]


def test_a_thousandth_of_the_time_elsewhere_is_let_pass() -> None:
    few = with_excess(1, replace(NOTHING, counted_s=3.0, worst=1.01))
    evenings = [replace(GOOD, seed=seed) for seed in range(9)] + [few]
    assert elsewhere_share(evenings) == 0.001
    assert complaints(evenings) == []


def test_tables_have_a_row_for_all_that_is_judged() -> None:
    shown = "\n".join([*lines([GOOD]), *by_network([GOOD])])
    assert "metered branches: s that count | 0 | - | 0 |" in shown
    assert "| village | 1 | 0 | 0 | 0 |" in shown


def test_an_agent_that_believes_in_a_higher_limit_is_found_out() -> None:
    case = replace(case_of(0), seconds=60, told_loading=2.0, transformer_share=0.5)
    found = outcome_of(play(case))
    assert found.excesses[0].counted_s > 0
    assert any("above a limit that could have been kept" in words for words in complaints([found]))


def test_an_evening_is_the_same_again() -> None:
    case = replace(case_of(1), seconds=15)
    first, second = play(case), play(case)
    assert np.array_equal(first.ratio, second.ratio)
    assert outcome_of(first) == outcome_of(second)
