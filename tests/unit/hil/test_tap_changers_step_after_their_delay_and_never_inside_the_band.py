"""Tap changers: dead band, delay, duration, end stops, operations a day."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from power_grid_model import (
    BranchSide,
    ComponentType,
    DatasetType,
    LoadGenType,
    PowerGridModel,
    WindingType,
    initialize_array,
)

from ortsnetz_common.errors import InputError
from ortsnetz_hil.plant.devices.specs import TapChanger
from ortsnetz_hil.plant.devices.tap_changer import TapChangerModel

STEP_S = 0.5
TAP = 0.025


def _controller(position: int = 0, **changes: float) -> TapChangerModel:
    spec = TapChanger(
        name="oltc",
        element=1,
        port=1,
        setpoint_pu=1.0,
        band_pu=0.02,
        delay_s=changes.get("delay_s", 10.0),
        step_s=changes.get("step_s", 3.0),
        steps_a_day=int(changes.get("steps_a_day", 50)),
    )
    return TapChangerModel(spec, tap_min=-4, tap_max=4, position=position)


def _live(
    model: TapChangerModel, u_pu: float, seconds: float, first_s: float = 0.0, day: int = 0
) -> list[tuple[float, int]]:
    """Completed steps with their times at a voltage that does not react."""
    found = []
    for i in range(round(seconds / STEP_S)):
        now_s = first_s + i * STEP_S
        step = model.advance(now_s, u_pu, day)
        if step is not None:
            found.append((now_s, step))
    return found


def test_a_step_comes_after_delay_and_duration_and_the_next_waits_again() -> None:
    assert _live(_controller(), 0.95, 28.0) == [(13.0, -1), (26.5, -1)]


def test_a_low_busbar_is_raised_by_a_lower_position_and_a_high_one_lowered_by_a_higher() -> None:
    low, high = _controller(), _controller()
    _live(low, 0.95, 14.0)
    _live(high, 1.05, 14.0)
    assert (low.position, high.position) == (-1, 1)


def _busbar_pu(tap_pos: int) -> float:
    """What power-grid-model says about the busbar of a transformer at a tap position."""
    node = initialize_array(DatasetType.input, ComponentType.node, 2)
    node["id"], node["u_rated"] = [1, 2], [20e3, 400.0]
    source = initialize_array(DatasetType.input, ComponentType.source, 1)
    source["id"], source["node"], source["status"], source["u_ref"] = 3, 1, 1, 1.0
    load = initialize_array(DatasetType.input, ComponentType.sym_load, 1)
    load["id"], load["node"], load["status"] = 4, 2, 1
    load["type"] = LoadGenType.const_power
    load["p_specified"], load["q_specified"] = 100e3, 20e3
    unit = initialize_array(DatasetType.input, ComponentType.transformer, 1)
    unit["id"], unit["from_node"], unit["to_node"] = 5, 1, 2
    unit["from_status"], unit["to_status"] = 1, 1
    unit["u1"], unit["u2"], unit["sn"] = 20e3, 400.0, 400e3
    unit["uk"], unit["pk"], unit["i0"], unit["p0"] = 0.04, 4e3, 0.01, 500.0
    unit["winding_from"], unit["winding_to"] = WindingType.delta, WindingType.wye_n
    unit["clock"], unit["tap_side"] = 5, BranchSide.from_side
    unit["tap_min"], unit["tap_max"], unit["tap_nom"] = -4, 4, 0
    unit["tap_size"], unit["tap_pos"] = TAP * 20e3, tap_pos
    grid = {"node": node, "source": source, "sym_load": load, "transformer": unit}
    result = PowerGridModel(grid).calculate_power_flow()
    return float(result["node"]["u_pu"][1])


@pytest.mark.parametrize("position", [-4, 4])
def test_with_a_real_transformer_behind_it_the_busbar_ends_inside_the_band(position: int) -> None:
    model = _controller(position)
    assert abs(_busbar_pu(position) - 1.0) > 0.05
    busbar = _busbar_pu(model.position)
    for i in range(600):
        if model.advance(i * STEP_S, busbar):
            busbar = _busbar_pu(model.position)
    assert abs(busbar - 1.0) <= 0.02
    assert model.operations <= 5


@given(voltages=st.lists(st.floats(0.98, 1.02), max_size=200))
def test_inside_the_band_it_never_moves(voltages: list[float]) -> None:
    model = _controller(delay_s=0.0, step_s=0.0)
    inside = [u for u in voltages if abs(u - 1.0) <= 0.02]
    assert [model.advance(i * STEP_S, u) for i, u in enumerate(inside)] == [None] * len(inside)
    assert model.operations == 0


def test_a_voltage_that_returns_before_the_delay_is_over_moves_nothing() -> None:
    model = _controller()
    for i in range(20):
        assert not _live(model, 0.95, 9.5, first_s=20.0 * i)
        assert not _live(model, 1.0, 1.0, first_s=20.0 * i + 10.0)


def test_swinging_through_the_band_starts_the_delay_again() -> None:
    model = _controller()
    for i in range(10):
        assert not _live(model, (0.95, 1.05)[i % 2], 9.0, first_s=9.0 * i)


def test_a_step_that_has_begun_is_completed_although_the_voltage_came_back() -> None:
    model = _controller()
    _live(model, 0.95, 11.0)
    assert model.moving
    assert _live(model, 1.0, 10.0, first_s=11.0) == [(13.0, -1)]


def test_it_stops_at_the_end_of_its_range() -> None:
    model = _controller(position=-3)
    assert len(_live(model, 0.9, 200.0)) == 1
    assert model.position == -4
    assert not model.blocked


def test_after_its_operations_of_a_day_it_stays_until_the_next() -> None:
    model = _controller(steps_a_day=2)
    assert len(_live(model, 0.9, 200.0)) == 2
    assert model.blocked
    assert len(_live(model, 0.9, 20.0, first_s=200.0, day=1)) == 1
    assert (model.operations, model.operations_today) == (3, 1)


@pytest.mark.parametrize("u_pu", [math.nan, 0.0, 0.5])
def test_a_dead_or_collapsed_busbar_blocks_it(u_pu: float) -> None:
    model = _controller()
    assert not _live(model, u_pu, 100.0)
    assert model.blocked
    # and the time of the disturbance does not count as delay
    assert _live(model, 0.95, 14.0, first_s=100.0) == [(113.0, -1)]


@given(
    start=st.integers(-4, 4),
    source=st.lists(st.floats(0.85, 1.15), min_size=1, max_size=6),
    step_s=st.sampled_from([0.1, 0.5, 1.0, 5.0]),
)
def test_it_never_hunts_while_a_tap_fits_into_the_band(
    start: int, source: list[float], step_s: float
) -> None:
    """After each change of the source all steps go the same way and then end."""
    model, now_s = _controller(start), 0.0
    for source_pu in source:
        steps = []
        for _ in range(math.ceil(200.0 / step_s)):
            now_s += step_s
            step = model.advance(now_s, source_pu / (1.0 + TAP * model.position))
            assert -4 <= model.position <= 4
            if step is not None:
                steps.append(step)
        # a step under way when the source changed may have gone the other way
        assert len(set(steps[1:])) <= 1
        busbar = source_pu / (1.0 + TAP * model.position)
        assert abs(busbar - 1.0) <= 0.02 or abs(model.position) == 4
        assert np.isfinite(busbar)


def test_a_position_outside_the_range_is_refused() -> None:
    with pytest.raises(InputError, match="outside -4 to 4"):
        _controller(position=5)
