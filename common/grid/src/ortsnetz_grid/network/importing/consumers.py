"""Loads, static generators and shunts of a pandapower network."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from power_grid_model import LoadGenType

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.importing.elements import Elements, Row, rows
from ortsnetz_grid.network.importing.phases import Phases, Share

HOURS_PER_STEP = 0.25
"""SimBench's profiles have a value each quarter of an hour."""


def add_loads(net: Any, elements: Elements, phases: Phases) -> None:
    """Loads as `asym_load`; `load` gets its phases from the seed, `asymmetric_load` has its own."""
    energy = _relative_energy(net)
    for row in rows(net, "load", elements.source):
        power = _total(row)
        profile = row.text("profile")
        hours = energy.get(profile) if profile is not None else None
        elements.add(
            "asym_load",
            row.values.get("name"),
            **_place(row, elements),
            type=int(_load_type(row)),
            **_split(power, phases.of_load(abs(power))),
            profile=profile,
            annual_kwh=None if hours is None else round(power.real / 1e3 * hours, 3),
        )
    for row in rows(net, "asymmetric_load", elements.source):
        elements.add(
            "asym_load",
            row.values.get("name"),
            **_place(row, elements),
            type=int(LoadGenType.const_power),
            **_phase_powers(row),
            profile=row.text("profile"),
        )


def add_storage(net: Any, elements: Elements, phases: Phases) -> None:
    """Storage as `asym_load` (both libraries count charging positive), marked as such."""
    for row in rows(net, "storage", elements.source):
        power = _total(row)
        rated = row.number("sn_mva", abs(power) / 1e6) * 1e6
        elements.add(
            "asym_load",
            row.values.get("name"),
            **_place(row, elements),
            type=int(LoadGenType.const_power),
            **_split(power, phases.of_generator(rated)),
            profile=row.text("profile"),
            kind="storage",
        )


def add_generators(net: Any, elements: Elements, phases: Phases) -> None:
    """Static generators as `asym_gen`, generation positive as in both libraries."""
    for row in rows(net, "sgen", elements.source):
        power = _total(row)
        rated = row.number("sn_mva", abs(power) / 1e6) * 1e3
        elements.add(
            "asym_gen",
            row.values.get("name"),
            **_place(row, elements),
            type=int(LoadGenType.const_power),
            **_split(power, phases.of_generator(rated * 1e3)),
            profile=row.text("profile"),
            kwp=rated if (row.text("type") or "").upper() == "PV" else None,
        )
    for row in rows(net, "asymmetric_sgen", elements.source):
        elements.add(
            "asym_gen",
            row.values.get("name"),
            **_place(row, elements),
            type=int(LoadGenType.const_power),
            **_phase_powers(row),
            profile=row.text("profile"),
        )


def add_shunts(net: Any, elements: Elements) -> None:
    """Shunts; power is that at their rated voltage, consumption positive."""
    for row in rows(net, "shunt", elements.source):
        if row.values.get("step_dependency_table") is True:
            raise InputError(f"{row.place}: a table of steps is not covered")
        place = _place(row, elements)
        volts = row.number("vn_kv", float(net["bus"].vn_kv[row.whole("bus")])) * 1e3
        factor = row.number("step", 1.0) * 1e6 / volts**2
        g, b = row.number("p_mw") * factor, -row.number("q_mvar") * factor
        elements.add("shunt", row.values.get("name"), **place, g1=g, b1=b, g0=g, b0=b)
        elements.assume("shunts: zero sequence equals positive sequence (earthed star)")


def _place(row: Row, elements: Elements) -> dict[str, int]:
    bus = elements.bus(row, "bus")
    return {"node": bus.node, "status": int(row.in_service and bus.in_service)}


def _total(row: Row) -> complex:
    """Power of three phases, VA, in the sign of its table."""
    scaling = row.number("scaling", 1.0)
    return complex(row.number("p_mw"), row.number("q_mvar", 0.0)) * 1e6 * scaling


def _split(power: complex, share: Share) -> dict[str, list[float]]:
    return {
        "p_specified": [power.real * part for part in share],
        "q_specified": [power.imag * part for part in share],
    }


def _phase_powers(row: Row) -> dict[str, list[float]]:
    if (row.text("type") or "wye") != "wye":
        raise InputError(f"{row.place}: type '{row.text('type')}'; only wye is covered")
    scaling = row.number("scaling", 1.0) * 1e6
    return {
        "p_specified": [row.number(f"p_{phase}_mw") * scaling for phase in "abc"],
        "q_specified": [row.number(f"q_{phase}_mvar", 0.0) * scaling for phase in "abc"],
    }


def _load_type(row: Row) -> LoadGenType:
    """Voltage dependence, where it is a pure one; older files have one column for P and Q."""
    impedance, current = _shares(row, "z"), _shares(row, "i")
    if not any(impedance) and not any(current):
        return LoadGenType.const_power
    if all(share == 100 for share in impedance) and not any(current):
        return LoadGenType.const_impedance
    if all(share == 100 for share in current) and not any(impedance):
        return LoadGenType.const_current
    raise InputError(f"{row.place}: a mixture of voltage dependences (const_z, const_i)")


def _shares(row: Row, kind: str) -> list[float]:
    columns = [f"const_{kind}{power}_percent" for power in ("", "_p", "_q")]
    return [row.number(column, 0.0) for column in columns if column in row.values.index]


def _relative_energy(net: Any) -> dict[str, float]:
    """Hours of full load a year by profile, where SimBench's profiles came with the network."""
    profiles = net.get("profiles")
    if not isinstance(profiles, dict) or profiles.get("load") is None:
        return {}
    frame = profiles["load"]
    sums = {
        str(column).removesuffix("_pload"): float(np.sum(frame[column])) * HOURS_PER_STEP
        for column in frame.columns
        if str(column).endswith("_pload")
    }
    return {name: hours for name, hours in sums.items() if math.isfinite(hours)}
