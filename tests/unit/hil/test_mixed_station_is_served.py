"""RTU and park of a prepared plant, on loopback: one plant behind them, faults where they belong.

The truth is the plant's own state; interoperability with other stacks is tested in tests/interop.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from py1815.master.api import Outstation
from py1815.master.store import PointValue
from py1815.objects import AnalogQuality

from ortsnetz_hil.faults import specs
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
from ortsnetz_hil.servers import shown
from ortsnetz_hil.servers.counters import FORMAT, Counters, DeviceCounters
from ortsnetz_hil.servers.devices import Scene, devices
from ortsnetz_hil.servers.dnp3_bay import ACTIVE, STRIDE, VOLTAGE
from ortsnetz_hil.servers.setpoint_log import SetpointLog
from ortsnetz_hil.servers.setpoint_log import read as read_setpoints
from ortsnetz_hil.servers.station_servers import StationServers

HOST = "127.0.0.1"
CSV = "time,all,PV2\n" + "".join(f"{600 * i},0.5,0.5\n" for i in range(8))
DEADLINE_S = 20.0
START_NS = 1_795_255_200_000_000_000
RTU, PARK = "rtu-feeders", "charging-park"


@pytest.fixture(scope="module")
def prepared(default_network: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mixed")
    (folder / "day.csv").write_text(CSV)
    prepare(
        Request(
            network=NetworkWish(default_network),
            out=folder / "run",
            wall_start_ns=START_NS,
            begin_ns=int(datetime(2016, 2, 9, 17, 0, tzinfo=UTC).timestamp()) * 10**9,
            seconds=100.0,
            calendar_factor=1.0,
            charge_points=ChargePointWish(count=3, ratings_kw=(11.0,)),
            inverters=InverterWish(count=1),
            profiles=ProfileWish(loads="csv", sun="csv", csv=folder / "day.csv"),
            protocols="mixed",
        )
    )
    return folder / "run"


@dataclass
class Substation:
    """A plant behind its servers; plant time is what the test says."""

    run: Path
    out: Path
    faults: tuple[Fault, ...]
    time: float = 0.0
    scene: Scene = field(default_factory=Scene)

    def __post_init__(self) -> None:
        found = files.read(self.run / "plant")
        exact = tuple(MeterClass(each.profile, 0.0, 0.0) for each in found.meter_classes)
        self.configuration: PlantConfiguration = msgspec.structs.replace(
            found, faults=self.faults, meter_classes=exact, **_free_ports(found)
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


def _free_ports(found: PlantConfiguration) -> dict[str, Any]:
    """Every device at a free port: two runs of tests beside each other do not meet."""

    def free(each: Any) -> Any:
        return msgspec.structs.replace(each, port=0)

    kinds = ("meters", "charge_points", "inverters", "station_servers")
    return {kind: tuple(free(each) for each in getattr(found, kind)) for kind in kinds}


@contextlib.asynccontextmanager
async def serving(run: Path, out: Path, *faults: Fault) -> AsyncIterator[Substation]:
    substation = Substation(run, out, faults)
    await substation.ready.start()
    try:
        yield substation
    finally:
        await substation.ready.stop()
        substation.log.flush()


def run_(story: Callable[[], Awaitable[None]]) -> None:
    async def with_deadline() -> None:
        async with asyncio.timeout(DEADLINE_S):
            await story()

    asyncio.run(with_deadline())


def point(master: Outstation, index: int) -> PointValue:
    found = master.store.analog_input(index)
    assert found is not None, f"analog input {index} was not reported"
    return found


def counts(master: Outstation, index: int) -> float:
    value = point(master, index).value
    assert value is not None
    return float(value)


async def node(client: Client, name: str) -> Any:
    number = await client.get_namespace_index("urn:ortsnetz:bench:park")
    return client.get_node(f"ns={number};s={name}")


async def value(client: Client, name: str) -> ua.DataValue:
    return await (await node(client, name)).read_data_value(raise_on_bad_status=False)


def when(**what: Any) -> dict[str, Any]:
    return {"name": "it", "first_s": 10.0, "last_s": 20.0, **what}


def test_a_feeders_power_and_voltage_come_through_the_rtu(prepared: Path, tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(prepared, tmp_path) as substation:
            await substation.step(1.0)
            master = await substation.master()
            await master.integrity_poll()
            state = substation.scene.truth().state
            network = substation.plant.network
            meters = {m.name: m for m in substation.configuration.meters}
            server = next(s for s in substation.configuration.station_servers if s.name == RTU)
            for number, name in enumerate(server.bays):
                meter = meters[name]
                row = network.ids("line").tolist().index(meter.element)
                ends = state.lines.s_from if meter.side == "from" else state.lines.s_to
                order = ["abc".index(letter) for letter in meter.phases]
                truth = ends[row][order].real
                end = "from_node" if meter.side == "from" else "to_node"
                at = network.ids("node").tolist().index(network.data["line"][end][row])
                volts = np.abs(state.u_v[at])[order]
                for phase in range(3):
                    first = number * STRIDE
                    watts = counts(master, first + ACTIVE + phase)
                    assert watts / 10.0 == pytest.approx(truth[phase], abs=0.051)
                    volt = counts(master, first + VOLTAGE + phase)
                    assert volt / 100.0 == pytest.approx(volts[phase], abs=0.0051)
            assert np.abs(truth).max() > 100.0, "the last feeder carries something"
            await master.close()

    run_(story)


def test_a_limit_comes_through_the_park_and_acts_in_the_plant(
    prepared: Path, tmp_path: Path
) -> None:
    async def story() -> None:
        async with serving(prepared, tmp_path) as substation:
            client = await substation.client()
            limit = await node(client, "CP2.LimitSetpoint")
            await limit.write_value(ua.DataValue(ua.Variant(9, ua.VariantType.UInt16)))
            model = substation.plant.charge_points[1]
            assert (model.spec.name, model.limit) == ("ev-02", 9)
            await substation.step(1.0)
            assert (await value(client, "CP2.Limit")).Value.Value == 9.0
            with pytest.raises(ua.UaStatusCodeError):
                await limit.write_value(ua.DataValue(ua.Variant(5, ua.VariantType.UInt16)))
            assert model.limit == 9, "what is refused does not act"
            await client.disconnect()
            assert substation.counters.devices["ev-02"].writes == 1
            assert substation.counters.devices["ev-02"].refused == 1
        assert [(w.device, w.value) for w in read_setpoints(tmp_path)] == [("ev-02", 9)]

    run_(story)


def test_a_silent_meter_behind_the_rtu_is_lost_there_and_the_others_are_not(
    prepared: Path, tmp_path: Path
) -> None:
    async def story() -> None:
        fault = specs.Missing(**when(device="meter-feeder-2"))
        async with serving(prepared, tmp_path, fault) as substation:
            master = await substation.master()
            for now_s, lost in ((5.0, False), (11.0, True), (21.0, False)):
                await substation.step(now_s)
                await master.integrity_poll()
                flags = [point(master, n * STRIDE).flags or 0 for n in range(3)]
                assert [bool(f & AnalogQuality.COMM_LOST) for f in flags] == [False, lost, False]
                assert [bool(f & AnalogQuality.ONLINE) for f in flags] == [True, not lost, True]
            await master.close()

    run_(story)


def test_a_silent_rtu_answers_nobody_and_answers_again(prepared: Path, tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(prepared, tmp_path, specs.Missing(**when(device=RTU))) as substation:
            master = await substation.master()
            assert (await master.integrity_poll()).outcome.value == "complete"
            await substation.step(10.0)
            assert (await master.integrity_poll()).outcome.value == "timeout"
            assert substation.counters.devices["pv-01"].unanswered == 0
            await substation.step(20.0)
            await master.close()
            master = await substation.master()
            assert (await master.integrity_poll()).outcome.value == "complete"
            await master.close()

    run_(story)


def test_a_park_that_restarts_takes_its_charge_points_to_factory_settings(
    prepared: Path, tmp_path: Path
) -> None:
    async def story() -> None:
        async with serving(prepared, tmp_path, specs.Reboots(**when(device=PARK))) as substation:
            models = substation.plant.charge_points
            factory = [model.limit for model in models]
            client = await substation.client()
            for number in (1, 2, 3):
                limit = await node(client, f"CP{number}.LimitSetpoint")
                await limit.write_value(ua.DataValue(ua.Variant(15, ua.VariantType.UInt16)))
            assert [model.limit for model in models] == [15, 15, 15]
            await substation.step(10.0)
            assert substation.ready.devices[PARK].port is None
            for now_s in (12.0, 19.8):
                await substation.step(now_s)  # the plant goes on while nobody can look at it
            await substation.step(20.0)
            assert [model.limit for model in models] == factory != [15, 15, 15]
            with contextlib.suppress(Exception):
                await client.disconnect()
            client = await substation.client()
            assert (await value(client, "CP1.LimitSetpoint")).Value.Value == factory[0]
            await client.disconnect()

    run_(story)


def test_a_charge_point_that_restarts_is_lost_in_the_park_and_comes_back_alone(
    prepared: Path, tmp_path: Path
) -> None:
    async def story() -> None:
        async with serving(prepared, tmp_path, specs.Reboots(**when(device="ev-01"))) as substation:
            models = substation.plant.charge_points
            factory = models[0].limit
            client = await substation.client()
            for number in (1, 2):
                limit = await node(client, f"CP{number}.LimitSetpoint")
                await limit.write_value(ua.DataValue(ua.Variant(15, ua.VariantType.UInt16)))
            await substation.step(12.0)
            bad, good = [await value(client, f"CP{n}.Voltage1") for n in (1, 2)]
            assert not bad.StatusCode.is_good()
            assert good.StatusCode.is_good()
            await substation.step(20.0)
            assert (await value(client, "CP1.Voltage1")).StatusCode.is_good()
            assert (models[0].limit, models[1].limit) == (factory, 15)
            await client.disconnect()

    run_(story)


@pytest.mark.parametrize("name", [RTU, PARK])
def test_a_bad_wire_hits_the_whole_server(prepared: Path, tmp_path: Path, name: str) -> None:
    async def story() -> None:
        fault = specs.Wire(**when(link=name), reset=True)
        async with serving(prepared, tmp_path, fault) as substation:
            reader, writer = await asyncio.open_connection(HOST, substation.port(name))
            await substation.step(10.0)
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read(1) == b"", "the connection is gone"
            writer.close()
            await substation.step(20.0)
            assert substation.counters.wires[name].resets == 1
            if name == RTU:
                master = await substation.master()
                assert (await master.integrity_poll()).outcome.value == "complete"
                await master.close()
            else:
                client = await substation.client()
                assert (await value(client, "CP1.Voltage1")).StatusCode.is_good()
                await client.disconnect()

    run_(story)


def test_what_was_shown_is_kept_with_the_instant_of_its_step(
    prepared: Path, tmp_path: Path
) -> None:
    async def story() -> None:
        async with serving(prepared, tmp_path) as substation:
            for now_s in (1.0, 1.2):
                await substation.step(now_s)
            substation.ready.shown.write(tmp_path)

    run_(story)
    found = shown.read(tmp_path)
    assert set(found) == {*(f"meter-feeder-{n}" for n in (1, 2, 3, 4)), "ev-01", "ev-02", "ev-03"}
    feeder = found["meter-feeder-1"]
    assert [t - START_NS for t in feeder.times_ns] == [10**9, 12 * 10**8]
    assert feeder.points[:2] == ("MMXU1.PhV.phsA", "MMXU1.PhV.phsB")
    assert all(200.0 < values[0] < 260.0 for values in feeder.values if values[0] is not None)
