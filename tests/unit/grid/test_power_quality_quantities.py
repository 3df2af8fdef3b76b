"""Quantities of known waveforms, far within the tolerances of 61000-4-30 class S and 61000-4-7."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from studies.waveforms import (
    MIDNIGHT_NS,
    VOLTAGES,
    blocks,
    instants,
    measured,
    of_voltages,
    published,
    three_phases,
)

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.power_quality.aggregation import (
    AggregationState,
    advance_aggregation,
)
from ortsnetz_grid.functions.power_quality.declared import Declared
from ortsnetz_grid.functions.power_quality.events import EventKind
from ortsnetz_grid.functions.power_quality.frequency import FrequencyState, advance_frequency
from ortsnetz_grid.functions.power_quality.harmonics import (
    distortion,
    harmonic_groups,
    harmonic_subgroups,
    interharmonic_subgroups,
    spectrum,
)
from ortsnetz_grid.functions.power_quality.meter import MeterState, advance
from ortsnetz_grid.functions.power_quality.samples import Samples

TOLERANCE = published("tolerances")
HELD = TOLERANCE["held_here"]
"""Tighter than the standards ask: so that a step back is seen before it matters."""
STATES = published("testing_states")["states"]
RATES = (4000.0, 4800.0, 14400.0)
NOMINAL_V = 230.0


def _state(state: dict[str, Any], rate: float, duration_s: float) -> Samples:
    orders = [(h, NOMINAL_V * size, np.radians(deg)) for h, size, deg in state["harmonics"]]
    between = [(h, NOMINAL_V * size, 0.0) for h, size in state["interharmonics"]]
    a, b, c = (NOMINAL_V * u for u in state["voltage_pu"])
    t = instants(rate, duration_s)
    return of_voltages(three_phases(t, state["frequency_hz"], (a, b, c), orders + between), rate)


@pytest.mark.parametrize("state", STATES, ids=[s["name"] for s in STATES])
@pytest.mark.parametrize("rate", RATES)
def test_windows_of_a_testing_state_are_within_class_s(state: dict[str, Any], rate: float) -> None:
    windows = measured(_state(state, rate, 1.5))[1].windows
    assert len(windows) >= 5
    parts = [size for _, size, *_ in state["harmonics"] + state["interharmonics"]]
    for window in windows:
        found = window.quantities
        assert found is not None
        assert window.frequency_hz == pytest.approx(state["frequency_hz"], abs=0.05)
        for k, fundamental in enumerate(state["voltage_pu"]):
            rms = np.sqrt(fundamental**2 + sum(p**2 for p in parts))
            assert found.rms[k] / NOMINAL_V == pytest.approx(
                rms, abs=HELD["voltage_rms_of_declared"]
            )
            _check_orders(state, found.harmonics[k] / NOMINAL_V)
            for place, size in state["interharmonics"]:
                assert found.interharmonics[k, int(place)] / NOMINAL_V == pytest.approx(
                    size, abs=HELD["other_of_declared"]
                )


def _check_orders(state: dict[str, Any], subgroups: Any) -> None:
    """Each order as it was put in, and nothing where nothing was."""
    true = {h: size for h, size, _ in state["harmonics"]}
    for order in range(2, len(subgroups)):
        size = true.get(order, 0.0)
        tolerance = HELD["other_of_declared"] + HELD["harmonic_of_reading"] * size
        assert subgroups[order] == pytest.approx(size, abs=tolerance), order


@pytest.mark.parametrize("state", STATES, ids=[s["name"] for s in STATES])
def test_frequency_over_ten_seconds_is_that_of_class_a(state: dict[str, Any]) -> None:
    found = measured(_state(state, 4000.0, 20.5), length=8000)[1].frequencies
    assert [f.start_ns - MIDNIGHT_NS for f in found] == [0, 10 * 10**9]
    assert found[0].hz is None  # its first cycle was not seen
    assert found[1].hz == pytest.approx(
        state["frequency_hz"], abs=TOLERANCE["class_a_frequency_hz"]
    )


def test_the_number_of_orders_is_what_the_rate_carries() -> None:
    """At 4,000 samples/s nothing is known of order 35 and beyond; it is not there."""
    t4000, t14400 = instants(4000.0, 1.0), instants(14400.0, 1.0)
    slow = measured(of_voltages(three_phases(t4000), 4000.0))[1].windows[0].quantities
    fast = measured(of_voltages(three_phases(t14400), 14400.0))[1].windows[0].quantities
    assert slow is not None
    assert slow.harmonics.shape[1] - 1 == 34
    assert fast is not None
    assert fast.harmonics.shape[1] - 1 == 50


def test_every_window_has_the_same_orders_whatever_its_frequency() -> None:
    t = instants(4000.0, 6.0)
    angle = 2.0 * np.pi * (45.0 * t + t**2)  # 45 Hz, rises by 2 Hz/s to 57 Hz
    values = np.sqrt(2.0) * 230.0 * np.sin(angle + np.array([[0.0], [-2.0], [2.0]]) * np.pi / 3.0)
    windows = measured(of_voltages(values, 4000.0))[1].windows
    shapes = {w.quantities.harmonics.shape for w in windows if w.quantities is not None}
    assert shapes == {(3, 35)}
    _, found = advance_aggregation(AggregationState(), windows)
    assert len(found.short) >= 1


@settings(max_examples=25, deadline=None)
@given(
    frequency=st.floats(47.0, 52.5),
    order=st.integers(2, 50),
    share=st.floats(0.01, 0.2),
    angle=st.floats(-3.1, 3.1),
    start=st.floats(0.0, 0.5),
)
def test_a_harmonic_is_found_where_it_is_and_only_there(
    frequency: float, order: int, share: float, angle: float, start: float
) -> None:
    rate = 14400.0
    t = instants(rate, 0.3) + start
    values = three_phases(t, frequency, parts=[(order, share * NOMINAL_V, angle)])
    first = 30.25
    lines = spectrum(values, first, first + 10 * rate / frequency, 10)
    shares = harmonic_subgroups(lines) / NOMINAL_V
    assert shares[:, order] == pytest.approx(share, rel=0.01)
    assert distortion(harmonic_subgroups(lines), 50) == pytest.approx(share, rel=0.02, abs=0.001)
    others = [n for n in range(2, 51) if n != order]
    assert shares[:, others].max() < 0.001
    assert harmonic_groups(lines)[:, order - 1] / NOMINAL_V == pytest.approx(share, rel=0.02)


def test_a_line_between_two_orders_is_shared_by_their_groups_alone() -> None:
    """IEC 61000-4-7, 3.2.3: a line half-way goes half, in squares, to either group."""
    t = instants(14400.0, 0.3)
    values = three_phases(t, 50.0, parts=[(6.5, 10.0, 0.3)])
    groups = harmonic_groups(spectrum(values, 0.0, 2880.0, 10))
    assert groups[0, 5] == pytest.approx(10.0 / np.sqrt(2.0), rel=1e-3)
    assert groups[0, 6] == pytest.approx(10.0 / np.sqrt(2.0), rel=1e-3)


def test_a_line_next_to_an_order_is_its_subgroup_s_and_the_next_one_is_between() -> None:
    """IEC 61000-4-7, 3.2.4 and 3.4.4: 5 Hz beside order 5 belong to it, 10 Hz do not."""
    t = instants(14400.0, 0.3)
    for order, harmonic, between in ((5.1, 10.0, 0.0), (4.9, 10.0, 0.0), (5.2, 0.0, 10.0)):
        values = three_phases(t, 50.0, parts=[(order, 10.0, 0.3)])
        lines = spectrum(values, 0.0, 2880.0, 10)
        assert harmonic_subgroups(lines)[:, 5] == pytest.approx(harmonic, abs=0.02)
        interharmonics = interharmonic_subgroups(lines)
        assert interharmonics[:, 5] == pytest.approx(between, abs=0.02)
        assert interharmonics[:, 4] == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize(
    ("magnitudes", "u2", "u0"),
    [
        # symmetrical components by hand: a, b, c with 120 degrees between them
        ((0.73, 0.80, 0.87), 0.0404145 / 0.8, 0.0404145 / 0.8),
        ((1.00, 0.90, 1.00), 0.1 / 3 / (2.9 / 3), 0.1 / 3 / (2.9 / 3)),
        ((1.0, 1.0, 1.0), 0.0, 0.0),
    ],
)
def test_unbalance_is_that_of_the_symmetrical_components(
    magnitudes: tuple[float, float, float], u2: float, u0: float
) -> None:
    a, b, c = (NOMINAL_V * u for u in magnitudes)
    values = three_phases(instants(4800.0, 1.0), 50.2, (a, b, c))
    for window in measured(of_voltages(values, 4800.0))[1].windows:
        assert window.quantities is not None
        assert window.quantities.unbalance is not None
        found = window.quantities.unbalance
        assert 100.0 * found.u2 == pytest.approx(100.0 * u2, abs=0.05)
        assert 100.0 * found.u0 == pytest.approx(100.0 * u0, abs=0.05)


def test_windows_follow_each_other_without_gap_or_overlap_whatever_the_blocks() -> None:
    values = three_phases(instants(4800.0, 3.0), 50.17)
    whole = of_voltages(values, 4800.0)
    first, *others = (measured(whole, length=n)[1].windows for n in (14400, 960, 77))
    for window, after in pairwise(first):
        assert abs(after.start_ns - window.end_ns) <= 1
    for other in others:
        assert len(other) >= len(first) - 1
        for one, same in zip(first, other, strict=False):
            assert abs(one.start_ns - same.start_ns) < 2000
            assert one.quantities is not None
            assert same.quantities is not None
            assert one.quantities.rms == pytest.approx(same.quantities.rms, rel=1e-6)


def test_instants_do_not_drift_away_from_those_of_the_source() -> None:
    """1e9 / 14400 is no whole number: rounded once a block, it would be 250 ns by here."""
    samples = of_voltages(three_phases(instants(14400.0, 3.0)), 14400.0)
    state = MeterState()
    for block in blocks(samples, 77):
        state, _ = advance(state, block, Declared())
        assert state.kept is not None
        assert abs(state.kept.end_ns - block.end_ns) <= 1


def test_a_lost_sample_costs_its_window_and_no_other() -> None:
    values = three_phases(instants(4800.0, 3.0))
    samples = of_voltages(values, 4800.0)
    samples.lost[7000] = True
    samples.values[:, 7000] = np.nan
    state, found = measured(samples)
    lost_at = samples.instant_ns(7000)
    for window in found.windows:
        assert (window.quantities is None) == (window.start_ns <= lost_at < window.end_ns)
    assert sum(w.quantities is None for w in found.windows) == 1
    assert state.lost == 1
    assert found.events == ()


def test_a_gap_between_blocks_is_lost_samples_and_a_long_one_a_restart() -> None:
    samples = of_voltages(three_phases(instants(4800.0, 6.0)), 4800.0)
    pieces = list(blocks(samples, 960))
    state = MeterState()
    windows = []
    for piece in pieces[:10] + pieces[11:15] + pieces[25:]:
        state, found = advance(state, piece, Declared())
        windows += found.windows
    assert state.lost == 960 + 10 * 960
    assert state.restarts == 1
    assert sum(w.quantities is None for w in windows) in (1, 2)
    for window in windows:
        assert window.quantities is None or window.quantities.rms == pytest.approx(230.0, rel=1e-4)


def test_what_no_clock_stands_behind_is_marked() -> None:
    samples = of_voltages(three_phases(instants(4800.0, 2.0)), 4800.0)
    samples.unsynchronised[5000:5010] = True
    windows = measured(samples)[1].windows
    assert [w.synchronised for w in windows].count(False) == 1


def test_a_value_that_is_no_number_is_refused_by_name() -> None:
    values = three_phases(instants(4800.0, 0.1))
    values[1, 7] = np.nan
    with pytest.raises(InputError, match="channel u_b has a value that is no number"):
        of_voltages(values, 4800.0)


def test_two_channels_of_one_phase_are_refused_by_name() -> None:
    twice = (*VOLTAGES[:2], replace(VOLTAGES[0], name="u_a of another bay"))
    with pytest.raises(InputError, match="u_a and u_a of another bay are both of phase a"):
        Samples.whole(0, 4800.0, twice, np.zeros((3, 10)))


def test_blocks_that_overlap_and_rates_that_are_too_low_are_refused() -> None:
    block = of_voltages(three_phases(instants(4800.0, 0.2)), 4800.0)
    state, _ = advance(MeterState(), block, Declared())
    with pytest.raises(InputError, match="960 samples before the end"):
        advance(state, block, Declared())
    slow = Samples.whole(0, 600.0, VOLTAGES, np.zeros((3, 600)))
    with pytest.raises(InputError, match="fewer than 16 a cycle"):
        advance(MeterState(), slow, Declared())


def test_intervals_are_root_mean_squares_and_say_what_is_missing() -> None:
    """Half of ten minutes at 230 V, half at 200 V, a window lost: 215.52 V, 99.97 % covered."""
    rate = 1600.0
    t = instants(rate, 610.0)
    values = three_phases(t, envelope=lambda x: np.where(x < 300.0, 1.0, 200.0 / 230.0))
    samples = of_voltages(values, rate)
    samples.lost[round(100.0 * rate)] = True
    found = measured(samples, length=16000)[1]
    _, intervals = advance_aggregation(AggregationState(), found.windows)
    (ten,) = intervals.ten_minutes
    assert ten.start_ns == MIDNIGHT_NS
    assert ten.missing == 1
    assert ten.covered == pytest.approx(1.0 - 0.2 / 600.0, abs=2e-4)
    assert ten.quantities is not None
    assert ten.quantities.rms == pytest.approx(np.sqrt((230.0**2 + 200.0**2) / 2.0), rel=2e-4)
    assert ten.flags is EventKind.DIP
    assert len(intervals.short) in (202, 203)  # of 150 cycles, 3 s
    short = intervals.short[150]
    assert short.quantities is not None
    assert short.quantities.rms == pytest.approx(200.0, rel=1e-4)
    assert (short.end_ns - short.start_ns) / 1e9 == pytest.approx(3.0, abs=1e-4)


def test_two_hours_are_twelve_times_ten_minutes_and_a_silent_hour_is_not_covered() -> None:
    samples = of_voltages(three_phases(instants(1600.0, 1.0)), 1600.0)
    window = measured(samples)[1].windows[0]
    length = 200_000_000
    kept = [
        replace(window, start_ns=MIDNIGHT_NS + k * length, end_ns=MIDNIGHT_NS + (k + 1) * length)
        for k in (*range(15000), *range(15000, 18000, 3), *range(36000, 36001))
    ]
    _, found = advance_aggregation(AggregationState(), kept)
    assert [i.covered for i in found.ten_minutes] == pytest.approx([1.0] * 5 + [1.0 / 3.0])
    (two,) = found.two_hours
    assert two.start_ns == MIDNIGHT_NS
    assert two.covered == pytest.approx((5.0 + 1.0 / 3.0) / 12.0)
    assert two.windows == 16000


def test_at_60_hz_a_window_has_twelve_cycles_and_its_groups_other_edges() -> None:
    """IEC 61000-4-7: lines stay 5 Hz apart; interharmonics have nine of them between two orders."""
    parts = [(5.0, 6.0, 0.2), (7.5, 2.0, 0.0), (8.0 + 10.0 / 12.0, 1.0, 0.0)]
    samples = of_voltages(three_phases(instants(14400.0, 1.5), 60.02, (120.0,) * 3, parts), 14400.0)
    windows = measured(samples, Declared(voltage_v=120.0, nominal_hz=60))[1].windows
    assert len(windows) >= 5
    for window in windows:
        assert (window.end_ns - window.start_ns) / 1e9 == pytest.approx(12 / 60.02, rel=1e-4)
        assert window.quantities is not None
        assert window.quantities.harmonics[:, 5] == pytest.approx(6.0, rel=0.01)
        assert window.quantities.interharmonics[:, 7] == pytest.approx(2.0, rel=0.01)
        assert window.quantities.interharmonics[:, 8] == pytest.approx(1.0, rel=0.02)


def test_an_interval_of_ten_seconds_nobody_saw_is_not_given_out() -> None:
    state, found = advance_frequency(
        FrequencyState(), [10**9, 2 * 10**9], [True, True], [True, True]
    )
    assert found == ()
    _, found = advance_frequency(state, [10**15], [True], [True])
    assert [f.hz for f in found] == [None]
