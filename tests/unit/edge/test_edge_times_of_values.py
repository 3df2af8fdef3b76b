"""Values that bring their own times keep them, as long as they can be true."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ortsnetz_common.measurement.point import Point, Unit
from ortsnetz_common.measurement.time import TimeQuality
from ortsnetz_edge.acquisition.image import NextImage
from ortsnetz_edge.acquisition.plausibility import judge
from ortsnetz_edge.drivers.contract import Role, Scan, SourcePoint
from ortsnetz_edge.network_index import NetworkIndex
from ortsnetz_edge.records import PointTable

NOW_NS = 1_790_000_000_000_000_000
SECOND = 10**9
HOUR = 3600 * SECOND
POINTS = (
    SourcePoint(Point("m/MMXU1.PhV.phsA", Unit.VOLT), Role.VOLTAGE, 1, 0.0, 460.0),
    SourcePoint(Point("m/MMXU1.W.phsA", Unit.WATT), Role.ACTIVE_POWER, 1, -1e5, 1e5),
)
WRONG = int(TimeQuality.SET_BY_RECEIVER | TimeQuality.CLOCK_NOT_SYNCHRONISED)


def scan(first_ns: int, second_ns: int) -> Scan:
    return Scan(
        values=(230.0, 1000.0),
        qualities=(0, 0),
        time_ns=max(first_ns, second_ns),
        time_quality=0,
        received_ns=NOW_NS,
        value_times_ns=(first_ns, second_ns),
        value_time_qualities=(0, 0),
    )


def test_a_value_that_has_not_changed_for_an_hour_keeps_its_time() -> None:
    old = scan(NOW_NS - HOUR, NOW_NS - SECOND)
    found = judge(old, None, POINTS)
    assert found.scan == old
    assert found.clock_error_s is None


def test_all_values_may_be_old_where_each_says_so_itself() -> None:
    found = judge(scan(NOW_NS - HOUR, NOW_NS - HOUR), None, POINTS)
    assert found.clock_error_s is None
    assert found.scan.time_ns == NOW_NS - HOUR


@pytest.mark.parametrize("ahead_ns", [6 * SECOND, HOUR])
def test_a_time_in_the_future_is_replaced_and_flagged_the_others_stand(ahead_ns: int) -> None:
    found = judge(scan(NOW_NS - HOUR, NOW_NS + ahead_ns), None, POINTS)
    assert found.scan.value_times_ns == (NOW_NS - HOUR, NOW_NS)
    assert found.scan.value_time_qualities == (0, WRONG)
    assert (found.scan.time_ns, found.scan.time_quality) == (NOW_NS, WRONG)
    assert found.clock_error_s == pytest.approx(ahead_ns / SECOND)


def test_a_clock_some_seconds_ahead_is_taken_as_it_is() -> None:
    ahead = scan(NOW_NS, NOW_NS + 4 * SECOND)
    assert judge(ahead, None, POINTS).scan == ahead


def test_records_carry_the_time_of_each_value() -> None:
    table = PointTable({"m": POINTS}, NetworkIndex((), (), (), ()))
    image = NextImage({"m": POINTS}, stale_after_s=2.0)
    image.place("m", scan(NOW_NS - HOUR, NOW_NS), now=1.0)
    image.place("m", replace(scan(0, 0), value_times_ns=None, time_ns=NOW_NS), now=1.5)
    first, second = table.measured(image.freeze(1, NOW_NS, now=1.6))
    assert first.times_ns == (NOW_NS - HOUR, NOW_NS)
    assert second.times_ns == (NOW_NS, NOW_NS)
