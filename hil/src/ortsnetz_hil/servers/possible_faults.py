"""Which faults a plant can have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ortsnetz_common.errors import InputError
from ortsnetz_hil.faults.specs import (
    ChangesAddress,
    Delays,
    Fault,
    Ignores,
    Missing,
    Multicasts,
    Reboots,
    Rejects,
    SwappedPhases,
    Wire,
)
from ortsnetz_hil.faults.words import target
from ortsnetz_hil.plant.configuration import PlantConfiguration
from ortsnetz_hil.plant.core import PHASE_LETTERS
from ortsnetz_hil.plant.devices.specs import Battery, ChargePoint, HeatPump, Inverter
from ortsnetz_hil.plant.protocols import IEC61850
from ortsnetz_hil.servers.devices import Served

UPLINK = "uplink"
FEEDER = "meter-feeder"


@dataclass(frozen=True, slots=True)
class Target:
    """What a fault can happen to: a meter, a device, or a whole station server.

    Attributes:
        terminals: how many are connected.
        takes_setpoints: whether it is a device, not a meter.
        behind: the station server that it is a bay of; None for one with an address of its own.
        bays: of a station server: the devices behind it.
        multicasts: whether it does (GOOSE).
        switches: whether it has a breaker that an IED operates.
    """

    name: str
    terminals: int = 0
    takes_setpoints: bool = False
    behind: str | None = None
    bays: tuple[str, ...] = ()
    multicasts: bool = False
    switches: bool = False


def targets(configuration: PlantConfiguration) -> dict[str, Target]:
    """Everything in a plant that faults can happen to, by name."""
    found = [
        Target(meter.name, len(meter.phases), switches=meter.profile == FEEDER)
        for meter in configuration.meters
    ]
    found += [_taking(point) for point in configuration.charge_points]
    found += [_taking(inverter) for inverter in configuration.inverters]
    found += [_taking(pump) for pump in configuration.heat_pumps]
    found += [_taking(battery) for battery in configuration.batteries]
    found += [
        Target(tap.name, len(PHASE_LETTERS), takes_setpoints=True)
        for tap in configuration.tap_changers
    ]
    return _in_their_places(found, configuration)


def _taking(device: ChargePoint | Inverter | HeatPump | Battery) -> Target:
    return Target(device.name, len(device.phases), takes_setpoints=True)


def targets_served(
    served: Iterable[Served], configuration: PlantConfiguration
) -> dict[str, Target]:
    """The same of the devices that are really served."""
    found = [
        Target(
            each.name,
            len(each.phases),
            takes_setpoints=each.commands is not None,
            switches=each.breaker is not None,
        )
        for each in served
    ]
    return _in_their_places(found, configuration)


def _in_their_places(
    devices: Iterable[Target], configuration: PlantConfiguration
) -> dict[str, Target]:
    servers = configuration.station_servers
    behind = {name: server.name for server in servers for name in server.bays}
    ieds = {server.name for server in servers if server.protocol == IEC61850}
    found = {
        device.name: replace(
            device,
            behind=behind.get(device.name),
            switches=device.switches and behind.get(device.name) in ieds,
        )
        for device in devices
    }
    return found | {
        server.name: Target(server.name, bays=server.bays, multicasts=bool(server.goose))
        for server in servers
    }


def require_possible(
    faults: Iterable[Fault],
    known: Mapping[str, Target],
    *,
    with_uplink: bool,
    stepped: bool,
) -> None:
    """Make sure that every fault can be played.

    Args:
        faults: of the plant.
        known: what they can happen to, by name.
        with_uplink: whether a proxy carries the connection to the broker.
        stepped: whether plant time waits for the device under test.

    Raises:
        InputError: names the fault and what it lacks.
    """
    for fault in faults:
        why = complaint(fault, known, with_uplink=with_uplink, stepped=stepped)
        if why is not None:
            raise InputError(f"fault '{fault.name}': {why}")


def complaint(
    fault: Fault, known: Mapping[str, Target], *, with_uplink: bool, stepped: bool
) -> str | None:
    """Why a fault cannot be played, in words; None if it can. Arguments as `require_possible`."""
    if isinstance(fault, Wire):
        why = _of_the_wire(fault, with_uplink=with_uplink, stepped=stepped)
        if why is not None or fault.link == UPLINK:
            return why
    whose = known.get(target(fault))
    if whose is None:
        return f"the plant has no device '{target(fault)}'"
    if isinstance(fault, Multicasts):
        return None if whose.multicasts else f"'{whose.name}' multicasts nothing (--goose IFACE)"
    if whose.bays:
        return _of_a_station_server(fault, whose)
    if whose.behind is not None and isinstance(fault, Wire | ChangesAddress):
        what = "wire" if isinstance(fault, Wire) else "address"
        return (
            f"'{whose.name}' has no {what} of its own: it is behind '{whose.behind}', to which "
            "this can happen"
        )
    return _of_a_device(fault, whose)


def _of_the_wire(fault: Wire, *, with_uplink: bool, stepped: bool) -> str | None:
    if fault.link == UPLINK and not with_uplink:
        return (
            "nobody carries the uplink; give the plant the addresses of the broker and of the "
            "proxy before it"
        )
    takes_time = fault.delay_s > 0 or fault.jitter_s > 0 or fault.bytes_per_s is not None
    if stepped and takes_time:
        return "delay, jitter and bandwidth need real time; in stepped time a request takes none"
    return None


def _of_a_station_server(fault: Fault, server: Target) -> str | None:
    if isinstance(fault, Missing | Reboots | ChangesAddress | Wire):
        return None
    return (
        f"'{server.name}' measures nothing and takes no setpoints itself: this can happen to a "
        f"device behind it ({', '.join(server.bays)})"
    )


def _of_a_device(fault: Fault, device: Target) -> str | None:
    if isinstance(fault, Rejects) and device.switches:
        return None  # its breaker is operated on the spot only
    if isinstance(fault, Ignores | Delays | Rejects) and not device.takes_setpoints:
        return f"'{device.name}' takes no setpoints"
    if isinstance(fault, SwappedPhases) and not all(
        1 <= terminal <= device.terminals for terminal in fault.terminals
    ):
        return (
            f"'{device.name}' has {device.terminals} terminal(s), not {fault.terminals[0]} and "
            f"{fault.terminals[1]}"
        )
    return None
