"""The IED of a plant's feeders multicasts what its meters measure; an agent's driver has it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from goose_bench import Listener, until
from mixed_substation import Substation
from private_network import FAR, NEAR, private_network

from ortsnetz_common.parameters.station import Connection, Side
from ortsnetz_common.scl.reading.document import read_scl
from ortsnetz_edge.console.scl.ratings import Ratings
from ortsnetz_edge.console.scl.writing import write_profiles
from ortsnetz_edge.drivers.contract import Source
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.drivers.registry import load_protocol
from ortsnetz_edge.profiles.library import Library
from ortsnetz_edge.profiles.schema import Direction
from ortsnetz_hil.faults.specs import Missing, Multicasts
from ortsnetz_hil.plant.configuration import PlantConfiguration

pytestmark = pytest.mark.interop
FEEDERS, FEEDER = "ied-feeders", 0


@dataclass
class Multicasting(Substation):
    """A substation whose IED of feeders multicasts on one end of the cable."""

    def _free_ports(self, found: PlantConfiguration) -> dict[str, Any]:
        freed = super()._free_ports(found)
        servers = (
            msgspec.structs.replace(each, goose=FAR)
            for each in freed["station_servers"]
            if each.name == FEEDERS
        )
        return {**freed, "station_servers": tuple(servers)}


@pytest.fixture
def prepared(plant_behind_ieds: Path) -> Iterator[Path]:
    with private_network():
        yield plant_behind_ieds


def listened_to(run: Path, folder: Path) -> tuple[Source, Environment]:
    """The first feeder as a source, from nothing but the SCL file that the IED has written."""
    file = run / "plant" / f"{FEEDERS}-goose.cid"
    read = read_scl(file.read_bytes(), str(file))
    assert not read.findings
    ratings = Ratings(Direction.AWAY_FROM_BUSBAR, 230.0, 400.0, 50.0)
    first, *_ = write_profiles(read, read.ieds, folder, ratings, takes_si=True)
    assert first.path is not None
    text = first.path.read_text("utf-8")
    path = text.split("By GOOSE: protocol goose, path '", 1)[1].split("'", 1)[0]
    connection = Connection(protocol="goose", host=NEAR, path=path, timeout_s=1.0)
    source = Source("feeder", first.kind, connection, 7, 3, side=Side.FROM)
    return source, Environment(library=Library({first.kind: text}))


def voltages(agent: Listener) -> list[float | None]:
    return [agent.last.get(f"voltage{number}", (None, 0))[0] for number in (1, 2, 3)]


def test_what_a_feeder_measures_reaches_the_agent_and_is_invalid_while_the_ied_is_silent(
    prepared: Path, tmp_path: Path
) -> None:
    silent = Missing(name="silent", device=FEEDERS, first_s=20.0, last_s=40.0)
    newer = Multicasts(
        name="newer", device=FEEDERS, wrong="wrong-revision", first_s=50.0, last_s=60.0
    )

    async def story() -> None:
        substation = Multicasting(prepared, tmp_path, (silent, newer), servers=(FEEDERS,))
        await substation.ready.start()
        try:
            source, environment = listened_to(prepared, tmp_path / "profiles")
            driver = load_protocol("goose", environment, needed_by="the test").open(source)
            agent = Listener(driver)
            assert driver.subscribe(agent.report)
            cycle = asyncio.create_task(agent.scan_on())
            for now_s in (4.0, 12.0):
                await substation.step(now_s)
                owner = substation.ready.shown.owners[FEEDER]
                wanted = [float(u) for u in owner.device.measured().u]
                await until(
                    lambda want=wanted: (
                        [agent.last.get(f"voltage{n}", (None,))[0] for n in (1, 2, 3)]
                        == pytest.approx(want, rel=1e-6)
                    ),
                    f"the voltages of second {now_s}",
                )
            await substation.step(21.0)
            await until(lambda: agent.last["voltage1"][0] is None, "invalid")
            await substation.step(41.0)
            await until(lambda: agent.last["voltage1"][0] is not None, "valid again")
            await substation.step(51.0)
            await until(lambda: agent.last["voltage1"][0] is None, "of another configuration")
            await substation.step(61.0)
            await until(lambda: agent.last["voltage1"][0] is not None, "of the right one again")
            cycle.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await cycle
            await driver.stop()
        finally:
            await substation.ready.stop()

    asyncio.run(story())
