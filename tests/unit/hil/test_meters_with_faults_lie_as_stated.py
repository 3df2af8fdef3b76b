"""A faulty meter lies exactly as its fault says; what it should show is computed from phasors."""

from __future__ import annotations

import numpy as np
import pytest

from ortsnetz_hil.faults.meters import MeterFaults
from ortsnetz_hil.faults.specs import (
    Biased,
    ClockSkew,
    Fault,
    Frozen,
    Missing,
    Noisy,
    Spikes,
    SwappedPhases,
    WrongSign,
)
from ortsnetz_hil.servers.instrument import Measured

FIRST_S, LAST_S = 10.0, 20.0
DURING = 12.4
ROTATION = np.exp(-2j * np.pi / 3.0 * np.arange(3))
CURRENT = np.array([10.0 * np.exp(-0.3j), 4.0 * np.exp(0.2j), 7.0 * np.exp(-0.1j)])


def _metered(voltage: np.ndarray, current: np.ndarray) -> Measured:
    power = voltage * np.conj(current)
    return Measured(np.abs(voltage), power.real, power.imag, np.abs(current))


def _true(volts: float = 230.0) -> Measured:
    """A meter with terminals at phases a, b, c and currents of their own in each."""
    return _metered(volts * ROTATION, CURRENT * ROTATION)


def _meter(*faults: Fault, phases: str = "abc") -> MeterFaults:
    return MeterFaults(faults, "meter-1", seed=7, phases=phases)


def _same(one: Measured, other: Measured) -> bool:
    return all(
        np.allclose(getattr(one, name), getattr(other, name), rtol=1e-12, atol=1e-9)
        for name in ("u", "p", "q", "i")
    )


@pytest.mark.parametrize(
    "fault",
    [
        Biased(name="f", first_s=FIRST_S, last_s=LAST_S, device="meter-1", u=0.1, power=0.2),
        Noisy(name="f", first_s=FIRST_S, last_s=LAST_S, device="meter-1", u=0.1, power=0.2),
        WrongSign(name="f", first_s=FIRST_S, last_s=LAST_S, device="meter-1"),
        SwappedPhases(name="f", first_s=FIRST_S, last_s=LAST_S, device="meter-1"),
        Spikes(
            name="f", first_s=FIRST_S, last_s=LAST_S, device="meter-1", factor=3.0, probability=1.0
        ),
    ],
)
def test_a_fault_lies_while_it_holds_and_never_else(fault: Fault) -> None:
    meter = _meter(fault)
    assert _same(meter.show(_true(), FIRST_S - 0.2), _true())
    assert not _same(meter.show(_true(), FIRST_S), _true())
    assert not _same(meter.show(_true(), LAST_S - 0.2), _true())
    assert _same(meter.show(_true(), LAST_S), _true())


def test_faults_of_another_meter_are_not_its_own() -> None:
    other = WrongSign(name="f", first_s=FIRST_S, last_s=LAST_S, device="meter-2")
    assert _same(_meter(other).show(_true(), DURING), _true())


def test_a_frozen_meter_shows_the_last_values_before_the_fault() -> None:
    meter = _meter(Frozen(name="f", first_s=FIRST_S, last_s=LAST_S, device="meter-1"))
    meter.show(_true(228.0), FIRST_S - 0.4)
    meter.show(_true(229.0), FIRST_S - 0.2)
    assert _same(meter.show(_true(231.0), FIRST_S), _true(229.0))
    assert _same(meter.show(_true(232.0), DURING), _true(229.0))
    assert _same(meter.show(_true(233.0), LAST_S), _true(233.0))


@pytest.mark.parametrize(("clock", "shown_ns"), [(True, 5_000), (False, 3_000)])
def test_the_clock_of_a_frozen_meter_goes_on_or_stands_with_its_values(
    clock: bool, shown_ns: int
) -> None:
    fault = Frozen(name="f", first_s=FIRST_S, last_s=LAST_S, device="meter-1", clock=clock)
    meter = _meter(fault)
    assert meter.stamp_ns(3_000, FIRST_S - 0.2) == 3_000
    assert meter.stamp_ns(5_000, DURING) == shown_ns
    assert meter.stamp_ns(9_000, LAST_S) == 9_000


def test_a_bias_is_a_share_of_the_reading_and_the_current_fits_it() -> None:
    fault = Biased(name="f", first_s=FIRST_S, last_s=LAST_S, device="meter-1", u=0.05, power=-0.1)
    shown, true = _meter(fault).show(_true(), DURING), _true()
    assert shown.u == pytest.approx(true.u * 1.05)
    assert shown.p == pytest.approx(true.p * 0.9)
    assert shown.q == pytest.approx(true.q * 0.9)
    assert shown.i == pytest.approx(true.i * 0.9 / 1.05)


def test_additional_noise_has_the_stated_standard_deviation() -> None:
    fault = Noisy(name="f", first_s=0.0, last_s=1e9, device="meter-1", u=0.01, power=0.05)
    meter = _meter(fault)
    shown = [meter.show(_true(), 0.2 * step) for step in range(3000)]
    volts = np.array([m.u for m in shown]) / _true().u - 1.0
    watts = np.array([m.p for m in shown]) / _true().p - 1.0
    assert volts.std() == pytest.approx(0.01, rel=0.05)
    assert watts.std() == pytest.approx(0.05, rel=0.05)
    assert abs(watts.mean()) < 0.002


def test_a_turned_transformer_changes_the_sign_of_powers_and_of_nothing_else() -> None:
    fault = WrongSign(name="f", first_s=FIRST_S, last_s=LAST_S, device="meter-1")
    shown = _meter(fault).show(_true(), DURING)
    assert _same(shown, Measured(_true().u, -_true().p, -_true().q, _true().i))


