"""Series and windows agree with a plain computation over the same samples."""

from __future__ import annotations

import math
import random
import statistics
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ortsnetz_cockpit.core.timeseries.series import bucket_width, series
from ortsnetz_cockpit.core.timeseries.windows import windows
from ortsnetz_common.link.messages import Catalogue
from ortsnetz_common.measurement.origin import Origin
from ortsnetz_common.measurement.point import Point, Unit
from ortsnetz_common.measurement.quality import Quality

S = 10**9
START = 1_795_255_200 * S
NAME = "meter-1/MMXU1.W.phsA"


def fill(bench: Any, count: int = 600) -> list[tuple[int, float | None, int]]:
    """Ten minutes with invalid and questionable samples and ones without a value."""
    rng = random.Random(7)
    bench.tell_points(NAME)
    told: list[tuple[int, float | None, int]] = []
    for second in range(count):
        quality = rng.choice([0, 0, 0, int(Quality.QUESTIONABLE), int(Quality.INVALID)])
        value = rng.choice([None, *(rng.uniform(-5e3, 5e3) for _ in range(9))])
        if 120 <= second < 180:
            quality, value = int(Quality.INVALID | Quality.FAILURE), 0.0
        time_ns = START + second * S
        bench.tell_values({0: value}, time_ns, quality)
        told.append((time_ns, value, quality if value is not None else int(Quality.INVALID)))
    return told


def counted(rows: list[tuple[int, float | None, int]]) -> list[float]:
    return [v for _, v, q in rows if v is not None and q & 3 in {0, 3}]


def ask(bench: Any, name: str = NAME, end: int = START + 600 * S, most: int = 1000) -> Any:
    store = bench.cockpit.context.store
    return series(store, "ons-1", name, start_ns=START, end_ns=end, max_points=most)


def test_buckets_hold_mean_and_extremes_of_what_is_not_invalid(bench: Any) -> None:
    told = fill(bench)
    found = ask(bench, most=10)
    width = 60 * S
    assert found.bucket_ns == width
    assert found.t_ns == tuple(START + n * width for n in range(10))
    for index, begin in enumerate(found.t_ns):
        own = counted([row for row in told if begin <= row[0] < begin + width])
        if not own:
            assert (found.mean[index], found.minimum[index], found.maximum[index]) == (None,) * 3
            assert found.worst_quality[index] & Quality.FAILURE
            continue
        assert math.isclose(found.mean[index], statistics.fmean(own))
        assert (found.minimum[index], found.maximum[index]) == (min(own), max(own))
    assert found.mean[2] is None, "a minute of invalid zeros is a gap, not zero"


def test_few_samples_come_as_they_are(bench: Any) -> None:
    told = fill(bench, count=30)
    found = ask(bench)
    assert found.bucket_ns == 0
    assert found.t_ns == tuple(row[0] for row in told)
    expected = [v if v is not None and q & 3 in {0, 3} else None for _, v, q in told]
    assert list(found.mean) == expected
    assert found.worst_quality == tuple(q for _, _, q in told)
    assert found.origin is Origin.MEASURED
    assert ask(bench, end=START + 10 * S).t_ns == tuple(row[0] for row in told[:10])


def test_no_point_and_no_samples_are_different_things(bench: Any) -> None:
    bench.tell_points(NAME)
    assert ask(bench, "meter-2/MMXU1.W.phsA") is None
    empty = ask(bench)
    assert (empty.t_ns, empty.origin) == ((), None)


def test_a_point_whose_unit_changed_begins_anew(bench: Any) -> None:
    bench.tell_points(NAME, unit=Unit.WATT)
    bench.tell_values({0: 1.0}, START)
    bench.take(Catalogue(0, (Point(NAME, Unit.VAR, 0),), "ab"))
    bench.tell_values({0: 2.0}, START + S)
    found = ask(bench)
    assert (found.unit, found.mean) == ("var", (2.0,))
    bench.take(Catalogue(0, (Point(NAME, Unit.VAR, 9),), "ab"))  # moved in the network: goes on
    bench.tell_values({0: 3.0}, START + 2 * S)
    assert ask(bench).mean == (2.0, 3.0)


@given(st.integers(1, 400 * 86400 * S), st.integers(10, 10_000))
def test_a_bucket_width_keeps_its_promise(span_ns: int, most: int) -> None:
    width = bucket_width(span_ns, most)
    assert span_ns / width <= most
    assert width > 0


def test_windows_count_what_they_average(bench: Any) -> None:
    told = fill(bench, count=180)
    store = bench.cockpit.context.store
    found = windows(
        store,
        "ons-1",
        (NAME, "unknown"),
        start_ns=START,
        end_ns=START + 180 * S,
        width_ns=60 * S,
    )
    assert [window.start_ns for window in found] == [START, START + 60 * S, START + 120 * S]
    for window in found:
        own = counted([r for r in told if window.start_ns <= r[0] < window.start_ns + 60 * S])
        assert window.count == len(own)
        if own:
            assert window.mean == pytest.approx(statistics.fmean(own))
    assert (found[2].count, found[2].mean) == (0, None)
