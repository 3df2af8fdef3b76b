"""Without limits the evening and the noon are violated; floors and uniform scaling can help."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ortsnetz_hil.plant import configuration as files
from ortsnetz_hil.verdict.policies import Floors, Uniform, Unlimited
from ortsnetz_hil.verdict.replay import rows
from ortsnetz_hil.verdict.run_truth import judge
from ortsnetz_hil.verdict.truth import Row

NOON_ENDS_S = 50.0  # 16:00 at 360 times real time
REACTION_AND_THREE_CYCLES_S = 8.0


@pytest.fixture(scope="module")
def plant_directory(prepared_run: Path) -> Path:
    return prepared_run / "plant"


@pytest.fixture(scope="module")
def unlimited(plant_directory: Path) -> list[Row]:
    return rows(plant_directory, Unlimited())


@pytest.fixture(scope="module")
def uniform(plant_directory: Path) -> list[Row]:
    return rows(plant_directory, Uniform())


def test_without_limits_the_transformer_is_overloaded_in_the_evening(unlimited: list[Row]) -> None:
    assert max(row.transformer_loading for row in unlimited if row.time_s > NOON_ENDS_S) > 1.05


def test_without_limits_the_voltage_is_too_high_at_noon(unlimited: list[Row]) -> None:
    assert max(row.u_max for row in unlimited if 0 <= row.time_s < NOON_ENDS_S) > 1.05


def test_with_everybody_on_the_floor_nothing_is_violated(plant_directory: Path) -> None:
    verdict = judge("floors", files.read(plant_directory), rows(plant_directory, Floors()))
    assert verdict.seconds_outside == 0.0


def test_uniform_scaling_brings_everything_back_in_time(
    plant_directory: Path, uniform: list[Row], unlimited: list[Row]
) -> None:
    configuration = files.read(plant_directory)
    verdict = judge("uniform", configuration, uniform)
    without = judge("none", configuration, unlimited)
    assert verdict.longest_excursion_s <= REACTION_AND_THREE_CYCLES_S
    assert verdict.seconds_outside < without.seconds_outside
    assert verdict.transformer_loading.value < without.transformer_loading.value
    assert verdict.share is not None
    assert without.share is not None
    assert 0.5 < verdict.share < without.share


def test_power_is_balanced_in_every_step(unlimited: list[Row]) -> None:
    for row in unlimited:
        consumed = row.load_w + row.ev_w + row.generation_w + row.pv_w
        assert row.source_w == pytest.approx(consumed + row.losses_w, abs=1.0)
        # copper losses and 880 W of iron losses: positive, and a small part of what flows
        assert 500.0 < row.losses_w < 25_000.0
        assert row.device_w.sum() == pytest.approx(row.ev_w + row.pv_w, abs=1e-6)


def test_the_same_seed_gives_the_same_truth_to_the_last_bit(
    plant_directory: Path, uniform: list[Row]
) -> None:
    again = rows(plant_directory, Uniform())
    assert len(again) == len(uniform)
    for one, other in zip(uniform, again, strict=True):
        assert one.transformer_loading == other.transformer_loading
        assert np.array_equal(one.device_w, other.device_w)
        assert np.array_equal(one.node_u_pu, other.node_u_pu, equal_nan=True)


def test_an_unlimited_charge_point_serves_what_its_cars_asked_for(
    plant_directory: Path, unlimited: list[Row]
) -> None:
    verdict = judge("none", files.read(plant_directory), unlimited)
    for device in verdict.devices:
        if device.requested_kwh > 0:
            # voltage below nominal in the evening: a car that leaves early gets a little less
            assert 0.9 < device.served_kwh / device.requested_kwh < 1.1, device
    assert verdict.pv.share == pytest.approx(1.0)
