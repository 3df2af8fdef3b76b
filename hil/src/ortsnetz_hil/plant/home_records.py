"""Heat pumps and batteries that the agent may command, as the operator's records have them."""

from __future__ import annotations

import msgspec

from ortsnetz_common.parameters.floors import SECTION_14A, guaranteed_floor_w
from ortsnetz_common.parameters.station import Device, DeviceKind
from ortsnetz_hil.plant.configuration import PlantConfiguration
from ortsnetz_hil.plant.devices.specs import Battery, HeatPump
from ortsnetz_hil.plant.devices.watchdog import DEFAULT_S
from ortsnetz_hil.plant.reached import ROUNDING_W, connection, known_phases, profile
from ortsnetz_hil.plant.records import Records

HEAT_PUMP_REACTION_S = 11.0  # the plant's take up to 10 s
BOX_REACTION_S = 135.0  # behind a control box that takes up to 120 s
BATTERY_REACTION_S = 4.0


def devices(configuration: PlantConfiguration, records: Records) -> tuple[Device, ...]:
    """All that are commanded, heat pumps before batteries."""
    pumps = [each for each in configuration.heat_pumps if each.commanded]
    batteries = [each for each in configuration.batteries if each.commanded]
    return (
        *(_heat_pump(configuration, records, pump) for pump in pumps),
        *(_battery(configuration, records, battery) for battery in batteries),
    )


def _heat_pump(configuration: PlantConfiguration, records: Records, spec: HeatPump) -> Device:
    """It runs at its rating or not at all.

    Minimum times pass in calendar time at the plant, and in its own time at the agent.
    """
    factor = configuration.window.factor
    seen = ("control-box", BOX_REACTION_S) if spec.box_s else ("heat-pump", HEAT_PUMP_REACTION_S)
    device = _home_device(configuration, records, spec, (DeviceKind.HEAT_PUMP, *seen))
    floor_w = guaranteed_floor_w(device)
    return msgspec.structs.replace(
        device,
        floor_w=floor_w,
        fallback_w=floor_w,
        step_w=spec.rated_w,
        min_on_s=spec.min_on_s / factor,
        min_off_s=spec.min_off_s / factor,
    )


def _battery(configuration: PlantConfiguration, records: Records, spec: Battery) -> Device:
    """A battery that follows its customer never adds to what the grid sees: it falls back to all.

    Its limit holds in both directions, and so does the floor, which is guaranteed for charging.
    """
    device = _home_device(
        configuration, records, spec, (DeviceKind.STORAGE, "home-battery", BATTERY_REACTION_S)
    )
    return msgspec.structs.replace(device, floor_w=guaranteed_floor_w(device))


def _home_device(
    configuration: PlantConfiguration,
    records: Records,
    spec: HeatPump | Battery,
    kind: tuple[DeviceKind, str, float],
) -> Device:
    """A heat pump or battery without its floor; `kind` has its profile and reaction time, too."""
    what, register_map, reaction_s = kind
    accuracy = configuration.meter_class("heat-pump" if "box" in register_map else register_map)
    terminals = len(spec.phases)
    return Device(
        name=spec.name,
        kind=what,
        profile=profile(configuration, spec.name, register_map),
        connection=connection(configuration, spec),
        element=spec.element,
        phase_count=terminals,
        phases=spec.phases if known_phases(records, spec) else None,
        rated_w=spec.rated_w,
        floor_w=0.0,
        floor_rule=SECTION_14A,
        reaction_s=reaction_s,
        fallback_w=spec.rated_w,
        u_sigma=accuracy.u,
        p_sigma=round(accuracy.power * spec.rated_w / terminals + ROUNDING_W, 1),
        watchdog_s=float(DEFAULT_S),
    )
