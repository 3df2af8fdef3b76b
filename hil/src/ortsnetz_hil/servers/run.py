"""`ortsnetz plant run`: the plant in real time behind one Modbus TCP server a device."""

from __future__ import annotations

import asyncio
import errno
import logging
import signal
import socket
from collections.abc import Callable
from pathlib import Path

from pymodbus import pymodbus_apply_logging_config
from pymodbus.server import ModbusTcpServer

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_common.measurement.time import now_ns
from ortsnetz_hil.plant import configuration as files
from ortsnetz_hil.plant.configuration import PlantConfiguration
from ortsnetz_hil.plant.loader import load
from ortsnetz_hil.servers import silence
from ortsnetz_hil.servers.counters import FORMAT, Counters, DeviceCounters
from ortsnetz_hil.servers.device_server import DeviceServer
from ortsnetz_hil.servers.devices import Scene, Served, devices
from ortsnetz_hil.servers.real_time import RealTime
from ortsnetz_hil.servers.setpoint_log import SetpointLog
from ortsnetz_hil.servers.silence import Silence
from ortsnetz_hil.verdict.truth import Observer
from ortsnetz_hil.verdict.truth_file import TruthWriter

READY = "plant: ready"


def run(
    directory: Path, seconds: float | None, silences: tuple[str, ...], say: Callable[[str], None]
) -> None:
    """Run a prepared plant until its time is over or a signal comes.

    Args:
        directory: plant directory.
        seconds: wall seconds since the beginning of the calendar's window; None without end.
        silences: faults, `DEVICE@SECONDS-SECONDS`.
        say: takes lines for people.

    Raises:
        OrtsnetzError: a port is taken, a file cannot be used, or the network collapsed.
    """
    configuration = files.read(directory)
    names = {name for name, _ in _ports(configuration)}
    faults = tuple(silence.parse(text, names) for text in silences)
    require_free_ports(configuration)
    pymodbus_apply_logging_config(logging.CRITICAL)
    asyncio.run(_run(directory, configuration, seconds, faults, say))


def require_free_ports(configuration: PlantConfiguration) -> None:
    """Make sure that every device can have its port, before anything starts.

    Raises:
        OrtsnetzError: names the port and the device.
    """
    for name, port in _ports(configuration):
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


def _ports(configuration: PlantConfiguration) -> list[tuple[str, int]]:
    return [
        *((meter.name, meter.port) for meter in configuration.meters),
        *((point.name, point.port) for point in configuration.charge_points),
        *((inverter.name, inverter.port) for inverter in configuration.inverters),
    ]


async def _run(
    directory: Path,
    configuration: PlantConfiguration,
    seconds: float | None,
    faults: tuple[Silence, ...],
    say: Callable[[str], None],
) -> None:
    plant = load(directory, configuration)
    scene = Scene()
    log = SetpointLog(directory)
    served = devices(plant, scene)
    counters = Counters(FORMAT, now_ns(), {device.name: _counters(device) for device in served})
    truth, stop = TruthWriter(directory), asyncio.Event()
    loop = RealTime(directory, plant, scene, counters, log, Observer(plant), truth, stop)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    loop.step()  # a device that is read must have something to say
    truth.flush()  # the first part file costs half a second: pay it before anybody waits
    servers: list[ModbusTcpServer] = []
    try:
        for device in served:
            server = _server(configuration, device, counters.devices[device.name], log, faults)
            servers.append(await _listening(server.create(configuration.host), device))
        loop.save()
        say(READY)
        await loop.run(seconds)
    finally:
        for listening in servers:
            await listening.shutdown()  # type: ignore[no-untyped-call]
        loop.close()


def _counters(device: Served) -> DeviceCounters:
    return DeviceCounters(device.profile, device.port, points_per_read=device.values)


def _server(
    configuration: PlantConfiguration,
    device: Served,
    counters: DeviceCounters,
    log: SetpointLog,
    faults: tuple[Silence, ...],
) -> DeviceServer:
    elapsed_s = configuration.window.elapsed_s

    def silent() -> bool:
        return any(fault.covers(device.name, elapsed_s(now_ns())) for fault in faults)

    return DeviceServer(device, counters, log, elapsed_s, silent)


async def _listening(server: ModbusTcpServer, device: Served) -> ModbusTcpServer:
    try:
        await server.serve_forever(background=True)
    except RuntimeError as error:
        raise OrtsnetzError(
            f"port {device.port}, wanted for device '{device.name}', cannot be used: {error}"
        ) from error
    return server
