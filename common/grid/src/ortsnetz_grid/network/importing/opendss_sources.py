"""OpenDSS's voltage sources in the network file."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ortsnetz_grid.network.importing.convert import STIFF_VA
from ortsnetz_grid.network.importing.elements import Elements
from ortsnetz_grid.network.importing.opendss_records import CircuitElement

_SAME_RATIO = 1e-9


def add_source(source: CircuitElement, node: int, rated_v: float, elements: Elements) -> None:
    """Add a source with its impedance.

    power-grid-model's source has one ratio R/X for the positive and the zero sequence. Where they
    differ, the impedance is a line from a node of its own, behind which the source is stiff.

    Args:
        source: a three-phase `Vsource`.
        node: id of its node.
        rated_v: rated line-to-line voltage of that node, V.
        elements: the file so far.
    """
    positive = complex(source.number("R1"), source.number("X1"))
    zero = complex(source.number("R0"), source.number("X0"))
    attributes: dict[str, Any] = {
        "status": int(not source.open_phases[0]),
        "u_ref": source.number("pu") * source.number("basekv") * 1e3 / rated_v,
        "u_ref_angle": math.radians(source.number("angle")),
    }
    ratio = zero / positive
    if abs(ratio.imag) < _SAME_RATIO * abs(ratio) and positive.imag > 0:
        attributes |= {
            "node": node,
            "sk": rated_v**2 / abs(positive),
            "rx_ratio": positive.real / positive.imag,
            "z01_ratio": ratio.real,
        }
    else:
        behind = elements.add("node", f"{source.name} e.m.f.", u_rated=rated_v)
        attributes |= {"node": behind, "sk": STIFF_VA}
        own, mutual = (zero + 2 * positive) / 3, (zero - positive) / 3
        impedance = mutual + np.eye(3) * (own - mutual)
        elements.add_addition(
            "matrix_line",
            f"{source.name} impedance",
            from_node=behind,
            to_node=node,
            from_status=1,
            to_status=1,
            phases="abc",
            r=impedance.real.tolist(),
            x=impedance.imag.tolist(),
            i_n=rated_v / math.sqrt(3) / abs(positive),  # its short-circuit current: no limit
        )
        elements.assume(
            "a source's impedance is a line from a node of its own, behind which the source is "
            f"stiff (short-circuit power {STIFF_VA:g} VA); its rating is the short-circuit current"
        )
    elements.add("source", source.name, **attributes)
