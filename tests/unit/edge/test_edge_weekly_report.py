"""The EN 50160 report of a node's week: late results, restarts and outages across Monday 0:00."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from studies.waveforms import MIDNIGHT_NS, VOLTAGES, blocks, instants, of_voltages, three_phases

from ortsnetz_edge.drivers.sampled_values.place import Place
from ortsnetz_edge.drivers.sampled_values.weekly import Weekly
from ortsnetz_grid.functions.power_quality.aggregation import TEN_MINUTES_NS, Aggregated, Interval
from ortsnetz_grid.functions.power_quality.declared import Declared
from ortsnetz_grid.functions.power_quality.events import Event, EventKind
from ortsnetz_grid.functions.power_quality.frequency import Frequency
from ortsnetz_grid.functions.power_quality.meter import Measured
from ortsnetz_grid.functions.power_quality.monitor import Monitored
from ortsnetz_grid.functions.power_quality.record import LongTermFlicker
from ortsnetz_grid.functions.power_quality.unbalance import Unbalance
from ortsnetz_grid.functions.power_quality.week import WEEK_NS
from ortsnetz_grid.functions.power_quality.window import Quantities

RATE = 1600.0
SECOND = 10**9
MONDAY_NS = MIDNIGHT_NS + WEEK_NS
"""The end of the week that most is about: 23 November 2026, 0:00 UTC."""
LATE_NS = 300_000_000
"""Results come with a block that ends behind their interval: the first cycles of the next one."""
NOTHING = Monitored(Measured(), Aggregated())


def intervals(numbers: range, volts: float = 230.0) -> Monitored:
    """What a place finds of these ten minutes of the week, all at once."""
    found, frequencies, flicker = [], [], []
    harmonics = np.zeros((3, 41))
    harmonics[:, 1] = volts
    quantities = Quantities(np.full(3, volts), harmonics, np.zeros((3, 40)), Unbalance(0.001, 0.0))
    for number in numbers:
        start = MIDNIGHT_NS + number * TEN_MINUTES_NS
        end = start + TEN_MINUTES_NS
        found.append(
            Interval(start, end, quantities, 3000, 0, 1.0, EventKind.NONE, synchronised=True)
        )
        frequencies += [Frequency(start + k * 10 * SECOND, 50.0) for k in range(60)]
        if number % 12 == 11:
            flicker += [LongTermFlicker(end - 7200 * SECOND, phase, 0.4) for phase in "abc"]
    measured = Measured(frequencies=tuple(frequencies))
    return Monitored(measured, Aggregated(ten_minutes=tuple(found)), (), tuple(flicker))


def weekly(folder: Path, declared: Declared | None = None) -> Weekly:
    return Weekly(folder, "feeder-1", declared or Declared(), VOLTAGES)


def played(one: Weekly, numbers: range, volts: float = 230.0) -> None:
    """Ten minutes after ten minutes, each with the block that shows that it has ended."""
    for number in numbers:
        end = MIDNIGHT_NS + (number + 1) * TEN_MINUTES_NS
        one.take(intervals(range(number, number + 1), volts), end + LATE_NS)


def at(seconds: float) -> int:
    """An instant, so many seconds after the Monday that ends the week."""
    return MONDAY_NS + round(seconds * SECOND)


def report_of(folder: Path, date: str = "2026-11-16") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"en50160-feeder-1-{date}.json").read_text())
    return found


def criterion(report: dict[str, Any], name: str) -> dict[str, Any]:
    (one,) = [c for c in report["criteria"] if c["name"] == name]
    assert isinstance(one, dict)
    return one


def written(folder: Path, date: str, kind: str) -> list[dict[str, Any]]:
    path = folder / f"en50160-feeder-1-{date}.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [line for line in lines if line["type"] == kind]


# --- the end of a week


def test_a_week_whose_last_interval_is_known_only_on_monday_is_met(tmp_path: Path) -> None:
    one = weekly(tmp_path)
    one.take(intervals(range(1007)), at(-600) + LATE_NS)
    one.take(intervals(range(1007, 1008)), at(0) + LATE_NS)
    one.take(NOTHING, at(59))
    assert report_of(tmp_path)["end"] == "2026-11-22T22:00:00.000Z"
    one.take(NOTHING, at(60.1))
    report = report_of(tmp_path)
    assert report["end"] == "2026-11-23T00:00:00.000Z"
    assert report["judgement"] == "met"
    assert {c["missing"] for c in report["criteria"]} == {0}
    assert not (tmp_path / "en50160-feeder-1-2026-11-23.jsonl").exists()


@pytest.mark.parametrize(
    ("dies_at", "judgement", "missing"),
    [(30.0, "met", 0), (-10.0, "undecided", 1)],
    ids=["with the last interval on disk", "with the last interval in memory only"],
)
def test_a_process_that_begins_on_monday_reports_the_week_that_ended_without_it(
    tmp_path: Path, dies_at: float, judgement: str, missing: int
) -> None:
    one = weekly(tmp_path)
    one.take(intervals(range(1007)), at(-600) + LATE_NS)
    if dies_at > 0:
        one.take(intervals(range(1007, 1008)), at(0) + LATE_NS)
    again = weekly(tmp_path)
    again.take(NOTHING, at(2700))
    report = report_of(tmp_path)
    assert report["end"] == "2026-11-23T00:00:00.000Z"
    assert report["judgement"] == judgement
    assert criterion(report, "voltage a within -15 % and +10 %")["missing"] == missing


def test_a_report_of_two_hours_has_the_last_interval_of_them(tmp_path: Path) -> None:
    one = weekly(tmp_path)
    played(one, range(12))
    one.take(NOTHING, MIDNIGHT_NS + 12 * TEN_MINUTES_NS + 60 * SECOND)
    report = report_of(tmp_path)
    assert report["end"] == "2026-11-16T02:00:00.000Z"
    assert report["judgement"] == "met"
    assert criterion(report, "Plt of voltage c")["within"] == 1


# --- blocks as the receiver makes them, across Monday


class Node:
    """A process: the place's functions and the weekly report, fed with a wave."""

    def __init__(self, folder: Path) -> None:
        self.place, self.weekly = Place(Declared(), None, None), weekly(folder)

    def hears(
        self, begin_s: float, end_s: float, gone: tuple[float, float], block_s: float = 0.1
    ) -> None:
        """230 V, and nothing while the supply is gone; seconds after Monday."""
        t = begin_s + instants(RATE, end_s - begin_s)
        values = three_phases(t)
        values[:, (t >= gone[0]) & (t < gone[1])] = 0.0
        for block in blocks(of_voltages(values, RATE, at(begin_s)), round(block_s * RATE)):
            self.place.take(block)
            assert self.place.monitored is not None
            self.weekly.take(self.place.monitored, block.end_ns)


