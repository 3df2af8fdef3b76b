"""Plants of the bench's benchmark: prepared as scenarios prepare theirs."""

from __future__ import annotations

import time
from pathlib import Path

from hil_networks import Case

from ortsnetz_common.measurement.time import NS_PER_S
from ortsnetz_hil.plant.configuration import Pace, PlantConfiguration
from ortsnetz_hil.plant.prepare import prepare
from ortsnetz_hil.plant.request import (
    BatteryWish,
    ChargePointWish,
    HeatPumpWish,
    InverterWish,
    NetworkWish,
    ProfileWish,
    Request,
)

SECONDS = 60.0
"""The demonstration's twelve hours in a minute: noon, evening, cars that come and go."""
BASE_PORT = 32_000
"""Below Linux' ephemeral ports, which begin at 32768: a client's own port is never in the way."""


def prepared(
    case: Case, devices: int, out: Path, *, step_s: float = 0.2, base_port: int = BASE_PORT
) -> PlantConfiguration:
    """A plant with so many devices, a quarter each of four kinds.

    Ratings are small, so that 400 devices leave a solution even at 97 nodes; what a device costs
    does not depend on its rating. Inverters have all of VDE-AR-N 4105, clouds pass, it is cold.
    """
    quarter = devices // 4
    request = Request(
        network=NetworkWish(case.path),
        out=out,
        wall_start_ns=time.time_ns() // NS_PER_S * NS_PER_S,
        base_port=base_port,
        seconds=SECONDS,
        charge_points=ChargePointWish(count=quarter, ratings_kw=(11, 4.6, 3.7)),
        inverters=InverterWish(count=quarter, rated_w=5_000.0, control="vde-ar-n-4105"),
        heat_pumps=HeatPumpWish(count=quarter, rated_w=2_000.0),
        batteries=BatteryWish(count=quarter, rated_w=2_000.0),
        profiles=ProfileWish(sky="scattered", outdoor_c=0.0),
        pace=Pace(step_s=step_s),
    )
    return prepare(request)
