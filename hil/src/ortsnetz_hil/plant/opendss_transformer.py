"""A transformer in OpenDSS's language.

It is three single-phase units, whose zero sequence equals their short-circuit impedance as
power-grid-model assumes, with the magnetising branch half at each end. A tap position is a winding
of another rated voltage.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from power_grid_model import WindingType

from ortsnetz_common.errors import InputError

SQRT3 = float(np.sqrt(3.0))
_DELTA_YN = {1: (1, 3), 3: (2, 3), 5: (2, 1), 7: (3, 1), 9: (3, 2), 11: (1, 2)}
"""High-voltage phases between which the winding of low-voltage phase a lies, by clock."""
_YN_YN = {0: (1, 0), 2: (0, 3), 4: (2, 0), 6: (0, 1), 8: (3, 0), 10: (0, 2)}


def transformer(unit: Any) -> Iterator[str]:
    """Commands for a transformer whose two ends are live.

    Args:
        unit: its record in power-grid-model's input.

    Raises:
        InputError: its vector group is not covered.
    """
    key, ends = int(unit["id"]), (int(unit["from_node"]), int(unit["to_node"]))
    windings = WindingType(int(unit["winding_from"])), WindingType(int(unit["winding_to"]))
    pairs = {
        (WindingType.delta, WindingType.wye_n): _DELTA_YN,
        (WindingType.wye_n, WindingType.wye_n): _YN_YN,
    }.get(windings, {})
    if int(unit["clock"]) not in pairs:
        raise InputError(f"transformer {key}: of vector groups, Dyn and YNyn are covered")
    first = pairs[int(unit["clock"])]
    step = float(unit["tap_size"]) * _steps(unit)
    high = float(unit["u1"]) + (step if unit["tap_side"] == 0 else 0.0)
    low = float(unit["u2"]) + (step if unit["tap_side"] == 1 else 0.0)
    delta = windings[0] == WindingType.delta
    kva = float(unit["sn"]) / 3e3
    resistance = float(unit["pk"]) / float(unit["sn"])
    reactance = float(np.sqrt(float(unit["uk"]) ** 2 - resistance**2))
    for phase in range(3):
        from_nodes = ".".join(str((node + phase - 1) % 3 + 1 if node else 0) for node in first)
        yield (
            f"new transformer.t{key}_{phase} phases=1 windings=2 "
            f"buses=(n{ends[0]}.{from_nodes} n{ends[1]}.{phase + 1}.0) conns=(wye wye) "
            f"kvs=({high / 1e3 / (1.0 if delta else SQRT3):.17g} {low / 1e3 / SQRT3:.17g}) "
            f"kvas=({kva:.17g} {kva:.17g}) xhl={100 * reactance:.17g} "
            f"%loadloss={100 * resistance:.17g} "
            "%noloadloss=0 %imag=0 ppm_antifloat=0"
        )
    yield from _magnetising(unit, ends, (high, low))


def _magnetising(unit: Any, ends: tuple[int, int], volts: tuple[float, float]) -> Iterator[str]:
    """Half of the magnetising branch at each end, W and VA at rated voltage."""
    losses, apparent = float(unit["p0"]), float(unit["i0"]) * float(unit["sn"])
    reactive = float(np.sqrt(max(apparent**2 - losses**2, 0.0)))
    for side, node, rated in zip(("from", "to"), ends, volts, strict=True):
        for part, power in (("p", losses), ("q", reactive)):
            if power > 0:
                ohm = rated**2 / (power / 2.0)
                values = f"r={ohm:.17g} x=0" if part == "p" else f"r=0 x={ohm:.17g}"
                name = f"t{int(unit['id'])}_{side}_{part}"
                yield f"new reactor.{name} phases=3 bus1=n{node} {values}"


def _steps(unit: Any) -> int:
    steps = int(unit["tap_pos"]) - int(unit["tap_nom"])
    return steps if unit["tap_max"] >= unit["tap_min"] else -steps
