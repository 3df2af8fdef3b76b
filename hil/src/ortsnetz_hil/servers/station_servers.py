"""All servers and proxies of a plant, and the log of its faults."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_hil.faults.conditions import WireCounts
from ortsnetz_hil.faults.devices import DeviceFaults
from ortsnetz_hil.faults.meters import MeterFaults
from ortsnetz_hil.faults.specs import Wire
from ortsnetz_hil.faults.timeline import Entry, FaultWatch, Timeline
from ortsnetz_hil.faults.wire import Address, WireProxy
from ortsnetz_hil.plant.configuration import PlantConfiguration
from ortsnetz_hil.servers import station_protocols
from ortsnetz_hil.servers.counters import Counters
from ortsnetz_hil.servers.device_server import DeviceServer
from ortsnetz_hil.servers.devices import Served
from ortsnetz_hil.servers.network_devices import ModbusDevice, NetworkDevice
from ortsnetz_hil.servers.plant_clock import PlantClock
from ortsnetz_hil.servers.possible_faults import UPLINK, require_possible, targets_served
from ortsnetz_hil.servers.served_device import ServedDevice
from ortsnetz_hil.servers.setpoint_log import SetpointLog
from ortsnetz_hil.servers.shown import ShownLog
from ortsnetz_hil.servers.station_device import StationDevice


class StationServers:
    """What the device under test can connect to.

    Faults are those of the configuration; those of the command line are put there before.

    Attributes:
        devices: what has an address of its own, by name: station servers, and devices that are
            behind none.
        shown: what devices behind station servers have shown of late.
    """

    def __init__(  # noqa: PLR0917 - the parts of a plant in the order in which they are made
        self,
        configuration: PlantConfiguration,
        served: Iterable[Served],
        counters: Counters,
        log: SetpointLog,
        clock: PlantClock,
        timeline: Timeline,
        *,
        uplink: tuple[Address, Address] | None = None,
        directory: Path | None = None,
    ) -> None:
        """Prepare everything; nothing listens before `start`.

        Args:
            configuration: the plant with its faults.
            served: its devices.
            counters: counts what devices and wires do.
            log: takes accepted setpoints.
            clock: plant time.
            timeline: takes what happens.
            uplink: where a proxy before the broker listens, and where the broker is; None if the
                device under test connects to the broker itself.
            directory: plant directory, where station servers find their certificates.

        Raises:
            InputError: a fault that cannot be.
        """
        served = tuple(served)
        require_possible(
            configuration.faults,
            targets_served(served, configuration),
            with_uplink=uplink is not None,
            stepped=configuration.pace.stepped,
        )
        self._clock, self._timeline = clock, timeline
        self._watch = FaultWatch(configuration.faults, timeline)
        self._failed: set[str] = set()
        owners = _owners(configuration, served, counters, log, clock)
        self.devices = {
            reached.name: _served_device(configuration, reached)
            for reached in _reached(configuration, owners, clock, directory)
        }
        behind = {name for spec in configuration.station_servers for name in spec.bays}
        self.shown = ShownLog(tuple(owner for name, owner in owners.items() if name in behind))
        for name, ready in self.devices.items():
            if ready.wire is not None:
                counters.wires[name] = ready.wire
        self._uplink = (
            None if uplink is None else _before_the_broker(configuration, uplink, counters, clock)
        )

    async def start(self) -> None:
        """Listen everywhere, or nowhere.

        Raises:
            OrtsnetzError: names the port that cannot be had and whose it is.
        """
        try:
            for device in self.devices.values():
                await device.start()
            if self._uplink is not None:
                await self._uplink.start()
        except OSError as error:
            await self.stop()
            raise OrtsnetzError(f"the proxy before the broker cannot listen: {error}") from error
        except OrtsnetzError:
            await self.stop()
            raise

    async def tick(self, now_s: float) -> None:
        """Live through a step of the plant; call it after each.

        Args:
            now_s: instant of the step, plant seconds.
        """
        self._watch.tick(now_s, self._clock.now_ns())
        if self._uplink is not None:
            self._uplink.tick()
        for name, device in self.devices.items():
            try:
                await device.tick(now_s)
            except OrtsnetzError as error:
                self._note_failure(name, now_s, str(error))
            else:
                self._failed.discard(name)
        self.shown.note()

    async def stop(self) -> None:
        """Close every port."""
        if self._uplink is not None:
            await self._uplink.stop()
        for device in self.devices.values():
            await device.stop()

    def _note_failure(self, name: str, now_s: float, why: str) -> None:
        """Once for each time that a device does not come back where it has to."""
        if name in self._failed:
            return
        self._failed.add(name)
        self._timeline.append(
            Entry(
                kind="fault",
                name=name,
                what=f"{name} does not come back",
                target=name,
                due_s=now_s,
                at_s=now_s,
                time_ns=self._clock.now_ns(),
                state="failed",
                detail=why,
            )
        )


def _owners(
    configuration: PlantConfiguration,
    served: tuple[Served, ...],
    counters: Counters,
    log: SetpointLog,
    clock: PlantClock,
) -> dict[str, DeviceServer]:
    """What answers for each device, by its name, with the faults that are its own."""
    faults, seed = configuration.faults, configuration.seed
    return {
        device.name: DeviceServer(
            device,
            counters.devices[device.name],
            log,
            clock,
            MeterFaults(faults, device.name, seed, device.phases),
            DeviceFaults(faults, device.name),
        )
        for device in served
    }


def _wires(configuration: PlantConfiguration, link: str) -> tuple[Wire, ...]:
    faults = configuration.faults
    return tuple(fault for fault in faults if isinstance(fault, Wire) and fault.link == link)


def _served_device(configuration: PlantConfiguration, reached: NetworkDevice) -> ServedDevice:
    wires = _wires(configuration, reached.name)
    return ServedDevice(reached, configuration.host, wires, configuration.seed)


def _before_the_broker(
    configuration: PlantConfiguration,
    uplink: tuple[Address, Address],
    counters: Counters,
    clock: PlantClock,
) -> WireProxy:
    """The proxy between the device under test and its broker; its counts are the bench's."""
    counts = counters.wires[UPLINK] = WireCounts()
    wires = _wires(configuration, UPLINK)
    return WireProxy(*uplink, wires, clock.now_s, configuration.seed, name=UPLINK, counts=counts)


def _reached(
    configuration: PlantConfiguration,
    owners: Mapping[str, DeviceServer],
    clock: PlantClock,
    directory: Path | None,
) -> Iterator[NetworkDevice]:
    """What has an address of its own: station servers last."""
    behind = {name for spec in configuration.station_servers for name in spec.bays}
    yield from (ModbusDevice(owner) for name, owner in owners.items() if name not in behind)
    for spec in configuration.station_servers:
        bays = tuple(owners[name] for name in spec.bays if name in owners)
        if bays:
            yield StationDevice(
                spec=spec,
                owners=bays,
                bays=station_protocols.bays(spec, bays, configuration, directory),
                clock=clock,
                faults=DeviceFaults(configuration.faults, spec.name),
                silences=MeterFaults(configuration.faults, spec.name, configuration.seed),
            )
