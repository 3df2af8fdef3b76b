"""A14: the agent of a substation is that of a park, too; only its parameters are others.

The park: one connection point, a transformer of 100 kVA, six charge points of 22 kW and a carport
roof of 120 kW. No customer, no pseudo-measurement of one, generic profiles from the artefact.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from small_node import SmallNode

from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.floors import FloorRule
from ortsnetz_common.parameters.parameter_set import Group, Limits
from ortsnetz_common.parameters.station import (
    Connection,
    Device,
    DeviceKind,
    Meter,
    MeterRole,
    Side,
)
from ortsnetz_edge.agent import Agent
from ortsnetz_edge.assembly import assemble, open_journal
from ortsnetz_edge.bootstrap import read_configuration
from ortsnetz_edge.hosting.calls import DeviceLimit, EstimationCall, LimitingCall
from ortsnetz_edge.hosting.functions import HostedFunctions

PARK_VA, ROOF_W, POINT_W = 100e3, 120e3, 32 * 690.0
LINE = {"r1": 0.01, "x1": 0.006, "c1": 1e-8, "tan1": 0.0, "r0": 0.04, "x0": 0.02, "c0": 1e-8,
        "tan0": 0.0, "i_n": 400.0, "from_node": 2, "from_status": 1, "to_status": 1}  # fmt: skip
CAR_PARK, ROOF = 3, 4


def plug(port: int) -> Connection:
    return Connection("modbus-tcp", "127.0.0.1", port)


def of_devices(element: int, node: int) -> dict[str, Any]:
    return {"id": element, "node": node, "status": 1, "type": 0,
            "p_specified": [0.0] * 3, "q_specified": [0.0] * 3}  # fmt: skip


NETWORK: dict[str, Any] = {
    "version": "1.0", "type": "input", "is_batch": False, "attributes": {},
    "data": {
        "node": [{"id": 1, "u_rated": 20e3}] + [{"id": n, "u_rated": 400.0} for n in (2, 3, 4)],
        "line": [{"id": 10, "name": "cars", "to_node": CAR_PARK, **LINE},
                 {"id": 11, "name": "roof", "to_node": ROOF, **LINE}],
        "transformer": [{
            "id": 20, "name": "park", "from_node": 1, "to_node": 2, "from_status": 1,
            "to_status": 1, "u1": 20e3, "u2": 400.0, "sn": PARK_VA, "uk": 0.04, "pk": 1400.0,
            "i0": 0.003, "p0": 200.0, "winding_from": 2, "winding_to": 1, "clock": 5,
            "tap_side": 0, "tap_pos": 0, "tap_min": -2, "tap_max": 2, "tap_size": 500.0}],
        "source": [{"id": 30, "node": 1, "status": 1, "u_ref": 1.0, "sk": 50e6}],
        "asym_load": [of_devices(50 + n, CAR_PARK) for n in range(6)],
        "asym_gen": [of_devices(60, ROOF)],
    },
}  # fmt: skip
CONNECTION_POINT = Meter(
    name="connection-point", role=MeterRole.TRANSFORMER, profile="meter-transformer",
    connection=plug(1), element=20, phases="abc", u_sigma=0.002, p_sigma=100.0, side=Side.TO,
    guards=True,
)  # fmt: skip
POINTS = tuple(
    Device(
        name=f"ev-{n}", kind=DeviceKind.EV, profile="ev-controller", connection=plug(10 + n),
        element=50 + n, phase_count=3, phases="abc", rated_w=POINT_W, floor_w=6 * 690.0,
        floor_rule="park contract", reaction_s=5.0, fallback_w=6 * 690.0, u_sigma=0.002,
        p_sigma=20.0, step_a=1.0, group="cars",
    )
    for n in range(6)
)  # fmt: skip
CARPORT = Device(
    name="roof", kind=DeviceKind.PV, profile="pv-inverter", connection=plug(20), element=60,
    phase_count=3, phases="abc", rated_w=ROOF_W, floor_w=0.2 * ROOF_W, floor_rule="TSO minimum",
    reaction_s=2.0, fallback_w=0.3 * ROOF_W, u_sigma=0.002, p_sigma=100.0, group="sun",
)  # fmt: skip
CARPORT_FREE = structs.replace(CARPORT, floor_rule="none", group="")


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """AGENT.json of the park."""
    monkeypatch.chdir(tmp_path)
    node = SmallNode(
        tmp_path,
        meters=(CONNECTION_POINT,),
        devices=(*POINTS, CARPORT),
        network=NETWORK,
        profiles={},
        further={
            "groups": (Group("cars", contract="park"), Group("sun", contract="direct marketing")),
            "floor_rules": (
                FloorRule("park contract", watts=4_000.0, kinds=(DeviceKind.EV,)),
                FloorRule("TSO minimum", share=0.2, kinds=(DeviceKind.PV,)),
            ),
            "limits": Limits(u_pu=(0.9, 1.1)),
        },
    )
    return node.write()


def lives(files: Path, check: Callable[[Agent], Awaitable[None]]) -> None:
    """Assemble the agent as a node does, and check it."""

    async def life() -> None:
        configuration = read_configuration(files)
        journal = open_journal(configuration)
        agent = assemble(configuration, journal)
        try:
            await check(agent)
        finally:
            await agent.functions.stop()
            await agent.writer.stop(5.0)
            journal.store.close()

    asyncio.run(asyncio.wait_for(life(), 55))


def seen(*, cars_w: float, sun_w: float) -> dict[str, Reading]:
    """Each car draws `cars_w` and wants 22 kW (0: nobody is there); the roof feeds in `sun_w`."""
    through_w = 6 * cars_w - sun_w
    point = Reading((230.0,) * 3, (cars_w / 3,) * 3, (0.0,) * 3, POINT_W, POINT_W)
    roof = Reading((230.0,) * 3, (-sun_w / 3,) * 3, (0.0,) * 3, ROOF_W, sun_w)
    meter = Reading((230.0,) * 3, (-through_w / 3,) * 3, (0.0,) * 3)
    cars = {device.name: point for device in POINTS} if cars_w else {
        device.name: Reading((230.0,) * 3, (0.0,) * 3, (0.0,) * 3, POINT_W, 0.0)
        for device in POINTS
    }  # fmt: skip
    return {"connection-point": meter, "roof": roof, **cars}


async def decided(agent: Agent, readings: dict[str, Reading]) -> dict[str, DeviceLimit]:
    """Limits by device, after estimation and decision in the agent's own workers."""
    state = await agent.functions.estimate(EstimationCall(12.0, readings), 10.0)
    result = await agent.functions.limit(LimitingCall(state.state, readings), 10.0)
    assert (result.status, result.verified) == ("limited", True)
    return {limit.device: limit for limit in result.limits}


