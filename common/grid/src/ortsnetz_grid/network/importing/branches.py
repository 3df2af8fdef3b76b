"""Lines, links and transformers of a pandapower network."""

from __future__ import annotations

import math
from typing import Any

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.importing.elements import Elements, Row, rows
from ortsnetz_grid.network.importing.switches import Switches
from ortsnetz_grid.network.importing.tap import tap_of
from ortsnetz_grid.network.importing.vector_group import windings_of

R0_BY_R1 = 4.0
X0_BY_X1 = 3.7
FILE_FREQUENCY = 50.0
"""Frequency at which power-grid-model computes unless told otherwise, Hz."""


def add_lines(net: Any, elements: Elements, switches: Switches) -> None:
    """Lines with all parallel systems in one; ratings in A include them and the derating."""
    frequency = float(net.get("f_hz", FILE_FREQUENCY))
    if frequency != FILE_FREQUENCY:
        elements.assume(
            f"capacitances are scaled from {frequency:g} Hz to the {FILE_FREQUENCY:g} Hz at which "
            "the file is computed"
        )
    for row in rows(net, "line", elements.source):
        elements.add(
            "line",
            row.values.get("name"),
            **_ends(row, elements, switches, ("from_bus", "to_bus")),
            **_line_parameters(row, elements, frequency),
            # not in power-grid-model's format; tells whether the impedance can be true
            length_km=row.number("length_km"),
        )


def _line_parameters(row: Row, elements: Elements, frequency: float) -> dict[str, float | None]:
    length = row.number("length_km")
    parallel = row.whole("parallel", 1)
    if length <= 0 or parallel < 1:
        raise InputError(f"{row.place}: length_km and parallel must be positive")
    series, shunt = length / parallel, length * parallel
    r1, x1 = row.number("r_ohm_per_km") * series, row.number("x_ohm_per_km") * series
    c1 = row.number("c_nf_per_km", 0.0) * shunt * 1e-9 * frequency / FILE_FREQUENCY
    conductance = row.number("g_us_per_km", 0.0) * shunt * 1e-6
    if conductance and not c1:
        raise InputError(f"{row.place}: a shunt conductance without capacitance is not covered")
    tan1 = conductance / (2 * math.pi * FILE_FREQUENCY * c1) if c1 else 0.0
    r0, x0, c0 = _zero_sequence(row, elements, r1=r1, x1=x1, c1=c1)
    rating = row.optional("max_i_ka")
    if rating is None:
        elements.assume(f"without a rating: line {row.index}")
    return {
        "r1": r1,
        "x1": x1,
        "c1": c1,
        "tan1": tan1,
        "r0": r0,
        "x0": x0,
        "c0": c0,
        "tan0": tan1,
        "i_n": None if rating is None else rating * row.number("df", 1.0) * parallel * 1e3,
    }


def _zero_sequence(
    row: Row, elements: Elements, *, r1: float, x1: float, c1: float
) -> tuple[float, float, float]:
    """Zero sequence from the table where it has one, else by the usual factors."""
    given = [row.optional(f"{name}0_{unit}_per_km") for name, unit in (("r", "ohm"), ("x", "ohm"))]
    elements.assume("the neutral of every line is rated like a phase")
    if given[0] is not None and given[1] is not None:
        factor = row.number("length_km") / row.whole("parallel", 1)
        c0 = row.optional("c0_nf_per_km")
        scale = c1 / row.number("c_nf_per_km") if c1 else 0.0
        return given[0] * factor, given[1] * factor, c1 if c0 is None else c0 * scale
    elements.assume(f"lines: r0 = {R0_BY_R1:g} r1, x0 = {X0_BY_X1:g} x1, c0 = c1")
    return R0_BY_R1 * r1, X0_BY_X1 * x1, c1


def _ends(
    row: Row, elements: Elements, switches: Switches, columns: tuple[str, str]
) -> dict[str, int]:
    """Nodes and statuses of a branch."""
    ends: dict[str, int] = {}
    for side, column in zip(("from", "to"), columns, strict=True):
        bus = elements.bus(row, column)
        ends[f"{side}_node"] = bus.node
        on = row.in_service and bus.in_service and switches.closed(row, bus.index)
        ends[f"{side}_status"] = int(on)
    return ends


def add_links(elements: Elements, switches: Switches) -> None:
    """Switches between two buses: a link that is closed or open."""
    for row in switches.between_buses:
        first, second = elements.bus(row, "bus"), elements.bus(row, "element")
        closed = bool(row.values["closed"])
        elements.add(
            "link",
            row.values.get("name"),
            from_node=first.node,
            to_node=second.node,
            from_status=int(closed and first.in_service),
            to_status=int(closed and second.in_service),
        )


def add_transformers(net: Any, elements: Elements, switches: Switches) -> None:
    """Two-winding transformers: from is the high-voltage side."""
    for row in rows(net, "trafo", elements.source):
        elements.add(
            "transformer",
            row.values.get("name"),
            **_ends(row, elements, switches, ("hv_bus", "lv_bus")),
            **_ratings(row),
            **windings_of(row, elements),
            **tap_of(row, elements),
        )
        elements.assume(
            "transformers: the zero-sequence impedance equals the short-circuit impedance, "
            "neutrals are earthed without impedance"
        )


def _ratings(row: Row) -> dict[str, float]:
    """Rated power with derating and parallel units; impedances stay what they are in ohm.

    `sn` is both the base of the impedances and the rating: with a derating factor the relative
    values are converted to the derated base.
    """
    derating, parallel = row.number("df", 1.0), row.whole("parallel", 1)
    if derating <= 0 or parallel < 1:
        raise InputError(f"{row.place}: df and parallel must be positive")
    power = row.number("sn_mva") * 1e6
    uk, ur = row.number("vk_percent") / 100, row.number("vkr_percent") / 100
    p0 = row.number("pfe_kw", 0.0) * 1e3
    if power <= 0 or not 0 < uk < 1 or not 0 <= ur <= uk or p0 < 0:
        raise InputError(
            f"{row.place}: sn_mva, vk_percent, vkr_percent or pfe_kw are not those of a transformer"
        )
    # the magnetising current cannot be below its active part (pandapower computes the same)
    i0 = max(row.number("i0_percent", 0.0) / 100, p0 / power)
    return {
        "u1": row.number("vn_hv_kv") * 1e3,
        "u2": row.number("vn_lv_kv") * 1e3,
        "sn": power * derating * parallel,
        "uk": uk * derating,
        "pk": ur * power * derating**2 * parallel,
        "i0": i0 / derating,
        "p0": p0 * parallel,
    }
