"""Q(U) and P(U) at the corners that the standard states, and what a set point over a bus does."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.voltage import VoltageControl, check_voltage
from ortsnetz_grid.functions.voltage.characteristics import (
    P_OF_U,
    TIME_CONSTANT_S,
    VDE_Q_OF_U,
    lagged,
    reactive_var,
    share_at,
)

MOST_VAR = 10_000 * math.sin(math.acos(0.9))  # 10 kVA at power factor 0.90


@pytest.mark.parametrize(
    ("u_pu", "share"),
    # VDE-AR-N 4105:2018-11, 5.7.2.4: dead band of 3 %, full reactive power at 7 %
    [(0.90, -1), (0.93, -1), (0.95, -0.5), (0.97, 0), (1.0, 0), (1.03, 0), (1.05, 0.5), (1.2, 1)],
)
def test_the_standard_curve_pulls_high_voltages_down_and_low_ones_up(
    u_pu: float, share: float
) -> None:
    assert reactive_var(VDE_Q_OF_U, u_pu, MOST_VAR) == pytest.approx(share * MOST_VAR, abs=1e-6)


def test_the_named_curves_are_ones_that_parameters_may_hold() -> None:
    check_voltage(VoltageControl(reactive=VDE_Q_OF_U, active=P_OF_U), "here")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (VoltageControl(reactive=tuple((u, -share) for u, share in VDE_Q_OF_U)), "reactive.*fall"),
        (VoltageControl(active=((1.08, 0.0), (1.10, 1.0))), "active.*rise"),
    ],
)
def test_a_characteristic_of_the_wrong_sign_is_refused(wrong: VoltageControl, says: str) -> None:
    with pytest.raises(InputError, match=says):
        check_voltage(wrong, "here")


def test_feed_in_is_free_below_the_limit_of_en_50160_and_ends_there() -> None:
    assert [share_at(P_OF_U, u) for u in (1.0, 1.08, 1.09, 1.10, 1.15)] == pytest.approx(
        [1, 1, 0.5, 0, 0]
    )


def test_the_rating_of_the_inverter_bounds_its_reactive_power_too() -> None:
    assert reactive_var(VDE_Q_OF_U, 1.2, 6000.0, apparent_va=5000.0) == 5000.0


@pytest.mark.parametrize("u_pu", [math.nan, math.inf])
def test_a_missing_voltage_has_no_answer(u_pu: float) -> None:
    with pytest.raises(ValueError, match="no number"):
        share_at(VDE_Q_OF_U, u_pu)


@given(st.floats(0.5, 1.5), st.floats(0.0, 0.2))
def test_a_higher_voltage_never_asks_for_less_inductive_power(u_pu: float, more: float) -> None:
    assert share_at(VDE_Q_OF_U, u_pu) <= share_at(VDE_Q_OF_U, u_pu + more)
    assert share_at(P_OF_U, u_pu) >= share_at(P_OF_U, u_pu + more)


@pytest.mark.parametrize("gain", [1.0, 2.0, 3.0])
def test_a_set_point_over_a_slow_bus_settles(gain: float) -> None:
    """Loop of Q(U) over a bus: acted on 4 s late, up to three times as strong as needed."""
    asked = [0.0] * 5
    for _ in range(300):
        u = 1.0 - gain * asked[-4]  # 1 without reactive power
        asked.append(lagged(asked[-1], u, 1.0, TIME_CONSTANT_S))
    settled = 1 / (1 + gain)
    assert asked[-30:] == pytest.approx([settled] * 30, rel=0.02)


def test_the_lag_has_done_63_per_cent_after_its_time_constant() -> None:
    assert lagged(0.0, 1.0, 10.0, 10.0) == pytest.approx(1 - 1 / math.e)
    assert lagged(0.0, 1.0, 0.0, 10.0) == 0.0
    assert lagged(0.3, 1.0, 1.0, 0.0) == 1.0
