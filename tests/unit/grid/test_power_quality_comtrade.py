"""COMTRADE files as an independent reader sees them, and read again."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import comtrade as peer
import numpy as np
import pytest
from studies.waveforms import MIDNIGHT_NS, instants

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.power_quality.comtrade_reader import read, split_combined
from ortsnetz_grid.functions.power_quality.comtrade_writer import (
    DataFormat,
    combined,
    configuration,
    data,
)
from ortsnetz_grid.functions.power_quality.recording import Recording, Status
from ortsnetz_grid.functions.power_quality.samples import Samples, channels_of_feeder

RATE = 4800.0
# of the largest value: half a step; of FLOAT32 half of its last binary place
PRECISION = {
    DataFormat.ASCII: 0.5 / 99998,
    DataFormat.BINARY: 0.5 / 32767,
    DataFormat.BINARY32: 1e-9,
    DataFormat.FLOAT32: 6e-8,
}


def _recording(*, lost: bool = False, statuses: int = 1) -> Recording:
    t = instants(RATE, 0.25)
    channels = channels_of_feeder()
    values = np.stack(
        [(10.0 + 30 * k) * np.sin(2 * np.pi * 50.0 * t + k) + k for k in range(len(channels))]
    )
    samples = Samples.whole(MIDNIGHT_NS + 123_456_789, RATE, channels, values)
    if lost:
        samples.lost[100:103] = True
        samples.values[:, 100:103] = np.nan
    bits = tuple(
        Status(f"trip {k}", np.asarray((np.arange(len(t)) // (k + 2)) % 2 == 1))
        for k in range(statuses)
    )
    trigger = samples.instant_ns(480)
    return Recording(samples, trigger, "Ortsnetz 7", "node 7", "dip", 50, bits)


def _seen(path: Path) -> peer.Comtrade:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that its own dates have no nanoseconds
        found = peer.Comtrade(use_numpy_arrays=True, use_double_precision=True)
        found.load(str(path))
    return found


@pytest.mark.parametrize("data_format", list(DataFormat))
@pytest.mark.parametrize("as_one", [False, True], ids=["cfg and dat", "cff"])
def test_an_independent_reader_sees_what_was_recorded(
    tmp_path: Path, data_format: DataFormat, *, as_one: bool
) -> None:
    recording = _recording(statuses=20)
    if as_one:
        path = tmp_path / "one.cff"
        path.write_bytes(combined(recording, data_format))
    else:
        path = tmp_path / "two.cfg"
        path.write_text(configuration(recording, data_format), encoding="utf-8", newline="")
        path.with_suffix(".dat").write_bytes(data(recording, data_format))
    seen = _seen(path)
    assert (seen.station_name, seen.rec_dev_id, seen.rev_year) == ("Ortsnetz 7", "node 7", "2013")
    assert seen.analog_channel_ids == [c.name for c in recording.samples.channels]
    assert [c.uu for c in seen.cfg.analog_channels] == ["A"] * 4 + ["V"] * 4
    assert seen.analog_phases == list("ABCNABCN")
    assert seen.frequency == 50.0
    assert seen.start_timestamp.isoformat() == "2026-11-16T00:00:00.123456"
    assert seen.trigger_time == pytest.approx(0.1, abs=2e-6)
    assert np.asarray(seen.time) == pytest.approx(np.arange(1200) / RATE)
    largest = np.abs(recording.samples.values).max(axis=1)
    for k, row in enumerate(recording.samples.values):
        off = np.abs(np.asarray(seen.analog[k]) - row).max() / largest[k]
        assert off <= 1.01 * PRECISION[data_format]
    assert seen.status_channel_ids[:3] == ["lost", "unsynchronised", "trip 0"]
    for k, status in enumerate(recording.statuses):
        assert (np.asarray(seen.status[k + 2]) == status.values).all()


@pytest.mark.parametrize("data_format", list(DataFormat))
def test_the_time_stamps_of_the_samples_say_the_same_as_the_rate(
    tmp_path: Path, data_format: DataFormat
) -> None:
    """Without a rate (number of rates 0) the reader has to go by the stamps, in microseconds."""
    recording = _recording()
    text = configuration(recording, data_format)
    assert "\r\n1\r\n4800,1200\r\n" in text
    path = tmp_path / "stamps.cfg"
    text = text.replace("\r\n1\r\n4800,1200\r\n", "\r\n0\r\n0,1200\r\n")
    path.write_text(text, encoding="utf-8", newline="")
    path.with_suffix(".dat").write_bytes(data(recording, data_format))
    assert np.asarray(_seen(path).time) == pytest.approx(np.arange(1200) / RATE, abs=1e-6)


@pytest.mark.parametrize("data_format", [DataFormat.ASCII, DataFormat.BINARY, DataFormat.BINARY32])
def test_lost_samples_are_missing_data_to_an_independent_reader(
    tmp_path: Path, data_format: DataFormat
) -> None:
    path = tmp_path / "lost.cff"
    path.write_bytes(combined(_recording(lost=True), data_format))
    seen = _seen(path)
    for values in seen.analog:
        assert np.flatnonzero(np.isnan(np.asarray(values))).tolist() == [100, 101, 102]
    assert np.flatnonzero(np.asarray(seen.status[0])).tolist() == [100, 101, 102]


@pytest.mark.parametrize("data_format", list(DataFormat))
def test_a_recording_is_read_again_as_it_was(data_format: DataFormat) -> None:
    recording = _recording(lost=True, statuses=18)
    text, content = split_combined(combined(recording, data_format), "again.cff")
    for found in (
        read(text, content, "again.cff"),
        read(configuration(recording, data_format), data(recording, data_format), "again.cfg"),
    ):
        assert found.samples.channels == recording.samples.channels
        assert found.samples.start_ns == recording.samples.start_ns
        assert found.trigger_ns == recording.trigger_ns
        assert found.trigger_sample == 480
        assert (found.samples.lost == recording.samples.lost).all()
        there = ~recording.samples.lost
        largest = np.abs(recording.samples.values[:, there]).max()
        off = np.abs(found.samples.values[:, there] - recording.samples.values[:, there])
        assert off.max() / largest <= 1.01 * PRECISION[data_format]
        for one, other in zip(found.statuses, recording.statuses, strict=True):
            assert one.name == other.name
            assert (one.values == other.values).all()


def test_secondary_values_become_primary_ones_and_other_channels_are_left_out() -> None:
    text = (
        "Somewhere,relay,1999\n3,3A,0D\n"
        "1,VA,A,,kV,0.01,0,0,-32767,32767,20000,100,S\n"
        "2,IB,,,A,2,1,0,-32767,32767,1,1,P\n"
        "3,temperature,,,degC,1,0,0,-32767,32767,1,1,P\n"
        "50\n1\n1000,2\n24/12/2025,18:00:00.000001\n24/12/2025,18:00:00.001\nASCII\n1\n"
    )
    found = read(text, b"1,0,100,3,20\n2,1000,-100,4,20\n", "relay.cfg")
    assert [(c.name, c.phase) for c in found.samples.channels] == [("VA", "a"), ("IB", "b")]
    assert found.samples.values.tolist() == [[200_000.0, -200_000.0], [7.0, 9.0]]
    assert found.samples.start_ns == 1_766_599_200_000_001_000


@pytest.mark.parametrize(
    ("phase", "name", "taken"),
    [
        ("A", "x", "a"),
        ("L2", "x", "b"),
        ("", "UL3", "c"),
        ("", "V_a", "a"),
        ("", "VN", "n"),
        ("AN", "x", "a"),
        ("AB", "VAB", None),
        ("", "VBC", None),
        ("L1-L2", "x", None),
    ],
)
def test_a_channel_is_of_the_phase_it_says_and_of_none_between_two(
    phase: str, name: str, taken: str | None
) -> None:
    text = (
        "Somewhere,relay,1999\n3,3A,0D\n"
        f"1,{name},{phase},,V,1,0,0,-32767,32767,1,1,P\n"
        "2,IB,B,,A,1,0,0,-32767,32767,1,1,P\n"
        "3,IB of the next feeder,B,,A,1,0,0,-32767,32767,1,1,P\n"
        "50\n1\n1000,1\n24/12/2025,18:00:00.0\n24/12/2025,18:00:00.0\nASCII\n1\n"
    )
    found = read(text, b"1,0,1,2,3\n", "relay.cfg")
    voltages = [c.phase for c in found.samples.channels if c.name == name]
    assert voltages == ([] if taken is None else [taken])
    assert found.samples.values[-1].tolist() == [2.0]
    assert found.left_out == (*([name] if taken is None else []), "IB of the next feeder")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (",2013\r\n", ",1991\r\n", "line 1: files of 1991 are not read"),
        ("\r\n50\r\n1\r\n", "\r\n50\r\n2\r\n", "line 15: there are 2 sampling rates"),
        ("16/11/2026", "16/13/2026", "line 17: 16/13/2026,00:00:00.123456789 is no instant"),
        ("1,i_a,A,,A,", "1,i_a,A,,A,x", "line 3: 'x0.000"),
        ("ASCII", "MORSE", "data of the format 'MORSE' are not known"),
        ("4800,1200", "4800,1201", "1200 samples, 1201 are announced"),
        ("4800,1200", "4800,0", "line 16: 0 samples"),
    ],
)
def test_files_that_are_not_right_are_refused_with_their_line(
    old: str, new: str, words: str
) -> None:
    recording = _recording()
    text = configuration(recording, DataFormat.ASCII)
    assert old in text
    with pytest.raises(InputError, match=words):
        read(text.replace(old, new, 1), data(recording, DataFormat.ASCII), "bad.cfg")


def test_data_that_end_early_are_refused() -> None:
    recording = _recording()
    for data_format in DataFormat:
        content = data(recording, data_format)[:-60]
        with pytest.raises(InputError, match=r"announced|fields"):
            read(configuration(recording, data_format), content, "short.cfg")


def test_a_name_that_would_break_the_file_is_refused() -> None:
    with pytest.raises(InputError, match="cannot be a name"):
        configuration(replace(_recording(), station="A, B"), DataFormat.ASCII)
