"""Clients of a station with faults: real sockets, plant time told by the test."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from pymodbus.client import AsyncModbusTcpClient

from ortsnetz_common.errors import InputError, OrtsnetzError
from ortsnetz_hil.faults.specs import (
    ChangesAddress,
    Delays,
    Fault,
    Frozen,
    Ignores,
    Missing,
    Reboots,
    Rejects,
    SwappedPhases,
    Wire,
)
from ortsnetz_hil.faults.timeline import Timeline, read
from ortsnetz_hil.plant.configuration import MeterClass, Pace, PlantConfiguration, PlantMeter
from ortsnetz_hil.plant.devices.charge_point import ChargePointModel
from ortsnetz_hil.plant.devices.specs import ChargePoint
from ortsnetz_hil.servers.commands import Commands, LimitSettings
from ortsnetz_hil.servers.controlled import ControlledDevice
from ortsnetz_hil.servers.counters import FORMAT, Counters, DeviceCounters
from ortsnetz_hil.servers.device_maps import ChargePointStatus, charge_point
from ortsnetz_hil.servers.devices import Scene, Served
from ortsnetz_hil.servers.instrument import Instrument
from ortsnetz_hil.servers.meter_device import MeterDevice
from ortsnetz_hil.servers.port_plan import wanted_ports
from ortsnetz_hil.servers.setpoint_log import SetpointLog
from ortsnetz_hil.servers.setpoint_log import read as read_setpoints
from ortsnetz_hil.servers.station_servers import StationServers

HOST = "127.0.0.1"
FLOOR_A, RATED_A = 7, 32
WATTS = 3000.0
DEADLINE_S = 20.0
SOON_S = 0.2

pytestmark = pytest.mark.interop


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _state(watts: float) -> Any:
    """One node at which a customer draws the same in each phase."""
    return SimpleNamespace(
        local_u_v=np.full((1, 3), 230.0 + 0j), load_s=np.full((2, 3), watts + 0j)
    )


@dataclass
class Station:
    """A customer's meter and a charge point; plant time is what the test says."""

    directory: Path
    faults: tuple[Fault, ...]
    now: float = 0.0
    ready: StationServers | None = None

    def __post_init__(self) -> None:
        self.ports = {"meter-1": _free_port(), "ev-1": _free_port()}
        self.scene = Scene()
        self.model = ChargePointModel(
            ChargePoint("ev-1", 1, 0, self.ports["ev-1"], "abc", RATED_A, FLOOR_A, 1.0, ())
        )
        self.timeline, self.log = Timeline(self.directory), SetpointLog(self.directory)
        exact = MeterClass("any", 0.0, 0.0)
        meter = MeterDevice(
            PlantMeter("meter-1", "meter-customer", self.ports["meter-1"], 0, None, (0,), "abc"),
            Instrument("meter-1", "abc", exact, 1),
            self.scene,
            0,
            [0],
        )
        self.devices: list[Served] = [
            meter,
            self._charge_point(Instrument("ev-1", "abc", exact, 1)),
        ]
        self.counters = Counters(
            FORMAT, 0, {d.name: DeviceCounters(d.profile, d.port, d.values) for d in self.devices}
        )
        self._show(0.0)

    def _charge_point(self, instrument: Instrument) -> ControlledDevice:
        model = self.model
        return ControlledDevice(
            spec=model.spec,
            profile="ev-controller",
            phases="abc",
            values=16,
            commands=Commands(2000, LimitSettings(model)),
            instrument=instrument,
            scene=self.scene,
            node_row=0,
            powers=lambda state: np.asarray(state.load_s[1]),
            status=lambda limit, now_s: ChargePointStatus(
                int(model.state), limit, 0.0, model.watchdog.rest(now_s)
            ),
            draw=charge_point,
        )

    def _show(self, now_s: float) -> None:
        self.now = now_s
        step = SimpleNamespace(now_s=now_s, state=_state(WATTS + now_s))
        self.scene.step, self.scene.time_ns = cast("Any", step), self.now_ns()

    def now_s(self) -> float:
        return self.now

    def now_ns(self) -> int:
        return round(self.now * 1e9)

    async def step(self, now_s: float) -> None:
        """A step of the plant: its customer draws a watt a second more."""
        assert self.ready is not None
        self._show(now_s)
        await self.ready.tick(now_s)

    async def client(self, device: str, port: int | None = None) -> AsyncModbusTcpClient:
        client = AsyncModbusTcpClient(
            HOST, port=port or self.ports[device], timeout=SOON_S, retries=0, reconnect_delay=0
        )
        assert await client.connect()
        return client

    async def watts(self, client: AsyncModbusTcpClient) -> tuple[int, int]:
        """Active power at the customer's terminal 1, and the number of the read."""
        answer = await client.read_holding_registers(3000, count=30, device_id=1)
        assert not answer.isError()
        words = answer.registers
        return (words[6] << 16) + words[7], (words[24] << 16) + words[25]

    async def refuses(self, port: int) -> bool:
        try:
            _, writer = await asyncio.open_connection(HOST, port)
        except ConnectionRefusedError:
            return True
        writer.close()
        return False


