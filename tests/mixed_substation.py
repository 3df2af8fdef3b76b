"""A small mixed substation on loopback whose plant time is what a test says."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from asyncua import Client
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from py1815.master.api import Outstation

from ortsnetz_hil.faults.specs import Fault
from ortsnetz_hil.faults.timeline import Timeline
from ortsnetz_hil.plant import configuration as files
from ortsnetz_hil.plant import protocols
from ortsnetz_hil.plant.configuration import MeterClass, PlantConfiguration
from ortsnetz_hil.plant.core import Plant
from ortsnetz_hil.plant.loader import load
from ortsnetz_hil.plant.prepare import prepare
from ortsnetz_hil.plant.request import (
    ChargePointWish,
    InverterWish,
    NetworkWish,
    ProfileWish,
    Request,
)
from ortsnetz_hil.servers.counters import FORMAT, Counters, DeviceCounters
from ortsnetz_hil.servers.devices import Scene, devices
from ortsnetz_hil.servers.setpoint_log import SetpointLog
from ortsnetz_hil.servers.station_servers import StationServers

HOST = "127.0.0.1"
CSV = "time,all,PV2\n" + "".join(f"{600 * i},0.5,0.5\n" for i in range(8))
START_NS = 1_795_255_200_000_000_000
RTU, PARK = "rtu-feeders", "charging-park"


def prepared_in(folder: Path, network: Path, protocols: str = "mixed") -> Path:
    """Prepare a run directory: four feeders, three charge points, an inverter; exact profiles."""
    (folder / "day.csv").write_text(CSV)
    prepare(
        Request(
            network=NetworkWish(network),
            out=folder / "run",
            wall_start_ns=START_NS,
            begin_ns=int(datetime(2016, 2, 9, 17, 0, tzinfo=UTC).timestamp()) * 10**9,
            seconds=100.0,
            calendar_factor=1.0,
            charge_points=ChargePointWish(count=3, ratings_kw=(11.0,), noon_share=1.0),
            inverters=InverterWish(count=1),
            profiles=ProfileWish(loads="csv", sun="csv", csv=folder / "day.csv"),
            protocols=protocols,
        )
    )
    return folder / "run"


@dataclass
class Substation:
    """A plant behind its servers; plant time is what the test says.

    Attributes:
        servers: station servers that are there; a park takes a second to start, and devices that
            are behind none have a Modbus server each.
    """

    run: Path
    out: Path
    faults: tuple[Fault, ...]
    servers: tuple[str, ...] = (RTU, PARK)
    exact: bool = True
    time: float = 0.0
    scene: Scene = field(default_factory=Scene)

    def __post_init__(self) -> None:
        found = files.read(self.run / "plant")
        exact = tuple(MeterClass(each.profile, 0.0, 0.0) for each in found.meter_classes)
        self.configuration: PlantConfiguration = msgspec.structs.replace(
            found,
            faults=self.faults,
            meter_classes=exact if self.exact else found.meter_classes,
            **self._free_ports(found),
        )
        self.plant: Plant = load(self.run / "plant", self.configuration)
        served = devices(self.plant, self.scene)
        self.counters = Counters(
            FORMAT, 0, {d.name: DeviceCounters(d.profile, d.port, d.values) for d in served}
        )
        self.log = SetpointLog(self.out)
        self._look(0.0)
        self.ready = StationServers(
            self.configuration,
            served,
            self.counters,
            self.log,
            self,
            Timeline(self.out),
            directory=self.run / "plant",
        )

    def _free_ports(self, found: PlantConfiguration) -> dict[str, Any]:
        """Every device at a free port: two runs of tests beside each other do not meet."""

        def free(each: Any) -> Any:
            return msgspec.structs.replace(each, port=0)

        kinds = ("meters", "charge_points", "inverters", "station_servers")
        freed = {kind: tuple(free(each) for each in getattr(found, kind)) for kind in kinds}
        wanted = (s for s in freed["station_servers"] if s.name in self.servers)
        return {**freed, "station_servers": tuple(wanted)}

    def now_s(self) -> float:
        return self.time

    def now_ns(self) -> int:
        return START_NS + round(self.time * 1e9)

    def _look(self, now_s: float) -> None:
        self.time = now_s
        self.scene.step = self.plant.step(now_s, self.configuration.window.after(now_s))
        self.scene.time_ns = self.now_ns()

    async def step(self, now_s: float) -> None:
        self._look(now_s)
        await self.ready.tick(now_s)

    def port(self, name: str) -> int:
        port = self.ready.devices[name].port
        assert port is not None, f"{name} does not listen"
        return port

    async def master(self) -> Outstation:
        master = Outstation(
            "rtu",
            host=HOST,
            port=self.port(RTU),
            outstation_address=protocols.OUTSTATION,
            master_address=protocols.MASTER,
            response_timeout=0.5,
            read_retries=0,
            manual=True,
            confirm=True,
            reconnect=None,
        )
        await master.connect()
        return master

    async def client(self) -> Client:
        folder = self.run / "agent" / "credentials" / PARK
        client = Client(f"opc.tcp://{HOST}:{self.port(PARK)}{protocols.PATH}", timeout=2.0)
        client.application_uri = f"urn:ortsnetz:node:{self.configuration.node}"
        await client.set_security(
            SecurityPolicyBasic256Sha256,
            certificate=str(folder / "certificate.pem"),
            private_key=str(folder / "key.pem"),
            server_certificate=str(folder / "ca.pem"),
        )
        await client.load_client_certificate(str(folder / "certificate.pem"))
        await client.load_private_key(str(folder / "key.pem"))
        await client.connect()
        return client


@contextlib.asynccontextmanager
async def serving(
    run: Path,
    out: Path,
    *faults: Fault,
    servers: tuple[str, ...] = (RTU, PARK),
    exact: bool = True,
) -> AsyncIterator[Substation]:
    """A substation while it is served."""
    substation = Substation(run, out, faults, servers, exact)
    await substation.ready.start()
    try:
        yield substation
    finally:
        await substation.ready.stop()
        substation.log.flush()
