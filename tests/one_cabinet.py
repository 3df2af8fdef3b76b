"""A cabinet at the end of a cable, behind a transformer of 30 kVA: a house and one device.

Nodes: 1 medium voltage, 2 busbar, 3 cabinet. Elements: 10 cable, 20 transformer, 40 house,
50 device.
"""

from __future__ import annotations

import json
from typing import Any

from ortsnetz_common.parameters.parameter_set import SCHEMA, Limits, ParameterSet
from ortsnetz_common.parameters.station import (
    Connection,
    Device,
    Meter,
    MeterRole,
    PseudoMeasurement,
    Side,
    SourcePseudo,
    Station,
)
from ortsnetz_edge.hosting.protocol import Setup

WIRE = Connection("modbus-tcp", "127.0.0.1", 1)
NETWORK: dict[str, Any] = {
    "version": "1.0",
    "type": "input",
    "is_batch": False,
    "attributes": {},
    "data": {
        "node": [
            {"id": 1, "u_rated": 20e3},
            {"id": 2, "u_rated": 400.0},
            {"id": 3, "u_rated": 400.0},
        ],
        "line": [
            {
                "id": 10,
                "name": "L3",
                "from_node": 2,
                "to_node": 3,
                "from_status": 1,
                "to_status": 1,
                "r1": 0.02,
                "x1": 0.008,
                "c1": 1e-8,
                "tan1": 0.0,
                "r0": 0.08,
                "x0": 0.03,
                "c0": 1e-8,
                "tan0": 0.0,
                "i_n": 150.0,
            }
        ],
        "transformer": [
            {
                "id": 20,
                "name": "T1",
                "from_node": 1,
                "to_node": 2,
                "from_status": 1,
                "to_status": 1,
                "u1": 20e3,
                "u2": 400.0,
                "sn": 30e3,
                "uk": 0.04,
                "pk": 600.0,
                "i0": 0.003,
                "p0": 80.0,
                "winding_from": 2,
                "winding_to": 1,
                "clock": 5,
                "tap_side": 0,
                "tap_pos": 0,
                "tap_min": -2,
                "tap_max": 2,
                "tap_size": 500.0,
            }
        ],
        "source": [{"id": 30, "node": 1, "status": 1, "u_ref": 1.0, "sk": 50e6}],
        "asym_load": [
            {
                "id": element,
                "node": 3,
                "status": 1,
                "type": 0,
                "p_specified": [0.0] * 3,
                "q_specified": [0.0] * 3,
            }
            for element in (40, 50)
        ],
    },
}
TRAFO = Meter(
    name="trafo",
    role=MeterRole.TRANSFORMER,
    profile="meter-transformer",
    connection=WIRE,
    element=20,
    phases="abc",
    u_sigma=0.002,
    p_sigma=50.0,
    side=Side.TO,
    guards=True,
)


def setup(device: Device, house: PseudoMeasurement, limits: Limits | None = None) -> Setup:
    """What the functions of a node get that has this one device.

    Args:
        device: at element 50.
        house: what element 40 draws, by the hour.
        limits: those of a parameter set that states none, if not given.
    """
    station = Station((TRAFO,), (device,), (house,), SourcePseudo(1, 1.0, 0.01))
    given = ParameterSet(SCHEMA, "ons-1", 1, "0" * 64, station, limits=limits or Limits())
    return Setup(json.dumps(NETWORK), given)