@contextlib.asynccontextmanager
async def _serving(
    directory: Path,
    *faults: Fault,
    uplink: tuple[Any, Any] | None = None,
    stepped: bool = False,
) -> AsyncIterator[Station]:
    station = Station(directory, faults)
    configuration = SimpleNamespace(
        faults=faults, seed=1, host=HOST, pace=Pace(stepped=stepped), station_servers=()
    )
    station.ready = StationServers(
        cast("PlantConfiguration", configuration),
        station.devices,
        station.counters,
        station.log,
        station,
        station.timeline,
        uplink=uplink,
    )
    await station.ready.start()
    try:
        yield station
    finally:
        await station.ready.stop()
        station.timeline.flush()
        station.log.flush()


def _run(story: Callable[[], Awaitable[None]]) -> None:
    async def with_deadline() -> None:
        async with asyncio.timeout(DEADLINE_S):
            await story()

    asyncio.run(with_deadline())


def _when(device: str) -> dict[str, Any]:
    return {"name": "f", "first_s": 10.0, "last_s": 20.0, "device": device}


async def _lost(client: AsyncModbusTcpClient) -> bool:
    """Whether a client that had been connected finds its connection gone."""
    async with asyncio.timeout(2.0):
        while client.connected:  # noqa: ASYNC110 - the client tells nobody
            await asyncio.sleep(0.01)
    return True


def test_a_missing_meter_leaves_its_reader_without_an_answer_and_comes_back(tmp_path: Path) -> None:
    async def story() -> None:
        async with _serving(tmp_path, Missing(**_when("meter-1"))) as station:
            client = await station.client("meter-1")
            assert await station.watts(client) == (3000, 1)
            await station.step(10.0)
            with contextlib.suppress(Exception):
                await station.watts(client)
            client.close()
            await station.step(20.0)
            client = await station.client("meter-1")
            assert await station.watts(client) == (3020, 2)
            client.close()
            counters = station.counters.devices["meter-1"]
            assert (counters.reads, counters.unanswered) == (2, 1)

    _run(story)


