"""Devices that count their reads are compared by count, those that report by value and instant."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from ortsnetz_common.link.messages import Catalogue, Samples
from ortsnetz_common.measurement.origin import Origin
from ortsnetz_common.measurement.point import Point, Unit
from ortsnetz_common.measurement.quality import Quality
from ortsnetz_common.measurement.time import TimeQuality
from ortsnetz_hil.bench.observer import _Notes
from ortsnetz_hil.demo.reported import Reported, StoredSample, compare
from ortsnetz_hil.demo.summary import _reported_failed
from ortsnetz_hil.faults.timeline import Entry
from ortsnetz_hil.plant.calendar import Window
from ortsnetz_hil.plant.configuration import (
    FORMAT,
    PlantConfiguration,
    PlantMeter,
    StationServer,
)
from ortsnetz_hil.scenarios import library
from ortsnetz_hil.scenarios.reader import parse as parse_scenario
from ortsnetz_hil.servers.counters import Counters, DeviceCounters
from ortsnetz_hil.servers.shown import Shown
from ortsnetz_hil.verdict import observed
from ortsnetz_hil.verdict.criteria import parse
from ortsnetz_hil.verdict.observed import Observed, ReadCount, SourceQuality, Totals
from ortsnetz_hil.verdict.recording import Recording

START = 1_795_255_200_123_456_789
STEP = 200_000_000
VOLTS, WATTS = "MMXU1.PhV.phsA", "MMXU1.W.phsA"
SHOWN = {
    "ev-01": Shown(
        points=(VOLTS, WATTS),
        times_ns=tuple(START + n * STEP for n in range(4)),
        values=((230.0, 0.0), (231.004, 0.0), (232.0, None), (233.0, 7000.04)),
    )
}


def stored(
    value: float | None, step: float, point: str = VOLTS, quality: int = 0, flags: int = 0
) -> StoredSample:
    """A sample of an instant, in steps, cut to the milliseconds that a protocol carries."""
    time_ns = START + round(step * STEP)
    return StoredSample(f"ev-01/{point}", time_ns // 10**6 * 10**6, value, quality, flags)


def judged(*samples: StoredSample) -> Reported:
    return compare(SHOWN, samples, committed=100)


def test_values_of_their_own_instant_are_the_same() -> None:
    found = judged(stored(231.0, 1), stored(233.0, 3), stored(7000.0, 3, WATTS))
    assert (found.compared, found.different, found.unheard, found.worst) == (3, 0, 0, None)
    assert (found.devices, found.points, found.committed) == (1, 2, 100)


@pytest.mark.parametrize(
    "sample",
    [
        pytest.param(stored(230.0, 1), id="value of the step before"),
        pytest.param(stored(231.02, 1), id="further off than the protocol's resolution"),
        pytest.param(stored(231.0, 1.5), id="an instant at which the device made no step"),
        pytest.param(stored(0.0, 2, WATTS), id="a number where nothing was measured"),
        pytest.param(stored(230.0, 9), id="an instant after the last step"),
    ],
)
def test_another_value_than_was_shown_is_found_and_said(sample: StoredSample) -> None:
    found = judged(sample)
    assert (found.compared, found.different) == (1, 1)
    assert found.worst is not None
    assert sample.point in found.worst


def test_a_value_that_its_receiver_stamped_is_one_of_the_last_three_seconds() -> None:
    received = int(TimeQuality.SET_BY_RECEIVER)
    assert judged(stored(230.0, 3.5, flags=received)).different == 0
    assert judged(stored(229.0, 3.5, flags=received)).different == 1
    assert judged(stored(230.0, 3.5 + 15, flags=received)).different == 1, "3.1 s before"


def test_a_value_in_force_since_before_the_plants_memory_is_still_that() -> None:
    assert judged(stored(230.0, -500)).different == 0
    assert judged(stored(229.0, -500)).different == 1


def test_a_point_without_a_valid_value_is_unheard_and_never_fine() -> None:
    invalid = int(Quality.INVALID | Quality.OLD_DATA)
    found = judged(stored(233.0, 3, quality=invalid), stored(None, 3, WATTS))
    assert (found.compared, found.unheard) == (0, 2)


@pytest.mark.parametrize(
    ("different", "unheard", "words"),
    [
        (0, 0, []),
        (1, 0, ["1 of 10 reported values were not shown by the device at their instant: ev-01"]),
        (0, 2, ["2 reported points have no value in the store at the end"]),
    ],
)
def test_a_demo_fails_for_what_was_not_shown_or_not_heard(
    different: int, unheard: int, words: list[str]
) -> None:
    found = Reported(1, 100, 2, 10, different, unheard, worst="ev-01" if different else None)
    assert _reported_failed(found) == words
    assert _reported_failed(None) == [], "nobody reports in a plant of Modbus devices"


def recording(heard: ReadCount) -> Recording:
    scenario, _ = parse_scenario(library.template("test").encode(), "x.yaml")
    scenario = msgspec.structs.replace(
        scenario, connected=msgspec.structs.replace(scenario.connected, cockpit=False)
    )
    plant = PlantConfiguration(
        format=FORMAT, node="n", seed=1, seconds=60.0, host="h",
        window=Window(0, 3600.0, 60.0, START, repeats=False),
        u_pu=(0.95, 1.05), loading=1.0, meters=(), charge_points=(), inverters=(),
        meter_classes=(), assumptions=(),
        station_servers=(StationServer("charging-park", "opcua", 1, ("ev-01",)),),
    )  # fmt: skip
    devices = {
        "ev-01": DeviceCounters("ev-controller", 1, 16, reads=500, behind="charging-park"),
        "pv-01": DeviceCounters("pv-inverter", 2, 15, reads=20),
    }
    return Recording(
        scenario=scenario,
        configuration=plant,
        rows=(),
        counters=Counters("f", 0, devices),
        observed=Observed(totals=Totals(10, 0, 0, 1, {"pv-01": heard})),
    )


def test_nothing_lost_speaks_of_devices_that_count_and_says_which_do_not() -> None:
    judgement = parse("nothing lost").judge(recording(ReadCount(20, 0)))
    assert judgement.passed
    assert "20 reads of 1 devices" in judgement.words
    assert "1 devices behind charging-park report and are not counted" in judgement.words
    assert not parse("nothing lost").judge(recording(ReadCount(19, 0))).passed


def test_nothing_lost_cannot_be_judged_where_nobody_counts() -> None:
    found = recording(ReadCount(0, 0))
    assert found.counters is not None
    only = {"ev-01": found.counters.devices["ev-01"]}
    alone = replace(found, counters=Counters("f", 0, only))
    judgement = parse("nothing lost").judge(alone)
    assert not judgement.passed
    assert "no device was ever read" in judgement.words


def test_values_that_stand_for_long_do_not_date_the_report_that_carries_them(
    tmp_path: Path,
) -> None:
    """Two charge points draw nothing for a minute; what is new in the record is its instant."""
    notes = _Notes(observed.Writer(tmp_path / "observed.jsonl"))
    names = [f"{d}/{p}" for d in ("ev-01", "ev-02", "feeder-1") for p in (VOLTS, WATTS)]
    notes.take(Catalogue(0, tuple(Point(name, Unit.WATT) for name in names), "0" * 64))
    old, now = START - 60 * 10**9, START
    lost = int(Quality.INVALID | Quality.OLD_DATA)
    times = (now, old, now, old, now, now)
    qualities = (0, 0, 0, 0, lost, lost)
    notes.take(Samples(Origin.MEASURED, tuple(range(6)), (1.0,) * 6, qualities, times, (0,) * 6))
    notes.close(Counter())
    found = observed.read(tmp_path / "observed.jsonl").qualities
    assert {(one.source, one.good, one.time_ns) for one in found} == {
        ("ev-01", True, now),
        ("ev-02", True, now),
        ("feeder-1", False, now),
    }


@pytest.mark.parametrize(("lost_at_s", "within"), [(10.0, True), (12.0, True), (13.5, False)])
def test_a_loss_reported_in_the_step_of_its_fault_was_no_loss_before(
    lost_at_s: float, within: bool
) -> None:
    found = recording(ReadCount(20, 0))
    fault = Entry(
        kind="fault", name="gone", what="", target="ev-01", due_s=10.0, at_s=10.0,
        time_ns=START, state="begin",
    )  # fmt: skip
    meter = PlantMeter("ev-01", "meter-feeder", 1, 0, None, (), "abc")
    told = [(1.0, True), (lost_at_s, False)]
    qualities = tuple(SourceQuality(START + round(at * 1e9), "ev-01", good) for at, good in told)
    lossy = replace(
        found,
        timeline=(fault,),
        observed=Observed(qualities=qualities, totals=Totals(10, 0, 0, 1, {})),
        configuration=msgspec.structs.replace(found.configuration, meters=(meter,)),
    )
    judgement = parse("quality of ev-01 invalid within 3 s of gone").judge(lossy)
    assert judgement.passed is within, judgement.words
