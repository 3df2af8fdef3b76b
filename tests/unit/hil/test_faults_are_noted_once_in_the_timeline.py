"""The timeline says what was wrong with the plant, when, and in words that people use."""

from __future__ import annotations

from pathlib import Path

import pytest

from ortsnetz_common.errors import InputError
from ortsnetz_hil.faults import timeline as module
from ortsnetz_hil.faults.specs import (
    Biased,
    ChangesAddress,
    ClockSkew,
    Delays,
    Fault,
    Frozen,
    Ignores,
    Missing,
    Multicasts,
    Noisy,
    Reboots,
    Rejects,
    Spikes,
    SwappedPhases,
    Wire,
    WrongSign,
)
from ortsnetz_hil.faults.timeline import FILE, Entry, FaultWatch, Timeline, read
from ortsnetz_hil.faults.words import target, words


def _missing(first_s: float, last_s: float) -> Missing:
    return Missing(name="lost", first_s=first_s, last_s=last_s, device="meter-transformer")


def _watched(faults: list[Fault], directory: Path, instants: list[float]) -> list[Entry]:
    timeline = Timeline(directory)
    watch = FaultWatch(faults, timeline)
    for now_s in instants:
        watch.tick(now_s, round(now_s * 1e9))
    timeline.flush()
    return read(directory)


def test_beginning_and_end_of_a_fault_are_noted_once_each(tmp_path: Path) -> None:
    steps = [0.2 * step for step in range(100)]
    begin, end = _watched([_missing(3.05, 7.0)], tmp_path, steps)
    assert (begin.state, begin.due_s, begin.at_s) == ("begin", 3.05, pytest.approx(3.2))
    assert (end.state, end.due_s, end.at_s) == ("end", 7.0, pytest.approx(7.0))
    assert begin.time_ns == round(begin.at_s * 1e9)
    assert (begin.kind, begin.name, begin.target) == ("fault", "lost", "meter-transformer")
    assert begin.what == "meter-transformer does not answer"


def test_a_fault_shorter_than_a_step_is_noted_all_the_same(tmp_path: Path) -> None:
    states = [e.state for e in _watched([_missing(3.05, 3.1)], tmp_path, [3.0, 3.2, 3.4])]
    assert states == ["begin", "end"]


def test_a_fault_that_was_over_before_the_plant_ran_did_not_happen(tmp_path: Path) -> None:
    (entry,) = _watched([_missing(1.0, 2.0)], tmp_path, [5.0, 5.2])
    assert entry.state == "failed"
    assert entry.detail


def test_a_fault_of_the_future_is_not_noted(tmp_path: Path) -> None:
    assert _watched([_missing(10.0, 20.0)], tmp_path, [0.0, 9.8]) == []


def _entry(number: int) -> Entry:
    return Entry("event", "switch", f"event {number}", "7", number, number, number, "done")


def test_an_endless_run_keeps_the_newer_half_and_counts_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT_LINES", 10)
    timeline = Timeline(tmp_path)
    for number in range(35):
        timeline.append(_entry(number))
        timeline.flush()
    kept = read(tmp_path)
    assert [entry.due_s for entry in kept] == list(range(35 - len(kept), 35))
    assert timeline.dropped + len(kept) == 35
    assert 10 <= len(kept) <= 20


def test_a_plant_that_starts_again_goes_on_in_the_same_timeline(tmp_path: Path) -> None:
    for number in range(2):
        timeline = Timeline(tmp_path)
        timeline.append(_entry(number))
        timeline.flush()
    assert [entry.due_s for entry in read(tmp_path)] == [0, 1]


def test_an_unfinished_last_line_is_left_out_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    timeline = Timeline(tmp_path)
    timeline.append(_entry(1))
    timeline.flush()
    with (tmp_path / FILE).open("ab") as file:
        file.write(b'{"kind": "ev')
    assert len(read(tmp_path)) == 1
    with (tmp_path / FILE).open("ab") as file:
        file.write(b"\n")
    with pytest.raises(InputError, match=r"timeline\.jsonl, line 2"):
        read(tmp_path)


T = {"name": "f", "first_s": 0.0, "last_s": 1.0}


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Frozen(**T, device="m", clock=False), "m shows the same values for ever, its clock"),
        (Biased(**T, device="m", u=0.05, power=-0.1), "+5 % (voltage), -10 % (power)"),
        (Noisy(**T, device="m", u=0.05), "standard deviation 5 % (voltage)"),
        (WrongSign(**T, device="m"), "m shows powers with the wrong sign"),
        (SwappedPhases(**T, device="m"), "m: terminals 1 and 2 are swapped"),
        (SwappedPhases(**T, device="m", currents_only=True), "current transformers 1 and 2"),
        (Spikes(**T, device="m", factor=5.0, probability=0.2), "5 times too large in 20 %"),
        (ClockSkew(**T, device="m", offset_s=-3.0), "the clock of m is off by -3 s"),
        (Ignores(**T, device="ev-07"), "ev-07 ignores its setpoints"),
        (Ignores(**T, device="ev-07", shows="new"), "and says it follows"),
        (Delays(**T, device="ev-07", seconds=5.0), "follows its setpoints 5 s late"),
        (Rejects(**T, device="ev-07"), "ev-07 rejects setpoints"),
        (Reboots(**T, device="ev-07"), "ev-07 restarts"),
        (ChangesAddress(**T, device="ev-07", port=1502), "ev-07 is at port 1502"),
        (Multicasts(**T, device="ied", wrong="replay"), "ied multicasts wrongly (replay)"),
        (Wire(**T, link="uplink", half_open=True), "uplink: half-open"),
        (Wire(**T, link="m", loss=0.1, delay_s=0.5), "m: 10 % lost, 0.5 s late"),
    ],
)
def test_every_fault_has_words_and_a_target(fault: Fault, said: str) -> None:
    assert said in words(fault)
    assert target(fault) in words(fault)
