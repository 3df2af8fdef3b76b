"""Meters and devices of a plant: who is where, in the order of ids and ports."""

from __future__ import annotations

from collections.abc import Sequence

from ortsnetz_hil.plant import home_devices, placement, protocols
from ortsnetz_hil.plant.accuracy import BATTERY, HEAT_PUMP, TAP_CHANGER, meter_classes
from ortsnetz_hil.plant.as_built import transformer_id
from ortsnetz_hil.plant.calendar import window
from ortsnetz_hil.plant.configuration import FORMAT, PlantConfiguration, PlantMeter
from ortsnetz_hil.plant.devices.specs import TapChanger
from ortsnetz_hil.plant.metering import metered_nodes, meters, with_parts
from ortsnetz_hil.plant.network_file import PlantNetwork
from ortsnetz_hil.plant.placement import Ports, Slots
from ortsnetz_hil.plant.request import Request
from ortsnetz_hil.plant.sessions import Span
from ortsnetz_hil.plant.weather import Weather


class _Numbers:
    """Hands out consecutive element ids and ports."""

    def __init__(self, first_id: int, ports: Ports, first_port: int) -> None:
        self._id, self._ports, self._port = first_id, ports, first_port

    def take(self, count: int) -> Slots:
        """Numbers of the next devices."""
        slots = Slots(self._id, self._ports.range(self._port, count))
        self._id, self._port = self._id + count, self._port + count
        return slots


def configure(request: Request, built: PlantNetwork, split: PlantNetwork) -> PlantConfiguration:
    """Place meters and devices; what inverters and customers follow is chosen later.

    Args:
        request: what is wanted.
        built: the network with whole customers.
        split: the same with customers in parts; ids of devices begin above its own.

    Raises:
        InputError: the request cannot be fulfilled; names what is wrong.
    """
    ports, seed = Ports(request.base_port), request.seed
    run = window(request.seconds, request.wall_start_ns, request.begin_ns, request.calendar_factor)
    found = meters(built, seed, ports, request.errors.metered_share)
    numbers = _Numbers(split.next_id(), ports, len(found))
    span = Span.of(run.start_ns, run.length_s)
    homes = home_devices.Homes(built, seed, metered_nodes(found))
    charge_points = placement.charge_points(
        built, seed, request.charge_points, span, numbers.take(request.charge_points.count)
    )
    inverters = placement.inverters(
        built, seed, request.inverters, numbers.take(request.inverters.count)
    )
    heat_pumps = home_devices.heat_pumps(
        homes, request.heat_pumps, numbers.take(request.heat_pumps.count)
    )
    with_pv = {inverter.node for inverter in inverters}
    with_pv |= {int(gen["node"]) for gen in built.elements("asym_gen")}
    batteries = home_devices.batteries(
        homes, request.batteries, numbers.take(request.batteries.count), with_pv
    )
    tap_ports = numbers.take(len(request.tap_changers)).ports
    further = ((HEAT_PUMP, heat_pumps), (BATTERY, batteries), (TAP_CHANGER, request.tap_changers))
    present = [profile for profile, devices in further if devices]
    every = PlantConfiguration(
        format=FORMAT,
        node=request.node,
        seed=seed,
        seconds=request.seconds,
        host=request.host,
        window=run,
        u_pu=request.u_pu,
        loading=request.loading,
        meters=_whole(found, built, split),
        charge_points=charge_points,
        inverters=inverters,
        meter_classes=meter_classes(request.errors.accuracy, present),
        assumptions=(),
        pace=request.pace,
        heat_pumps=heat_pumps,
        batteries=batteries,
        tap_changers=_tap_changers(request, built, tap_ports),
        events=request.events,
        faults=request.faults,
        weather=Weather(request.profiles.sky, request.profiles.outdoor_c),
    )
    if request.protocols == protocols.MODBUS:
        return every
    behind = protocols.mixed if request.protocols == protocols.MIXED else protocols.substation
    return behind(every, numbers.take(protocols.STATION_SERVERS).ports)


def _whole(
    found: tuple[PlantMeter, ...], built: PlantNetwork, split: PlantNetwork
) -> tuple[PlantMeter, ...]:
    if split is built:
        return found
    from ortsnetz_hil.plant.voltage_dependence import parts  # noqa: PLC0415 - where it is wanted

    return with_parts(found, parts(split))


def _tap_changers(
    request: Request, built: PlantNetwork, ports: Sequence[int]
) -> tuple[TapChanger, ...]:
    return tuple(
        TapChanger(
            name=f"tap-changer-{i + 1}",
            element=transformer_id(built, wish),
            port=port,
            setpoint_pu=wish.setpoint_pu,
            band_pu=wish.band_pu,
            delay_s=wish.delay_s,
            step_s=wish.step_s,
            steps_a_day=wish.steps_a_day,
        )
        for i, (wish, port) in enumerate(zip(request.tap_changers, ports, strict=True))
    )
