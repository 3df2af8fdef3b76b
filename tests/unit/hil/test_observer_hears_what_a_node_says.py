"""What the bench keeps of the records of a node."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ortsnetz_common.link.messages import Catalogue, Health, Samples
from ortsnetz_common.measurement.origin import Origin
from ortsnetz_common.measurement.point import Point, Unit
from ortsnetz_common.measurement.quality import Quality
from ortsnetz_hil.bench.numbers_seen import NumbersSeen
from ortsnetz_hil.bench.observer import _Notes
from ortsnetz_hil.verdict import observed
from ortsnetz_hil.verdict.observed import Observed

S = 1_000_000_000
POINTS = (
    Point("meter-1/MMXU1.PhV.phsA", Unit.VOLT),
    Point("meter-1/LPHD1.RdCnt", Unit.COUNT),
    Point("ev-01/LPHD1.RdCnt", Unit.COUNT),
)


class Node:
    """Says records to the bench; `kept` is what the bench has kept when it hangs up."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.notes = _Notes(observed.Writer(path))
        self.notes.take(Catalogue(0, POINTS, "0" * 64))

    def samples(self, at_s: float, *rows: tuple[int, float | None, int]) -> None:
        points, values, qualities = zip(*rows, strict=True)
        count = len(rows)
        self.notes.take(
            Samples(
                Origin.MEASURED, points, values, qualities, (round(at_s * S),) * count, (0,) * count
            )
        )

    def health(self, at_s: float, mode: str = "active") -> None:
        self.notes.take(Health(round(at_s * S), 1, mode, "", 1.0, 0.0))

    def kept(self, **counters: int) -> Observed:
        self.notes.close(Counter(counters))
        return observed.read(self._path)


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path / "observed.jsonl")


@given(st.lists(st.integers(1, 30)))
def test_numbers_are_counted_as_a_set_counts_them(numbers: list[int]) -> None:
    seen = NumbersSeen()
    for number in numbers:
        seen.add(number)
    assert seen.distinct == len(set(numbers))
    assert seen.doubled == len(numbers) - len(set(numbers))


def test_a_day_of_reads_is_one_stretch() -> None:
    seen = NumbersSeen()
    for number in range(1, 10_001):
        seen.add(number)
    assert (seen.distinct, seen.stretches) == (10_000, 1)


def test_one_bad_value_makes_a_source_bad_until_it_is_good_again(node: Node) -> None:
    node.samples(1.0, (0, 230.0, 0), (1, 1.0, 0))
    node.samples(2.0, (0, None, int(Quality.INVALID)), (1, 2.0, 0))
    node.samples(3.0, (0, 230.0, 0), (1, 3.0, 0))
    assert [(q.time_ns // S, q.source, q.good) for q in node.kept().qualities] == [
        (1, "meter-1", True),
        (2, "meter-1", False),
        (3, "meter-1", True),
    ]


def test_reads_are_counted_by_source(node: Node) -> None:
    node.samples(1.0, (1, 1.0, 0), (2, 1.0, 0))
    node.samples(2.0, (1, 2.0, 0), (2, 1.0, 0))
    totals = node.kept(repeated=3, missing=4).totals
    assert totals is not None
    assert (totals.reads["meter-1"].distinct, totals.reads["meter-1"].doubled) == (2, 0)
    assert (totals.reads["ev-01"].distinct, totals.reads["ev-01"].doubled) == (1, 1)
    assert (totals.repeated, totals.missing, totals.malformed) == (3, 4, 0)


def test_a_sample_without_a_name_is_not_passed_over(node: Node) -> None:
    node.samples(1.0, (7, 230.0, 0))
    totals = node.kept(malformed=1).totals
    assert totals is not None
    assert totals.malformed == 2


def test_a_node_that_is_silent_for_too_long_is_noted(node: Node) -> None:
    for at_s in (0.0, 5.0, 10.0, 30.0, 35.0):
        node.health(at_s)
    totals = node.kept().totals
    assert totals is not None
    assert totals.silences == ((10 * S, 30 * S),)
    assert totals.until_ns == 35 * S


def test_a_node_that_starts_again_says_its_mode_and_qualities_afresh(node: Node) -> None:
    node.health(0.0)
    node.samples(0.0, (0, 230.0, 0))
    node.notes.take(Catalogue(0, POINTS, "0" * 64))
    node.health(5.0)
    node.samples(5.0, (0, 230.0, 0))
    kept = node.kept()
    assert [one.mode for one in kept.modes] == ["active", "active"]
    assert [one.good for one in kept.qualities] == [True, True]
