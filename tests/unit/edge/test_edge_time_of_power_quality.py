"""A value of power quality says whether the clock was right in its own interval, not now."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from studies.waveforms import MIDNIGHT_NS, VOLTAGES, blocks, instants, of_voltages, three_phases

from ortsnetz_common.link.sample_blocks import Counters
from ortsnetz_common.measurement.time import TimeQuality
from ortsnetz_edge.drivers.sampled_values.place import Place
from ortsnetz_edge.drivers.sampled_values.values import Values
from ortsnetz_edge.profiles.references.sampled_values import SampledValuesSyntax
from ortsnetz_grid.functions.power_quality.declared import Declared
from ortsnetz_grid.functions.power_quality.samples import Samples
from ortsnetz_grid.functions.power_quality.synchrophasors import Reporting
from ortsnetz_grid.functions.power_quality.trigger import RecorderSettings

RATE = 1600.0
OFF = int(TimeQuality.CLOCK_NOT_SYNCHRONISED)
TWO_HOURS = MIDNIGHT_NS + 7200 * 10**9


def wave(start_s: float, seconds: float, off: tuple[float, float] | None = None) -> Samples:
    """230 V from so many seconds after two o'clock; the clock is not synchronised from, until."""
    t = start_s + instants(RATE, seconds)
    samples = of_voltages(three_phases(t), RATE, TWO_HOURS + round(start_s * 1e9))
    if off is None:
        return samples
    return replace(samples, unsynchronised=(t >= off[0]) & (t < off[1]))


def fed(place: Place, *stretches: Samples) -> Place:
    for stretch in stretches:
        for block in blocks(stretch, 160):
            place.take(block)
    return place


def time_quality(place: Place, text: str) -> int:
    reference = SampledValuesSyntax().parse(text)
    return Values(VOLTAGES).value(reference, place.newest, Counters(), (0, 0, 0)).time_quality


@pytest.mark.parametrize(
    ("off", "expected"),
    [
        ((3.0, 3.1), OFF),  # within the ten seconds, and right again at their end
        ((10.2, 11.0), 0),  # after them, as it is now
    ],
)
def test_ten_seconds_of_frequency_have_the_clock_of_these_ten_seconds(
    off: tuple[float, float], expected: int
) -> None:
    place = fed(Place(Declared(), None, None), wave(-0.5, 11.3, off))
    assert place.newest.frequency is not None
    assert place.newest.frequency.start_ns == TWO_HOURS
    assert time_quality(place, "10s/frequency") == expected


def test_a_synchrophasor_has_the_clock_of_its_own_filter() -> None:
    """Class P rests on a cycle to each side: the clock fails in the last 5 ms of the last block."""
    late = fed(Place(Declared(), Reporting(), None), wave(0.0, 1.0, (0.995, 1.0)))
    assert late.newest.phasor is not None
    assert late.newest.phasor.time_ns < TWO_HOURS + 980_000_000
    assert time_quality(late, "pmu/frequency") == 0
    at = (late.newest.phasor.time_ns - TWO_HOURS) / 1e9
    own = fed(Place(Declared(), Reporting(), None), wave(0.0, 1.0, (at - 0.001, at + 0.001)))
    assert time_quality(own, "pmu/u_a.re") == OFF


def test_flicker_has_the_clock_of_its_ten_minutes_and_two_hours() -> None:
    place = fed(Place(Declared(), None, None), wave(-3.0, 4.0, (-2.0, -1.9)))
    for text in ("10min/pst.a", "2h/plt.c", "10min/rms.u_b"):
        assert time_quality(place, text) == OFF, text
    assert time_quality(place, "200ms/rms.u_a") == 0
    fed(place, wave(600.0, 1.0))  # the next ten minutes had no sample that was not in time
    assert time_quality(place, "10min/pst.a") == 0
    assert time_quality(place, "2h/plt.c") == OFF


@pytest.mark.parametrize(("off", "expected"), [((1.4, 1.41), OFF), (None, 0)])
def test_the_direction_of_a_fault_has_the_clock_of_its_recording(
    off: tuple[float, float] | None, expected: int
) -> None:
    samples = wave(0.0, 4.0, off)
    dip = (instants(RATE, 4.0) >= 1.5) & (instants(RATE, 4.0) < 1.6)
    samples.values[:, dip] *= 0.5
    place = Place(Declared(), None, RecorderSettings())
    recordings = [each for block in blocks(samples, 160) for each in place.take(block)]
    assert len(recordings) == 1
    assert np.any(recordings[0].samples.unsynchronised) == bool(expected)
    place.newest.fault = (recordings[0].trigger_ns, "forward")  # as the driver says it
    assert time_quality(place, "recording/direction") == expected
