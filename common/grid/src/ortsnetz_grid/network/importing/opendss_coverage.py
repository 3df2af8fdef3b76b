"""What of OpenDSS the network model covers; what it does not is listed, and never dropped."""

from __future__ import annotations

from collections import Counter

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.importing.opendss_injections import connected_at
from ortsnetz_grid.network.importing.opendss_records import Circuit, CircuitElement
from ortsnetz_grid.network.importing.opendss_windings import is_delta

COVERED = ("Line", "Reactor", "Transformer", "Load", "Capacitor", "Vsource", "RegControl")
"""Element classes of OpenDSS; `RegControl` as the taps at which it stands."""

_CAN_BE_LEFT_OUT = (
    "CapControl",
    "SwtControl",
    "Relay",
    "Recloser",
    "Fuse",
    "EnergyMeter",
    "Monitor",
    "Sensor",
)
"""Classes that carry no current; what they switched stays as OpenDSS's solution ends."""


def left_out(circuit: Circuit, *, allowed: bool) -> list[str]:
    """Refuse what is not covered; the sentences say what is left out.

    Args:
        circuit: the circuit.
        allowed: whether control elements, meters and monitors may be left out.

    Raises:
        InputError: names all kinds that are not covered, and how many of each.
    """
    uncovered = Counter(filter(None, (_uncovered(element) for element in circuit.elements)))
    optional = {kind: uncovered[kind] for kind in _CAN_BE_LEFT_OUT if kind in uncovered}
    hard = {kind: count for kind, count in uncovered.items() if kind not in optional}
    if hard or (optional and not allowed):
        kinds = hard if allowed else hard | optional
        listed = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        advice = ""
        if optional and not allowed:
            advice = f"; {', '.join(sorted(optional))} can be left out with --leave-out"
        raise InputError(f"the network model does not cover {listed}{advice}")
    return [
        f"left out: {count} {kind}; what they control stays as OpenDSS's solution left it"
        for kind, count in sorted(optional.items())
    ]


def _uncovered(element: CircuitElement) -> str | None:
    """Why an element is not covered, as a kind in the plural; None if it is."""
    if element.kind not in COVERED:
        return element.kind
    if any(not 0 <= node <= 3 for terminal in element.nodes for node in terminal):
        return f"{element.kind} with conductors beyond the three phases (nodes 4 and up)"
    if any(0 < count < element.phases for count in element.open_phases):
        return f"{element.kind} with single phases open"
    further = _FURTHER.get(element.kind)
    return further(element) if further else None


def _uncovered_line(line: CircuitElement) -> str | None:
    if any(0 in nodes for nodes in line.nodes):
        return f"{line.kind} with a conductor at earth"
    if len(line.nodes) == 1 or line.nodes[0] != line.nodes[1]:
        return f"{line.kind} that joins different phases"
    return None


def _uncovered_transformer(unit: CircuitElement) -> str | None:
    windings = int(unit.number("windings"))
    if windings != 2 and (windings, unit.phases) != (3, 1):
        return f"Transformer with {windings} windings and {unit.phases} phases"
    if unit.phases not in (1, 3):
        return f"Transformer with {unit.phases} phases"
    if unit.phases == 3 and any(
        count and is_delta(unit, winding) for winding, count in enumerate(unit.open_phases)
    ):
        # inside, the delta stays closed and a path of the zero sequence
        return "Transformer with an open terminal at a delta"
    return None


def _uncovered_load(load: CircuitElement) -> str | None:
    model = int(load.number("model"))
    if model not in (1, 2, 3, 4, 5, 8):
        return f"Load of model {model}"
    if model == 4 and not {load.number("CVRwatts"), load.number("CVRvars")} <= {0.0, 1.0, 2.0}:
        return "Load of model 4 with an exponent other than 0, 1, 2"
    if load.phases == 2 and load.text["conn"].lower() == "delta":
        return "Load with 2 phases in delta"
    return _uncovered_connection(load)


def _uncovered_one_port(element: CircuitElement) -> str | None:
    if len(element.nodes) > 1 and any(element.nodes[1]):
        return f"{element.kind} in series"
    if element.kind == "Vsource":
        usual = element.phases == 3 and element.nodes[0][:3] == (1, 2, 3)
        return None if usual else "Vsource that does not feed the phases 1, 2, 3"
    return _uncovered_connection(element)


def _uncovered_connection(element: CircuitElement) -> str | None:
    try:
        connected_at(element)
    except InputError:
        return f"{element.kind} between other nodes than phases, pairs of them, and earth"
    return None


_FURTHER = {
    "Line": _uncovered_line,
    "Reactor": _uncovered_line,
    "Transformer": _uncovered_transformer,
    "Load": _uncovered_load,
    "Capacitor": _uncovered_one_port,
    "Vsource": _uncovered_one_port,
}
