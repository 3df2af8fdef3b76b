"""Customers as the network file describes them: class from `profile`, energy from `annual_kwh`.

The importer writes both where SimBench's profiles come with a network; a DSO writes them from
billing. `profile` is a class of `standard_profiles()`, or begins like a German standard load
profile (H0, G0 to G6, L0 to L2) or like SimBench's heat pumps and charge points.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.state_estimation.pseudo.customers import Customer
from ortsnetz_grid.functions.state_estimation.pseudo.standard_profiles import (
    standard_profile,
    standard_profiles,
)
from ortsnetz_grid.network.importing.phases import SINGLE_PHASE_PV_UP_TO_VA
from ortsnetz_grid.network.model import Network

_BEGINNINGS = {
    "H0": "household",
    "G0": "business",
    "G1": "business_workdays",
    "G2": "business_evenings",
    "G3": "business_continuous",
    "G4": "business_shop",
    "G5": "business_bakery",
    "G6": "business_weekends",
    "L0": "farm",
    "L1": "farm",
    "L2": "farm",
    "Air_": "heat_pump_air",
    "Soil_": "heat_pump_soil",
    "HLS_": "charging_home",
    "PV": "pv",
}
_EVEN = (1 / 3, 1 / 3, 1 / 3)


@dataclass(frozen=True, slots=True)
class CustomersOfNetwork:
    """Who can be believed something about, and who cannot.

    Attributes:
        known: with class and energy.
        unknown: ids of loads and generators in service without them.
    """

    known: tuple[Customer, ...]
    unknown: tuple[int, ...]


def customers_of(network: Network) -> CustomersOfNetwork:
    """The loads and generators in service of a network file.

    A generator without annual energy has that of its `kwp`; one that may not be single-phase
    (VDE-AR-N 4105) and is spread evenly is known to be on three phases.

    Raises:
        InputError: an energy or a rating is no number of at least 0; names the element.
    """
    known: list[Customer] = []
    unknown: list[int] = []
    for component, element in _in_service(network):
        number = int(element["id"])
        kind = _class_of(element, component)
        energy = None if kind is None else _energy(network, element, kind)
        if kind is None or energy is None:
            unknown.append(number)
        else:
            known.append(Customer(number, kind, energy, _share(element, component)))
    return CustomersOfNetwork(tuple(known), tuple(unknown))


def _in_service(network: Network) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for component in ("asym_load", "sym_load", "asym_gen", "sym_gen"):
        for element in network.document["data"].get(component, ()):
            if isinstance(element, dict) and element.get("status") == 1:
                yield component, element


def _class_of(element: Mapping[str, Any], component: str) -> str | None:
    profile = str(element.get("profile") or "")
    if profile not in standard_profiles():
        profile = next((to for each, to in _BEGINNINGS.items() if profile.startswith(each)), "")
    if component.endswith("gen"):
        return "pv" if profile == "pv" or element.get("kwp") is not None else None
    return profile if profile and profile != "pv" else None


def _energy(network: Network, element: Mapping[str, Any], kind: str) -> float | None:
    energy = _number(network, element, "annual_kwh")
    if energy is not None or kind != "pv":
        return energy
    peak = _number(network, element, "kwp")
    return None if peak is None else peak * standard_profile(kind).hours_of_use


def _number(network: Network, element: Mapping[str, Any], name: str) -> float | None:
    value = element.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_amount(value):
        label = network.label(int(element["id"]))
        raise InputError(f"{label}: {name} is {value!r}; state a number of at least 0 or leave it")
    return float(value)


def _is_amount(value: float) -> bool:
    return math.isfinite(value) and value >= 0


def _share(element: Mapping[str, Any], component: str) -> tuple[float, float, float] | None:
    """Phases as the file has them; evenly spread means that nobody knows, unless it must be so."""
    stated = element.get("p_specified")
    if not isinstance(stated, list) or not all(isinstance(each, int | float) for each in stated):
        return None
    a, b, c = (float(each) for each in stated)
    total = a + b + c
    if not math.isfinite(total) or total == 0:
        return None
    if max(a, b, c) - min(a, b, c) > 1e-6 * abs(total):
        return a / total, b / total, c / total
    three_phase = component.endswith("gen") and abs(total) > SINGLE_PHASE_PV_UP_TO_VA
    return _EVEN if three_phase else None
