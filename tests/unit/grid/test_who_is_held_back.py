"""Who is reported as held back: nobody for what rounding has taken from a factor."""

from __future__ import annotations

import numpy as np
import pytest
from limiting_feeder import Feeder
from limiting_flows_of import Held

from ortsnetz_grid.functions.congestion.checks import checked_table
from ortsnetz_grid.functions.congestion.controls import Asked
from ortsnetz_grid.functions.congestion.explanation import settings_of
from ortsnetz_grid.functions.congestion.library_flows import LibraryFlows
from ortsnetz_grid.functions.congestion.operating_points import Point
from ortsnetz_grid.functions.congestion.result import DeviceSetting


def reported(k: float) -> DeviceSetting:
    """A charge point of 11 kW whose factor is k, as the answer says it."""
    feeder = Feeder(sections=1)
    feeder.device(2, (3680.0,) * 3)
    devices = tuple(feeder.devices)
    asked = Asked.of(checked_table(devices))
    controls = LibraryFlows(feeder.network(), devices, asked, unbalance=False).controls
    point = Point(np.array([k]), None, Held(np.zeros(0, dtype=complex)), 0)
    (setting,) = settings_of(devices, asked, controls, point, reached=[], pulls=np.zeros((0, 1)))
    return setting


@pytest.mark.parametrize("k", [1.0, 1.0 - 1e-16, 1.0 - 1e-12, 1.0 - 0.9e-9])
def test_a_factor_that_only_rounding_keeps_from_one_holds_nobody_back(k: float) -> None:
    setting = reported(k)
    assert (setting.k, setting.reason, setting.binding) == (1.0, "", ())


@pytest.mark.parametrize("k", [1.0 - 1e-6, 0.5])
def test_less_than_that_is_held_back_and_says_so(k: float) -> None:
    setting = reported(k)
    assert setting.k == k
    assert setting.reason.startswith("limited to")
