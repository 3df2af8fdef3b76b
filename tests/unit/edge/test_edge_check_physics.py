"""What `ortsnetz edge check` concludes from voltage, current and power holds for any load.

The truth comes from phasors: S = U conj(I), from which meters derive all that they show.
"""

from __future__ import annotations

import cmath
import math

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ortsnetz_edge.console.checking.apparent_power import SMALL_VA, Terminal, mismatch
from ortsnetz_edge.console.text_table import one_line, table
from ortsnetz_edge.console.words import number, seconds

VOLTS = st.floats(200, 260)
AMPERES = st.floats(0, 500)
ANGLES = st.floats(-math.pi, math.pi)  # consumption or feed-in, inductive or capacitive


def terminal(volts: float, amperes: float, angle: float, scale: float = 1.0) -> Terminal:
    """What a meter shows of two phasors; its power is multiplied by a scale that is wrong."""
    power = complex(volts) * cmath.rect(amperes, angle).conjugate()
    return Terminal(volts, amperes, power.real * scale, power.imag * scale)


PHASORS = st.tuples(VOLTS, AMPERES, ANGLES)


@given(st.tuples(PHASORS, PHASORS, PHASORS))
def test_a_meter_that_is_right_is_never_suspected(
    phasors: tuple[tuple[float, float, float], ...],
) -> None:
    terminals = {n: terminal(*phasor) for n, phasor in enumerate(phasors, start=1)}
    assert mismatch(terminals) is None
    blind = {n: Terminal(t.u, t.i, t.p, None) for n, t in terminals.items()}
    assert mismatch(blind) is None  # without reactive power |P| may be anything below U*I


@settings(suppress_health_check=[HealthCheck.filter_too_much])  # phases must lie apart
@given(st.tuples(PHASORS, PHASORS, PHASORS), st.sampled_from([(2, 1, 3), (3, 2, 1), (2, 3, 1)]))
def test_swapped_currents_are_always_found_where_they_differ(
    phasors: tuple[tuple[float, float, float], ...], order: tuple[int, int, int]
) -> None:
    amperes = [phasor[1] for phasor in phasors]
    gaps = [
        abs(amperes[0] - amperes[1]),
        abs(amperes[1] - amperes[2]),
        abs(amperes[0] - amperes[2]),
    ]
    assume(min(gaps) > 0.3 * max(amperes) + 1.0)
    right = {n: terminal(*phasor) for n, phasor in enumerate(phasors, start=1)}
    swapped = {
        n: Terminal(t.u, right[o].i, t.p, t.q)
        for (n, t), o in zip(right.items(), order, strict=True)
    }
    found = mismatch(swapped)
    assert found is not None
    assert set(found.terminals) == {n for n, o in zip((1, 2, 3), order, strict=True) if n != o}
    back = {o: n for n, o in zip((1, 2, 3), order, strict=True)}
    for n in found.terminals:  # the power of a terminal belongs to the current that was taken away
        assert f"power {n} with current {back[n]}" in found.advice


LOADED = st.tuples(VOLTS, st.floats(40, 100), ANGLES)
SCALES = [0.001, 0.01, 0.1, 10.0, 100.0, 1000.0]


@given(st.tuples(LOADED, LOADED, LOADED), st.sampled_from(SCALES))
def test_a_scale_that_is_wrong_is_named(
    phasors: tuple[tuple[float, float, float], ...], scale: float
) -> None:
    found = mismatch(
        {n: terminal(*phasor, scale=scale) for n, phasor in enumerate(phasors, start=1)}
    )
    assert found is not None
    assert found.advice == f"|S| is U*I times {scale:g}: a scale is wrong"


APART = [st.tuples(VOLTS, st.floats(*ends), ANGLES) for ends in ((40, 50), (75, 80), (110, 130))]


@given(st.tuples(*APART).flatmap(st.permutations), st.sampled_from(SCALES))
def test_a_swap_and_a_scale_at_once_are_both_named(
    phasors: list[tuple[float, float, float]], scale: float
) -> None:
    one, two, three = (terminal(*phasor, scale=scale) for phasor in phasors)
    found = mismatch(
        {
            1: Terminal(one.u, two.i, one.p, one.q),
            2: Terminal(two.u, one.i, two.p, two.q),
            3: three,
        }
    )
    assert found is not None
    assert "power 1 with current 2" in found.advice
    assert f"|S| is U*I times {scale:g}: a scale is wrong" in found.advice


@given(VOLTS, st.floats(0, 0.9), ANGLES)
def test_of_next_to_nothing_nothing_is_concluded(volts: float, share: float, angle: float) -> None:
    shown = terminal(volts, share * SMALL_VA / volts, angle)
    assert mismatch({1: Terminal(shown.u, 0.0, shown.p, shown.q)}) is None


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_any_number_can_be_shown(value: float) -> None:
    text = number(value)
    if math.isfinite(value) and abs(value) < 2**53:
        assert math.isclose(float(text), value, rel_tol=1e-6, abs_tol=1e-300)
    assert "\n" not in text
    if math.isfinite(value):
        assert seconds(value)


@given(st.integers(-(2**53) + 1, 2**53 - 1))
def test_whole_numbers_keep_all_their_digits(value: int) -> None:
    assert number(float(value)) == str(value)


@given(st.lists(st.tuples(st.text(), st.text(), st.text()), max_size=5))
def test_a_table_is_printable_whatever_devices_say(rows: list[tuple[str, str, str]]) -> None:
    lines = table(("one", "two", "three"), rows, right=("two",))
    assert len(lines) == 1 + len(rows)
    assert all(line.isprintable() for line in lines)
    assert one_line("\x1b[31m\r\n") == "?[31m  "