def test_an_outage_across_monday_is_in_both_weeks_and_costs_no_interval(tmp_path: Path) -> None:
    node, gone = Node(tmp_path), (-5.0, 8.0)
    node.hears(-35.0, 11.0, gone)
    node.hears(61.0, 61.5, gone)  # the stream was away: the report is written once it is back
    assert [i["start_ns"] for i in written(tmp_path, "2026-11-16", "interval")] == [at(-600)]
    assert written(tmp_path, "2026-11-23", "interval") == []
    first = report_of(tmp_path)
    assert first["end"] == "2026-11-23T00:00:00.000Z"
    assert (first["short_interruptions"], first["lasting"], first["began_before"]) == (1, 0, 0)
    hertz = criterion(first, "frequency within -6 % and +4 %")
    # the 10 s from 23:59:30 and 40 were measured, those from 50 had no supply
    assert (hertz["within"], hertz["left_out"]) == (2, 1)
    node.weekly.take(NOTHING, at(7200 + 61))
    second = report_of(tmp_path, "2026-11-23")
    assert (second["short_interruptions"], second["began_before"]) == (1, 1)
    assert criterion(second, "frequency within -6 % and +4 %")["left_out"] == 1
    text = (tmp_path / "en50160-feeder-1-2026-11-23.txt").read_text()
    assert "events that began before, and are in the report before, too: 1" in text


def test_an_outage_that_lasts_is_reported_as_one_until_it_has_an_end(tmp_path: Path) -> None:
    node, gone = Node(tmp_path), (-200.0, 70.0)
    node.hears(-201.0, -198.0, gone)
    node.hears(-198.0, 62.0, gone, block_s=10.0)
    first = report_of(tmp_path)
    assert first["end"] == "2026-11-23T00:00:00.000Z"
    assert (first["lasting"], first["long_interruptions"], first["uncertain"]) == (1, 1, 0)
    assert first["judgement"] == "undecided"
    node.hears(62.0, 71.0, gone, block_s=1.0)
    renewed = report_of(tmp_path)
    assert (renewed["lasting"], renewed["long_interruptions"]) == (0, 1)
    (event,) = [
        e for e in written(tmp_path, "2026-11-16", "event") if e["kind"] == 4 and e["end_ns"]
    ]
    assert (event["end_ns"] - event["start_ns"]) / SECOND == pytest.approx(270.0, abs=0.04)
    assert event in written(tmp_path, "2026-11-23", "event")