def test_a_frozen_meter_shows_the_step_before_its_fault_although_nobody_read_it_then(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        async with _serving(tmp_path, Frozen(**_when("meter-1"))) as station:
            for number in range(1, 60):
                await station.step(number * 0.2)
            client = await station.client("meter-1")
            assert (await station.watts(client))[0] == round(WATTS + 9.8)
            await station.step(20.0)
            assert (await station.watts(client))[0] == 3020
            client.close()

    _run(story)


@pytest.mark.parametrize(("shows", "read_back"), [("old", 16), ("new", 9)])
def test_a_deaf_charge_point_echoes_the_setpoint_and_shows_what_its_fault_says(
    tmp_path: Path, shows: str, read_back: int
) -> None:
    async def story() -> None:
        async with _serving(tmp_path, Ignores(**_when("ev-1"), shows=shows)) as station:
            client = await station.client("ev-1")
            await client.write_register(2000, 16, device_id=1)
            await station.step(12.0)
            confirmed = await client.write_register(2000, 9, device_id=1)
            assert not confirmed.isError()
            assert confirmed.registers == [9]
            answer = await client.read_holding_registers(2000, count=3, device_id=1)
            assert answer.registers[0] == read_back
            block = await client.read_holding_registers(1000, count=25, device_id=1)
            assert block.registers[1] == read_back * 10
            assert station.model.limit == 16
            client.close()
        writes = [(w.value, w.before) for w in read_setpoints(tmp_path)]
        assert writes == [(16, FLOOR_A), (9, 16)]

    _run(story)


def test_a_rejecting_charge_point_answers_with_exception_4(tmp_path: Path) -> None:
    async def story() -> None:
        async with _serving(tmp_path, Rejects(**_when("ev-1"))) as station:
            await station.step(12.0)
            client = await station.client("ev-1")
            refused = await client.write_register(2000, 9, device_id=1)
            assert refused.exception_code == 4
            assert station.model.limit == FLOOR_A
            counters = station.counters.devices["ev-1"]
            assert (counters.writes, counters.refused) == (0, 1)
            client.close()

    _run(story)


def test_a_late_charge_point_follows_at_the_step_after_its_delay(tmp_path: Path) -> None:
    async def story() -> None:
        async with _serving(tmp_path, Delays(**_when("ev-1"), seconds=3.0)) as station:
            await station.step(12.0)
            client = await station.client("ev-1")
            confirmed = await client.write_register(2000, 9, device_id=1)
            assert confirmed.registers == [9]
            await station.step(14.8)
            assert station.model.limit == FLOOR_A
            await station.step(15.0)
            assert station.model.limit == 9
            client.close()

    _run(story)


def test_a_restarting_charge_point_resets_its_clients_and_comes_back_as_delivered(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        async with _serving(tmp_path, Reboots(**_when("ev-1"))) as station:
            client = await station.client("ev-1")
            await client.write_registers(2000, [16, 30, 0], device_id=1)
            await client.read_holding_registers(1000, count=25, device_id=1)
            await station.step(10.0)
            assert await _lost(client)
            assert await station.refuses(station.ports["ev-1"])
            await station.step(19.8)
            assert await station.refuses(station.ports["ev-1"])
            await station.step(20.0)
            client = await station.client("ev-1")
            settings = await client.read_holding_registers(2000, count=3, device_id=1)
            assert settings.registers == [FLOOR_A, 60, FLOOR_A]
            block = await client.read_holding_registers(1000, count=25, device_id=1)
            assert block.registers[18:20] == [0, 1]  # its reads count from one again
            assert station.counters.devices["ev-1"].reads == 2  # the bench's do not
            client.close()
        states = [(entry.state, entry.what) for entry in read(tmp_path)]
        assert states == [("begin", "ev-1 restarts"), ("end", "ev-1 restarts")]

    _run(story)


def test_a_restart_shorter_than_a_step_happens_all_the_same(tmp_path: Path) -> None:
    async def story() -> None:
        fault = Reboots(name="f", first_s=10.05, last_s=10.1, device="ev-1")
        async with _serving(tmp_path, fault) as station:
            client = await station.client("ev-1")
            await client.write_register(2000, 16, device_id=1)
            await station.step(10.0)
            await station.step(10.2)
            assert await _lost(client)
            client = await station.client("ev-1")
            assert station.model.limit == FLOOR_A
            client.close()

    _run(story)


def test_a_charge_point_with_another_address_refuses_at_the_old_one(tmp_path: Path) -> None:
    async def story() -> None:
        elsewhere = _free_port()
        fault = ChangesAddress(**_when("ev-1"), port=elsewhere)
        async with _serving(tmp_path, fault) as station:
            assert ("ev-1", elsewhere) in wanted_ports(station.devices, station.faults)
            client = await station.client("ev-1")
            await client.write_register(2000, 16, device_id=1)
            await station.step(10.0)
            assert await _lost(client)
            assert await station.refuses(station.ports["ev-1"])
            client = await station.client("ev-1", elsewhere)
            answer = await client.read_holding_registers(2000, count=3, device_id=1)
            assert answer.registers[0] == 16  # it has moved, not restarted
            await station.step(20.0)
            assert await _lost(client)
            assert await station.refuses(elsewhere)
            client = await station.client("ev-1")
            client.close()

    _run(story)


def test_a_device_that_cannot_come_back_is_noted_once_and_tried_again(tmp_path: Path) -> None:
    async def story() -> None:
        async with _serving(tmp_path, Reboots(**_when("ev-1"))) as station:
            await station.step(10.0)
            with socket.socket() as thief:
                thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                thief.bind((HOST, station.ports["ev-1"]))
                thief.listen()
                await station.step(20.0)
                await station.step(20.2)
            await station.step(20.4)
            client = await station.client("ev-1")
            client.close()
        failed = [entry for entry in read(tmp_path) if entry.state == "failed"]
        assert [entry.target for entry in failed] == ["ev-1"]
        assert str(station.ports["ev-1"]) in failed[0].detail

    _run(story)


def test_a_meter_behind_a_half_open_line_is_reached_again_by_a_new_connection(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        fault = Wire(name="f", first_s=10.0, last_s=20.0, link="meter-1", half_open=True)
        async with _serving(tmp_path, fault) as station:
            client = await station.client("meter-1")
            assert (await station.watts(client))[0] == 3000
            await station.step(10.0)
            with contextlib.suppress(Exception):
                await station.watts(client)
            assert station.counters.devices["meter-1"].reads == 1  # nothing has reached it
            await station.step(20.0)
            other = await station.client("meter-1")
            assert await station.watts(other) == (3020, 2)
            client.close()
            other.close()
            assert station.counters.wires["meter-1"].dropped > 0

    _run(story)


def test_the_uplink_passes_the_proxy_before_the_broker(tmp_path: Path) -> None:
    async def story() -> None:
        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                while data := await reader.read(100):
                    writer.write(data)
            writer.close()

        broker = await asyncio.start_server(echo, HOST, 0)
        behind = (HOST, broker.sockets[0].getsockname()[1])
        before = (HOST, _free_port())
        fault = Wire(name="f", first_s=10.0, last_s=20.0, link="uplink", reset=True)
        async with _serving(tmp_path, fault, uplink=(before, behind)) as station:
            reader, writer = await asyncio.open_connection(*before)
            writer.write(b"ping")
            assert await reader.readexactly(4) == b"ping"
            await station.step(10.0)
            with pytest.raises(ConnectionResetError):
                await reader.read(1)
            assert station.counters.wires["uplink"].resets == 1
        broker.close()

    _run(story)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Missing(**_when("ev-99")), "no device 'ev-99'"),
        (Wire(name="f", first_s=0.0, last_s=1.0, link="uplink"), "nobody carries the uplink"),
        (Rejects(**_when("meter-1")), "takes no setpoints"),
        (SwappedPhases(**_when("meter-1"), terminals=(1, 4)), "3 terminal"),
    ],
)
def test_a_fault_that_cannot_be_is_refused_before_anything_listens(
    tmp_path: Path, fault: Fault, said: str
) -> None:
    async def story() -> None:
        async with _serving(tmp_path, fault):
            pass

    with pytest.raises(InputError, match=said):
        _run(story)


