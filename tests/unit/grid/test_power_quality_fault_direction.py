"""Direction of short circuits: every simulated record is judged right (requirement A13)."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from studies.fault_records import KINDS, Fault, recorded

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.power_quality.declared import Declared
from ortsnetz_grid.functions.power_quality.fault_direction import (
    DirectionSettings,
    FaultDirection,
)
from ortsnetz_grid.functions.power_quality.on_recordings import Finding, findings
from ortsnetz_grid.functions.power_quality.recording import Recording

FUNCTION = FaultDirection(Declared(voltage_v=20e3 / np.sqrt(3.0)))


def _true(fault: Fault) -> str:
    return "forward" if fault.ahead else "reverse"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ahead", [True, False], ids=["ahead", "behind"])
def test_every_kind_of_fault_is_told_whatever_the_load_the_place_and_the_wave(
    kind: str, *, ahead: bool
) -> None:
    wrong = []
    for place, ohm, load, at, source in product(
        (0.05, 0.9), (0.0, 3.0), (-15.0, 15.0), (0.0, 50.0), (0.4, 4.0)
    ):
        fault = Fault(kind, ahead, place, ohm, load, at, source)
        found = FUNCTION.judge(recorded(fault))
        if found.verdict != _true(fault):
            wrong.append((fault, found))
    assert wrong == []


@settings(max_examples=60, deadline=None)
@given(
    st.builds(
        Fault,
        kind=st.sampled_from(KINDS),
        ahead=st.booleans(),
        place=st.floats(0.02, 0.98),
        ohm=st.floats(0.0, 3.0),
        load_deg=st.floats(-20.0, 20.0),
        at_deg=st.floats(0.0, 360.0),
        source_ohm=st.floats(0.4, 8.0),
        hz=st.floats(49.0, 51.0),
    )
)
def test_any_fault_with_noise_and_another_frequency_is_told(fault: Fault) -> None:
    assert FUNCTION.judge(recorded(fault, noise=0.01)).verdict == _true(fault)


@pytest.mark.parametrize("hz", [46.5, 53.5])
@pytest.mark.parametrize("ahead", [True, False], ids=["ahead", "behind"])
def test_what_is_remembered_is_carried_on_with_the_grid_s_own_frequency(
    hz: float, *, ahead: bool
) -> None:
    """Over four cycles 3.5 Hz are 100 degrees: with the nominal one the direction would turn."""
    for at in range(0, 360, 30):
        fault = Fault("abc", ahead, place=0.05, at_deg=float(at), hz=hz)
        assert FUNCTION.judge(recorded(fault)).verdict == _true(fault)


@pytest.mark.parametrize("ahead", [True, False], ids=["ahead", "behind"])
def test_a_three_phase_fault_at_the_terminal_is_told_from_memory(*, ahead: bool) -> None:
    fault = Fault("abc", ahead, place=1e-6)
    record = recorded(fault)
    voltages = record.samples.values[3:, -200:]
    assert np.abs(voltages).max() < 10.0  # of 20 kV: nothing is left to compare with
    found = FUNCTION.judge(record)
    assert found.verdict == _true(fault)
    assert "memory" in found.reason


def test_a_change_of_load_is_no_short_circuit() -> None:
    quiet = recorded(Fault("abc", ahead=True, ohm=5000.0))
    found = FUNCTION.judge(quiet)
    assert found.verdict == "unknown"
    assert "no short circuit" in found.reason


def test_a_fault_with_earth_only_needs_an_earthed_network_for_its_zero_sequence() -> None:
    """With the negative sequence held off, the zero sequence decides alone, and is right."""
    deaf = DirectionSettings(unbalance_share=0.15)
    for ahead in (True, False):
        fault = Fault("a-n", ahead, place=0.3, load_deg=10.0)
        record = recorded(fault)
        values = record.samples.values
        # take the negative sequence out of voltages and currents before it is judged
        balanced = FaultDirection(FUNCTION.declared, deaf).judge(record)
        assert balanced.verdict == _true(fault)
        assert "negative" in balanced.reason
        zero_only = np.concatenate(
            [rows.mean(axis=0) + _positive(rows) for rows in (values[:3], values[3:])]
        )
        samples = replace(record.samples, values=zero_only)
        found = FUNCTION.judge(replace(record, samples=samples))
        assert found.verdict == _true(fault)
        assert "zero" in found.reason
        isolated = FaultDirection(FUNCTION.declared, DirectionSettings(solidly_earthed=False))
        assert "memory" in isolated.judge(replace(record, samples=samples)).reason


def _positive(rows: np.ndarray) -> np.ndarray:
    """Positive-sequence part of three waves, by a quarter-cycle delay (24 samples of 96)."""
    turn = np.exp(2j * np.pi / 3.0)
    late = np.concatenate((rows[:, :24], rows[:, :-24]), axis=1)
    analytic = rows + 1j * late
    one = (analytic[0] + turn * analytic[1] + turn**2 * analytic[2]) / 3.0
    return np.stack([(one * k).real for k in (1.0, turn**2, turn)])


def test_a_recording_that_lacks_something_is_not_judged_and_says_why() -> None:
    record = recorded(Fault("abc", ahead=True))
    short = replace(record, trigger_ns=record.samples.instant_ns(100))
    holed = replace(record, samples=replace(record.samples, lost=record.samples.lost.copy()))
    holed.samples.lost[600] = True
    single = replace(
        record,
        samples=replace(
            record.samples,
            channels=record.samples.channels[:4],
            values=record.samples.values[:4],
        ),
    )
    for bad, words in ((short, "3.5 cycles before"), (holed, "lost"), (single, "three phase")):
        with pytest.raises(InputError, match=words):
            FUNCTION.judge(bad)
        (found,) = findings([FUNCTION], bad)
        assert found.verdict is None
        assert words in found.reason


def test_functions_in_the_slot_do_not_keep_each_other_from_judging() -> None:
    class Broken:
        name = "broken"

        def judge(self, recording: Recording) -> Finding:
            raise InputError(f"{recording.station or 'it'} lacks what it needs")

    found = findings([Broken(), FUNCTION], recorded(Fault("bc", ahead=False)))
    assert [f.verdict for f in found] == [None, "reverse"]
