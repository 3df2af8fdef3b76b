"""An inverter that ignores its reactive power is held back in active power instead."""

from __future__ import annotations

import json
from typing import Any

from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.parameter_set import SCHEMA, Limits, ParameterSet
from ortsnetz_common.parameters.station import (
    Connection,
    Device,
    DeviceKind,
    Meter,
    MeterRole,
    PseudoMeasurement,
    Side,
    SourcePseudo,
    Station,
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
from ortsnetz_edge.hosting.protocol import Setup

FED_IN_W = 21_000.0
WIRE = Connection("modbus-tcp", "127.0.0.1", 1)
NETWORK: dict[str, Any] = {
    "version": "1.0",
    "type": "input",
    "is_batch": False,
    "attributes": {},
    "data": {
        "node": [
            {"id": 1, "u_rated": 20e3},
            {"id": 2, "u_rated": 400.0},
            {"id": 3, "u_rated": 400.0},
        ],
        "line": [
            {
                "id": 10,
                "name": "L3",
                "from_node": 2,
                "to_node": 3,
                "from_status": 1,
                "to_status": 1,
                "r1": 0.02,
                "x1": 0.008,
                "c1": 1e-8,
                "tan1": 0.0,
                "r0": 0.08,
                "x0": 0.03,
                "c0": 1e-8,
                "tan0": 0.0,
                "i_n": 150.0,
            }
        ],
        "transformer": [
            {
                "id": 20,
                "name": "T1",
                "from_node": 1,
                "to_node": 2,
                "from_status": 1,
                "to_status": 1,
                "u1": 20e3,
                "u2": 400.0,
                "sn": 30e3,
                "uk": 0.04,
                "pk": 600.0,
                "i0": 0.003,
                "p0": 80.0,
                "winding_from": 2,
                "winding_to": 1,
                "clock": 5,
                "tap_side": 0,
                "tap_pos": 0,
                "tap_min": -2,
                "tap_max": 2,
                "tap_size": 500.0,
            }
        ],
        "source": [{"id": 30, "node": 1, "status": 1, "u_ref": 1.0, "sk": 50e6}],
        "asym_load": [
            {
                "id": element,
                "node": 3,
                "status": 1,
                "type": 0,
                "p_specified": [0.0] * 3,
                "q_specified": [0.0] * 3,
            }
            for element in (40, 50)
        ],
    },
}
TRAFO = Meter(
    "trafo", MeterRole.TRANSFORMER, "x", WIRE, 20, "abc", 0.002, 50.0, side=Side.TO, guards=True
)
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
SETUP = Setup(
    json.dumps(NETWORK),
    ParameterSet(
        SCHEMA,
        "ons-1",
        1,
        "0" * 64,
        Station(
            (TRAFO,),
            (PV,),
            (PseudoMeasurement(40, (0.0,) * 24, (100.0,) * 24),),
            SourcePseudo(1, 1.0, 0.01),
        ),
        limits=Limits(u_pu=(0.9, 1.04)),
    ),
)
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
