"""Flicker against the tables of IEC 61000-4-15."""

from __future__ import annotations

import numpy as np
import pytest
from studies.waveforms import instants, published

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.power_quality.flicker import (
    SETTLING_S,
    FlickerState,
    advance_flicker,
    after_loss,
    counted_s,
    long_term,
    next_interval,
    short_term,
)

TABLES = published("flicker")
RATE = 1600.0


def _rectangular(changes: float, percent: float, duration_s: float) -> np.ndarray:
    t = instants(RATE, duration_s)
    up = np.floor(t * changes / 60.0) % 2.0
    return np.sqrt(2.0) * 230.0 * np.sin(2 * np.pi * 50.0 * t) * (1 + percent / 100 * (up - 0.5))


@pytest.mark.parametrize("row", TABLES["pst_is_one"], ids=lambda r: str(r["changes_per_minute"]))
def test_rectangular_changes_of_the_table_have_a_pst_of_one(row: dict[str, float]) -> None:
    values = _rectangular(row["changes_per_minute"], row["percent"], SETTLING_S + 600.0)
    state, _ = advance_flicker(FlickerState(), values, RATE)
    assert counted_s(state, RATE) == pytest.approx(600.0)
    assert short_term(state) == pytest.approx(1.0, abs=TABLES["pst_held_here"])


def test_pst_is_proportional_to_the_change() -> None:
    """IEC 61000-4-15, 6.5: the classifier is linear over its range."""
    one = _rectangular(110, 0.722, 120.0)
    for factor in (0.2, 4.0):
        more = _rectangular(110, factor * 0.722, 120.0)
        states = [advance_flicker(FlickerState(), v, RATE)[0] for v in (one, more)]
        base, scaled = (short_term(s) for s in states)
        assert base is not None
        assert scaled == pytest.approx(factor * base, rel=0.01)


@pytest.mark.parametrize("row", TABLES["pinst_is_one"], ids=lambda r: str(r["hz"]))
def test_sinusoidal_modulation_of_the_table_peaks_at_one(row: dict[str, float]) -> None:
    t = instants(RATE, 30.0)
    wave = 1.0 + row["percent"] / 200.0 * np.sin(2 * np.pi * row["hz"] * t)
    values = np.sqrt(2.0) * 230.0 * np.sin(2 * np.pi * 50.0 * t) * wave
    _, sensation = advance_flicker(FlickerState(), values, RATE)
    assert sensation[round(20.0 * RATE) :].max() == pytest.approx(
        1.0, abs=TABLES["pinst_held_here"]
    )


@pytest.mark.parametrize("row", TABLES["pinst_is_one_rectangular"], ids=lambda r: str(r["hz"]))
def test_rectangular_modulation_of_the_table_peaks_at_one(row: dict[str, float]) -> None:
    """Two changes a cycle of the modulation."""
    values = _rectangular(120.0 * row["hz"], row["percent"], 30.0)
    _, sensation = advance_flicker(FlickerState(), values, RATE)
    peak = sensation[round(20.0 * RATE) :].max()
    assert peak == pytest.approx(1.0, abs=TABLES["pinst_held_here"])


def test_blocks_give_what_the_whole_gives() -> None:
    values = _rectangular(39, 0.894, 90.0)
    whole, sensation = advance_flicker(FlickerState(), values, RATE)
    state, pieces = FlickerState(), []
    for first in range(0, len(values), 333):
        state, piece = advance_flicker(state, values[first : first + 333], RATE)
        pieces.append(piece)
    assert np.concatenate(pieces) == pytest.approx(sensation, rel=1e-9, abs=1e-12)
    assert short_term(state) == pytest.approx(short_term(whole) or np.nan)


def test_what_was_not_counted_has_no_pst() -> None:
    state, _ = advance_flicker(FlickerState(), _rectangular(39, 0.894, 30.0), RATE)
    assert short_term(state) is None  # the filters have not settled
    state, _ = advance_flicker(state, _rectangular(39, 0.894, 60.0), RATE)
    assert counted_s(state, RATE) == pytest.approx(30.0)
    assert counted_s(next_interval(state), RATE) == 0.0
    again, _ = advance_flicker(after_loss(state), _rectangular(39, 0.894, 30.0), RATE)
    assert counted_s(again, RATE) == pytest.approx(30.0)


def test_plt_is_the_cubic_mean_of_twelve_and_none_without_one_of_them() -> None:
    assert long_term([1.0] * 11 + [2.0]) == pytest.approx((19.0 / 12.0) ** (1.0 / 3.0))
    assert long_term([1.0] * 11) is None
    assert long_term([1.0] * 11 + [None]) is None


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(InputError, match="800 samples/s"):
        advance_flicker(FlickerState(), np.zeros(100), 800.0)
