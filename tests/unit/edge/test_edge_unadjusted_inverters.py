"""An inverter that ignores its reactive power is held back in active power instead."""

from __future__ import annotations

from one_cabinet import WIRE, setup

from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.parameter_set import Limits
from ortsnetz_common.parameters.station import (
    Device,
    DeviceKind,
    PseudoMeasurement,
)
from ortsnetz_edge.hosting import congestion, state_estimation
from ortsnetz_edge.hosting.calls import (
    EstimationCall,
    LimitingCall,
    LimitingResult,
    encode,
    estimation_result,
    limiting_result,
)

FED_IN_W = 21_000.0
PV = Device(
    name="pv",
    kind=DeviceKind.PV,
    profile="pv-inverter",
    connection=WIRE,
    element=50,
    phase_count=3,
    phases="abc",
    rated_w=22_000.0,
    floor_w=0.0,
    floor_rule="none",
    reaction_s=2.0,
    fallback_w=0.0,
    u_sigma=0.002,
    p_sigma=20.0,
    reactive_var=9_000.0,
)
SETUP = setup(PV, PseudoMeasurement(40, (0.0,) * 24, (100.0,) * 24), Limits(u_pu=(0.9, 1.04)))
NOON = {
    "trafo": Reading((238.0,) * 3, (FED_IN_W / 3 - 100.0,) * 3, (0.0,) * 3),
    "pv": Reading((240.5,) * 3, (-FED_IN_W / 3,) * 3, (0.0,) * 3, PV.rated_w, FED_IN_W),
}


def decided(unadjusted: tuple[str, ...]) -> LimitingResult:
    estimation, limiting = state_estimation.build(SETUP), congestion.build(SETUP)
    state = estimation_result(estimation.call(encode(EstimationCall(12.0, NOON))))
    call = LimitingCall(state.state, NOON, unadjusted=unadjusted)
    return limiting_result(limiting.call(encode(call)))


def test_reactive_power_keeps_the_voltage_and_nobody_is_held_back() -> None:
    result = decided(())
    assert (result.verified, result.limits) == (True, ())
    assert result.reactive["pv"] > 0


def test_where_it_is_not_taken_feed_in_is_limited() -> None:
    result = decided(("pv",))
    assert result.verified
    assert result.reactive == {}
    (limit,) = result.limits
    assert 0 < limit.limit_w < FED_IN_W
