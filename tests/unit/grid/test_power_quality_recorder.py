"""The recorder of waveforms: what was before a trigger and what came after it."""

from __future__ import annotations

import numpy as np
import pytest
from studies.waveforms import MIDNIGHT_NS, blocks, instants, of_voltages, three_phases

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.power_quality.conditions import current_triggers, event_triggers
from ortsnetz_grid.functions.power_quality.declared import Declared
from ortsnetz_grid.functions.power_quality.meter import MeterState, advance
from ortsnetz_grid.functions.power_quality.recording import Recording
from ortsnetz_grid.functions.power_quality.samples import Samples, channels_of_feeder
from ortsnetz_grid.functions.power_quality.trigger import (
    RecorderSettings,
    RecorderState,
    Trigger,
    advance_recorder,
)

RATE = 4800.0
SETTINGS = RecorderSettings(before_s=0.1, after_s=0.3, longest_s=1.0)
BLOCK = 960


def _counting(duration_s: float) -> Samples:
    """Samples whose value is their number: so a recording shows what it is made of."""
    t = instants(RATE, duration_s)
    return of_voltages(np.tile(np.arange(len(t), dtype=np.float64), (3, 1)), RATE)


def _recorded(
    samples: Samples, triggers: list[Trigger], settings: RecorderSettings = SETTINGS
) -> tuple[RecorderState, list[Recording]]:
    state, found = RecorderState(), []
    for block in blocks(samples, BLOCK):
        due = [t for t in triggers if block.start_ns <= t.time_ns < block.end_ns]
        state, one = advance_recorder(state, block, due, settings, Declared())
        found += one
    return state, found


def _at(seconds: float, reason: str = "test") -> Trigger:
    return Trigger(MIDNIGHT_NS + round(seconds * 1e9), reason)


def test_a_recording_has_what_was_before_and_after_its_trigger() -> None:
    _, (found,) = _recorded(_counting(3.0), [_at(1.5, "dip begins")])
    assert found.samples.values[0].tolist() == list(range(6720, 8640))
    assert found.samples.start_ns == MIDNIGHT_NS + 1_400_000_000
    assert found.trigger_sample == 480
    assert found.reason == "dip begins"


def test_a_second_trigger_makes_the_recording_longer_up_to_its_longest() -> None:
    _, (found,) = _recorded(_counting(3.0), [_at(1.0), _at(1.2)])
    assert found.samples.count == round(0.6 * RATE)
    many = [_at(1.0 + 0.05 * k) for k in range(30)]
    _, (first, second, *_) = _recorded(_counting(5.0), many)
    assert first.samples.count == round(1.0 * RATE)
    assert second.trigger_ns >= first.samples.end_ns


def test_a_trigger_before_there_is_enough_records_what_there_is_and_is_counted() -> None:
    state, (found,) = _recorded(_counting(1.0), [_at(0.02)])
    assert found.samples.values[0][0] == 0.0
    assert state.short == 1
    state, _ = _recorded(_counting(3.0), [_at(1.5)])
    assert state.short == 0


def test_what_is_kept_does_not_grow() -> None:
    state, found = _recorded(_counting(20.0), [])
    assert found == []
    assert state.kept is not None
    assert state.kept.count <= round(0.6 * RATE)


def test_a_long_gap_ends_the_recording_and_is_not_filled() -> None:
    state, found = RecorderState(), []
    pieces = list(blocks(_counting(20.0), BLOCK))
    for block in pieces[:6] + pieces[80:]:
        due = [t for t in (_at(1.15),) if block.start_ns <= t.time_ns < block.end_ns]
        state, one = advance_recorder(state, block, due, SETTINGS, Declared())
        found += one
    (recording,) = found
    assert recording.samples.count == round(0.15 * RATE)
    assert not recording.samples.lost.any()


def test_lost_samples_are_lost_in_the_recording_too() -> None:
    samples = _counting(3.0)
    samples.lost[7000:7010] = True
    _, (found,) = _recorded(samples, [_at(1.5)])
    assert found.samples.lost.sum() == 10


def test_a_dip_of_the_meter_is_recorded_with_its_beginning() -> None:
    t = instants(RATE, 4.0)
    values = three_phases(t, envelope=lambda x: np.where((x > 2.0) & (x < 2.1), 0.5, 1.0))
    meter, recorder, found = MeterState(), RecorderState(), []
    for block in blocks(of_voltages(values, RATE), BLOCK):
        before = meter.events
        meter, measured = advance(meter, block, Declared())
        due = event_triggers(before, meter.events, measured.events)
        recorder, one = advance_recorder(recorder, block, due, SETTINGS, Declared())
        found += one
    (recording,) = found
    assert recording.reason == "dip begins, phases abc"
    start_s = (recording.samples.start_ns - MIDNIGHT_NS) / 1e9
    assert start_s == pytest.approx(1.9, abs=0.02)
    assert recorder.short == 0


def test_an_outage_is_recorded_at_its_beginning_and_its_end_only() -> None:
    t = instants(RATE, 8.0)
    values = three_phases(t, envelope=lambda x: np.where((x > 2.0) & (x < 6.0), 0.0, 1.0))
    meter, recorder, found = MeterState(), RecorderState(), []
    for block in blocks(of_voltages(values, RATE), BLOCK):
        before = meter.events
        meter, measured = advance(meter, block, Declared())
        due = event_triggers(before, meter.events, measured.events)
        recorder, one = advance_recorder(recorder, block, due, SETTINGS, Declared())
        found += one
    assert [r.reason.split(",")[0] for r in found] == ["dip begins", "interruption ends"]


def test_a_jump_of_a_current_triggers_at_its_sample() -> None:
    t = instants(RATE, 1.0)
    channels = channels_of_feeder(neutral=False)
    values = np.concatenate((three_phases(t) / 23.0, three_phases(t)))
    values[1, 2405:] *= 20.0
    samples = Samples.whole(MIDNIGHT_NS, RATE, channels, values)
    settings = RecorderSettings(current_jump_a=50.0)
    before, found = None, []
    for block in blocks(samples, BLOCK):
        found += current_triggers(before, block, settings, Declared())
        before = block
    assert len(found) == 1
    assert found[0].reason.startswith("i_b jumps by")
    assert abs(found[0].time_ns - samples.instant_ns(2405)) < 3_000_000
    assert current_triggers(None, samples, RecorderSettings(), Declared()) == ()


def test_settings_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match=r"longest recording of 0\.5 s"):
        RecorderSettings(before_s=0.3, after_s=0.3, longest_s=0.5)
