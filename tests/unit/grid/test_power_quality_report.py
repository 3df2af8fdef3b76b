"""The weekly report by EN 50160: what is missing is counted and never fine."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from studies.waveforms import MIDNIGHT_NS, VOLTAGES

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.power_quality.aggregation import TEN_MINUTES_NS, Interval
from ortsnetz_grid.functions.power_quality.declared import Declared
from ortsnetz_grid.functions.power_quality.en50160 import Criterion, Judgement, judged
from ortsnetz_grid.functions.power_quality.events import Event, EventKind
from ortsnetz_grid.functions.power_quality.frequency import INTERVAL_NS, Frequency
from ortsnetz_grid.functions.power_quality.presentation import as_json, as_svg, as_text
from ortsnetz_grid.functions.power_quality.record import LongTermFlicker, Record
from ortsnetz_grid.functions.power_quality.unbalance import Unbalance
from ortsnetz_grid.functions.power_quality.week import WEEK_NS, Report, report
from ortsnetz_grid.functions.power_quality.window import Quantities

INTERVALS = WEEK_NS // TEN_MINUTES_NS


def _interval(
    number: int, volt: float = 230.0, *, fifth: float = 0.02, u2: float = 0.005
) -> Interval:
    harmonics = np.zeros((3, 51))
    harmonics[:, 1] = volt
    harmonics[:, 5] = fifth * volt
    quantities = Quantities(np.full(3, volt), harmonics, np.zeros((3, 50)), Unbalance(u2, 0.001))
    start = MIDNIGHT_NS + number * TEN_MINUTES_NS
    return Interval(start, start + TEN_MINUTES_NS, quantities, 3000, 0, 1.0, EventKind.NONE, True)


def _week() -> Record:
    """A week without anything to complain about."""
    return Record(
        Declared(),
        VOLTAGES,
        MIDNIGHT_NS,
        MIDNIGHT_NS + WEEK_NS,
        [_interval(k) for k in range(INTERVALS)],
        [Frequency(MIDNIGHT_NS + k * INTERVAL_NS, 50.01) for k in range(WEEK_NS // INTERVAL_NS)],
        [LongTermFlicker(MIDNIGHT_NS + k * 7200 * 10**9, p, 0.4) for k in range(84) for p in "abc"],
    )


def _named(found: Report, name: str) -> Criterion:
    (one,) = [c for c in found.criteria if c.name == name]
    return one


def test_a_week_without_complaint_is_met_in_every_criterion() -> None:
    found = report(_week())
    assert found.judgement is Judgement.MET
    assert {c.judgement for c in found.criteria} == {Judgement.MET}
    # two of frequency, two of each voltage, unbalance, THD and 24 orders and Plt of each phase
    assert len(found.criteria) == 2 + 6 + 1 + 3 * 25 + 3
    assert _named(found, "order 5 of voltage b").value == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("beyond", "judgement"), [(50, Judgement.MET), (51, Judgement.NOT_MET)], ids=["95 %", "less"]
)
def test_five_percent_of_a_week_may_be_beyond_ten_percent(
    beyond: int, judgement: Judgement
) -> None:
    """1008 intervals, 95 % of them are 957.6: 50 beyond are met, 51 are not."""
    week = _week()
    low = [_interval(k, 200.0) if k < beyond else _interval(k) for k in range(INTERVALS)]
    found = report(replace(week, ten_minutes=low))
    assert _named(found, "voltage a within -10 % and +10 %").judgement is judgement
    assert _named(found, "voltage a within -15 % and +10 %").judgement is Judgement.MET


def test_one_interval_below_85_percent_breaks_the_criterion_of_all() -> None:
    week = _week()
    found = report(replace(week, ten_minutes=[_interval(0, 195.0), *week.ten_minutes[1:]]))
    assert _named(found, "voltage c within -15 % and +10 %").judgement is Judgement.NOT_MET
    assert found.judgement is Judgement.NOT_MET


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"fifth": 0.061}, "order 5 of voltage a"),
        ({"fifth": 0.081}, "THD of voltage a"),
        ({"u2": 0.021}, "unbalance u2"),
    ],
)
def test_more_than_the_limit_for_more_than_five_percent_is_not_met(
    change: dict[str, float], name: str
) -> None:
    week = _week()
    bad = [_interval(k, **change) if k < 60 else _interval(k) for k in range(INTERVALS)]
    criterion = _named(report(replace(week, ten_minutes=bad)), name)
    assert criterion.judgement is Judgement.NOT_MET
    assert criterion.beyond == 60


def test_missing_intervals_are_counted_and_leave_it_undecided() -> None:
    week = _week()
    found = report(replace(week, ten_minutes=week.ten_minutes[:900]))
    voltage = _named(found, "voltage a within -10 % and +10 %")
    assert voltage.missing == 108
    assert voltage.judgement is Judgement.UNDECIDED
    assert found.judgement is Judgement.UNDECIDED
    few = report(replace(week, ten_minutes=week.ten_minutes[:1000]))
    assert _named(few, "voltage a within -10 % and +10 %").judgement is Judgement.MET
    # all of them have to be within 15 %: one missing is enough not to know
    assert _named(few, "voltage a within -15 % and +10 %").judgement is Judgement.UNDECIDED


def test_an_interval_that_was_hardly_seen_is_missing() -> None:
    week = _week()
    thin = [replace(i, covered=0.5) for i in week.ten_minutes[:7]]
    found = report(replace(week, ten_minutes=[*thin, *week.ten_minutes[7:]]))
    assert _named(found, "THD of voltage a").missing == 7


def test_nothing_measured_is_undecided_never_met() -> None:
    week = replace(_week(), ten_minutes=(), frequencies=(), flicker=())
    assert {c.judgement for c in report(week).criteria} == {Judgement.UNDECIDED}


def test_flagged_intervals_are_left_out_of_all_but_the_voltage() -> None:
    week = _week()
    dip = replace(_interval(0, fifth=0.2), flags=EventKind.DIP)
    gone = replace(_interval(1, 100.0), flags=EventKind.INTERRUPTION | EventKind.DIP)
    found = report(replace(week, ten_minutes=[dip, gone, *week.ten_minutes[2:]]))
    assert _named(found, "THD of voltage a").left_out == 2
    voltage = _named(found, "voltage a within -15 % and +10 %")
    assert (voltage.left_out, voltage.within, voltage.judgement) == (1, 1007, Judgement.MET)


@given(st.integers(0, 1008), st.integers(0, 1008), st.integers(0, 1008))
def test_a_judgement_holds_whatever_the_missing_ones_were(
    within: int, beyond: int, missing: int
) -> None:
    found = judged(within, beyond, missing, 0.95)
    if missing and found is not Judgement.UNDECIDED:
        assert judged(within + missing, beyond, 0, 0.95) is found
        assert judged(within, beyond + missing, 0, 0.95) is found


def test_frequency_is_judged_by_ten_seconds() -> None:
    week = _week()
    hz = [replace(f, hz=49.4) if k < 400 else f for k, f in enumerate(week.frequencies)]
    hz[-1] = replace(hz[-1], hz=46.9)
    found = report(replace(week, frequencies=hz))
    assert _named(found, "frequency within -1 % and +1 %").beyond == 401
    assert _named(found, "frequency within -1 % and +1 %").judgement is Judgement.NOT_MET
    assert _named(found, "frequency within -6 % and +4 %").beyond == 1


def _event(kind: EventKind, start_s: float, duration_s: float | None, extreme: float) -> Event:
    start = MIDNIGHT_NS + round(start_s * 1e9)
    end = None if duration_s is None else start + round(duration_s * 1e9)
    return Event(kind, start, end, extreme, "a")


def test_dips_go_into_the_table_by_residual_voltage_and_duration() -> None:
    events = [
        _event(EventKind.DIP, 10, 0.10, 0.85),
        _event(EventKind.DIP, 20, 0.30, 0.80),
        _event(EventKind.DIP, 30, 0.30, 0.79),
        _event(EventKind.DIP, 40, 5.00, 0.41),
        _event(EventKind.DIP, 50, 0.70, 0.39),
        _event(EventKind.DIP, 60, 30.0, 0.01),
        _event(EventKind.DIP, 100, 90.0, 0.50),  # beyond a minute: no column
        _event(EventKind.DIP, 300, 2.00, 0.02),  # becomes an interruption
        _event(EventKind.INTERRUPTION, 300.1, 1.8, 0.02),
        _event(EventKind.INTERRUPTION, 1000, 200.0, 0.0),
        _event(EventKind.SWELL, 400, 0.40, 1.15),
        _event(EventKind.SWELL, 500, 10.0, 1.25),
        _event(EventKind.DIP, 2000, None, 0.7),
    ]
    found = report(replace(_week(), events=events))
    assert found.dips == (
        (1, 1, 0, 0, 0),
        (0, 1, 0, 0, 0),
        (0, 0, 0, 1, 0),
        (0, 0, 1, 0, 0),
        (0, 0, 0, 0, 1),
    )
    assert found.swells == ((0, 0, 1), (1, 0, 0))
    assert (found.short_interruptions, found.long_interruptions) == (1, 1)
    assert (found.longer_dips, found.lasting) == (2, 1)  # that one has lasted for days


def test_swells_beyond_a_minute_are_counted_though_the_table_has_no_column_for_them() -> None:
    events = [
        _event(EventKind.SWELL, 400, 3600.0, 1.30),
        _event(EventKind.SWELL, 9000, 60.0, 1.15),
        _event(EventKind.SWELL, 590000, None, 1.15),
    ]
    found = report(replace(_week(), events=events))
    assert found.swells == ((0, 0, 0), (0, 0, 1))
    assert (found.longer_swells, found.lasting) == (2, 1)
    assert "swells beyond 1 min: 2" in as_text(found)


def test_an_outage_that_lasts_is_one_and_long_once_three_minutes_are_over() -> None:
    before_s = WEEK_NS / 1e9
    for lasts_s, long in ((181.0, 1), (179.0, 0)):
        events = [
            _event(EventKind.DIP, before_s - lasts_s - 0.01, None, 0.0),
            _event(EventKind.INTERRUPTION, before_s - lasts_s, None, 0.0),
        ]
        found = report(replace(_week(), events=events))
        assert (found.short_interruptions, found.long_interruptions) == (0, long)
        assert (found.lasting, found.longer_dips) == (1, 0)
    doubted = [replace(e, uncertain=True, start_ns=MIDNIGHT_NS) for e in events]
    found = report(replace(_week(), events=doubted))  # nobody knows whether it still lasted
    assert (found.long_interruptions, found.lasting, found.uncertain) == (0, 1, 2)


def test_an_event_across_the_end_of_a_week_is_in_both_reports_and_told_apart() -> None:
    outage = _event(EventKind.INTERRUPTION, WEEK_NS / 1e9 - 100.0, 200.0, 0.0)
    first = report(replace(_week(), events=[outage]))
    second = report(
        Record(
            Declared(), VOLTAGES, MIDNIGHT_NS + WEEK_NS, MIDNIGHT_NS + 2 * WEEK_NS, events=[outage]
        )
    )
    assert (first.long_interruptions, first.began_before) == (1, 0)
    assert (second.long_interruptions, second.began_before) == (1, 1)
    with pytest.raises(InputError, match="event lies outside"):
        report(replace(_week(), events=[_event(EventKind.DIP, -10.0, 5.0, 0.5)]))


def test_ten_seconds_without_supply_have_no_frequency_to_judge() -> None:
    """Only where it is certain that the supply was gone; what was not measured stays missing."""
    week = _week()
    gone = [replace(f, hz=None) if k in (100, 101) else f for k, f in enumerate(week.frequencies)]
    outage = _event(EventKind.INTERRUPTION, 1001.0, 14.0, 0.0)
    for event, judgement, out in (
        (outage, Judgement.MET, 2),
        (replace(outage, uncertain=True), Judgement.UNDECIDED, 0),
        (replace(outage, end_ns=outage.start_ns + 10**9), Judgement.UNDECIDED, 1),
        (replace(outage, kind=EventKind.DIP), Judgement.UNDECIDED, 0),
    ):
        found = report(replace(week, frequencies=gone, events=[event]))
        criterion = _named(found, "frequency within -6 % and +4 %")
        assert (criterion.judgement, criterion.left_out) == (judgement, out)


def _up_to(order: int, fifth: float = 0.02) -> Record:
    """The week of a stream whose rate carries no more orders."""
    found = []
    for number in range(INTERVALS):
        interval = _interval(number, fifth=fifth)
        assert interval.quantities is not None
        few = interval.quantities.harmonics[:, : order + 1]
        found.append(replace(interval, quantities=replace(interval.quantities, harmonics=few)))
    return replace(_week(), ten_minutes=found)


def test_a_distortion_from_fewer_than_forty_orders_is_met_as_far_as_measured() -> None:
    found = report(_up_to(34))
    named = _named(found, "THD of voltage a (orders up to 34 of 40)")
    assert (named.judgement, named.missing) == (Judgement.MET_AS_MEASURED, 0)
    assert (found.judgement, found.highest_order) == (Judgement.MET_AS_MEASURED, 34)
    text = as_text(found)
    assert text.splitlines()[0].endswith(": met as far as measured")
    assert "harmonics: orders up to 34 were measured; a THD has 40" in text
    assert report(_up_to(40)).judgement is Judgement.MET


def test_more_orders_would_only_add_so_a_distortion_that_is_too_large_stays_not_met() -> None:
    found = report(_up_to(34, fifth=0.09))
    named = _named(found, "THD of voltage a (orders up to 34 of 40)")
    assert named.judgement is Judgement.NOT_MET
    few = report(_up_to(13))  # orders up to 25 have limits of their own: those are missing
    assert _named(few, "order 17 of voltage a").judgement is Judgement.UNDECIDED
    assert few.judgement is Judgement.UNDECIDED


def test_the_report_can_be_read_by_people_and_machines() -> None:
    week = _week()
    record = replace(week, ten_minutes=[*week.ten_minutes[:300], *week.ten_minutes[400:]])
    found = report(record)
    text = as_text(found)
    assert text.startswith(
        "EN 50160:2010, 2026-11-16T00:00:00.000Z to 2026-11-23T00:00:00.000Z: undecided\n"
        "not judged: rapid voltage changes (4.2.3.1), mains signalling voltages (4.2.7)"
    )
    line = next(line for line in text.splitlines() if line.startswith("voltage a within -10"))
    assert line.split()[8:13] == ["undecided", "100.0", "%", "95.0", "%"]
    assert line.split()[13] == "100"
    content = json.loads(as_json(found))
    assert content["judgement"] == "undecided"
    assert content["standard"] == "EN 50160:2010"
    assert "mains signalling voltages (4.2.7)" in content["not_judged"]
    assert content["highest_order"] == 50
    assert content["criteria"][2]["missing"] == 100
    drawing = ET.fromstring(as_svg(record))  # noqa: S314  # our own
    lines = drawing.findall(".//{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == 6  # three phases, and none drawn across the gap


def test_intervals_that_do_not_belong_to_the_period_are_refused() -> None:
    week = _week()
    with pytest.raises(InputError, match="there twice"):
        report(replace(week, ten_minutes=[_interval(1), _interval(1)]))
    with pytest.raises(InputError, match="outside the period"):
        report(replace(week, ten_minutes=[_interval(-1)]))
    with pytest.raises(InputError, match="whole intervals"):
        report(replace(week, end_ns=week.end_ns + 1))
