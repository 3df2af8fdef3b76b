"""The network of every small substation: 30 kVA, a household, and three charge points at a cable.

The transformer carries the household and one charge point and a half: an evening cannot be kept
without limits. Cables are short: a meter shows 230 V whatever flows, well within its deviation.
"""

from __future__ import annotations

from typing import Any

TRANSFORMER, CABLE, HOUSE = 4, 5, 9
CHARGE_POINTS = (6, 7, 8)
RATED_VA = 30e3


def network() -> dict[str, Any]:
    """The network file."""

    def load(number: int, node: int) -> dict[str, Any]:
        powers = {"p_specified": [1000.0] * 3, "q_specified": [0.0] * 3}
        return {"id": number, "node": node, "status": 1, "type": 0, **powers}

    return {
        "version": "1.0",
        "type": "input",
        "is_batch": False,
        "attributes": {},
        "data": {
            "node": [
                {"id": n, "u_rated": volts} for n, volts in ((1, 20e3), (2, 400.0), (3, 400.0))
            ],
            "source": [{"id": 90, "node": 1, "status": 1, "u_ref": 1.0, "sk": 1e8}],
            "transformer": [
                {
                    "id": TRANSFORMER,
                    "from_node": 1,
                    "to_node": 2,
                    "name": "T1",
                    "from_status": 1,
                    "to_status": 1,
                    "u1": 20e3,
                    "u2": 400.0,
                    "sn": RATED_VA,
                    "uk": 0.04,
                    "pk": 0.01 * RATED_VA,
                    "i0": 0.001,
                    "p0": 0.001 * RATED_VA,
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
            "line": [
                {
                    "id": CABLE,
                    "from_node": 2,
                    "to_node": 3,
                    "name": "cable",
                    "from_status": 1,
                    "to_status": 1,
                    "r1": 0.002,
                    "x1": 0.001,
                    "c1": 1e-9,
                    "tan1": 0.0,
                    "r0": 0.008,
                    "x0": 0.004,
                    "c0": 1e-9,
                    "tan0": 0.0,
                    "i_n": 200.0,
                }
            ],
            "asym_load": [load(HOUSE, 2), *(load(number, 3) for number in CHARGE_POINTS)],
        },
    }
