"""An IED as what devices of a substation are behind: `Bays` and `Listening` at once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_common.link.bench_ied import TAKEN, VERSION, Begin, Command
from ortsnetz_hil.faults.wire import Address
from ortsnetz_hil.plant import protocols
from ortsnetz_hil.plant.configuration import StationServer
from ortsnetz_hil.servers.device_server import DeviceServer
from ortsnetz_hil.servers.ied_bay import NOT_SUPPORTED, IedBay
from ortsnetz_hil.servers.ied_process import IedProcess, started
from ortsnetz_hil.servers.network_devices import Listening


@dataclass(slots=True)
class Ied:
    """An IED with several devices; its process lives from `listen` until `go_down`.

    Attributes:
        name: of the IED in its SCL file.
        written: where that file is put.
    """

    name: str
    bays: tuple[IedBay, ...]
    written: Path | None = None
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
        return self

    async def go_down(self) -> None:
        """The process is killed: connections end, and reports that wait are lost."""
        process, self._process = self._process, None
        if process is not None:
            await process.end()

    async def live(self, now_s: float, *, silent: bool) -> None:
        """Live through a step of the plant; while it is silent nobody is told of it."""
        for bay in self.bays:
            bay.live(now_s)
        if self._process is None:
            return
        self._process.fall_silent(silent=silent)
        if silent:
            return
        await self._process.show(*self._values())
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
        return cause

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


def ied(spec: StationServer, owners: tuple[DeviceServer, ...], directory: Path | None) -> Ied:
    """An IED before its devices.

    Args:
        spec: which server.
        owners: the devices in the order of their bays.
        directory: plant directory, where its SCL file is put; None for none.
    """
    name = re.sub(r"[^A-Za-z0-9]", "", spec.name.title())
    bays = tuple(IedBay(owner, int(protocols.bay(spec, owner.device.name))) for owner in owners)
    return Ied(name, bays, None if directory is None else directory / f"{spec.name}.cid")
