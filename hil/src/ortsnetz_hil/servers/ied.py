"""An IED as what devices of a substation are behind: `Bays` and `Listening` at once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from ortsnetz_common.errors import InputError, OrtsnetzError
from ortsnetz_common.link.bench_ied import TAKEN, VERSION, Begin, Command
from ortsnetz_hil.faults.devices import DeviceFaults
from ortsnetz_hil.faults.wire import Address
from ortsnetz_hil.plant import protocols
from ortsnetz_hil.plant.configuration import PlantConfiguration, StationServer
from ortsnetz_hil.servers.device_server import DeviceServer
from ortsnetz_hil.servers.goose_sender import GooseSender
from ortsnetz_hil.servers.goose_sender import started as started_sender
from ortsnetz_hil.servers.ied_bay import NOT_SUPPORTED, IedBay
from ortsnetz_hil.servers.ied_process import IedProcess, started
from ortsnetz_hil.servers.network_devices import Listening

ADDRESSES = 128
"""Multicast addresses that each IED of a plant has for itself: 64 devices with two data sets."""


@dataclass(slots=True)
class Ied:
    """An IED with several devices; its process lives from `listen` until `go_down`.

    Attributes:
        name: of the IED in its SCL file.
        written: where that file is put.
        goose: interface on which its data sets are multicast; "" for none.
        first_address: number of the first multicast address.
        faults: of the IED as a whole.
    """

    name: str
    bays: tuple[IedBay, ...]
    written: Path | None = None
    goose: str = ""
    first_address: int = 1
    faults: DeviceFaults = field(default_factory=DeviceFaults)
    _wrong: dict[str, str] = field(default_factory=dict)
    _sender: GooseSender | None = None
    _process: IedProcess | None = None
    _by_instance: dict[str, IedBay] = field(init=False)

    def __post_init__(self) -> None:
        self._by_instance = {bay.instance: bay for bay in self.bays}

    @property
    def port(self) -> int:
        """The port at which it listens."""
        if self._process is None:
            raise OrtsnetzError(f"the IED '{self.name}' does not listen")
        return self._process.port

    async def listen(self, address: Address) -> Listening:
        """Listen at an address."""
        host, port = address
        for bay in self.bays:
            bay.look()
        begin = Begin(
            version=VERSION,
            ied=self.name,
            host=host,
            port=port,
            points=tuple(name for bay in self.bays for name in bay.references),
            bays=tuple(bay.template for bay in self.bays),
            settings=tuple(name for bay in self.bays for name in bay.settings),
            written="" if self.written is None else str(self.written),
        )
        self._process = await started(begin, self.decide)
        await self._process.show(*self._values())
        try:
            await self._begin_to_multicast()
        except OrtsnetzError:
            await self.go_down()
            raise
        return self

    async def go_down(self) -> None:
        """The process is killed: connections end, and reports that wait are lost."""
        process, self._process = self._process, None
        sender, self._sender = self._sender, None
        if process is not None:
            await process.end()
        if sender is not None:
            await sender.end()

    async def live(self, now_s: float, *, silent: bool) -> None:
        """Live through a step of the plant; while it is silent nobody is told of it."""
        for bay in self.bays:
            bay.live(now_s)
        if self._process is None:
            return
        self._process.fall_silent(silent=silent)
        if self._sender is not None:
            self._sender.fall_silent(silent=silent)
        if silent:
            return
        await self._process.show(*self._values())
        self._misbehave(now_s)
        self._multicast()
        if self._process.counts.connections:
            for bay in self.bays:
                if bay.answers:
                    bay.served()

    async def restart(self) -> None:
        """All that it had is gone with its process."""

    def decide(self, command: Command) -> int:
        """Let a device take a command, and show what has come of it."""
        bay = self._by_instance.get(command.reference.partition("/")[0])
        cause = NOT_SUPPORTED if bay is None else bay.command(command)
        if cause == TAKEN and command.step != "check" and self._process is not None:
            self._process.put(*self._values())
            self._multicast()
        return cause

    def _misbehave(self, now_s: float) -> None:
        """Let the publisher do what faults say, and no longer."""
        wrong = self.faults.multicasting(now_s)
        if self._sender is None or wrong == self._wrong:
            return
        self._sender.misbehave("none")
        for block, how in wrong.items():
            self._sender.misbehave(how, block)
        self._wrong = wrong

    async def _begin_to_multicast(self) -> None:
        if not self.goose or self.written is None:
            return
        added = self.written.with_name(f"{self.written.stem}-goose.cid")
        self._wrong = {}
        self._sender = await started_sender(self.goose, self.written, added, self.first_address)
        self._multicast()

    def _multicast(self) -> None:
        """Tell the publisher what is shown: each value, and the quality beside it."""
        if self._sender is None:
            return
        told: dict[str, float] = {}
        for bay in self.bays:
            for reference, row in zip(bay.references, bay.rows, strict=True):
                told[reference] = row.value
                told[_quality_of(reference)] = row.quality
        newest_ns = max(row.time_ns for bay in self.bays for row in bay.rows)
        self._sender.tell(told, newest_ns)

    def _values(
        self,
    ) -> tuple[tuple[int, ...], tuple[float | str, ...], tuple[int, ...], tuple[int, ...]]:
        rows = [row for bay in self.bays for row in bay.rows]
        return (
            tuple(range(len(rows))),
            tuple(row.value for row in rows),
            tuple(row.quality for row in rows),
            tuple(row.time_ns for row in rows),
        )


def _quality_of(reference: str) -> str:
    """Where the quality of a value stands: `q` of its data object."""
    path, _, constraint = reference.partition("[")
    for value in (".cVal.mag.f", ".mag.f", ".mxVal.f", ".valWTr.posVal", ".actVal", ".stVal"):
        if path.endswith(value):
            return f"{path.removesuffix(value)}.q[{constraint}"
    return f"{path}.q[{constraint}"


def ied(
    spec: StationServer,
    owners: tuple[DeviceServer, ...],
    directory: Path | None,
    configuration: PlantConfiguration,
) -> Ied:
    """An IED before its devices.

    Args:
        spec: which server.
        owners: the devices in the order of their bays.
        directory: plant directory, where its SCL file is put; None for none.
        configuration: the plant's.

    Raises:
        InputError: it is to multicast, and there is no such directory.
    """
    name = re.sub(r"[^A-Za-z0-9]", "", spec.name.title())
    bays = tuple(IedBay(owner, int(protocols.bay(spec, owner.device.name))) for owner in owners)
    written = None if directory is None else directory / f"{spec.name}.cid"
    if spec.goose and written is None:
        raise InputError(f"station server '{spec.name}': GOOSE needs a place for its SCL file")
    number = configuration.station_servers.index(spec)
    faults = DeviceFaults(configuration.faults, spec.name)
    return Ied(name, bays, written, spec.goose, 1 + number * ADDRESSES, faults)
