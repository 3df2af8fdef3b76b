"""OpenDSS's transformers as single-phase units: one a phase, or three around a star point."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ortsnetz_grid.network.importing.elements import Elements
from ortsnetz_grid.network.importing.opendss_records import CircuitElement
from ortsnetz_grid.network.importing.opendss_windings import rated_volts, terminals_of, unit_va

_COMPONENT = "single_phase_transformer"


def add_transformer(unit: CircuitElement, nodes: Mapping[str, int], elements: Elements) -> None:
    """Add a transformer of two windings, or a single-phase one of three.

    Args:
        unit: the transformer.
        nodes: node id of each bus.
        elements: the file so far.

    Raises:
        InputError: a winding begins and ends at the same node.
    """
    if len(unit.buses) == 3:
        _add_three_windings(unit, nodes, elements)
        return
    taps = unit.numbers("taps")
    pairs = zip(*(terminals_of(unit, winding) for winding in (0, 1)), strict=True)
    for place, (first, second) in enumerate(pairs):
        elements.add_addition(
            _COMPONENT,
            f"{unit.name} {'abc'[place]}" if unit.phases == 3 else unit.name,
            from_node=nodes[unit.buses[0]],
            to_node=nodes[unit.buses[1]],
            from_status=int(not unit.open_phases[0]),
            to_status=int(not unit.open_phases[1]),
            from_terminals=first,
            to_terminals=second,
            u1=rated_volts(unit, 0),
            u2=rated_volts(unit, 1),
            sn=unit_va(unit),
            r_pu=sum(unit.numbers("%Rs")) / 100,
            x_pu=unit.number("XHL") / 100,
            tap_ratio_from=_unless_one(taps[0]),
            tap_ratio_to=_unless_one(taps[1]),
            **_magnetising(unit),
        )


def _add_three_windings(unit: CircuitElement, nodes: Mapping[str, int], elements: Elements) -> None:
    """A unit from each winding to a star point, which is phase a of a node of its own.

    The star point has the rated voltage of the first winding. Of the reactances between the pairs
    of windings each winding has half of its own two less the third.
    """
    between = {pair: unit.number(pair) / 100 for pair in ("XHL", "XHT", "XLT")}
    half = sum(between.values()) / 2
    reactances = half - between["XLT"], half - between["XHT"], half - between["XHL"]
    resistances, taps = unit.numbers("%Rs"), unit.numbers("taps")
    rated = [rated_volts(unit, winding) for winding in range(3)]
    star = elements.add("node", f"{unit.name} star point", u_rated=rated[0] * math.sqrt(3))
    elements.assume("a transformer of three windings is three units around a node of its own")
    for winding in range(3):
        status = int(not unit.open_phases[winding])
        here: dict[str, Any] = {"node": nodes[unit.buses[winding]], "status": status}
        here["terminals"] = terminals_of(unit, winding)[0]
        there: dict[str, Any] = {"node": star, "status": 1, "terminals": "an"}
        first, second = (here, there) if winding == 0 else (there, here)
        elements.add_addition(
            _COMPONENT,
            f"{unit.name} {'HLT'[winding]}",
            **{f"from_{name}": value for name, value in first.items()},
            **{f"to_{name}": value for name, value in second.items()},
            u1=rated[0],
            u2=rated[winding],
            sn=unit_va(unit),
            r_pu=resistances[winding] / 100,
            x_pu=reactances[winding],
            tap_ratio_from=_unless_one(taps[0]) if winding == 0 else None,
            tap_ratio_to=_unless_one(taps[winding]) if winding else None,
            **(_magnetising(unit) if winding == 1 else {}),
        )


def _magnetising(unit: CircuitElement) -> dict[str, float | None]:
    """At the second winding, where OpenDSS has it."""
    conductance, susceptance = unit.number("%noloadloss") / 100, -unit.number("%imag") / 100
    return {"g_pu": conductance or None, "b_pu": susceptance or None}


def _unless_one(ratio: float) -> float | None:
    return ratio if ratio != 1 else None
