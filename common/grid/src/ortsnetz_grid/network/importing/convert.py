"""pandapower's tables to the network file, in the order of the tables."""

from __future__ import annotations

import json
import math
from typing import Any

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.importing.branches import add_lines, add_links, add_transformers
from ortsnetz_grid.network.importing.consumers import (
    add_generators,
    add_loads,
    add_shunts,
    add_storage,
)
from ortsnetz_grid.network.importing.elements import Elements, Row, rows
from ortsnetz_grid.network.importing.phases import Phases
from ortsnetz_grid.network.importing.switches import Switches
from ortsnetz_grid.network.model import Network

STIFF_VA = 1e15
"""Short-circuit power of a source without internal impedance (the voltage is the bus's)."""

_COVERED = frozenset(
    {
        "bus",
        "line",
        "trafo",
        "switch",
        "ext_grid",
        "load",
        "sgen",
        "asymmetric_load",
        "asymmetric_sgen",
        "storage",
        "shunt",
    }
)
_NO_ELEMENTS = frozenset(
    # costs, results of measurements, limits, drawings
    {
        "poly_cost",
        "pwl_cost",
        "measurement",
        "group",
        "controller",
        "substation",
        "loadcases",
        "bus_geodata",
        "line_geodata",
        "characteristic",
        "trafo_characteristic_table",
    }
)


def convert(net: Any, source: str, seed: int | None) -> Network:
    """Convert a pandapower network.

    Args:
        net: pandapower network.
        source: how it is named in errors and in the file.
        seed: of the allocation of loads and generators to phases; None balances all of them.

    Returns:
        The network with power-grid-model's own signs: loads and storage as `asym_load`, static
        generators as `asym_gen`, external grids as `source`.

    Raises:
        InputError: names the table and the row that the model does not cover, or that lacks data.
    """
    elements = Elements(source)
    _refuse_uncovered(net, elements)
    switches = Switches.of(net, source)
    _add_nodes(net, elements)
    add_lines(net, elements, switches)
    add_links(elements, switches)
    add_transformers(net, elements, switches)
    _add_sources(net, elements)
    phases = Phases.from_seed(seed)
    elements.assume(phases.assumption)
    add_loads(net, elements, phases)
    add_storage(net, elements, phases)
    add_generators(net, elements, phases)
    add_shunts(net, elements)
    return Network.from_json(json.dumps(elements.document(seed)), source)


def _refuse_uncovered(net: Any, elements: Elements) -> None:
    """Nothing is dropped in silence: what is not covered is refused, or said to be left out."""
    for table in net:
        name = str(table)
        if name.startswith(("_", "res_", "std_types", "profiles")) or name in _COVERED:
            continue
        if name in _NO_ELEMENTS:
            continue
        for row in rows(net, name, elements.source):
            if "in_service" not in row.values.index and "bus" not in row.values.index:
                break  # not a table of elements
            if row.in_service:
                raise InputError(f"{row.place}: the network model has no element for this table")
            elements.assume(f"left out, because out of service: {row.table} {row.index}")


def _add_nodes(net: Any, elements: Elements) -> None:
    for row in rows(net, "bus", elements.source):
        x, y = _place(row, net)
        volts = row.number("vn_kv") * 1e3
        if volts <= 0:
            raise InputError(f"{row.place}: vn_kv must be positive")
        elements.nodes[row.index] = elements.add(
            "node", row.values.get("name"), u_rated=volts, x=x, y=y
        )
        if not row.in_service:
            elements.out_of_service.add(row.index)
    if not elements.nodes:
        raise InputError(f"{elements.source}: the network has no bus")


def _place(row: Row, net: Any) -> tuple[float | None, float | None]:
    """Where to draw a bus: its GeoJSON point, or the table of older files."""
    text = row.text("geo")
    if text is not None:
        try:
            x, y = json.loads(text)["coordinates"][:2]
            return float(x), float(y)
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{row.place}: geo is not a GeoJSON point") from error
    table = net.get("bus_geodata")
    if table is not None and row.index in getattr(table, "index", ()):
        return float(table.x[row.index]), float(table.y[row.index])
    return None, None


def _add_sources(net: Any, elements: Elements) -> None:
    for row in rows(net, "ext_grid", elements.source):
        bus = elements.bus(row, "bus")
        elements.add(
            "source",
            row.values.get("name"),
            node=bus.node,
            status=int(row.in_service and bus.in_service),
            u_ref=row.number("vm_pu"),
            u_ref_angle=math.radians(row.number("va_degree", 0.0)),
            sk=STIFF_VA,
        )
        elements.assume(
            "sources are stiff: the voltage of the external grid is that of its bus "
            f"(short-circuit power {STIFF_VA:g} VA)"
        )