def test_the_artefact_of_a_substation_assembles_a_park(files: Path) -> None:
    async def check(agent: Agent) -> None:
        names = {"roof", *(point.name for point in POINTS)}
        assert set(agent.drivers) == names | {"connection-point"}
        floors = {
            name: control.amounts.floor for name, control in agent.controller.controls.items()
        }
        assert set(floors) == names
        assert floors["ev-0"] == 6.0  # amperes, of 4 kW in the park's own contract
        assert floors["roof"] == pytest.approx(0.2)
        assert agent.asking.unspoken == ()  # all of them say what they want

    lives(files, check)


def test_a_control_box_in_the_park_is_known_to_say_nothing_of_its_wish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    boxed = structs.replace(
        POINTS[0], kind=DeviceKind.HEAT_PUMP, profile="control-box", step_a=None, rated_w=9e3,
        floor_w=4_200.0, fallback_w=4_200.0, floor_rule="14a EnWG", group="",
    )  # fmt: skip
    node = SmallNode(
        tmp_path,
        meters=(CONNECTION_POINT,),
        devices=(boxed, CARPORT_FREE),
        network=NETWORK,
        profiles={},
    )

    async def check(agent: Agent) -> None:
        assert agent.asking.unspoken == ("ev-0",)

    lives(node.write(), check)


def test_it_holds_back_cars_in_the_evening_and_the_roof_at_noon(files: Path) -> None:
    async def check(agent: Agent) -> None:
        functions = agent.functions
        assert isinstance(functions, HostedFunctions)
        functions.start()
        assert await functions._estimation.wait_ready(40)
        assert await functions._limiting.wait_ready(40)

        cars = await decided(agent, seen(cars_w=14_000.0, sun_w=0.0))
        assert set(cars) == {point.name for point in POINTS}
        assert sum(limit.limit_w for limit in cars.values()) <= PARK_VA
        assert min(limit.limit_w for limit in cars.values()) >= 6 * 690.0 - 1
        assert "park" in cars["ev-0"].reason

        sun = await decided(agent, seen(cars_w=0.0, sun_w=115_000.0))
        assert set(sun) == {"roof"}
        # never below what the TSO needs, and no more than the connection carries
        assert 0.2 * ROOF_W <= sun["roof"].limit_w <= 1.02 * PARK_VA

    lives(files, check)
