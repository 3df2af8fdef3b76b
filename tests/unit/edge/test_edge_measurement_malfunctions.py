"""Instruments that go wrong: what the agent can know from their answers, and what it says then.

Five faults that acquisition knows: a frozen instrument that counts its answers, one that does not,
a value out of range, a wrong clock, a value that is missing. Drift within the plausible range is
none of them: it shows only beside other measurements, in the state estimation.
"""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from ortsnetz_common.measurement.point import Point, Unit
from ortsnetz_common.measurement.quality import Quality, Validity, describe, is_usable, validity
from ortsnetz_common.measurement.time import NS_PER_S, TimeQuality
from ortsnetz_edge.acquisition.frozen import FrozenWatch
from ortsnetz_edge.acquisition.image import NextImage, SourceImage
from ortsnetz_edge.control.conditions import lost_sources
from ortsnetz_edge.drivers.contract import Role, Scan, SourcePoint

NOW_NS = 1_790_000_000 * NS_PER_S
POINTS = (
    *(
        SourcePoint(Point(f"m/MMXU1.PhV.phs{p}", Unit.VOLT), Role.VOLTAGE, n, 0.0, 460.0)
        for n, p in enumerate("ABC", 1)
    ),
    SourcePoint(Point("m/MMXU1.W.phsA", Unit.WATT), Role.ACTIVE_POWER, 1, -1e5, 1e5),
    SourcePoint(Point("m/MMTR1.TotWh", Unit.WATT_HOUR), Role.FURTHER, None, 0.0, 1e12),
)
AFTER_S = 300.0


def scan(
    *volts: float | None,
    watts: float | None = 1000.0,
    energy: float = 0.0,
    count: int | None = None,
    clock_off_s: float = 0.0,
    at_s: float = 0.0,
) -> Scan:
    values = (*volts, watts, energy)
    received = NOW_NS + round(at_s * NS_PER_S)
    missing = int(Quality.INVALID | Quality.FAILURE)
    return Scan(
        values=values,
        qualities=tuple(missing if value is None else 0 for value in values),
        time_ns=received + round(clock_off_s * NS_PER_S),
        time_quality=0,
        received_ns=received,
        read_count=count,
    )


class Meter:
    """A meter that is read once a second."""

    def __init__(self, after_s: float | None = None) -> None:
        frozen = {} if after_s is None else {"m": after_s}
        self.image = NextImage({"m": POINTS}, stale_after_s=2.0, frozen_after_s=frozen)
        self.now = 0.0

    def answers(self, given: Scan) -> SourceImage:
        self.now += 1.0
        self.image.place("m", given, now=self.now)
        return self.image.freeze(int(self.now), given.received_ns, now=self.now).sources["m"]


def qualities(source: SourceImage) -> tuple[int, ...]:
    assert source.scan is not None
    return source.scan.qualities


def test_a_frozen_meter_that_counts_is_found_with_its_second_answer() -> None:
    meter = Meter()
    assert meter.answers(scan(230.0, 230.0, 230.0, count=7)).valid
    repeated = meter.answers(scan(230.0, 230.0, 230.0, count=7))
    assert {describe(q) for q in qualities(repeated)} == {"invalid (old data)"}
    for _ in range(2):
        repeated = meter.answers(scan(230.0, 230.0, 230.0, count=7))
    assert not repeated.valid  # two scan intervals without anything new


def test_a_frozen_meter_that_does_not_count_is_found_when_its_time_is_over() -> None:
    meter = Meter(AFTER_S)
    still = [meter.answers(scan(230.1, 231.2, 229.9)) for _ in range(int(AFTER_S) + 4)]
    assert all(is_usable(q) for source in still[: int(AFTER_S)] for q in qualities(source))
    assert {describe(q) for q in qualities(still[int(AFTER_S)])} == {"invalid (old data)"}
    assert not still[-1].valid
    assert meter.image.counters["measurements_frozen"] == 4


def test_an_operator_is_told_that_it_answers_and_measures_no_more() -> None:
    meter = Meter(AFTER_S)
    for _ in range(int(AFTER_S) + 4):
        meter.answers(scan(230.1, 231.2, 229.9))
    image = meter.image.freeze(1, NOW_NS, now=meter.now)
    (condition,) = lost_sources(image, {})
    assert condition.cause == "m answers, and what it measures stands still"


def test_it_recovers_with_the_first_change_of_a_single_measurement() -> None:
    meter = Meter(AFTER_S)
    for _ in range(int(AFTER_S) + 10):
        meter.answers(scan(230.1, 231.2, 229.9))
    back = meter.answers(scan(230.1, 231.3, 229.9))
    assert back.valid
    assert all(is_usable(q) for q in qualities(back))
    # and has its whole time again
    still = [meter.answers(scan(230.1, 231.3, 229.9)) for _ in range(int(AFTER_S) - 1)]
    assert all(source.valid for source in still)


