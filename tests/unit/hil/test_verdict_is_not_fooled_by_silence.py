"""What nobody heard, what did not take place and what cannot be judged is no success."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from ortsnetz_hil.bench import proving
from ortsnetz_hil.bench.run import Options, Ports
from ortsnetz_hil.faults.timeline import Entry
from ortsnetz_hil.plant.calendar import Window
from ortsnetz_hil.plant.configuration import FORMAT, PlantConfiguration
from ortsnetz_hil.plant.devices.specs import ChargePoint
from ortsnetz_hil.plant.events import ClockStep
from ortsnetz_hil.scenarios import library
from ortsnetz_hil.scenarios.reader import parse as parse_scenario
from ortsnetz_hil.verdict.criteria import parse
from ortsnetz_hil.verdict.criteria_values import Criterion, Judgement
from ortsnetz_hil.verdict.judgement import Verdict, judge
from ortsnetz_hil.verdict.observed import (
    AlarmSeen,
    ModeSeen,
    Observed,
    SourceQuality,
    Totals,
)
from ortsnetz_hil.verdict.recording import Recording

S = 1_000_000_000
BEGIN = 1_700_000_000 * S
SECONDS = 120.0
PLANNED = "everything took place"
CALM = [
    "mode never blind",
    "no alarm *",
    "quality of ev-01 good",
    "mode never blind from 60 s to 100 s",
    "no alarm * while meter lost",
    "quality of ev-01 good after meter lost",
]


def _entry(name: str, state: str, at_s: float, kind: str = "fault") -> Entry:
    return Entry(kind, name, name, "x", at_s, at_s, 0, state)  # type: ignore[arg-type]


STEP = _entry("source_voltage", "done", 20.0, "event")
LOST = (_entry("meter lost", "begin", 60.0), _entry("meter lost", "end", 80.0))


def _ns(at_s: float) -> int:
    return BEGIN + round(at_s * S)


def _totals(until_s: float | None = 119.0, *, missing: int = 0, malformed: int = 0) -> Totals:
    until_ns = None if until_s is None else _ns(until_s)
    return Totals(10, 0, missing, 1, {}, malformed=malformed, until_ns=until_ns)


def _seen(*lines: AlarmSeen | ModeSeen | SourceQuality, totals: Totals | None) -> Observed:
    """A node that was active and good before the run, and what it said besides."""
    return Observed(
        qualities=(
            SourceQuality(_ns(-1), "ev-01", good=True),
            *(one for one in lines if isinstance(one, SourceQuality)),
        ),
        modes=(
            ModeSeen(_ns(-1), "active", ""),
            *(one for one in lines if isinstance(one, ModeSeen)),
        ),
        alarms=tuple(one for one in lines if isinstance(one, AlarmSeen)),
        totals=totals,
    )


def _recording(text: str = library.template("test"), **values: object) -> Recording:
    scenario, _ = parse_scenario(text.encode(), "x.yaml")
    plant = PlantConfiguration(
        format=FORMAT, node="n", seed=1, seconds=SECONDS, host="h",
        window=Window(0, 7200.0, 60.0, BEGIN, repeats=False), u_pu=(0.95, 1.05), loading=1.0,
        meters=(), charge_points=(ChargePoint("ev-01", 1, 0, 1, "abc", 16, 7, 5.0, ()),),
        inverters=(), meter_classes=(), assumptions=(),
    )  # fmt: skip
    whole = Recording(scenario, plant, [], timeline=[STEP, *LOST], observed=_seen(totals=_totals()))
    return replace(whole, **values)  # type: ignore[arg-type]


def _judged(sentence: str, observed: Observed, text: str | None = None) -> Judgement:
    recording = _recording() if text is None else _recording(text)
    return parse(sentence).judge(replace(recording, observed=observed))


@pytest.mark.parametrize("sentence", CALM)
def test_a_node_that_was_heard_to_the_end_and_was_calm_passes(sentence: str) -> None:
    assert _judged(sentence, _seen(totals=_totals())).passed


@pytest.mark.parametrize("sentence", CALM)
@pytest.mark.parametrize(
    ("totals", "words"),
    [
        (None, "the observer did not reach its end"),
        (_totals(missing=5000), "5000 records were never heard"),
        (_totals(malformed=3), "3 messages were not understood"),
        (_totals(None), "not known until when"),
        (_totals(40.0), "nothing was heard after 40.0 s"),
    ],
    ids=["no end", "missing", "malformed", "no health", "silent from 40 s on"],
)
def test_silence_is_not_calm(sentence: str, totals: Totals | None, words: str) -> None:
    found = _judged(sentence, _seen(totals=totals))
    assert (found.passed, found.judged) == (False, False)
    assert found.words.startswith("cannot be judged: ")
    assert words in found.words


@pytest.mark.parametrize(("until_s", "passed"), [(93.0, True), (92.9, False)])
def test_health_may_be_seven_cycles_old_at_the_end_of_the_named_part(
    until_s: float, passed: bool
) -> None:
    seen = _seen(totals=_totals(until_s))
    assert _judged("mode never blind from 60 s to 100 s", seen).passed is passed


@pytest.mark.parametrize("sentence", ["mode never blind", "no alarm *", "quality of ev-01 good"])
def test_an_agent_that_was_dead_in_the_middle_was_not_calm(sentence: str) -> None:
    totals = msgspec.structs.replace(_totals(), silences=((_ns(30.0), _ns(60.0)),))
    found = _judged(sentence, _seen(totals=totals))
    assert (found.passed, found.judged) == (False, False)
    assert "nothing was heard from 30.0 s to 60.0 s" in found.words


def test_a_silence_before_the_named_part_does_not_matter() -> None:
    totals = msgspec.structs.replace(_totals(), silences=((_ns(10.0), _ns(20.0)),))
    assert _judged("mode never blind from 40 s to 60 s", _seen(totals=totals)).passed


def test_what_was_heard_to_go_wrong_is_judged_though_the_node_fell_silent() -> None:
    seen = _seen(
        ModeSeen(_ns(30), "blind", ""),
        SourceQuality(_ns(30), "ev-01", good=False),
        AlarmSeen(_ns(30), "blind", active=True, priority=3, cause=""),
        totals=None,
    )
    for sentence in CALM[:3]:
        found = _judged(sentence, seen)
        assert (found.passed, found.judged, found.at_s) == (False, True, 30.0)


def test_a_clock_an_hour_ahead_is_not_taken_for_an_hour_of_health() -> None:
    """The clock jumps ahead at 50 s; what was heard until 60 s shows an hour more."""
    text = library.template("test").replace(
        "source_voltage: 1.03, ramp: 5 s", "clock_step: 1 h, name: jump"
    )
    whole = _recording(text)
    plant = msgspec.structs.replace(whole.configuration, events=(ClockStep(50.0, 3600.0),))
    jumped = replace(
        whole, configuration=plant, timeline=[_entry("clock_step", "done", 50.0, "event")]
    )
    for shown_s, passed in ((3600.0 + 118.0, True), (3600.0 + 60.0, False)):
        heard = replace(jumped, observed=_seen(totals=_totals(shown_s)))
        assert parse("mode never blind").judge(heard).passed is passed


def test_after_a_kill_what_was_good_before_is_not_good_again() -> None:
    text = library.template("test").replace("source_voltage: 1.03, ramp: 5 s", "kill: agent")
    dead = replace(_recording(text), timeline=[_entry("process", "done", 20.0, "event"), *LOST])
    sentence = parse("quality of ev-01 good within 10 s after kill agent")
    assert not sentence.judge(dead).passed
    again = (
        SourceQuality(_ns(24), "ev-01", good=False),
        SourceQuality(_ns(27), "ev-01", good=True),
    )
    back = sentence.judge(replace(dead, observed=_seen(*again, totals=_totals())))
    assert (back.passed, back.observed) == (True, 7.0)


def _alarm(at_s: float, *, active: bool) -> AlarmSeen:
    return AlarmSeen(_ns(at_s), "guard", active=active, priority=3, cause="")


@pytest.mark.parametrize(
    ("again_s", "passed"), [(None, True), (83.0, False), (84.9, False), (86.0, True)]
)
def test_an_alarm_that_stands_again_when_the_time_is_over_was_not_cleared(
    again_s: float | None, passed: bool
) -> None:
    lines = [_alarm(62, active=True), _alarm(82, active=False)]
    if again_s is not None:
        lines.append(_alarm(again_s, active=True))
    found = _judged("alarm guard cleared within 5 s after meter lost", _seen(*lines, totals=None))
    assert found.passed is passed
    assert ("it stands again by then" in found.words) is not passed


def _planned(recording: Recording) -> Judgement:
    (found,) = [one for one in judge(recording).criteria if one.sentence == PLANNED]
    return found


def test_a_run_in_which_all_went_wrong_as_planned_says_so() -> None:
    assert _planned(_recording()).passed


@pytest.mark.parametrize(
    ("timeline", "words"),
    [
        ([STEP], "'meter lost' did not take place"),
        (LOST, "'source voltage 1.03' did not take place"),
        ([STEP, *LOST, _entry("process", "failed", 70.0, "event")], "process failed at 70.0 s"),
        ([STEP, _entry("meter lost", "failed", 60.0)], "meter lost failed at 60.0 s"),
    ],
    ids=["no fault", "no event", "an event failed", "a fault failed"],
)
def test_what_did_not_take_place_fails_though_no_criterion_speaks_of_it(
    timeline: list[Entry], words: str
) -> None:
    found = _planned(_recording(timeline=timeline))
    assert (found.passed, found.judged) == (False, True)
    assert words in found.words


def test_without_a_timeline_nobody_knows_what_took_place() -> None:
    found = _planned(_recording(timeline=None))
    assert (found.passed, found.judged) == (False, False)


def test_a_scenario_that_plans_nothing_has_nothing_to_show() -> None:
    quiet = _recording()
    scenario = msgspec.structs.replace(quiet.scenario, events=(), faults=())
    found = _planned(replace(quiet, scenario=scenario, timeline=[]))
    assert (found.passed, found.words) == (True, "nothing was planned")


def test_two_events_of_one_name_have_to_take_place_twice() -> None:
    old = "  - {at: 20 s, source_voltage: 1.03, ramp: 5 s}\n"
    text = library.template("test").replace(old, old + old.replace("20 s", "40 s"))
    later = _entry("source_voltage", "done", 40.0, "event")
    assert _planned(replace(_recording(text), timeline=[STEP, later, *LOST])).passed
    assert not _planned(replace(_recording(text), timeline=[STEP, *LOST])).passed


class _Held(Criterion, frozen=True, kw_only=True):
    """A criterion that holds."""

    def _judged(self, recording: Recording) -> Judgement:
        del recording
        return Judgement(self.sentence, passed=True, words="")


def test_a_fault_that_did_not_take_place_fails_the_whole_verdict(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ortsnetz_hil.verdict.judgement.parse", lambda text: _Held(sentence=text))
    assert judge(_recording()).ok
    assert judge(_recording(timeline=[STEP])).failed == (PLANNED,)
    assert not judge(_recording(timeline=[STEP])).ok


@pytest.mark.parametrize(
    ("passed", "judged", "noticed"),
    [(False, True, True), (False, False, False), (True, True, False)],
    ids=["failed on its merits", "could not be judged", "passed"],
)
def test_only_a_criterion_that_failed_on_its_merits_notices_a_sabotage(
    passed: bool, judged: bool, noticed: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    scenario, source = parse_scenario(library.template("test").encode(), "x.yaml")
    proof = scenario.proofs[0]
    verdict: Verdict = judge(_recording())
    one = Judgement(proof.fails[0], passed=passed, words="", judged=judged)
    verdict = msgspec.structs.replace(verdict, criteria=(one,))
    monkeypatch.setattr(proving, "play", lambda *_: None)
    monkeypatch.setattr(proving, "judged", lambda _: verdict)
    found = proving.prove_one(proof, source, Options(tmp_path, Ports(31000)), lambda _: None)
    assert found.noticed is noticed
    assert found.missed == (() if noticed else proof.fails)
