"""Reactive power in the agent's decisions: what is told has to suit what is there, and comes late.

The truth is a power flow of power-grid-model; the function is called with bytes, as a worker is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from estimated_present import estimate, solved
from limiting_feeder import Feeder

from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.parameter_set import Limits, ParameterSet
from ortsnetz_common.parameters.station import (
    Connection,
    Device,
    DeviceKind,
    SourcePseudo,
    Station,
)
from ortsnetz_edge.hosting.calls import LimitingCall, LimitingResult, encode, limiting_result
from ortsnetz_edge.hosting.congestion import Limiting
from ortsnetz_edge.hosting.state_bytes import to_bytes
from ortsnetz_grid.functions.congestion.situation import limiter_of
from ortsnetz_grid.network.loading import RatedBranches
from ortsnetz_grid.network.model import Network

HOUSE, CAR, ROOF = 1000, 2000, 2001
BUSBAR, END = 2, 5
WIRE = Connection("modbus-tcp", "localhost", 1)
CHARGER = Device(
    name="car", kind=DeviceKind.EV, profile="ev-controller", connection=WIRE, element=CAR,
    phase_count=3, phases="abc", rated_w=22e3, floor_w=4830.0, floor_rule="14a EnWG",
    reaction_s=5.0, fallback_w=4830.0, u_sigma=0.005, p_sigma=30.0,
)  # fmt: skip
INVERTER = Device(
    name="roof", kind=DeviceKind.PV, profile="pv-inverter", connection=WIRE, element=ROOF,
    phase_count=3, phases="abc", rated_w=15e3, floor_w=0.0, floor_rule="EEG", reaction_s=2.0,
    fallback_w=4500.0, u_sigma=0.005, p_sigma=30.0, reactive_var=15e3, apparent_va=21.3e3,
)  # fmt: skip


def feeder(*, transformer_va: float, u_ref: float = 1.0) -> Network:
    """A car at the busbar; a roof and a house at the end of three sections."""
    made = Feeder(sections=3, ohm=0.12, transformer_va=transformer_va, u_ref=u_ref)
    made.house(BUSBAR, (1300.0,) * 3)
    made.device(BUSBAR, (7333.0,) * 3)
    made.device(END, (-5000.0,) * 3, generator=True)
    return made.network()


def powers(car_w: float, roof_w: float, roof_var: float) -> dict[int, tuple[Any, Any]]:
    """Consumption of the devices, equal on all phases."""
    return {
        CAR: ([car_w / 3] * 3, [0.0] * 3),
        ROOF: ([-roof_w / 3] * 3, [roof_var / 3] * 3),
    }


def loading(network: Network, *at: float) -> float:
    """Largest loading with the car, the roof's active and its reactive power."""
    return float(RatedBranches.of(network).loading(solved(network, powers(*at))).max())


def decided(
    network: Network, *, car: tuple[float, float], roof: tuple[float, float, float], limits: Limits
) -> LimitingResult:
    """The function's answer; car: W now and wanted; roof: W now and available, var now."""
    station = Station((), (CHARGER, INVERTER), (), SourcePseudo(1, 1.0, 0.01))
    parameters = ParameterSet("ortsnetz.parameters/1", "ons", 1, "", station, limits)
    now = powers(car[0], roof[0], roof[2])
    readings = {
        "car": said(now[CAR], 22e3, car[1]),
        "roof": said(now[ROOF], 15e3, roof[1]),
    }
    state = estimate(network, solved(network, now))
    function = Limiting(network, parameters, limiter_of(network))
    return limiting_result(function.call(encode(LimitingCall(to_bytes(state), readings))))


def said(power: tuple[Any, Any], limit_w: float, wanted_w: float) -> Reading:
    return Reading((230.94,) * 3, tuple(power[0]), tuple(power[1]), limit_w, wanted_w)


def watts(result: LimitingResult) -> Mapping[str, float]:
    return {limit.device: limit.limit_w for limit in result.limits}


EXACT = Limits(u_pu=(0.85, 1.15), loading_margin=0.0, u_margin_pu=0.0, sigmas=0.0)


def test_reactive_power_that_overloads_now_is_not_waited_for() -> None:
    # without it the transformer would carry all; the inverter needs seconds to take it back
    network = feeder(transformer_va=28e3)
    assert loading(network, 22e3, 0.0, 0.0) < 1 < loading(network, 22e3, 0.0, 14e3)
    result = decided(network, car=(22e3, 22e3), roof=(0.0, 0.0, 14e3), limits=EXACT)
    limit_w = watts(result)["car"]
    assert CHARGER.floor_w < limit_w < 21e3
    assert loading(network, limit_w, 0.0, 14e3) < 1


def test_reactive_power_that_one_terminal_does_not_say_is_not_counted_twice() -> None:
    """It is in the estimated rest of the node then, all of it; the car is limited as much."""
    network = feeder(transformer_va=28e3)
    now = powers(22e3, 0.0, 14e3)
    state = to_bytes(estimate(network, solved(network, now)))
    station = Station((), (CHARGER, INVERTER), (), SourcePseudo(1, 1.0, 0.01))
    parameters = ParameterSet("ortsnetz.parameters/1", "ons", 1, "", station, EXACT)
    function = Limiting(network, parameters, limiter_of(network))
    allowed = []
    for said_var in ([14e3 / 3] * 3, [14e3 / 3, 14e3 / 3, None]):
        readings = {
            "car": said(now[CAR], 22e3, 22e3),
            "roof": said((now[ROOF][0], said_var), 15e3, 0.0),
        }
        call = LimitingCall(state, readings)
        allowed.append(watts(limiting_result(function.call(encode(call))))["car"])
    assert allowed[1] == pytest.approx(allowed[0], rel=0.01)


def test_where_the_present_is_kept_reactive_power_has_its_time() -> None:
    network = feeder(transformer_va=32e3)
    assert loading(network, 22e3, 0.0, 14e3) < 1
    result = decided(network, car=(22e3, 22e3), roof=(0.0, 0.0, 14e3), limits=EXACT)
    assert watts(result) == {}


@pytest.mark.parametrize("transformer_va", [26e3, 60e3])
def test_reactive_power_for_sun_to_come_does_not_overload_the_transformer_before(
    transformer_va: float,
) -> None:
    """Little sun yet, and much allowed: the more reactive power, the more of it fits."""
    network = feeder(transformer_va=transformer_va, u_ref=1.03)
    limits = Limits(u_pu=(0.85, 1.03), loading_margin=0.0, u_margin_pu=0.0, sigmas=0.0)
    result = decided(network, car=(22e3, 22e3), roof=(2e3, 15e3, 0.0), limits=limits)
    told_var = result.reactive["roof"]
    assert told_var > 5e3
    assert loading(network, watts(result).get("car", 22e3), 2e3, told_var) <= 1 + 1e-6
    roof_w = watts(result)["roof"]
    later = solved(network, powers(22e3, roof_w, told_var))
    low_voltage = network.data["node"]["u_rated"] < 1e3
    assert np.max(later["node"]["u_pu"][low_voltage]) <= 1.03 + 1e-6
    most = loading(network, 22e3, 2e3, 15e3)
    assert (told_var > 14.9e3) is (most < 1)  # all of it, where there is room for it
