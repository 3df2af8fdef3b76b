"""Through what a plant's devices are seen: a Modbus server each, a mixed substation, or IEDs."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.station import Connection
from ortsnetz_hil.plant.configuration import PlantConfiguration, PlantMeter, StationServer
from ortsnetz_hil.plant.devices.specs import ChargePoint

MODBUS, MIXED, IEC61850 = "modbus", "mixed", "iec61850"
PROTOCOLS = (MODBUS, MIXED, IEC61850)
DNP3, OPCUA = "dnp3", "opcua"
RTU, PARK = "rtu-feeders", "charging-park"
FEEDER_IED, DER_IED = "ied-feeders", "ied-der"
STATION_SERVERS = 2
"""Ports that a mixed substation needs besides those of its devices."""
PROFILES = {
    (DNP3, "meter-feeder"): "rtu-feeder",
    (OPCUA, "ev-controller"): "opcua-charge-point",
    (IEC61850, "meter-feeder"): "iec61850-feeder",
    (IEC61850, "ev-controller"): "iec61850-charge-point",
    (IEC61850, "pv-inverter"): "iec61850-inverter",
    (IEC61850, "tap-changer"): "iec61850-tap-changer",
}
"""The agent's profile of a device behind a station server, by protocol and register map."""
OUTSTATION, MASTER = 1024, 1
"""Link addresses of an RTU and of who asks it."""
PATH = "/park"
"""What follows host and port in the address of a park."""
FIRST_BAY = {DNP3: 0, OPCUA: 1, IEC61850: 1}
"""Indexes of an RTU begin at 0; objects and logical devices are numbered as people count."""


def check(protocols: str) -> None:
    """Make sure that there is such a choice.

    Raises:
        InputError: there is none.
    """
    if protocols not in PROTOCOLS:
        raise InputError(f"protocols: '{protocols}' is none of {', '.join(PROTOCOLS)}")


def mixed(configuration: PlantConfiguration, ports: Sequence[int]) -> PlantConfiguration:
    """The same plant as a mixed substation.

    A DNP3 RTU has the meters of the feeders, an OPC UA server the charge points; transformer and
    customer meters, inverters and all others keep a Modbus server each. A substation without charge
    points has no park.

    Args:
        configuration: every device with a port of its own.
        ports: of RTU and park, beyond those of the devices.
    """
    feeders = tuple(m.name for m in configuration.meters if m.profile == "meter-feeder")
    points = tuple(point.name for point in configuration.charge_points)
    servers = [
        StationServer(RTU, DNP3, ports[0], feeders),
        StationServer(PARK, OPCUA, ports[1], points, credentials=PARK),
    ]
    behind = {name: server.port for server in servers for name in server.bays}
    return msgspec.structs.replace(
        configuration,
        meters=tuple(_meter(meter, behind) for meter in configuration.meters),
        charge_points=tuple(_charge_point(p, behind) for p in configuration.charge_points),
        station_servers=tuple(server for server in servers if server.bays),
    )


def substation(configuration: PlantConfiguration, ports: Sequence[int]) -> PlantConfiguration:
    """The same plant behind two IEDs: of the feeders, and of what takes set points.

    The second has charge points, inverters and tap changers.

    All other devices keep a Modbus server each. Arguments as `mixed`.
    """
    feeders = tuple(m.name for m in configuration.meters if m.profile == "meter-feeder")
    controlled = [point.name for point in configuration.charge_points]
    controlled += [inverter.name for inverter in configuration.inverters]
    controlled += [tap.name for tap in configuration.tap_changers]
    servers = [
        StationServer(FEEDER_IED, IEC61850, ports[0], feeders),
        StationServer(DER_IED, IEC61850, ports[1], tuple(controlled)),
    ]
    behind = {name: server.port for server in servers for name in server.bays}
    return msgspec.structs.replace(
        configuration,
        meters=tuple(_meter(meter, behind) for meter in configuration.meters),
        charge_points=tuple(_charge_point(p, behind) for p in configuration.charge_points),
        inverters=tuple(
            msgspec.structs.replace(each, port=behind.get(each.name, each.port))
            for each in configuration.inverters
        ),
        tap_changers=tuple(
            msgspec.structs.replace(each, port=behind.get(each.name, each.port))
            for each in configuration.tap_changers
        ),
        station_servers=tuple(server for server in servers if server.bays),
    )


def bay(server: StationServer, device: str) -> str:
    """Where a device is within its station server."""
    return str(server.bays.index(device) + FIRST_BAY[server.protocol])


def connection(server: StationServer, device: str, host: str) -> Connection:
    """How a device behind a station server is reached.

    Args:
        server: which has it as a bay.
        device: its name.
        host: address of the plant's servers.
    """
    number = bay(server, device)
    if server.protocol == DNP3:
        return Connection(
            protocol=DNP3,
            host=host,
            port=server.port,
            unit=OUTSTATION,
            own_address=MASTER,
            identity=server.name,
            bay=number,
        )
    if server.protocol == IEC61850:
        return Connection(
            protocol=IEC61850, host=host, port=server.port, identity=device, bay=number
        )
    return Connection(
        protocol=OPCUA,
        host=host,
        port=server.port,
        path=PATH,
        credentials=server.credentials,
        identity=device,
        bay=number,
    )


def _meter(meter: PlantMeter, behind: dict[str, int]) -> PlantMeter:
    return msgspec.structs.replace(meter, port=behind.get(meter.name, meter.port))


def _charge_point(point: ChargePoint, behind: dict[str, int]) -> ChargePoint:
    return msgspec.structs.replace(point, port=behind.get(point.name, point.port))
