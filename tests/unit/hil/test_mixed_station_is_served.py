"""RTU and park of a prepared plant, on loopback: one plant behind them, faults where they belong.

The truth is the plant's own state; interoperability with other stacks is tested in tests/interop.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asyncua import Client, ua
from mixed_substation import HOST, PARK, RTU, START_NS, prepared_in, serving
from py1815.master.api import Outstation
from py1815.master.store import PointValue
from py1815.objects import AnalogQuality

from ortsnetz_hil.faults import specs
from ortsnetz_hil.servers import shown
from ortsnetz_hil.servers.dnp3_bay import ACTIVE, STRIDE, VOLTAGE
from ortsnetz_hil.servers.setpoint_log import read as read_setpoints

DEADLINE_S = 20.0


@pytest.fixture(scope="module")
def prepared(default_network: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared_in(tmp_path_factory.mktemp("mixed"), default_network)


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
        async with serving(prepared, tmp_path, servers=(RTU,)) as substation:
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
        async with serving(prepared, tmp_path, servers=(PARK,)) as substation:
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
        async with serving(prepared, tmp_path, fault, servers=(RTU,)) as substation:
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
        async with serving(
            prepared, tmp_path, specs.Missing(**when(device=RTU)), servers=(RTU,)
        ) as substation:
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
        async with serving(
            prepared, tmp_path, specs.Reboots(**when(device=PARK)), servers=(PARK,)
        ) as substation:
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
        async with serving(
            prepared, tmp_path, specs.Reboots(**when(device="ev-01")), servers=(PARK,)
        ) as substation:
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
        async with serving(prepared, tmp_path, fault, servers=(name,)) as substation:
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
        async with serving(prepared, tmp_path, servers=(RTU,)) as substation:
            for now_s in (1.0, 1.2):
                await substation.step(now_s)
            substation.ready.shown.write(tmp_path)

    run_(story)
    found = shown.read(tmp_path)
    assert set(found) == {f"meter-feeder-{n}" for n in (1, 2, 3, 4)}, "others count their reads"
    feeder = found["meter-feeder-1"]
    assert [t - START_NS for t in feeder.times_ns] == [10**9, 12 * 10**8]
    assert feeder.points[:2] == ("MMXU1.PhV.phsA", "MMXU1.PhV.phsB")
    assert all(200.0 < values[0] < 260.0 for values in feeder.values if values[0] is not None)
