"""Dips, swells and interruptions: magnitude and duration, by the polyphase rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from studies.waveforms import (
    MIDNIGHT_NS,
    instants,
    measured,
    of_voltages,
    published,
    three_phases,
)

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.power_quality.declared import Declared
from ortsnetz_grid.functions.power_quality.events import Event, EventKind
from ortsnetz_grid.functions.power_quality.meter import Measured
from ortsnetz_grid.functions.power_quality.samples import Samples

EVENTS = published("events")["events"]
TOLERANCE = published("tolerances")
RATE = 4800.0
CYCLE_S = 0.02


def _stepped(
    u: list[float], start_s: float, duration_s: float, *, frequency_hz: float = 50.0
) -> Samples:
    def envelope(t: NDArray[np.float64]) -> NDArray[np.float64]:
        during = (t >= start_s) & (t < start_s + duration_s)
        return np.where(during[None, :], np.array(u)[:, None], 1.0)

    t = instants(RATE, start_s + duration_s + 0.7)
    return of_voltages(three_phases(t, frequency_hz, envelope=envelope), RATE)


@pytest.mark.parametrize("case", EVENTS, ids=[e["name"] for e in EVENTS])
def test_an_event_is_found_as_it_was(case: dict[str, Any]) -> None:
    found = measured(_stepped(case["u"], case["start_s"], case["duration_s"]))[1]
    assert sorted(e.kind.name or "" for e in found.events) == case["kinds"]
    for event in found.events:
        _check(event, case)
    _check_flags(found, case)


def _check(event: Event, case: dict[str, Any]) -> None:
    assert event.extreme_pu == pytest.approx(
        case["extreme_pu"], abs=TOLERANCE["half_cycle_rms_of_declared"]
    )
    assert event.phases == case["phases"]
    assert event.duration_s == pytest.approx(case["duration_s"], abs=1.5 * CYCLE_S)
    started = (event.start_ns - MIDNIGHT_NS) / 1e9
    assert started == pytest.approx(case["start_s"], abs=CYCLE_S)
    assert not event.uncertain


def _check_flags(found: Measured, case: dict[str, Any]) -> None:
    """Windows that the event touches are flagged, others are not (IEC 61000-4-30, 4.7)."""
    begin = MIDNIGHT_NS + round(case["start_s"] * 1e9)
    end = begin + round(case["duration_s"] * 1e9)
    for window in found.windows:
        if not case["kinds"] or window.end_ns < begin - 2e7 or window.start_ns > end + 2e7:
            assert window.flags is EventKind.NONE
        elif window.start_ns < end - 2e7 and window.end_ns > begin + 2e7:
            for kind in case["kinds"]:
                assert EventKind[kind] in window.flags


@settings(max_examples=25, deadline=None)
@given(
    residual=st.floats(0.1, 0.85),
    start=st.floats(0.4, 0.42),
    duration=st.floats(0.04, 0.5),
    frequency=st.floats(49.0, 51.0),
    phase=st.integers(0, 2),
)
def test_a_dip_of_any_depth_begun_anywhere_is_one_dip(
    residual: float, start: float, duration: float, frequency: float, phase: int
) -> None:
    u = [1.0, 1.0, 1.0]
    u[phase] = residual
    found = measured(_stepped(u, start, duration, frequency_hz=frequency))[1].events
    (event,) = found
    assert event.kind is EventKind.DIP
    assert event.phases == "abc"[phase]
    assert event.extreme_pu == pytest.approx(residual, abs=0.01)
    assert event.duration_s == pytest.approx(duration, abs=1.25 * CYCLE_S)


def test_hysteresis_keeps_a_voltage_that_wavers_at_the_threshold_one_dip() -> None:
    def envelope(t: NDArray[np.float64]) -> NDArray[np.float64]:
        wavering = 0.90 + 0.015 * np.sign(np.sin(2.0 * np.pi * 2.0 * t))
        return np.where((t > 0.5) & (t < 3.5), wavering, 1.0)

    t = instants(RATE, 4.5)
    samples = of_voltages(three_phases(t, envelope=envelope), RATE)
    assert len(measured(samples)[1].events) == 1
    loose = Declared(hysteresis_pu=0.0)
    assert len(measured(samples, loose)[1].events) == 6


def test_an_event_that_lasts_is_not_given_out_as_over() -> None:
    samples = _stepped([0.5, 0.5, 0.5], 0.5, 5.0)
    state, found = measured(samples.from_sample(0), length=2000)
    assert len(found.events) == 1
    cut = Samples.whole(MIDNIGHT_NS, RATE, samples.channels, samples.values[:, : round(2 * RATE)])
    state, found = measured(cut)
    assert found.events == ()
    (lasting,) = state.events.lasting
    assert lasting.end_ns is None
    assert lasting.duration_s is None
    assert found.windows[-1].flags is EventKind.DIP


def test_a_dip_with_lost_samples_in_it_says_that_it_is_uncertain() -> None:
    samples = _stepped([0.5, 0.5, 0.5], 0.5, 0.5)
    samples.lost[round(0.7 * RATE)] = True
    (event,) = measured(samples)[1].events
    assert event.uncertain
    assert event.extreme_pu == pytest.approx(0.5, abs=0.01)


def test_lost_samples_are_no_dip() -> None:
    samples = of_voltages(three_phases(instants(RATE, 2.0)), RATE)
    samples.lost[4800:5300] = True
    samples.values[:, 4800:5300] = 0.0
    found = measured(samples)[1]
    assert found.events == ()
    assert sum(w.quantities is None for w in found.windows) in (1, 2)


def test_frequency_survives_a_dip_of_two_phases_and_not_an_interruption() -> None:
    t = instants(1600.0, 31.0)
    dip = np.where((t > 15.0) & (t < 15.5), 0.1, 1.0)
    gone = np.where((t > 25.0) & (t < 25.5), 0.0, 1.0)
    values = three_phases(t, 50.03) * np.stack([gone, dip * gone, dip * gone])
    found = measured(of_voltages(values, 1600.0), length=8000)[1].frequencies
    assert found[1].hz == pytest.approx(50.03, abs=0.01)
    assert found[2].hz is None


def test_thresholds_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(InputError, match="0 < interruption < dip < 1 < swell"):
        Declared(dip_pu=0.04)
