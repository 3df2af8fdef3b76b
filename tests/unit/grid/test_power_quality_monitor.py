"""Everything at once, and the command: files in, sentences and reports out."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from studies.fault_records import Fault, recorded
from studies.waveforms import MIDNIGHT_NS, VOLTAGES, blocks, instants, of_voltages, three_phases

from ortsnetz_common import cli
from ortsnetz_grid.functions.power_quality.aggregation import (
    TEN_MINUTES_NS,
    AggregationState,
    Interval,
)
from ortsnetz_grid.functions.power_quality.comtrade_writer import (
    DataFormat,
    combined,
    configuration,
    data,
)
from ortsnetz_grid.functions.power_quality.declared import Declared
from ortsnetz_grid.functions.power_quality.monitor import (
    MonitorState,
    ShortTermFlicker,
    advance_monitor,
)
from ortsnetz_grid.functions.power_quality.record import Record
from ortsnetz_grid.functions.power_quality.recording import Recording
from ortsnetz_grid.functions.power_quality.samples import Samples
from ortsnetz_grid.functions.power_quality.week import Report, report

RATE = 1600.0


DIPS = ((700.0, 0.14, 0.5), (750.0, 0.35, 0.75), (800.0, 1.5, 0.75))
"""Instant after midnight (s), duration (s), residual voltage of all phases."""
OUTAGE = (900.0, 20.0)
LOST_S = 300.0


def _twenty_minutes() -> Samples:
    """From 70 s before midnight, 230 V with THD 5 %: ten minutes of flicker, ten of events.

    39 changes a minute of 0.894 % are a Pst of 1 (IEC 61000-4-15, table 5).
    """
    t = instants(RATE, 1285.0)
    clock = t - 70.0
    up = np.floor(t * 39 / 60.0) % 2.0
    envelope = np.where(clock < 600.0, 1.0 + 0.00894 * (up - 0.5), 1.0)
    for start, duration, residual in DIPS:
        envelope[(clock >= start) & (clock < start + duration)] = residual
    envelope[(clock >= OUTAGE[0]) & (clock < OUTAGE[0] + OUTAGE[1])] = 0.0
    values = three_phases(t, 50.02, parts=[(5, 9.2, 0.0), (7, 6.9, 1.0)]) * envelope
    samples = of_voltages(values, RATE, MIDNIGHT_NS - 70 * 10**9)
    lost = round((70.0 + LOST_S) * RATE)
    samples.lost[lost] = True
    samples.values[:, lost] = np.nan
    return samples


def test_the_report_of_a_waveform_has_the_distortion_flicker_and_dips_that_are_in_it() -> None:
    state, found = MonitorState(), []
    for block in blocks(_twenty_minutes(), 16000):
        state, one = advance_monitor(state, block, Declared())
        found.append(one)
    inside = [i for one in found for i in one.intervals.ten_minutes if i.start_ns >= MIDNIGHT_NS]
    flicker = [f for one in found for f in one.short_flicker if f.start_ns == MIDNIGHT_NS]
    assert [f.phase for f in flicker] == list("abc")
    for one in flicker:
        assert one.pst == pytest.approx(1.0, abs=0.05)
    judged = report(
        Record(
            Declared(),
            VOLTAGES,
            MIDNIGHT_NS,
            MIDNIGHT_NS + 2 * TEN_MINUTES_NS,
            inside,
            [f for one in found for f in one.measured.frequencies],
            (),
            [e for one in found for e in one.measured.events],
        )
    )
    _check_criteria(judged, inside)
    assert judged.dips == (
        (0, 0, 0, 0, 0),
        (0, 1, 0, 1, 0),  # 75 % for 0.35 s and for 1.5 s
        (1, 0, 0, 0, 0),  # 50 % for 0.14 s
        (0, 0, 0, 0, 0),
        (0, 0, 0, 0, 0),  # what became an interruption is none
    )
    assert (judged.short_interruptions, judged.long_interruptions, judged.lasting) == (1, 0, 0)


def _check_criteria(judged: Report, inside: list[Interval]) -> None:
    criteria = {c.name: c for c in judged.criteria}
    distortion = criteria["THD of voltage b (orders up to 13 of 40)"]
    assert (distortion.within, distortion.left_out) == (1, 1)  # the ten minutes with dips
    assert distortion.highest == pytest.approx(0.05, abs=0.0005)
    assert criteria["order 5 of voltage a"].highest == pytest.approx(0.04, abs=0.0004)
    assert criteria["order 7 of voltage c"].highest == pytest.approx(0.03, abs=0.0003)
    voltage = criteria["voltage a within -10 % and +10 %"]
    assert (voltage.within, voltage.left_out) == (1, 1)
    assert voltage.highest == pytest.approx(230.0 * np.sqrt(1.0 + 0.05**2), rel=1e-3)
    frequency = criteria["frequency within -1 % and +1 %"]
    # the one with the lost sample and the last one are missing; what the outage of 20 s touches
    # is none that could have been
    assert frequency.missing == 2
    assert frequency.left_out in (3, 4)
    assert frequency.lowest == pytest.approx(50.02, abs=0.002)
    assert [i.missing for i in inside] == [1, 0]
    assert inside[0].covered == pytest.approx(1.0 - 0.2 / 600.0, abs=2e-4)


def test_long_term_flicker_comes_with_the_two_hours_and_needs_all_twelve() -> None:
    start = MIDNIGHT_NS
    short = tuple(
        ShortTermFlicker(start + k * TEN_MINUTES_NS, phase, None if (phase, k) == ("b", 3) else 0.8)
        for k in range(12)
        for phase in "abc"
    )
    before = AggregationState(ten_minutes=start // TEN_MINUTES_NS + 11)
    end = start + 12 * TEN_MINUTES_NS
    samples = of_voltages(three_phases(instants(RATE, 2.0)), RATE, end)
    state = MonitorState(aggregation=before, short=short)
    _, found = advance_monitor(state, samples, Declared())
    assert [f.phase for f in found.long_flicker] == list("abc")
    assert [f.plt for f in found.long_flicker] == [pytest.approx(0.8), None, pytest.approx(0.8)]
    assert all(f.start_ns == start for f in found.long_flicker)


@settings(max_examples=20, deadline=None)
@given(
    frequency=st.floats(44.0, 56.0),
    lengths=st.lists(st.sampled_from([1, 7, 100, 600, 960]), min_size=5, max_size=12),
    absent=st.sets(st.integers(0, 11)),
    losses=st.lists(st.tuples(st.integers(0, 6000), st.integers(1, 500)), max_size=3),
    outage=st.tuples(st.integers(0, 6000), st.integers(0, 3000)),
    jump=st.floats(-3.1, 3.1),
)
def test_whatever_is_lost_windows_follow_in_time_and_have_numbers_or_nothing(
    *,
    frequency: float,
    lengths: list[int],
    absent: set[int],
    losses: list[tuple[int, int]],
    outage: tuple[int, int],
    jump: float,
) -> None:
    t = instants(RATE, 7.5)
    values = three_phases(t, frequency)
    values[:, 4000:] = three_phases(t + jump / (2.0 * np.pi * frequency), frequency)[:, 4000:]
    values[:, outage[0] : sum(outage)] = 0.0
    samples = of_voltages(values, RATE)
    for first, length in losses:
        samples.lost[first : first + length] = True
    values[:, samples.lost] = np.nan
    state, windows, first = MonitorState(), [], 0
    for k, length in enumerate(lengths):
        if k not in absent:
            block = next(blocks(samples.from_sample(first), length))
            state, found = advance_monitor(state, block, Declared())
            windows += found.measured.windows
        first += length
    for window, after in pairwise(windows):
        assert after.start_ns >= window.end_ns - 1
    for window in windows:
        assert 0.15e9 < window.end_ns - window.start_ns < 0.26e9
        if window.quantities is not None:
            assert np.isfinite(window.quantities.rms).all()
            assert np.isfinite(window.quantities.harmonics).all()


def _command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str
) -> tuple[int, list[str], str]:
    monkeypatch.setattr(sys, "argv", ["ortsnetz", "power-quality", *arguments])
    code = 0
    try:
        cli.main()
    except SystemExit as end:
        code = int(end.code or 0)
    streams = capsys.readouterr()
    return code, streams.out.splitlines(), streams.err


def test_the_command_says_what_is_in_a_recording(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    t = instants(4800.0, 3.0)
    dip = np.where((t > 1.0) & (t < 1.2), 0.6, 1.0)
    values = three_phases(t, 50.1, parts=[(5, 11.5, 0.0)]) * dip
    recording = Recording(of_voltages(values, 4800.0), MIDNIGHT_NS + 10**9, "7", "node")
    path = tmp_path / "dip.cfg"
    path.write_text(configuration(recording, DataFormat.BINARY), encoding="utf-8", newline="")
    path.with_suffix(".dat").write_bytes(data(recording, DataFormat.BINARY))
    prefix = tmp_path / "week"
    code, lines, _ = _command(
        capsys, monkeypatch, str(path), "--voltage", "230", "--report", str(prefix)
    )
    assert code == 0
    assert lines[0] == "2026-11-16T00:00:00.000Z, 3 s at 4800 samples/s, 0 lost"
    text = "\n".join(lines)
    assert "frequency 50.100 to 50.100 Hz (windows)" in text
    assert "THD at most 5.0" in text
    assert "(5: 5.0 %)" in text
    assert "dip from 2026-11-16T00:00:00.9" in text
    assert "60.1 %, phases abc" in text  # 0.6 with 5 % of the fifth harmonic
    assert "fault_direction: not judged (fault direction: three phase voltages" in text
    assert lines[-1] == "EN 50160: undecided"
    content = json.loads(prefix.with_name("week.json").read_text(encoding="utf-8"))
    assert content["dips"][2] == [1, 0, 0, 0, 0] or content["dips"][2] == [0, 1, 0, 0, 0]
    assert {c["missing"] for c in content["criteria"] if c["unit"] == "V"} == {1}
    assert prefix.with_name("week.svg").read_text(encoding="utf-8").startswith("<svg")


def test_the_command_tells_the_direction_of_a_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "fault.cff"
    path.write_bytes(combined(recorded(Fault("bc", ahead=False)), DataFormat.FLOAT32))
    code, lines, _ = _command(capsys, monkeypatch, str(path), "--voltage", "11547")
    assert code == 0
    assert lines[-1].startswith("fault_direction: reverse (negative sequence")


@pytest.mark.parametrize(
    ("name", "words"),
    [("nothing.cfg", "nothing.cfg: cannot be read"), ("file.csv", "ends in .cfg or .cff")],
)
def test_a_file_that_cannot_be_read_is_one_line_and_exit_code_two(
    name: str,
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    code, _, error = _command(capsys, monkeypatch, str(tmp_path / name), "--voltage", "230")
    assert code == 2
    assert words in error
    assert len(error.splitlines()) == 1


def test_a_recording_without_voltages_is_refused_with_its_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    record = recorded(Fault("bc", ahead=True))
    samples = record.samples
    only = replace(samples, channels=samples.channels[:3], values=samples.values[:3])
    path = tmp_path / "currents.cff"
    path.write_bytes(combined(replace(record, samples=only), DataFormat.ASCII))
    code, _, error = _command(capsys, monkeypatch, str(path), "--voltage", "230")
    assert code == 2
    assert "currents.cff: power quality: there is no voltage" in error
