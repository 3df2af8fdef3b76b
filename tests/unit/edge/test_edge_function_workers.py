"""The two functions in their real workers: readings go in, limits with reasons come out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
import pytest
from msgspec import structs
from one_cabinet import WIRE, setup

from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.station import (
    Device,
    DeviceKind,
    PseudoMeasurement,
)
from ortsnetz_edge.hosting.calls import CallError, EstimationCall, LimitingCall
from ortsnetz_edge.hosting.functions import HostedFunctions
from ortsnetz_edge.hosting.state_bytes import from_bytes, to_bytes
from ortsnetz_edge.hosting.supervisor import FunctionFailedError
from ortsnetz_grid.functions.state_estimation import RemovedSensor, StateEstimate

EV = Device(
    name="ev",
    kind=DeviceKind.EV,
    profile="ev-controller",
    connection=WIRE,
    element=50,
    phase_count=3,
    phases="abc",
    rated_w=32 * 690.0,
    floor_w=7 * 690.0,
    floor_rule="14a EnWG",
    reaction_s=5.0,
    fallback_w=7 * 690.0,
    u_sigma=0.002,
    p_sigma=20.0,
    step_a=1.0,
)
HOUSE_W = 18_000.0
SETUP = setup(EV, PseudoMeasurement(40, (HOUSE_W,) * 24, (2_000.0,) * 24))


def readings(ev_w: float) -> dict[str, Reading]:
    """A house of 18 kW and a car that draws `ev_w` and wants 22 kW, behind a 30 kVA transformer."""
    through_w = (HOUSE_W + ev_w + 200.0) / 3
    return {
        "trafo": Reading((229.0,) * 3, (-through_w,) * 3, (0.0,) * 3),
        "ev": Reading((226.5,) * 3, (ev_w / 3,) * 3, (0.0,) * 3, ev_w, 32 * 3 * 226.5),
    }


def hosted(check: Callable[[HostedFunctions], Awaitable[None]]) -> None:
    async def life() -> None:
        functions = HostedFunctions(SETUP)
        functions.start()
        try:
            assert await functions._estimation.wait_ready(40)
            assert await functions._limiting.wait_ready(40)
            await check(functions)
        finally:
            await functions.stop()

    asyncio.run(asyncio.wait_for(life(), 55))


def test_readings_become_a_state_and_the_state_becomes_limits_with_reasons() -> None:
    async def check(functions: HostedFunctions) -> None:
        now = readings(ev_w=4_830.0)
        state = await functions.estimate(EstimationCall(18.0, now), 10.0)
        volts = {node.node: node.voltage_v for node in state.nodes}
        assert volts[2] == pytest.approx((229.0,) * 3, rel=0.01)
        assert volts[1] == pytest.approx((20e3 / 3**0.5,) * 3, rel=0.03)
        loading = {branch.branch: branch for branch in state.branches}
        assert loading[20].loading == pytest.approx((HOUSE_W + 5_030) / 30e3, rel=0.05)
        assert loading[20].active_w is not None
        assert sum(loading[20].active_w) > HOUSE_W
        assert loading[10].active_w is None
        result = await functions.limit(LimitingCall(state.state, now), 10.0)
        assert (result.status, result.verified) == ("limited", True)
        (limit,) = result.limits
        assert limit.device == "ev"
        assert 7 * 3 * 226.5 - 1 <= limit.limit_w < 30e3 - HOUSE_W
        assert (limit.limit_w / (3 * 226.5)) % 1 == pytest.approx(0.0, abs=1e-3)
        assert "T1" in limit.reason
        assert "%" in limit.reason
        assert any("T1" in name for name in limit.binding)

    hosted(check)


def test_what_the_functions_cannot_answer_they_refuse_in_words() -> None:
    async def check(functions: HostedFunctions) -> None:
        with pytest.raises(FunctionFailedError, match="malformed"):
            await functions.limit(LimitingCall(b"no state", {}), 10.0)
        state = await functions.estimate(EstimationCall(18.0, readings(0.0)), 10.0)
        silent = await functions.limit(LimitingCall(state.state, {}), 10.0)
        assert silent.limits == ()
        assert silent.uncontrolled == ("ev",)

    hosted(check)


def test_a_charge_point_without_a_word_for_its_wish_is_limited_by_how_much_it_draws() -> None:
    async def check(functions: HostedFunctions) -> None:
        at_its_limit = readings(ev_w=11_000.0)
        mute = {"ev": structs.replace(at_its_limit["ev"], available_w=None)}
        now = at_its_limit | mute
        state = await functions.estimate(EstimationCall(18.0, now), 10.0)
        missing = await functions.limit(LimitingCall(state.state, now), 10.0)
        assert (missing.limits, missing.uncontrolled) == ((), ("ev",))
        result = await functions.limit(LimitingCall(state.state, now, unspoken=("ev",)), 10.0)
        (limit,) = result.limits
        assert result.uncontrolled == ()
        assert limit.limit_w < 11_500.0  # of the 22 kW that it is taken to want

    hosted(check)


def with_house(house_w: float, ev_w: float) -> dict[str, Reading]:
    through_w = (house_w + ev_w + 200.0) / 3
    return readings(ev_w) | {"trafo": Reading((229.0,) * 3, (-through_w,) * 3, (0.0,) * 3)}


def test_a_transformer_meter_that_contradicts_everything_is_doubted_by_name() -> None:
    async def check(functions: HostedFunctions) -> None:
        good = await functions.estimate(EstimationCall(18.0, readings(4_830.0)), 10.0)
        assert good.doubted_guards == ()
        wrong = with_house(-300_000.0, 4_830.0)
        state = await functions.estimate(EstimationCall(18.0, wrong), 10.0)
        assert state.doubted_guards == ("trafo",)
        silent = {"ev": readings(4_830.0)["ev"]}
        state = await functions.estimate(EstimationCall(18.0, silent), 10.0)
        assert state.doubted_guards == ("trafo",)

    hosted(check)


def test_a_transformer_overloaded_beyond_mending_puts_the_charge_point_at_its_floor() -> None:
    async def check(functions: HostedFunctions) -> None:
        now = with_house(27_000.0, 9_000.0)
        state = await functions.estimate(EstimationCall(18.0, now), 10.0)
        result = await functions.limit(LimitingCall(state.state, now), 10.0)
        assert (result.status, result.verified) == ("infeasible", False)
        assert "T1" in result.violated[0]
        (limit,) = result.limits
        assert limit.limit_w == pytest.approx(7 * 3 * 226.5, rel=0.01)

    hosted(check)


def test_a_charge_point_that_says_it_wants_nothing_and_draws_is_limited_all_the_same() -> None:
    async def check(functions: HostedFunctions) -> None:
        now = readings(ev_w=20_000.0)
        now["ev"] = structs.replace(now["ev"], available_w=0.0)
        state = await functions.estimate(EstimationCall(18.0, now), 10.0)
        result = await functions.limit(LimitingCall(state.state, now), 10.0)
        assert [limit.device for limit in result.limits] == ["ev"]

    hosted(check)


ARRAYS = "u_pu u_angle u_sigma_pu p_w q_var p_from_w q_from_var p_to_w q_to_var"


def test_a_state_survives_its_way_as_bytes() -> None:
    real = np.arange(6.0).reshape(2, 3)
    state = StateEstimate(
        node_ids=np.array([1, 2], dtype=np.int32),
        energised=np.array([True, False]),
        branch_ids=np.array([], dtype=np.int32),
        loading=np.array([]),
        loading_sigma=np.array([]),
        removed=(RemovedSensor(7, 5.5, "voltage of m"),),
        problems=("a problem",),
        **dict.fromkeys(ARRAYS.split(), real),
    )
    back = from_bytes(to_bytes(state))
    assert np.array_equal(back.u_pu, real)
    assert back.energised.dtype == np.bool_
    assert (back.removed, back.problems) == (state.removed, state.problems)
    with pytest.raises(CallError, match="malformed"):
        from_bytes(b"\x80")