def test_swapped_terminals_swap_all_readings() -> None:
    fault = SwappedPhases(
        name="f", first_s=FIRST_S, last_s=LAST_S, device="meter-1", terminals=(1, 3)
    )
    order = [2, 1, 0]
    swapped = _metered((230.0 * ROTATION)[order], (CURRENT * ROTATION)[order])
    assert _same(_meter(fault).show(_true(), DURING), swapped)


@pytest.mark.parametrize("phases", ["abc", "bca", "cab"])
@pytest.mark.parametrize("terminals", [(1, 2), (2, 3), (1, 3)])
def test_swapped_current_transformers_multiply_a_voltage_with_the_others_current(
    phases: str, terminals: tuple[int, int]
) -> None:
    at = ["abc".index(letter) for letter in phases]
    voltage = np.array([231.0, 228.0, 225.0])[at] * ROTATION[at]
    current = (CURRENT * ROTATION)[at]
    order = [0, 1, 2]
    first, second = terminals[0] - 1, terminals[1] - 1
    order[first], order[second] = second, first
    fault = SwappedPhases(
        name="f",
        first_s=FIRST_S,
        last_s=LAST_S,
        device="meter-1",
        terminals=terminals,
        currents_only=True,
    )
    shown = _meter(fault, phases=phases).show(_metered(voltage, current), DURING)
    assert _same(shown, _metered(voltage, current[order]))


def test_two_swapped_current_transformers_make_a_balanced_load_add_up_to_nothing() -> None:
    # the textbook sign of crossed current transformers: P, P, P becomes -P/2, -P/2, P at cos phi 1
    fault = SwappedPhases(
        name="f", first_s=FIRST_S, last_s=LAST_S, device="meter-1", currents_only=True
    )
    balanced = _metered(230.0 * ROTATION, 10.0 * ROTATION)
    shown = _meter(fault).show(balanced, DURING)
    assert shown.p == pytest.approx([-1150.0, -1150.0, 2300.0])
    assert shown.p.sum() == pytest.approx(0.0, abs=1e-9)


def test_spikes_come_in_the_stated_share_of_steps_one_reading_at_a_time() -> None:
    fault = Spikes(name="f", first_s=0.0, last_s=1e9, device="meter-1", factor=5.0, probability=0.2)
    meter, true = _meter(fault), _true()
    spiked = 0
    touched = set()
    for step in range(2000):
        shown = meter.show(true, 0.2 * step)
        ratios = np.array([getattr(shown, k) / getattr(true, k) for k in ("u", "p", "q", "i")])
        changed = np.argwhere(np.abs(ratios - 1.0) > 1e-9)
        assert len(changed) in {0, 1}
        for row, terminal in changed:
            spiked += 1
            touched.add((int(row), int(terminal)))
            assert ratios[row, terminal] == pytest.approx(5.0)
    # binomial with 2000 draws of 0.2: standard deviation 18
    assert 400 - 4 * 18 < spiked < 400 + 4 * 18
    assert len(touched) == 12


def test_a_clock_is_off_and_drifts_from_the_beginning_of_its_fault() -> None:
    fault = ClockSkew(
        name="f",
        first_s=FIRST_S,
        last_s=LAST_S,
        device="meter-1",
        offset_s=-2.0,
        drift_s_per_s=0.5,
    )
    meter = _meter(fault)
    assert meter.stamp_ns(10**12, FIRST_S - 0.2) == 10**12
    assert meter.stamp_ns(10**12, FIRST_S) == 10**12 - 2_000_000_000
    assert meter.stamp_ns(10**12, FIRST_S + 6.0) == 10**12 + 1_000_000_000
    assert meter.stamp_ns(10**12, LAST_S) == 10**12


def test_a_missing_meter_answers_before_and_after_but_not_during_its_fault() -> None:
    meter = _meter(Missing(name="f", first_s=FIRST_S, last_s=LAST_S, device="meter-1"))
    answers = [meter.answers(t) for t in (9.8, 10.0, 19.8, 20.0)]
    assert answers == [True, False, False, True]


def test_what_a_meter_shows_in_a_step_does_not_depend_on_how_often_anybody_reads() -> None:
    faults = (
        Noisy(name="n", first_s=0.0, last_s=99.0, device="meter-1", u=0.01, power=0.05),
        Spikes(name="s", first_s=0.0, last_s=99.0, device="meter-1", factor=9.0, probability=0.5),
    )
    eager, lazy = _meter(*faults), _meter(*faults)
    often = [eager.show(_true(), 0.2 * step) for step in range(100) for _ in range(3)]
    once = [lazy.show(_true(), 0.2 * step) for step in (70, 3)]
    assert _same(often[3 * 70], once[0])
    assert _same(often[3 * 70 + 2], once[0])
    assert _same(often[3 * 3], once[1])
    assert not _same(once[0], once[1])


def test_a_value_passes_transducers_before_the_image_freezes_whatever_the_files_order() -> None:
    frozen = Frozen(name="z", first_s=FIRST_S, last_s=LAST_S, device="meter-1")
    biased = Biased(name="b", first_s=0.0, last_s=99.0, device="meter-1", power=0.5)
    one, other = _meter(frozen, biased), _meter(biased, frozen)
    for meter in (one, other):
        meter.show(_true(229.0), FIRST_S - 0.2)
    shown = one.show(_true(231.0), DURING)
    assert _same(shown, other.show(_true(231.0), DURING))
    assert shown.p == pytest.approx(1.5 * _true(229.0).p)
