"""Devices that take their limit in watts: no voltage, no rating stands between."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ortsnetz_common.parameters.station import Connection, Device, DeviceKind
from ortsnetz_edge.control.amounts import Amounts
from ortsnetz_edge.drivers.contract import LimitResolution, LimitUnit

DEVICE = Device(
    name="hp-1",
    kind=DeviceKind.HEAT_PUMP,
    profile="heat-pump",
    connection=Connection("modbus-tcp"),
    element=5,
    phase_count=3,
    phases="abc",
    rated_w=9000.0,
    floor_w=4200.0,
    floor_rule="14a EnWG",
    reaction_s=5.0,
    fallback_w=4200.0,
    u_sigma=0.002,
    p_sigma=50.0,
)
TEN_WATTS = LimitResolution(LimitUnit.WATT, 10.0)


def test_watts_are_watts() -> None:
    amounts = Amounts.of(DEVICE, TEN_WATTS)
    assert (amounts.floor, amounts.top) == (4200.0, 9000.0)
    assert amounts.amount(6543.0, None, None) == 6540.0
    assert amounts.watts(6540.0, None) == 6540.0


def test_a_limit_never_falls_below_the_floor_nor_rises_above_the_rating() -> None:
    amounts = Amounts.of(DEVICE, TEN_WATTS)
    assert amounts.amount(100.0, None, None) == 4200.0
    assert amounts.amount(20_000.0, None, None) == 9000.0


def test_a_few_watts_are_no_reason_to_write_again_and_again() -> None:
    amounts = Amounts.of(DEVICE, TEN_WATTS)  # a hundredth of the rating is 90 W
    assert amounts.amount(6620.0, None, 6540.0) == 6540.0
    assert amounts.amount(6630.0, None, 6540.0) == 6630.0
    assert amounts.amount(6530.0, None, 6540.0) == 6480.0  # lowered at once, and a little deeper
    assert amounts.amount(4220.0, None, 4300.0) == 4200.0  # the floor is the floor


@given(st.floats(0.0, 9000.0), st.sampled_from([1.0, 10.0, 100.0]))
def test_a_limit_in_watts_is_kept_to_the_step(limit_w: float, step: float) -> None:
    amounts = Amounts.of(DEVICE, LimitResolution(LimitUnit.WATT, step))
    amount = amounts.amount(limit_w, None, None)
    assert amount == pytest.approx(round(amount / step) * step)
    assert amount <= max(limit_w, amounts.floor) + 1e-3 * step
