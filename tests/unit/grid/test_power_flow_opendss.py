"""Our power flow against OpenDSS, through the bench's own bridge to it."""

from __future__ import annotations

import numpy as np
import pytest
from studies.grids import network_of

from ortsnetz_grid.network.power_flow import Appliances, PowerFlow
from ortsnetz_hil.plant import network_file
from ortsnetz_hil.plant.grid_state import Injections
from ortsnetz_hil.plant.opendss import OpenDss

pytest.importorskip("dss", reason="OpenDSS (dss-python) is not installed")
AGREEMENT_PU = 1e-4


@pytest.mark.parametrize("name", ["1-LV-rural2--0-sw", "cigre-lv", "ieee-european-lv"])
def test_voltages_of_unbalanced_loads_equal_those_of_opendss(name: str) -> None:
    network = network_of(name)
    appliances = Appliances.of(network)
    share = np.random.default_rng(3).uniform(0.2, 1.0, (1, len(appliances.ids), 3))
    power = appliances.power * share
    flow = PowerFlow.of(network)
    flows = flow.solve(appliances.injections(power))
    loads = np.isin(appliances.ids, network.data["asym_load"]["id"])
    drawn, fed = power[0, loads], -power[0, ~loads]
    plant = network_file.parse(network.to_json(), name)
    theirs = OpenDss(plant).solve(Injections(drawn.real, drawn.imag, fed.real, fed.imag))
    live = flow.admittance.energised
    np.testing.assert_allclose(
        np.abs(flows.voltage[0, live]), theirs[live], rtol=0, atol=AGREEMENT_PU
    )
