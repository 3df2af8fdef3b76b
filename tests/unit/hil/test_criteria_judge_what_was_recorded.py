"""Criteria are understood, judge what was recorded, and fail where they cannot judge."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import MISSING, fields, replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ortsnetz_common.errors import InputError
from ortsnetz_hil.faults.timeline import Entry
from ortsnetz_hil.plant import events as plant_events
from ortsnetz_hil.plant.calendar import Window
from ortsnetz_hil.plant.configuration import FORMAT, PlantConfiguration
from ortsnetz_hil.plant.devices.specs import ChargePoint, Inverter, TapChanger
from ortsnetz_hil.scenarios import library
from ortsnetz_hil.scenarios.reader import parse as parse_scenario
from ortsnetz_hil.servers.counters import Counters, DeviceCounters
from ortsnetz_hil.servers.setpoint_log import SetpointWrite
from ortsnetz_hil.verdict.criteria import FORMS, parse
from ortsnetz_hil.verdict.criteria_control import NS_PER_DAY
from ortsnetz_hil.verdict.observed import (
    AlarmSeen,
    ModeSeen,
    Observed,
    ReadCount,
    SourceQuality,
    Totals,
    plant_s,
)
from ortsnetz_hil.verdict.recording import Elements, Recording, Stated, StoreCount
from ortsnetz_hil.verdict.truth import Row

S = 1_000_000_000
BEGIN = 1_700_000_000 * S
STEP_S = 0.2
SECONDS = 120.0
WINDOW = Window(0, 7200.0, 60.0, BEGIN, repeats=False)
EV = ChargePoint("ev-01", 1, 0, 1, "abc", 16, 7, 5.0, ())
PV = Inverter("pv-01", 2, 0, 2, "PV3", 10_000.0, 1.0)
FALLBACK_W = {"ev-01": 7 * 230.0 * 3, "pv-01": 3000.0}


def _row(time_s: float, **values: object) -> Row:
    """A calm step: half loaded, nominal voltage, everybody allowed his rating."""
    calm: dict[str, object] = {
        "time_s": time_s,
        "calendar_s": time_s * 60.0,
        "transformer_loading": 0.5,
        "line_loading": 0.4,
        "u_min": 0.98,
        "u_max": 1.02,
        "device_w": np.array([0.0, 0.0]),
        "request_w": np.array([0.0, 0.0]),
        "limit_w": np.array([16 * 690.0, 10_000.0]),
        "node_u_pu": np.ones((2, 3)),
    }
    given_ = {**calm, **values}
    known = {field.name for field in fields(Row)}
    rest = {f.name: 0.0 for f in fields(Row) if f.name not in given_ and f.default is MISSING}
    return Row(**{**rest, **{k: v for k, v in given_.items() if k in known}})  # type: ignore[arg-type]


def _rows(change: Callable[[float], dict[str, object]] = lambda _: {}) -> list[Row]:
    times = [round(i * STEP_S, 3) for i in range(-10, round(SECONDS / STEP_S))]
    return [_row(t, **change(t)) for t in times]


def _entry(name: str, state: str, at_s: float, kind: str = "fault") -> Entry:
    return Entry(kind, name, name, "x", at_s, at_s, 0, state)  # type: ignore[arg-type]


TIMELINE = [
    _entry("source_voltage", "done", 20.0, "event"),
    _entry("meter lost", "begin", 60.0),
    _entry("meter lost", "end", 80.0),
]


def _seen(
    *lines: SourceQuality | AlarmSeen | ModeSeen, reads: dict[str, ReadCount] | None = None
) -> Observed:
    return Observed(
        qualities=tuple(one for one in lines if isinstance(one, SourceQuality)),
        modes=(
            ModeSeen(BEGIN - S, "active", ""),
            *(one for one in lines if isinstance(one, ModeSeen)),
        ),
        alarms=tuple(one for one in lines if isinstance(one, AlarmSeen)),
        totals=Totals(
            10,
            0,
            0,
            1,
            reads or {"ev-01": ReadCount(5, 0), "pv-01": ReadCount(5, 0)},
            until_ns=BEGIN + 117 * S,
        ),
    )


def _quality(at_s: float, *, good: bool, source: str = "ev-01") -> SourceQuality:
    return SourceQuality(BEGIN + round(at_s * S), source, good)


def _alarm(at_s: float, *, active: bool, key: str = "guard-meter-lost/m") -> AlarmSeen:
    return AlarmSeen(BEGIN + round(at_s * S), key, active, 3, "")


def _write(at_s: float, value: int, before: int, device: str = "ev-01") -> SetpointWrite:
    return SetpointWrite(BEGIN + round(at_s * S), device, value, before)


def _recording(rows: Sequence[Row] | None = None, **values: object) -> Recording:
    scenario, _ = parse_scenario(library.template("test").encode(), "x.yaml")
    plant = PlantConfiguration(
        format=FORMAT, node="n", seed=1, seconds=SECONDS, host="h", window=WINDOW,
        u_pu=(0.95, 1.05), loading=1.0, meters=(), charge_points=(EV,), inverters=(PV,),
        meter_classes=(), assumptions=(),
    )  # fmt: skip
    devices = {name: DeviceCounters("p", 1, 1, reads=5) for name in ("ev-01", "pv-01")}
    whole = Recording(
        scenario=scenario,
        configuration=plant,
        rows=_rows() if rows is None else rows,
        elements=Elements(("Line 1",), ("Trafo",), ("Node A", "Node B")),
        stated={name: Stated(5.0 if name == "ev-01" else 2.0, w) for name, w in FALLBACK_W.items()},
        writes=[_write(1.0, 16, 16)],
        counters=Counters("f", 0, devices, steps=600),
        timeline=TIMELINE,
        observed=_seen(),
        store=StoreCount({"ev-01": ReadCount(5, 0), "pv-01": ReadCount(5, 0)}, 0),
    )
    return replace(whole, **values)  # type: ignore[arg-type]


def _overload(first_s: float, last_s: float, loading: float = 1.2) -> list[Row]:
    return _rows(lambda t: {"transformer_loading": loading} if first_s <= t < last_s - 1e-9 else {})


SOON = "loading of transformer below 1.0 within 3 cycles"


@pytest.mark.parametrize(("seconds", "passed"), [(0.2, True), (8.0, True), (8.2, False)])
def test_an_overload_may_last_three_cycles_and_the_slowest_stated_reaction(
    seconds: float, passed: bool
) -> None:
    found = parse(SOON).judge(_recording(_overload(30.0, 30.0 + seconds)))
    assert found.passed is passed
    assert found.margin == pytest.approx(8.0 - seconds)  # 3 cycles of 1 s and 5 s of ev-01
    assert (found.unit, found.at_s) == ("s", 30.0)
    assert "the slowest stated reaction (ev-01)" in found.words


def test_an_overload_in_seconds_gets_no_reaction_on_top() -> None:
    sentence = "loading of transformer below 1.0 within 3 s"
    assert parse(sentence).judge(_recording(_overload(30.0, 33.0))).passed
    assert not parse(sentence).judge(_recording(_overload(30.0, 33.2))).passed


def test_without_a_duration_one_step_above_is_too_many() -> None:
    sentence = "loading of transformer below 1.0"
    found = parse(sentence).judge(_recording(_overload(30.0, 30.2, 1.01)))
    assert (found.passed, found.margin, found.at_s) == (False, pytest.approx(-0.01), 30.0)
    assert parse(sentence).judge(_recording()).margin == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("span", "passed"),
    [
        ("from 0 s to 30 s", True),
        ("from 0 s to 31 s", False),
        ("after 40 s", True),
        ("while meter lost", True),
        ("after source voltage 1.03", False),
    ],
)
def test_only_the_named_part_of_the_run_counts(span: str, passed: bool) -> None:
    found = parse(f"loading of transformer below 1.0 {span}").judge(
        _recording(_overload(30.0, 40.0))
    )
    assert found.passed is passed


@pytest.mark.parametrize(
    ("sentence", "passed", "margin"),
    [
        ("voltage between 0.95 and 1.05", False, -0.01),
        ("voltage above 0.9", True, 0.08),
        ("voltage below 1.06 pu", False, 0.0),
        ("voltage below 1.05 within 3 s", True, 2.0),
        ("voltage at Node A between 0.9 and 1.1", True, 0.1),
        ("voltage at Node B above 0.9", False, None),
    ],
)
def test_voltages_are_judged_by_the_nearer_limit(
    sentence: str, passed: bool, margin: float | None
) -> None:
    dead = np.array([[1.0, 1.0, 1.0], [1.0, np.nan, 1.0]])
    rows = _rows(lambda t: {"u_max": 1.06, "node_u_pu": dead} if 30.0 <= t < 30.9 else {})
    found = parse(sentence).judge(_recording(rows))
    if margin == 0.0:  # exactly at the limit is not outside
        passed = True
    assert found.passed is passed, found.words
    assert found.margin == (None if margin is None else pytest.approx(margin))


def test_a_floor_is_cut_by_one_setpoint_of_an_ampere_less() -> None:
    cut = _recording(writes=[_write(10.0, 7, 16), _write(20.0, 6, 7)])
    found = parse("no floor violated").judge(cut)
    assert (found.passed, found.observed) == (False, 1.0)
    assert "given 6 A at 20.0 s" in found.words
    assert parse("no floor violated").judge(_recording(writes=[_write(10.0, 7, 16)])).passed
    assert not parse("no floor violated at pv-01").judge(cut).passed  # it has none: not judged


@pytest.mark.parametrize(("delay_s", "passed"), [(2.0, True), (3.0, True), (3.2, False)])
def test_a_lost_source_has_to_be_noticed_in_time(delay_s: float, passed: bool) -> None:
    seen = _seen(_quality(-1, good=True), _quality(60.0 + delay_s, good=False))
    found = parse("quality of ev-01 invalid within 3 scans of meter lost").judge(
        _recording(observed=seen)
    )
    assert (found.passed, found.margin) == (passed, pytest.approx(3.0 - delay_s))


def test_a_source_that_was_bad_already_proves_nothing() -> None:
    seen = _seen(_quality(-1, good=False))
    found = parse("quality of ev-01 invalid within 3 scans of meter lost").judge(
        _recording(observed=seen)
    )
    assert (found.passed, found.words) == (False, "cannot be judged: ev-01 was not good before")


def test_a_source_is_good_again_after_its_fault() -> None:
    seen = _seen(
        _quality(-1, good=True), _quality(62, good=False), _quality(83, good=True),
        _quality(-1, good=True, source="pv-01"),
    )  # fmt: skip
    recording = _recording(observed=seen)
    assert parse("quality of ev-01 good within 3 s after meter lost").judge(recording).passed
    assert not parse("quality of ev-01 good within 2 s after meter lost").judge(recording).passed
    assert parse("quality of pv-01 good").judge(recording).passed
    assert parse("quality of ev-01 good").judge(recording).at_s == 62.0
    assert not parse("quality of * good").judge(recording).passed
    assert parse("quality of * good from 0 s to 62 s").judge(recording).passed


def test_an_alarm_counts_when_it_is_new() -> None:
    sentence = "alarm guard-meter-lost/* within 3 cycles of meter lost"
    assert parse(sentence).judge(_recording(observed=_seen(_alarm(62, active=True)))).passed
    old = _recording(observed=_seen(_alarm(50, active=True)))
    assert "stood already" in parse(sentence).judge(old).words
    late = parse(sentence).judge(_recording(observed=_seen(_alarm(64, active=True))))
    assert (late.passed, late.margin) == (False, pytest.approx(-1.0))
    assert not parse(sentence).judge(_recording()).passed


def test_an_alarm_is_cleared_only_if_it_was_raised() -> None:
    sentence = "alarm guard-* cleared within 5 s after meter lost"
    gone = _seen(_alarm(62, active=True), _alarm(84, active=False))
    assert parse(sentence).judge(_recording(observed=gone)).margin == pytest.approx(1.0)
    assert parse(sentence).judge(_recording()).words == "it was never raised"


def test_no_alarm_means_none_that_stands_in_the_run() -> None:
    seen = _recording(observed=_seen(_alarm(-1, active=True, key="blind")))
    assert not parse("no alarm blind").judge(seen).passed
    assert parse("no alarm floors-*").judge(seen).passed
    short = _seen(_alarm(50, active=True), _alarm(51, active=False))
    assert parse("no alarm guard-* while meter lost").judge(_recording(observed=short)).passed


def test_a_raised_limit_during_a_fault_is_found() -> None:
    writes = [_write(50, 16, 10), _write(61, 16, 10), _write(70, 9, 16)]
    recording = _recording(writes=writes)
    found = parse("no limit raised while meter lost").judge(recording)
    assert (found.passed, found.observed) == (False, 1.0)
    assert "ev-01 from 10 to 16 at 61.0 s" in found.words
    assert parse("no limit raised while meter lost after 2 s").judge(recording).passed
    assert parse("no limit raised from 51 s to 60 s").judge(recording).passed
    nobody = parse("no limit raised while meter lost").judge(_recording(writes=[]))
    assert (nobody.passed, "no device was given a setpoint" in nobody.words) == (False, True)


@pytest.mark.parametrize(("device", "passed"), [("ev-01", True), ("pv-01", False), ("*", False)])
def test_a_limit_has_to_reach_the_stated_fallback(device: str, passed: bool) -> None:
    down = np.array([FALLBACK_W["ev-01"], 5000.0])
    rows = _rows(lambda t: {"limit_w": down} if t >= 70.0 else {})
    sentence = f"limit of {device} at fall-back within 10 s of meter lost"
    assert parse(sentence).judge(_recording(rows)).passed is passed


def test_a_device_that_never_left_its_fallback_did_not_return_to_it() -> None:
    low = np.array([FALLBACK_W["ev-01"], FALLBACK_W["pv-01"]])
    sentence = parse("limit of ev-01 at fall-back within 10 s of meter lost")
    found = sentence.judge(_recording(_rows(lambda _: {"limit_w": low})))
    assert (found.passed, found.judged) == (False, False)
    assert "ev-01 never was above its fall-back before" in found.words
    high = np.array([16 * 690.0, 10_000.0])
    left = _rows(lambda t: {"limit_w": high if 59.0 <= t < 60.0 else low})
    assert sentence.judge(_recording(left)).passed
    first = parse("limit of ev-01 at fall-back within 10 s")
    assert not first.judge(_recording(_rows(lambda t: {"limit_w": high if t > 1 else low}))).passed


@pytest.mark.parametrize(
    "sentence",
    [
        "no floor violated",
        "no limit raised while meter lost",
        "setpoint changes below 120 per device and hour",
    ],
)
def test_setpoints_that_were_dropped_may_be_those_that_count(sentence: str) -> None:
    cut = Counters("f", 0, {}, steps=600, setpoints_dropped=1)
    found = parse(sentence).judge(_recording(counters=cut))
    assert found.words == "cannot be judged: 1 setpoints were dropped from the log"
    assert parse(sentence).judge(_recording()).passed


def test_setpoints_of_one_instant_are_judged_alike_however_the_network_brought_them() -> None:
    writes = [_write(61, 16, 10), _write(61, 900, 800, "pv-01"), _write(61, 12, 16)]
    orders = [writes, [writes[1], writes[0], writes[2]], [writes[0], writes[2], writes[1]]]
    recordings = [_recording(writes=order) for order in orders]
    assert [r.written() for r in recordings] == [recordings[0].written()] * 3
    assert [(write.device, write.value) for _, write in recordings[0].written()] == [
        ("ev-01", 16), ("ev-01", 12), ("pv-01", 900),  # of one device as they came
    ]  # fmt: skip
    found = {parse("no limit raised while meter lost").judge(r).words for r in recordings}
    assert len(found) == 1


def test_modes_are_judged_by_what_the_agent_said() -> None:
    seen = _seen(ModeSeen(BEGIN + 63 * S, "safe", ""), ModeSeen(BEGIN + 82 * S, "active", ""))
    recording = _recording(observed=seen)
    assert parse("mode safe within 3 s of meter lost").judge(recording).passed
    assert parse("mode active within 2 s after meter lost").judge(recording).passed
    assert not parse("mode active within 1 s after meter lost").judge(recording).passed
    assert parse("mode never blind").judge(recording).passed
    assert parse("mode never safe").judge(recording).at_s == 63.0


def test_after_a_kill_only_what_the_agent_says_afterwards_counts() -> None:
    text = library.template("test").replace(
        "source_voltage: 1.03, ramp: 5 s", "kill: agent"
    )  # at 20 s
    scenario, _ = parse_scenario(text.encode(), "x.yaml")
    timeline = [_entry("process", "done", 20.0, "event")]
    sentence = parse("mode active within 10 s of kill agent")
    silent = _recording(scenario=scenario, timeline=timeline)
    assert not sentence.judge(silent).passed
    back = _seen(ModeSeen(BEGIN + 23 * S, "starting", ""), ModeSeen(BEGIN + 27 * S, "active", ""))
    found = sentence.judge(replace(silent, observed=back))
    assert (found.passed, found.observed) == (True, 7.0)


@pytest.mark.parametrize(
    ("heard", "stored", "lost", "doubled"),
    [
        (ReadCount(5, 0), ReadCount(5, 0), False, False),
        (ReadCount(4, 0), ReadCount(5, 0), True, False),
        (ReadCount(5, 0), ReadCount(4, 0), True, False),
        (ReadCount(5, 1), ReadCount(5, 0), False, True),
        (ReadCount(5, 0), ReadCount(5, 2), False, True),
    ],
)
def test_every_read_is_there_once_on_the_uplink_and_in_the_store(
    heard: ReadCount, stored: ReadCount, lost: bool, doubled: bool
) -> None:
    recording = _recording(
        observed=_seen(reads={"ev-01": heard, "pv-01": ReadCount(5, 0)}),
        store=StoreCount({"ev-01": stored, "pv-01": ReadCount(5, 0)}, 0),
    )
    assert parse("nothing lost").judge(recording).passed is not lost
    assert parse("nothing doubled").judge(recording).passed is not doubled


def test_energy_is_what_was_fed_in_of_what_the_sun_offered() -> None:
    rows = _rows(
        lambda _: {"device_w": np.array([0.0, -600.0]), "request_w": np.array([0.0, 1000.0])}
    )
    found = parse("pv energy served above 50 %").judge(_recording(rows))
    assert (found.passed, found.observed) == (True, pytest.approx(60.0, abs=0.1))
    assert not parse("energy served above 61 %").judge(_recording(rows)).passed
    assert not parse("ev energy served above 1 %").judge(_recording(rows)).passed


def test_setpoint_changes_count_without_repetitions() -> None:
    writes = [_write(t, 10 + t % 2, 11 - t % 2) for t in range(10, 14)] + [_write(20, 10, 10)]
    found = parse("setpoint changes below 120 per device and hour").judge(_recording(writes=writes))
    assert (found.passed, found.observed) == (True, 120.0)  # 4 in 2 minutes
    more = [*writes, _write(30, 9, 10)]
    assert (
        not parse("setpoint changes below 120 per device and hour")
        .judge(_recording(writes=more))
        .passed
    )


def test_tap_operations_count_by_the_calendar_s_day_in_both_directions() -> None:
    changer = TapChanger("tap-changer-1", 3, 9, 1.0, 0.015, 10.0, 3.0, 40)
    plant = msgspec.structs.replace(_recording().configuration, tap_changers=(changer,))
    midnight_s = 60.0

    def tapped(t: float) -> dict[str, object]:
        position = sum(t >= at for at in (10, 20, 70)) - sum(t >= at for at in (30, 80, 90, 100))
        day = NS_PER_DAY + round((t - midnight_s) * 1e9)
        return {"tap": np.array([position]), "calendar_ns": day}

    recording = _recording(rows=_rows(tapped), configuration=plant)
    found = parse("tap operations at most 4 per day").judge(recording)
    assert (found.passed, found.observed) == (True, 4)  # 3 before midnight, 4 after it
    assert not parse("tap operations at most 3 per day").judge(recording).passed


def test_a_scenario_has_to_be_hard_without_limits() -> None:
    sentence = "without limits loading of transformer above 1.0"
    assert parse(sentence).judge(_recording(unlimited=_overload(30, 40))).passed
    assert not parse(sentence).judge(_recording(unlimited=_rows())).passed
    assert not parse(sentence).judge(_recording()).passed
    assert (
        not parse("without limits voltage above 1.05").judge(_recording(unlimited=_rows())).passed
    )
    low = _rows(lambda t: {"u_min": 0.94} if t > 50 else {})
    assert parse("without limits voltage below 0.95").judge(_recording(unlimited=low)).passed


def test_overruns_are_counted() -> None:
    late = _recording(counters=Counters("f", 0, {}, steps=600, overruns=2))
    assert not parse("no overrun").judge(late).passed
    assert parse("at most 2 overruns").judge(late).passed
    assert parse("no overrun").judge(_recording()).passed


FORMS_IN_USE = [
    SOON,
    "voltage between 0.9 and 1.1",
    "no floor violated",
    "quality of ev-01 invalid within 3 scans of meter lost",
    "quality of ev-01 good within 3 s after meter lost",
    "quality of ev-01 good",
    "alarm a* within 3 cycles of meter lost",
    "no alarm a*",
    "alarm a* cleared within 3 s after meter lost",
    "no limit raised while meter lost after 1 s",
    "no limit raised from 1 s to 2 s",
    "limit of ev-01 at fall-back within 3 s of meter lost",
    "mode blind within 3 s of meter lost",
    "mode never blind",
    "nothing lost",
    "nothing doubled",
    "energy served above 80 %",
    "setpoint changes below 60 per device and hour",
    "tap operations at most 6 per day",
    "without limits loading of lines above 1.0",
    "without limits voltage above 1.05",
    "power balance below 1e-6",
    "no overrun",
    "at most 3 overruns",
    "trajectory unbroken",
]


def test_every_form_is_tried_here() -> None:
    assert len(FORMS_IN_USE) == len(FORMS)


@pytest.mark.parametrize("sentence", FORMS_IN_USE)
def test_a_criterion_that_sees_nothing_fails(sentence: str) -> None:
    scenario = _recording().scenario
    blind = Recording(scenario, _recording().configuration, [])
    found = parse(sentence).judge(blind)
    assert not found.passed
    assert found.words.startswith("cannot be judged: ")
    assert found.margin is None
    assert not found.judged


@pytest.mark.parametrize("sentence", [SOON, "voltage above 0.5", "trajectory unbroken"])
@pytest.mark.parametrize("gap", [(40.0, 42.0), (118.0, 121.0), (-3.0, 2.0)])
def test_a_gap_in_the_truth_fails_what_rests_on_it(sentence: str, gap: tuple[float, float]) -> None:
    rows = [row for row in _rows() if not gap[0] < row.time_s < gap[1]]
    found = parse(sentence).judge(_recording(rows))
    assert (found.passed, "gap" in found.words) == (False, True)
    assert parse(sentence).judge(_recording()).passed


def test_a_fault_that_did_not_take_place_fails_its_criteria() -> None:
    for timeline in (None, [], [_entry("meter lost", "failed", 60.0)]):
        found = parse("no limit raised while meter lost").judge(_recording(timeline=timeline))
        assert found.words.startswith("cannot be judged")


def test_a_fault_without_an_end_has_no_afterwards() -> None:
    sentence = "quality of ev-01 good within 3 s after meter lost"
    recording = _recording(
        timeline=[_entry("meter lost", "begin", 60.0)], observed=_seen(_quality(-1, good=True))
    )
    assert "the run is over before" in parse(sentence).judge(recording).words


@pytest.mark.parametrize(
    ("sentence", "near"),
    [
        ("loading of transformer under 1", "loading of transformer|lines|ELEMENT below X"),
        ("no floors violated", "no floor violated"),
        ("energy served above 80", "energy served above X %"),
        ("mode asleep within 3 s", "mode active|safe|blind|starting within"),
        ("noting lost", "nothing lost"),
        ("", ""),
        ("voltage between 1.05 and 0.95", "is no band"),
    ],
)
def test_a_sentence_that_is_not_understood_names_near_ones(sentence: str, near: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(sentence)
    assert near in str(caught.value)


@given(st.text(max_size=80))
def test_any_sentence_is_understood_or_refused(text: str) -> None:
    try:
        parse(text)
    except InputError as error:
        known = str(error)
        assert "no criterion" in known


def _clock(*steps: tuple[float, float]) -> tuple[PlantConfiguration, list[Entry]]:
    configuration = _recording().configuration
    events = tuple(plant_events.ClockStep(at_s, length_s) for at_s, length_s in steps)
    entries = [_entry("clock_step", "done", at_s, "event") for at_s, _ in steps]
    return PlantConfiguration(
        **{f: getattr(configuration, f) for f in configuration.__struct_fields__ if f != "events"},
        events=events,
    ), entries


@given(
    st.lists(
        st.tuples(st.integers(1, 118), st.integers(-7200, 7200).filter(bool)),
        max_size=3,
        unique_by=lambda step: step[0],
    ),
    st.floats(0.0, 119.0),
)
def test_jumps_of_the_nodes_clock_are_undone(
    steps: list[tuple[int, int]], instant_s: float
) -> None:
    configuration, entries = _clock(*steps)
    shown_s = instant_s + sum(length for at_s, length in steps if at_s <= instant_s)
    found = plant_s(BEGIN + round(shown_s * S), configuration, entries, not_before=instant_s - 1e-6)
    ambiguous = any(abs(at_s - instant_s) < 1e-6 for at_s, _ in steps)
    assert ambiguous or found == pytest.approx(instant_s, abs=1e-5)


def test_the_guide_explains_every_form() -> None:
    guide = (Path(__file__).parents[3] / "docs/guides/scenario-files.md").read_text("utf-8")
    explained = set(re.findall(r"`([^`]+)`", guide.replace(r"\|", "|")))
    assert set(FORMS) <= explained
