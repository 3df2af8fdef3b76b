"""A scenario's events and faults as the plant takes them, in the same order."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.station import Side
from ortsnetz_hil.faults import specs
from ortsnetz_hil.plant import events as plant
from ortsnetz_hil.scenarios import events, faults
from ortsnetz_hil.scenarios.schema import Scenario

PLANT_NAMES = {
    "kind": "type",
    "from": "first_s",
    "to": "last_s",
    "by": "seconds",
    "offset": "offset_s",
    "drift": "drift_s_per_s",
    "delay": "delay_s",
    "jitter": "jitter_s",
}


def plant_events(scenario: Scenario, elements: Mapping[str, int]) -> tuple[plant.Event, ...]:
    """Events with the ids of the plant's network.

    Args:
        scenario: what was read.
        elements: ids of lines, links and transformers by name.

    Raises:
        InputError: the network has no such element; `checks.check_names` says so with the line.
    """
    return tuple(_event(event, elements) for event in scenario.events)


def plant_faults(scenario: Scenario) -> tuple[specs.Fault, ...]:
    """Faults as data of the plant; one without an end holds until the run is over."""
    return tuple(_fault(fault, scenario.time.seconds) for fault in scenario.faults)


def _event(event: events.Event, elements: Mapping[str, int]) -> plant.Event:
    at_s = float(event.at)
    match event:
        case events.SourceVoltage():
            return plant.SourceVoltage(at_s, event.source_voltage, float(event.ramp))
        case events.Open() | events.Close():
            closed = isinstance(event, events.Close)
            side = None if event.end is None else Side(event.end)
            return plant.Switching(at_s, _id(event, elements), closed, side)
        case events.ClockStep():
            return plant.ClockStep(at_s, float(event.clock_step))
        case events.Stop() | events.Kill() | events.Start():
            return plant.ProcessEvent(at_s, getattr(event, event.key), event.key)
        case _:
            return _line_event(event, elements)


def _line_event(event: events.LineEvent, elements: Mapping[str, int]) -> plant.Event:
    at_s, line = float(event.at), _id(event, elements)
    match event:
        case events.FuseBlown():
            return plant.FuseBlown(at_s, line, event.phase)
        case events.OpenNeutral():
            return plant.OpenNeutral(at_s, line, event.earthing_ohm)
        case events.WrongPhase():
            return plant.WrongPhase(at_s, line, event.order)
        case events.Repaired():
            return plant.Repaired(at_s, line)


def _id(event: events.Event, elements: Mapping[str, int]) -> int:
    name = events.element(event)
    if name is None or name not in elements:
        raise InputError(f"the network has no element '{name}'")
    return elements[name]


def _fault(fault: faults.Fault, seconds: float) -> specs.Fault:
    """The same fault in the plant's words, which carry units in their names."""
    known = msgspec.to_builtins(fault, enc_hook=float)
    target = known.pop(fault.key)
    renamed = {PLANT_NAMES.get(name, name): value for name, value in known.items()}
    renamed.setdefault("last_s", float(seconds))
    renamed["link" if isinstance(fault, faults.Wire) else "device"] = target
    found: specs.Fault = msgspec.convert({**renamed, "type": fault.key}, specs.Fault)
    return found
