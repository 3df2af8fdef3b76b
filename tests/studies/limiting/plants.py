"""The plant of a case, prepared by the bench's own preparation."""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

from studies.grids import network_of
from studies.limiting.case import Case

from ortsnetz_common.measurement.time import NS_PER_S
from ortsnetz_common.parameters.parameter_set import Timing
from ortsnetz_hil.plant.calendar import DAY_S
from ortsnetz_hil.plant.configuration import PlantConfiguration
from ortsnetz_hil.plant.prepare import prepare
from ortsnetz_hil.plant.request import (
    BatteryWish,
    ChargePointWish,
    HeatPumpWish,
    InverterWish,
    NetworkWish,
    ProfileWish,
    Request,
    StationErrors,
)

Document = dict[str, Any]
MOST_DEVICES = 40
RATINGS_KW = (22.0, 22.0, 11.0, 11.0, 4.6)
ROOF_W = 15_000.0
CHANGES_PER_HOUR = Timing().changes_per_hour
DIVERSITY = 0.4
"""Customers' own loads draw so much of their specified power at once, roughly."""
IMPEDANCE, CURRENT, POWER = 0.2, 0.2, 0.6
"""Shares of customers' loads."""


def prepared(case: Case, out: Path) -> PlantConfiguration:
    """Write the plant's and the agent's files of a case into a directory."""
    document = copy.deepcopy(_document(case.network))
    for line in document["data"]["line"]:
        for name in ("i_n", "i_n_neutral"):
            if line.get(name) is not None:
                line[name] *= case.line_share
    path = out / "network.json"
    path.write_text(json.dumps(document))
    return prepare(_request(case, document, path, out))


@cache
def _document(name: str) -> Document:
    found: Document = json.loads(network_of(name).to_json())
    return found


def _request(case: Case, document: Document, path: Path, out: Path) -> Request:
    customers = len(document["data"]["asym_load"])
    points = min(MOST_DEVICES, max(2, round(case.charge_point_share * customers)))
    roofs = min(MOST_DEVICES, round(case.roof_share * customers))
    begin_h = case.begin_ns / NS_PER_S % DAY_S / 3600.0
    hours = case.seconds * case.factor / 3600.0
    return Request(
        network=NetworkWish(
            path=path,
            rated_kva=_rating_kva(case, document, points, roofs),
            z=IMPEDANCE,
            i=CURRENT,
            p=POWER,
        ),
        out=out,
        wall_start_ns=0,
        seed=case.seed,
        begin_ns=case.begin_ns,
        seconds=case.seconds,
        calendar_factor=case.factor,
        errors=StationErrors(
            metered_share=case.metered_share,
            line_error=0.2,
            transformer_error=0.2,
            missing_customers=case.missing_customers,
            wrong_phases=case.wrong_phases,
        ),
        charge_points=ChargePointWish(
            count=points,
            ratings_kw=RATINGS_KW,
            arrival_h=begin_h + hours * 0.35,
            arrival_sigma_h=case.arrival_sigma_s * case.factor / 3600.0,
            energy_kwh=(3.0, 30.0),
            noon_share=0.6 if case.noon else 0.0,
            single_phase_share=case.single_phase_share,
            tail_share=0.0,  # in a fast calendar a battery's last minutes would be seconds
            rotation="random",
        ),
        inverters=InverterWish(count=roofs, rated_w=ROOF_W),
        heat_pumps=HeatPumpWish(count=case.heat_pumps),
        batteries=BatteryWish(count=case.batteries),
        profiles=ProfileWish(
            sun="clear_sky" if case.noon else "simbench",
            sky=case.sky,
            outdoor_c=15.0 if case.noon else 5.0,
        ),
        parameters={
            "limits": {"u_pu": case.u_pu, "loading": case.told_loading},
            # cars come and go as in hours: a limit may change as often as in these hours
            "timing": {"changes_per_hour": round(CHANGES_PER_HOUR * case.factor)},
        },
        u_pu=case.u_pu,
    )


def _rating_kva(case: Case, document: Document, points: int, roofs: int) -> float:
    """A rating of which all devices at once would ask more."""
    data = document["data"]
    load_w = DIVERSITY * sum(sum(one["p_specified"]) for one in data["asym_load"])
    if case.noon:
        sun_w = sum(sum(one["p_specified"]) for one in data.get("asym_gen", []))
        asked_w = roofs * ROOF_W + sun_w - load_w
    else:
        cars = sum(RATINGS_KW[i % len(RATINGS_KW)] for i in range(points)) * 1000.0
        asked_w = cars + load_w
    return float(max(30.0, case.transformer_share * asked_w / 1000.0))
