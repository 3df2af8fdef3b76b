"""Truth and baselines of a network in which something is dead."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec
import pytest

from ortsnetz_common.errors import InputError
from ortsnetz_hil.plant import configuration as files
from ortsnetz_hil.plant.devices.charge_point import ChargePointModel
from ortsnetz_hil.plant.devices.specs import ChargePoint
from ortsnetz_hil.plant.events import Event, FuseBlown, Switching
from ortsnetz_hil.plant.loader import load
from ortsnetz_hil.verdict.policies import ev_limit
from ortsnetz_hil.verdict.replay import policy, rows
from ortsnetz_hil.verdict.run_truth import judge


def _with(run: Path, *events: Event) -> Path:
    plant = run / "plant"
    configuration = files.read(plant)
    files.write(msgspec.structs.replace(configuration, events=events, seconds=12.0), plant)
    return plant


def _transformer(run: Path) -> int:
    return int(load(run / "plant").network.ids("transformer")[0])


def _feeder(run: Path) -> int:
    """A line behind which there are customers: the first feeder that is metered."""
    meters = files.read(run / "plant").meters
    return next(m.element for m in meters if m.profile == "meter-feeder")


def test_a_blackout_has_no_voltage_and_is_not_a_low_one(run_copy: Path) -> None:
    plant = _with(run_copy, Switching(5.0, _transformer(run_copy), closed=False))
    found = rows(plant, policy("none"))
    dark = [row for row in found if row.time_s >= 5.0]
    assert all(math.isnan(row.u_min) and math.isnan(row.u_max) for row in dark)
    assert all(row.ev_w == 0.0 and row.pv_w == 0.0 for row in dark[10:])
    lit = judge("none", files.read(plant), found)
    assert lit.u_min.value > 0.8
    assert lit.u_min.time_s < 5.0
    assert lit.seconds_outside_by.u_low == pytest.approx(7.0, abs=0.3)  # dark is not "inside"


def test_a_run_in_the_dark_is_not_judged(run_copy: Path) -> None:
    plant = _with(run_copy, Switching(-10.0, _transformer(run_copy), closed=False))
    with pytest.raises(InputError, match="no low-voltage node was alive"):
        judge("none", files.read(plant), rows(plant, policy("none")))


def test_a_blown_fuse_does_not_put_everybody_on_the_floor(run_copy: Path) -> None:
    """Uniform scaling keeps the voltages that are there; a dead phase has none."""
    plant = _with(run_copy, FuseBlown(2.0, _feeder(run_copy), "a"))
    found = [row for row in rows(plant, policy("uniform")) if row.time_s >= 4.0]
    assert all(row.u_min > 0.8 for row in found)
    rated = sum(spec.rated_w for spec in files.read(plant).inverters)
    pv_limits = [row.limit_w[-len(files.read(plant).inverters) :].sum() for row in found]
    assert min(pv_limits) > 0.1 * rated


def test_uniform_scaling_limits_no_car_while_nothing_binds() -> None:
    spec = ChargePoint("ev", 1, 1, 1, "abc", 32, 7, 1.0, ())
    assert ev_limit(ChargePointModel(spec), 1.0) == 32
