"""A park of the bench: what it shows of devices of each kind, and of their faults and restarts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua
from dnp3_bench import HandClock, HandDevice, charge_point

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_hil.faults.devices import DeviceFaults
from ortsnetz_hil.faults.meters import MeterFaults
from ortsnetz_hil.faults.specs import Fault, Missing, Reboots
from ortsnetz_hil.servers.counters import DeviceCounters
from ortsnetz_hil.servers.opcua_bay import Bay
from ortsnetz_hil.servers.opcua_nodes import NAMESPACE
from ortsnetz_hil.servers.opcua_park import OpcUaPark
from ortsnetz_hil.servers.setpoint_log import SetpointLog

HOST = "127.0.0.1"


def bay(device: HandDevice, place: str, folder: Path, faults: Sequence[Fault] = ()) -> Bay:
    return Bay(
        device=device,
        place=place,
        counters=DeviceCounters(device.profile, 0, device.values),
        log=SetpointLog(folder),
        clock=device.clock,
        meter_faults=MeterFaults(faults, device.name, 1),
        device_faults=DeviceFaults(faults, device.name),
    )


class Seen:
    """A client of the library before the park."""

    def __init__(self, client: Client, number: int) -> None:
        self.client, self._number = client, number

    async def value(self, name: str) -> ua.DataValue:
        node = self.client.get_node(ua.NodeId(name, self._number))
        return await node.read_data_value(raise_on_bad_status=False)

    async def numbers(self, *names: str) -> list[Any]:
        found = [await self.value(name) for name in names]
        return [None if one.Value is None else one.Value.Value for one in found]

    async def put(self, name: str, value: int) -> str:
        node = self.client.get_node(ua.NodeId(name, self._number))
        variant = ua.Variant(value, ua.VariantType.UInt16)
        (status,) = await self.client.uaclient.write_attributes(
            [node.nodeid], [ua.DataValue(variant)]
        )
        return str(status.name)


@asynccontextmanager
async def seen(park: OpcUaPark) -> AsyncIterator[Seen]:
    async with Client(f"opc.tcp://{HOST}:{park.port}/park", timeout=5) as client:
        yield Seen(client, await client.get_namespace_index(NAMESPACE))


@asynccontextmanager
async def opened(*bays: Bay, before: Sequence[str] = ()) -> AsyncIterator[OpcUaPark]:
    park = OpcUaPark(bays, before=before)
    await park.start(HOST, 0)
    try:
        yield park
    finally:
        await park.stop()


def run(check: Any) -> None:
    asyncio.run(asyncio.wait_for(check(), 30))


def test_a_meter_of_one_terminal_shows_that_one(tmp_path: Path) -> None:
    meter = HandDevice("meter-7", "meter-customer", HandClock(), phases="b")
    meter.put([231.5], [-900.0], [40.0])

    async def check() -> None:
        async with opened(bay(meter, "7", tmp_path)) as park, seen(park) as here:
            assert await here.numbers("M7.Voltage1", "M7.ActivePower1", "M7.ReactivePower1") == [
                231.5,
                -900.0,
                40.0,
            ]
            assert (await here.value("M7.Voltage2")).StatusCode.name == "BadNodeIdUnknown"
            assert await here.numbers("M7.Serial", "M7.Model") == ["meter-7", "meter-customer"]

    run(check)


def test_only_what_has_changed_is_shown_anew(tmp_path: Path) -> None:
    meter = HandDevice("meter-7", "meter-customer", HandClock())
    meter.put([230.0, 231.0, 232.0], [0.0] * 3, [0.0] * 3)

    async def check() -> None:
        own = bay(meter, "7", tmp_path)
        async with opened(own) as park:
            before = park.pushed
            await park.tick(0.0)
            assert park.pushed == before
            meter.put([230.0, 235.0, 232.0], [0.0] * 3, [0.0] * 3)
            await park.tick(0.0)
            assert park.pushed == before + 1
            assert own.counters.values == park.pushed

    run(check)


def test_what_is_not_measured_is_no_number(tmp_path: Path) -> None:
    meter = HandDevice("meter-7", "meter-customer", HandClock(), phases="a")
    meter.put([230.0], [float("nan")], [0.0])

    async def check() -> None:
        async with opened(bay(meter, "7", tmp_path)) as park, seen(park) as here:
            assert (await here.value("M7.ActivePower1")).StatusCode.name == "BadNoData"
            assert await here.numbers("M7.Voltage1") == [230.0]

    run(check)


def test_a_device_that_is_away_has_no_values_until_it_is_back(tmp_path: Path) -> None:
    clock = HandClock()
    meter = HandDevice("meter-7", "meter-customer", clock)
    meter.set(230.0, 900.0)
    away = Missing(name="away", device="meter-7", first_s=10.0, last_s=20.0)

    async def check() -> None:
        async with opened(bay(meter, "7", tmp_path, [away])) as park, seen(park) as here:
            for now_s, status in ((5.0, "Good"), (15.0, "BadCommunicationError"), (25.0, "Good")):
                clock.seconds = now_s
                meter.set(230.0, 900.0)
                await park.tick(now_s)
                for name in ("M7.Voltage1", "M7.Time"):
                    assert (await here.value(name)).StatusCode.name == status, now_s
            assert await here.numbers("M7.Voltage1") == [230.0]

    run(check)


def test_a_charge_point_that_restarts_is_as_delivered(tmp_path: Path) -> None:
    clock = HandClock()
    device = charge_point("ev-1", clock)
    device.set(230.0, 3600.0)
    fault = Reboots(name="reboot", device="ev-1", first_s=10.0, last_s=20.0)

    async def check() -> None:
        async with opened(bay(device, "1", tmp_path, [fault])) as park, seen(park) as here:
            delivered = await here.numbers("CP1.LimitSetpoint", "CP1.FallbackTime")
            assert await here.put("CP1.LimitSetpoint", 10) == "Good"
            assert await here.put("CP1.LimitSetpoint", 3) == "BadOutOfRange"
            assert await here.numbers("CP1.LimitSetpoint") == [10]
            clock.seconds = 15.0
            device.set(230.0, 3600.0)
            await park.tick(15.0)
            assert await here.put("CP1.LimitSetpoint", 10) == "BadNotConnected"
            clock.seconds = 25.0
            device.set(230.0, 3600.0)
            await park.tick(25.0)
            assert await here.numbers("CP1.LimitSetpoint", "CP1.FallbackTime") == delivered

    run(check)


def test_it_listens_again_after_a_stop_and_nowhere_twice(tmp_path: Path) -> None:
    meter = HandDevice("meter-7", "meter-customer", HandClock())
    meter.set(230.0, 900.0)

    async def check() -> None:
        park = OpcUaPark([bay(meter, "7", tmp_path)])
        await park.start(HOST, 0)
        port = park.port
        other = OpcUaPark([bay(meter, "8", tmp_path)])
        with pytest.raises(OrtsnetzError, match=f"port {port} on {HOST}"):
            await other.start(HOST, port)
        await park.stop()
        meter.set(233.0, 900.0)
        await park.start(HOST, port)
        async with seen(park) as here:
            assert await here.numbers("M7.Voltage1") == [233.0]
        await park.stop()

    run(check)