def test_an_outage_in_which_the_process_ends_is_reported_and_doubted(tmp_path: Path) -> None:
    Node(tmp_path).hears(-8.0, -2.0, (-5.0, 0.0))
    again = Node(tmp_path)
    again.hears(300.0, 300.5, (0.0, 0.0))
    first = report_of(tmp_path)
    assert first["end"] == "2026-11-23T00:00:00.000Z"
    assert (first["lasting"], first["long_interruptions"], first["uncertain"]) == (1, 0, 2)
    assert again.weekly.failed == 0


# --- files


def test_the_report_of_the_week_outlives_the_process(tmp_path: Path) -> None:
    path = tmp_path / "en50160-feeder-1-2026-11-16.jsonl"
    played(weekly(tmp_path), range(11))
    with path.open("ab") as file:
        file.write(b'{"type":"interval","start_')  # the power was cut here
    again = weekly(tmp_path)
    played(again, range(11, 37))
    assert (again.unreadable, again.failed) == (1, 0)
    assert "EN 50160:2010" in path.with_suffix(".txt").read_text()
    assert path.with_suffix(".svg").exists()
    assert criterion(report_of(tmp_path), "voltage a within -10 % and +10 %")["within"] == 36


def test_a_place_that_is_declared_another_one_begins_a_new_week(tmp_path: Path) -> None:
    played(weekly(tmp_path), range(14))
    played(weekly(tmp_path, Declared(voltage_v=11547.0)), range(14, 17), volts=11547.0)
    assert (tmp_path / "en50160-feeder-1-2026-11-16.former").exists()
    assert len(written(tmp_path, "2026-11-16", "interval")) == 3


def test_a_week_that_ended_is_reported_as_the_place_was_declared_then(tmp_path: Path) -> None:
    weekly(tmp_path).take(intervals(range(1000, 1008)), at(0) + LATE_NS)
    weekly(tmp_path, Declared(voltage_v=400.0)).take(NOTHING, at(3600))
    voltage = criterion(report_of(tmp_path), "voltage a within -10 % and +10 %")
    assert (voltage["within"], voltage["beyond"]) == (8, 0)
    assert report_of(tmp_path)["end"] == "2026-11-23T00:00:00.000Z"


def dip(number: int) -> Event:
    start = MIDNIGHT_NS + number * 60 * SECOND
    return Event(EventKind.DIP, start, start + SECOND, 0.6, "a")


def with_events(*events: Event) -> Monitored:
    return replace(NOTHING, measured=Measured(events=events))


def test_a_week_keeps_so_many_events_and_says_how_many_more_there_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ortsnetz_edge.drivers.sampled_values.weekly_file.MOST_EVENTS", 2)
    one = weekly(tmp_path)
    for number in range(13):
        one.take(with_events(dip(number)), dip(number).start_ns + 2 * SECOND)
    assert one.further_events == 11
    one.take(NOTHING, MIDNIGHT_NS + (7200 + 61) * SECOND)
    assert len(written(tmp_path, "2026-11-16", "event")) == 2
    text = (tmp_path / "en50160-feeder-1-2026-11-16.txt").read_text()
    assert "11 further events are in no table" in text
    again = weekly(tmp_path)
    again.take(with_events(dip(130), dip(131)), MIDNIGHT_NS + 8000 * SECOND)
    assert again.further_events == 13


def test_weeks_of_long_ago_make_room_and_another_source_keeps_its_own(tmp_path: Path) -> None:
    for week in range(10):
        for source in ("feeder-1", "feeder-1-b"):
            (tmp_path / f"en50160-{source}-2022-01-{week + 10}.jsonl").write_text("")
    played(weekly(tmp_path), range(1))
    kept = [path.name for path in tmp_path.glob("*.jsonl")]
    assert len([name for name in kept if "feeder-1-b" in name]) == 10
    assert len([name for name in kept if "feeder-1-2" in name]) == 8
