"""OpenDSS's loads and capacitors as additional elements of the network file."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.importing.opendss_records import Circuit, CircuitElement

Attributes = dict[str, object]
_PAIRS = ({1, 2}, {2, 3}, {3, 1})
_NUMBER_OF = {"constant": 0, "current": 1, "impedance": 2}
_BY_MODEL = {
    1: ("constant", "constant"),
    2: ("impedance", "impedance"),
    3: ("constant", "impedance"),  # a motor's reactive power
    5: ("current", "current"),
}
"""How active and reactive power depend on the voltage, by OpenDSS's load model."""


def consumer_attributes(load: CircuitElement, load_multiplier: float) -> Attributes:
    """An `energy_consumer` without its node.

    Raises:
        InputError: the load is connected in a way that the model does not cover.
    """
    factor = 1.0 if load.text["status"].strip().lower().startswith("f") else load_multiplier
    connection, places = connected_at(load)
    kilowatts, kilovars = load.number("kW") * factor, load.number("kvar") * factor
    active, reactive = _dependence(load)
    return {
        "status": int(not load.open_phases[0]),
        "connection": connection,
        "u_nominal": nominal_volts(load),
        "p_specified": _shared(kilowatts * 1e3, places),
        "q_specified": _shared(kilovars * 1e3, places),
        "p_constant_current": active[1] or None,
        "p_constant_impedance": active[2] or None,
        "q_constant_current": reactive[1] or None,
        "q_constant_impedance": reactive[2] or None,
    }


def capacitor_attributes(capacitor: CircuitElement) -> Attributes:
    """A `shunt_compensator` without its node.

    Raises:
        InputError: the capacitor is connected in a way that the model does not cover.
    """
    connection, places = connected_at(capacitor)
    steps = capacitor.numbers("kvar")
    states = capacitor.numbers("states")
    var = 1e3 * sum(kvar * state for kvar, state in zip(steps, states, strict=True))
    volts = nominal_volts(capacitor)
    return {
        "status": int(not capacitor.open_phases[0]),
        "connection": connection,
        "g": [0.0, 0.0, 0.0],
        "b": [value / volts**2 for value in _shared(var, places)],
    }


def connected_at(element: CircuitElement) -> tuple[str, tuple[int, ...]]:
    """`wye` or `delta`, and the places among the phases, or among ab, bc, ca, that it has.

    Raises:
        InputError: the element joins other nodes than phases, a pair of them, or earth.
    """
    nodes = element.nodes[0]
    delta = element.text["conn"].strip().lower().startswith(("d", "ll"))
    if element.phases == 1 and len(nodes) > 1 and 0 not in nodes[:2] and len(element.nodes) == 1:
        pair = set(nodes[:2])
        if pair in _PAIRS:
            return "delta", (_PAIRS.index(pair),)
    elif element.phases == 3 and delta and set(nodes[:3]) == {1, 2, 3}:
        return "delta", (0, 1, 2)
    elif not delta or element.phases == 1:
        phases = nodes[: element.phases]
        to_earth = len(element.nodes) > 1 or not any(nodes[element.phases :])
        if to_earth and 0 not in phases and len(set(phases)) == element.phases:
            return "wye", tuple(node - 1 for node in phases)
    raise InputError(f"{element.words}: its connection to the nodes {nodes} is not covered")


def nominal_volts(element: CircuitElement) -> float:
    """Nominal voltage across each connection, V: that of two and three phases is line to line."""
    volts = element.number("kV") * 1e3
    star = element.phases > 1 and not element.text["conn"].strip().lower().startswith(("d", "ll"))
    return volts / math.sqrt(3) if star else volts


def outside_band(circuit: Circuit) -> Iterator[str]:
    """Loads that OpenDSS, at its own solution, takes as impedances because of their voltage."""
    for load in circuit.of_kind("Load"):
        if load.open_phases[0] or int(load.number("model")) == 2:
            continue
        connection, places = connected_at(load)
        at = [circuit.voltages.get((load.buses[0], node), 0j) for node in (1, 2, 3)]
        for place in places:
            volts = abs(at[place] - (at[(place + 1) % 3] if connection == "delta" else 0))
            relative = volts / nominal_volts(load)
            if not load.number("Vminpu") <= relative <= load.number("Vmaxpu"):
                yield load.name
                break


def _dependence(load: CircuitElement) -> tuple[list[float], list[float]]:
    """Shares of constant power, current, impedance of the active and of the reactive power."""
    model = int(load.number("model"))
    if model == 8:
        values = load.numbers("ZIPV")
        if len(values) < 6:
            raise InputError(f"{load.words}: ZIPV has {len(values)} numbers, 7 are needed")
        return [values[2], values[1], values[0]], [values[5], values[4], values[3]]
    if model == 4:
        exponents = int(load.number("CVRwatts")), int(load.number("CVRvars"))
    else:
        active, reactive = _BY_MODEL[model]
        exponents = _NUMBER_OF[active], _NUMBER_OF[reactive]
    first, second = ([float(place == each) for place in range(3)] for each in exponents)
    return first, second


def _shared(total: float, places: tuple[int, ...]) -> list[float]:
    return [total / len(places) if place in places else 0.0 for place in range(3)]