def test_what_takes_time_on_the_wire_is_refused_where_a_request_takes_none(tmp_path: Path) -> None:
    def story(*faults: Fault, stepped: bool) -> Callable[[], Awaitable[None]]:
        async def told() -> None:
            async with _serving(tmp_path, *faults, stepped=stepped):
                pass

        return told

    when = {"name": "f", "first_s": 0.0, "last_s": 1.0, "link": "ev-1"}
    for fault in (
        Wire(**when, delay_s=0.1),
        Wire(**when, jitter_s=0.1),
        Wire(**when, bytes_per_s=1e6),
    ):
        _run(story(fault, stepped=False))
        with pytest.raises(InputError, match="stepped time"):
            _run(story(fault, stepped=True))
    _run(story(Wire(**when, loss=0.1), stepped=True))


def test_a_taken_port_closes_what_had_been_opened(tmp_path: Path) -> None:
    async def story() -> None:
        station = Station(tmp_path, ())
        configuration = SimpleNamespace(
            faults=(), seed=1, host=HOST, pace=Pace(), station_servers=()
        )
        ready = StationServers(
            cast("PlantConfiguration", configuration),
            station.devices,
            station.counters,
            station.log,
            station,
            station.timeline,
        )
        with socket.socket() as thief:
            thief.bind((HOST, station.ports["ev-1"]))
            thief.listen()
            with pytest.raises(OrtsnetzError, match="ev-1"):
                await ready.start()
        assert await station.refuses(station.ports["meter-1"])

    _run(story)
