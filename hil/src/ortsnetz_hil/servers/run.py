"""`ortsnetz plant run`: the plant behind its protocol servers, in real time or in stepped time."""

from __future__ import annotations

import asyncio
import errno
import logging
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
from pymodbus import pymodbus_apply_logging_config

from ortsnetz_common.errors import InputError, OrtsnetzError
from ortsnetz_common.measurement.time import now_ns
from ortsnetz_hil.faults.timeline import Timeline
from ortsnetz_hil.faults.wire import Address
from ortsnetz_hil.plant import configuration as files
from ortsnetz_hil.plant import protocols
from ortsnetz_hil.plant.configuration import PlantConfiguration
from ortsnetz_hil.plant.loader import load
from ortsnetz_hil.servers import silence
from ortsnetz_hil.servers.clock_server import ClockServer
from ortsnetz_hil.servers.counters import FORMAT, Counters, DeviceCounters
from ortsnetz_hil.servers.devices import Scene, Served, devices
from ortsnetz_hil.servers.living import LivingPlant
from ortsnetz_hil.servers.plant_clock import PlantClock, SteppedPlantClock, WallPlantClock
from ortsnetz_hil.servers.port_plan import ports, ports_to_listen
from ortsnetz_hil.servers.real_time import RealTime
from ortsnetz_hil.servers.setpoint_log import SetpointLog
from ortsnetz_hil.servers.station_servers import StationServers
from ortsnetz_hil.servers.stepped_time import LEAD_IN_S, SteppedTime, steps_a_cycle
from ortsnetz_hil.verdict.truth import Observer
from ortsnetz_hil.verdict.truth_file import TruthWriter

READY = "plant: ready"


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a run of the plant is asked to do beyond its configuration.

    Attributes:
        seconds: stop so many plant seconds after the beginning of the window; None at a signal.
        silences: `DEVICE@SECONDS-SECONDS`, see `servers.silence`.
        conductor: socket of the bench's conductor.
        uplink: where the device under test reaches the broker, and where the broker is: between
            them lies the wire that faults of the uplink act on.
        goose: interface on which the plant's IEDs multicast their data sets; "" for none.
    """

    seconds: float | None = None
    silences: tuple[str, ...] = ()
    conductor: Path | None = None
    uplink: tuple[Address, Address] | None = None
    goose: str = ""


def run(directory: Path, options: RunOptions, say: Callable[[str], None]) -> None:
    """Run a prepared plant until its time is over or a signal comes.

    Args:
        directory: plant directory.
        options: see there.
        say: takes lines for people.

    Raises:
        OrtsnetzError: a port is taken, a file cannot be used, or the network collapsed.
    """
    configuration = multicasting(files.read(directory), options.goose)
    names = {name for name, _ in ports(configuration)}
    faults = tuple(silence.parse(text, names) for text in options.silences)
    configuration = msgspec.structs.replace(configuration, faults=(*configuration.faults, *faults))
    require_free_ports(configuration)
    pymodbus_apply_logging_config(logging.CRITICAL)
    asyncio.run(_run(directory, configuration, options, say))


def multicasting(configuration: PlantConfiguration, interface: str) -> PlantConfiguration:
    """The same plant, its IEDs multicasting on an interface; "" leaves it as it is.

    Raises:
        InputError: there is no IED.
    """
    if not interface:
        return configuration
    servers = configuration.station_servers
    if all(server.protocol != protocols.IEC61850 for server in servers):
        raise InputError(
            "--goose: no device of this plant is behind an IED; prepare it with "
            f"--protocols {protocols.IEC61850}"
        )
    named = (
        msgspec.structs.replace(each, goose=interface)
        if each.protocol == protocols.IEC61850
        else each
        for each in servers
    )
    return msgspec.structs.replace(configuration, station_servers=tuple(named))


def require_free_ports(configuration: PlantConfiguration) -> None:
    """Make sure that every device can have its ports, before anything starts.

    Those to which a fault moves a device are tried, too: found taken in the middle of a run, they
    would spoil it.

    Raises:
        OrtsnetzError: names the port and the device.
    """
    for name, port in ports_to_listen(configuration):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((configuration.host, port))
            except OSError as error:
                taken = error.errno == errno.EADDRINUSE
                reason = "is taken by another program" if taken else "cannot be used"
                raise OrtsnetzError(
                    f"port {port} on {configuration.host}, wanted for device '{name}', {reason}: "
                    "stop that program or prepare the plant with another base port"
                ) from error


async def _run(
    directory: Path,
    configuration: PlantConfiguration,
    options: RunOptions,
    say: Callable[[str], None],
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    stepped = _stepped_clock(configuration)
    clock: PlantClock = stepped or WallPlantClock(configuration.window)
    living = _bring_to_life(directory, configuration, clock, options)
    living.step()  # a device that is read must have something to say
    living.truth.flush()  # the first part file costs half a second: pay it before anybody waits
    pace = configuration.pace
    server = ClockServer(configuration.host, pace.clock_port or 0, pace.deadline_s)
    try:
        await living.stations.start()
        if stepped is not None:
            await server.start()
        living.save()
        say(READY)
        if stepped is None:
            await RealTime(living, stop).run(options.seconds)
        else:
            end_s = options.seconds or configuration.seconds
            await SteppedTime(living, stepped, server, stop).run(end_s, say)
    finally:
        await server.stop()
        await living.stations.stop()
        living.close()


def _stepped_clock(configuration: PlantConfiguration) -> SteppedPlantClock | None:
    pace = configuration.pace
    if not pace.stepped:
        return None
    if pace.clock_port is None:
        raise OrtsnetzError("plant.json: pace: stepped time needs a clock_port")
    steps = steps_a_cycle(pace)
    first = -round(LEAD_IN_S / pace.cycle_s) * steps
    return SteppedPlantClock(configuration.window, steps, pace.cycle_s, first)


def _bring_to_life(
    directory: Path, configuration: PlantConfiguration, clock: PlantClock, options: RunOptions
) -> LivingPlant:
    plant = load(directory, configuration)
    scene, log, timeline = Scene(), SetpointLog(directory), Timeline(directory)
    served = devices(plant, scene)
    counters = Counters(
        FORMAT, now_ns(), {device.name: _counters(device, configuration) for device in served}
    )
    stations = StationServers(
        configuration,
        served,
        counters,
        log,
        clock,
        timeline,
        uplink=options.uplink,
        directory=directory,
    )
    return LivingPlant(
        directory=directory,
        plant=plant,
        clock=clock,
        scene=scene,
        counters=counters,
        log=log,
        observer=Observer(plant),
        truth=TruthWriter(directory, endless=configuration.seconds is None),
        timeline=timeline,
        stations=stations,
        conductor=options.conductor,
    )


def _counters(device: Served, configuration: PlantConfiguration) -> DeviceCounters:
    server = configuration.behind(device.name)
    return DeviceCounters(
        device.profile,
        device.port,
        points_per_read=device.values,
        behind=None if server is None else server.name,
    )
