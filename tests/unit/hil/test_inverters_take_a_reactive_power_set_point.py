"""A reactive power set point takes the place of an inverter's own characteristic, Q first."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ortsnetz_hil.plant.devices.characteristics import UNITY, VDE_AR_N_4105
from ortsnetz_hil.plant.devices.inverter import InverterModel
from ortsnetz_hil.plant.devices.specs import Inverter, InverterControl
from ortsnetz_hil.plant.devices.watchdog import RefusedValueError
from ortsnetz_hil.servers.inverter_settings import REACTIVE, TOLD, InverterSettings

RATED_W = 10_000.0


def inverter(control: InverterControl = UNITY) -> tuple[InverterModel, InverterSettings]:
    model = InverterModel(Inverter("pv", 1, 1, 1, "sun", RATED_W, 2.0, control=control))
    model.write_limit(1000, 0.0)
    return model, InverterSettings(model)


def lived(model: InverterModel, seconds: int, u_pu: float = 1.0, *, fed: bool = True) -> None:
    """Live on under full sun."""
    begin = int(getattr(model, "lived_s", 0))
    for now in range(begin, begin + seconds):
        if fed:
            model.write_limit(1000, float(now))
        model.advance(float(now), 1.0, 1.0, np.full(3, u_pu * 230.0))
    model.lived_s = begin + seconds  # type: ignore[attr-defined]


def test_the_registers_count_capacitive_power_as_positive() -> None:
    model, settings = inverter()
    settings.put(REACTIVE, 0x10000 - 300, 0.0)
    settings.put(TOLD, 1, 0.0)
    lived(model, 40)
    assert model.reactive_var.sum() == pytest.approx(0.3 * RATED_W, rel=1e-3)  # inductive
    assert settings.values()[REACTIVE:] == [0x10000 - 300, 1]


def test_reactive_power_comes_first_and_active_power_gives_way() -> None:
    model, settings = inverter()
    settings.put(REACTIVE, 600, 0.0)
    settings.put(TOLD, 1, 0.0)
    lived(model, 60)
    assert model.reactive_var.sum() == pytest.approx(-0.6 * RATED_W, rel=1e-3)
    assert model.power_w == pytest.approx(0.8 * RATED_W, rel=1e-3)


def test_without_the_switch_the_inverter_follows_its_own_curve() -> None:
    model, settings = inverter(VDE_AR_N_4105)
    settings.put(REACTIVE, 0x10000 - 300, 0.0)
    lived(model, 60, u_pu=1.0)
    assert model.reactive_var.sum() == 0.0
    lived(model, 60, u_pu=1.05)
    of_u = 0.5 * math.sin(math.acos(0.9)) * RATED_W
    assert model.reactive_var.sum() == pytest.approx(of_u, rel=1e-3)


def test_with_the_switch_its_own_curve_rests_but_its_power_factor_holds() -> None:
    model, settings = inverter(VDE_AR_N_4105)
    settings.put(REACTIVE, 0, 0.0)
    settings.put(TOLD, 1, 0.0)
    lived(model, 60, u_pu=1.06)
    assert model.reactive_var.sum() == 0.0
    settings.put(REACTIVE, 0x10000 - 900, 60.0)
    lived(model, 60)
    most = model.power_w * math.tan(math.acos(0.9))
    assert model.reactive_var.sum() == pytest.approx(most, rel=1e-3)


def test_it_acts_after_the_reaction_time_and_falls_away_with_the_watchdog() -> None:
    model, settings = inverter()
    settings.put(REACTIVE, 0x10000 - 300, 0.0)
    settings.put(TOLD, 1, 0.0)
    lived(model, 2)
    assert model.reactive_var.sum() == 0.0
    lived(model, 40)
    assert model.reactive_var.sum() > 0.29 * RATED_W
    lived(model, 120, fed=False)
    assert settings.values()[TOLD] == 0
    assert model.reactive_var.sum() == pytest.approx(0.0, abs=1.0)


@pytest.mark.parametrize(
    ("place", "value"), [(REACTIVE, 1001), (REACTIVE, 0x10000 - 1001), (TOLD, 2), (0, 1001)]
)
def test_what_it_cannot_take_is_refused(place: int, value: int) -> None:
    with pytest.raises(RefusedValueError):
        inverter()[1].check(place, value)


def test_after_a_restart_its_own_curve_holds() -> None:
    model, settings = inverter()
    settings.put(REACTIVE, 200, 0.0)
    settings.put(TOLD, 1, 0.0)
    settings.restart()
    assert (model.reactive, model.reactive_told) == (0, False)
