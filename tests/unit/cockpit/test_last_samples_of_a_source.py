"""What the store holds of a source: how many samples, and the last of each point."""

from __future__ import annotations

from typing import Any

from ortsnetz_cockpit.core.timeseries.history import last_samples, samples_by_source
from ortsnetz_common.measurement.origin import Origin

START = 1_795_255_200_000_000_000
S = 1_000_000_000


def _told(bench: Any) -> Any:
    """Two meters and an estimate; the second meter is heard later about an earlier instant."""
    bench.tell_points("meter-1/MMXU1.W.phsA", "meter-2/MMXU1.W.phsA", "meter-10/MMXU1.W.phsA")
    bench.tell_values({0: 1.0, 1: 10.0}, START)
    bench.tell_values({0: 2.0, 1: None}, START + S)
    bench.tell_values({1: 11.0, 2: 5.0}, START - S)
    bench.tell_values({0: 99.0}, START + 2 * S, origin=Origin.ESTIMATED)
    return bench.cockpit.context.store


def test_samples_with_a_value_are_counted_by_source(bench: Any) -> None:
    store = _told(bench)
    assert samples_by_source(store, "ons-1") == {"meter-1": 2, "meter-10": 1, "meter-2": 2}
    assert samples_by_source(store, "ons-2") == {}


def test_the_last_samples_are_those_that_came_last_with_their_own_time(bench: Any) -> None:
    found = last_samples(_told(bench), "ons-1", ["meter-1", "meter-2"], 2)
    assert [(s.point.split("/")[0], s.value, (s.time_ns - START) // S) for s in found] == [
        ("meter-1", 1.0, 0),
        ("meter-1", 2.0, 1),
        ("meter-2", None, 1),
        ("meter-2", 11.0, -1),
    ]
    assert last_samples(_told(bench), "ons-1", ["meter-3"], 2) == []