def test_an_energy_that_goes_on_counting_does_not_excuse_measurements_that_stand_still() -> None:
    watch = FrozenWatch(POINTS, AFTER_S)
    found = [
        watch.repeats(scan(230.0, 230.0, 230.0, energy=float(second)), now=float(second))
        for second in range(int(AFTER_S) + 1)
    ]
    assert found == [False] * int(AFTER_S) + [True]


@pytest.mark.parametrize("values", [(0.0, 0.0, 0.0, 0.0), (None, None, None, None)])
def test_a_line_without_voltage_or_a_device_that_sleeps_is_not_frozen(
    values: tuple[float | None, ...],
) -> None:
    watch = FrozenWatch(POINTS, AFTER_S)
    asleep = scan(*values[:3], watts=values[3])
    assert not any(watch.repeats(asleep, now=float(second)) for second in range(3600))


def test_a_silence_tells_nothing_of_what_was_measured_meanwhile() -> None:
    watch = FrozenWatch(POINTS, AFTER_S)
    same = scan(230.0, 230.0, 230.0)
    assert not watch.repeats(same, now=0.0)
    assert not watch.repeats(same, now=3600.0)
    assert not watch.repeats(same, now=3601.0)


def quiet_hour(seed: int, resolution_v: float) -> list[Scan]:
    """An hour of three voltages that wander by 5 mV a root second each, and of no load.

    Quieter than networks are: a kettle somewhere moves them by some tenths of a volt.
    """
    draw = random.Random(seed)
    volts = [230.0 + draw.random() for _ in range(3)]
    shown = []
    for _ in range(3600):
        volts = [each + draw.gauss(0.0, 0.005) for each in volts]
        steps = [round(each / resolution_v) * resolution_v for each in volts]
        shown.append(scan(*steps, watts=0.0))
    return shown


def alarms(hour: list[Scan], after_s: float) -> int:
    watch = FrozenWatch(POINTS, after_s)
    return sum(watch.repeats(shown, now=float(second)) for second, shown in enumerate(hour))


@pytest.mark.parametrize(("resolution_v", "after_s"), [(0.1, 900.0), (0.01, 300.0)])
def test_a_quiet_hour_raises_no_false_alarm_with_the_times_that_ship(
    resolution_v: float, after_s: float
) -> None:
    assert sum(alarms(quiet_hour(seed, resolution_v), after_s) for seed in range(40)) == 0


def test_a_quiet_hour_would_raise_false_alarms_with_a_time_that_is_too_short() -> None:
    """So that the test above can fail, and why a profile's time is no matter of taste."""
    assert sum(alarms(quiet_hour(seed, 0.1), 30.0) for seed in range(10)) > 0


def test_a_value_out_of_range_is_kept_for_people_and_not_used() -> None:
    source = Meter().answers(scan(230.0, 1230.0, 230.0))
    assert [is_usable(q) for q in qualities(source)] == [True, False, True, True, True]
    assert describe(qualities(source)[1]) == "questionable (out of range)"
    assert source.scan is not None
    assert source.scan.values[1] == 1230.0


@pytest.mark.parametrize("off_s", [-3600.0, 5.1, 86_400.0])
def test_a_wrong_clock_is_replaced_and_said_so(off_s: float) -> None:
    source = Meter().answers(scan(230.0, 230.0, 230.0, clock_off_s=off_s))
    assert source.scan is not None
    assert source.scan.time_ns == source.scan.received_ns
    flags = TimeQuality.SET_BY_RECEIVER | TimeQuality.CLOCK_NOT_SYNCHRONISED
    assert source.scan.time_quality == flags
    assert all(is_usable(q) for q in qualities(source))


def test_a_missing_value_is_invalid_and_leaves_the_others_alone() -> None:
    source = Meter().answers(scan(None, 230.0, 230.0))
    assert [validity(q) for q in qualities(source)][:2] == [Validity.INVALID, Validity.GOOD]
    assert source.valid


def test_a_drift_is_believed_until_it_leaves_the_plausible_range() -> None:
    """Said plainly: one instrument alone cannot show that it drifts."""
    meter = Meter(AFTER_S)
    drifting = [meter.answers(scan(230.0 + 0.1 * n, 230.0, 230.0, at_s=n)) for n in range(2400)]
    usable = [is_usable(qualities(source)[0]) for source in drifting]
    assert usable.index(False) == 2301  # the first value above 460 V
    assert not any(usable[2301:])


def test_a_frozen_answer_stays_invalid_whatever_the_device_says_of_it() -> None:
    meter = Meter(AFTER_S)
    doubtful = scan(230.0, 230.0, 230.0)
    doubtful = replace(doubtful, qualities=(int(Quality.QUESTIONABLE),) * len(POINTS))
    for _ in range(int(AFTER_S) + 1):
        source = meter.answers(doubtful)
    assert {validity(q) for q in qualities(source)} == {Validity.INVALID}
