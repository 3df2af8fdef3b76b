"""Events in words, for logs and reports."""

from __future__ import annotations

from ortsnetz_common.parameters.station import Side
from ortsnetz_hil.plant.events import (
    ClockStep,
    Event,
    FuseBlown,
    OpenNeutral,
    ProcessEvent,
    Repaired,
    SourceVoltage,
    Switching,
    WrongPhase,
)
from ortsnetz_hil.plant.network_file import PlantNetwork

_PAST = {"stop": "stopped", "kill": "killed", "start": "started"}


def target(event: Event, network: PlantNetwork) -> str:
    """What an event happens to, by name."""
    match event:
        case SourceVoltage():
            return "MV source"
        case ClockStep():
            return "device under test"
        case ProcessEvent():
            return event.process
        case Switching():
            return _name(network, event.element)
        case _:
            return _name(network, event.line)


def words(event: Event, network: PlantNetwork) -> str:
    """What happens, in a sentence without its subject's article."""
    on = target(event, network)
    match event:
        case SourceVoltage():
            within = f" within {event.ramp_s:g} s" if event.ramp_s else ""
            said = f"MV voltage goes to {event.u_pu:g} pu{within}"
        case Switching():
            end = {None: "", Side.FROM: " at its from end", Side.TO: " at its to end"}[event.side]
            said = f"{on} {'closed' if event.closed else 'opened'}{end}"
        case FuseBlown():
            said = f"fuse of phase {event.phase} blown in {on}"
        case OpenNeutral():
            said = f"neutral of {on} interrupted ({event.earthing_ohm:g} ohm to earth)"
        case WrongPhase():
            said = f"cores of {on} swapped: abc sits on {event.order}"
        case Repaired():
            said = f"{on} repaired"
        case ClockStep():
            said = f"clock of the device under test jumps by {event.seconds:+g} s"
        case ProcessEvent():
            said = f"{event.process} {_PAST.get(event.action, event.action)}"
    return said


def _name(network: PlantNetwork, element: int) -> str:
    for component in ("line", "link", "transformer"):
        for found in network.elements(component):
            if found["id"] == element:
                return str(found.get("name") or f"{component} {element}")
    return f"element {element}"
