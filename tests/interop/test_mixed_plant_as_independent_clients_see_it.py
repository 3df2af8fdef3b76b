"""One state of one plant through three protocols, read by three stacks of other authors.

opendnp3 reads the feeders of the RTU, node-opcua the charging park over an encrypted connection,
pyModbusTCP the transformer's meter. The instruments are exact: what a client reads is the plant's
state, to the last count, and what flows through the transformer is what the feeders carry away.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import node_opcua
import numpy as np
import opendnp3
import pytest
from mixed_substation import HOST, PARK, RTU, Substation, prepared_in, serving
from pyModbusTCP import client as client_library
from pyModbusTCP import utils

ORTSNETZ = str(Path(sys.executable).with_name("ortsnetz"))
NAMESPACE = "urn:ortsnetz:bench:park"
INPUTS, STRIDE, ACTIVE = 15, 20, 6  # docs/register-maps.md, "DNP3"

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mixed")
    network = folder / "network.json"
    done = subprocess.run(
        [ORTSNETZ, "network", "import", "1-LV-rural2--0-sw", "-o", str(network)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return prepared_in(folder, network)


async def feeders_by_opendnp3(substation: Substation) -> list[list[float]]:
    """Active power of each feeder's terminals, W."""
    bays = next(s.bays for s in substation.configuration.station_servers if s.name == RTU)
    async with opendnp3.peer("master", substation.port(RTU)) as master:
        while True:
            values = await master.ask("values")
            if sum(name.startswith("analog/") for name in values) >= INPUTS * len(bays):
                break
            await asyncio.sleep(0.1)
    return [
        [values[f"analog/{STRIDE * bay + ACTIVE + n}"][0] / 10.0 for n in range(3)]
        for bay in range(len(bays))
    ]


async def park_by_node_opcua(substation: Substation, pki: Path, **wanted: Any) -> dict[str, Any]:
    own = substation.run / "agent" / "credentials" / PARK
    secure = {
        "certificate": str(own / "certificate.pem"),
        "key": str(own / "key.pem"),
        "uri": f"urn:ortsnetz:node:{substation.configuration.node}",
    }
    return await node_opcua.converse(
        {
            "url": f"opc.tcp://{HOST}:{substation.port(PARK)}/park",
            "pki": str(pki),
            "namespace": NAMESPACE,
            "secure": secure,
            **wanted,
        }
    )


def transformer_by_pymodbustcp(port: int) -> list[float]:
    """Active power of each phase towards the low-voltage network, W."""
    client = client_library.ModbusClient(HOST, port=port, unit_id=1, timeout=5.0)
    words = client.read_holding_registers(0, 30)
    client.close()
    assert words is not None, "no answer"
    longs = utils.word_list_to_long(words)
    return [utils.decode_ieee(longs[register // 2]) * 1000.0 for register in (12, 14, 16)]


def test_three_stacks_see_one_state(prepared: Path, tmp_path: Path) -> None:
    node_opcua.scripts()
    opendnp3.python()

    async def check() -> None:
        async with serving(prepared, tmp_path) as substation:
            names = [f"CP{n}.LimitSetpoint" for n in (1, 2, 3)]
            said = await park_by_node_opcua(
                substation, tmp_path / "pki", write=[[name, 13, "UInt16"] for name in names]
            )
            assert (said["error"], said["written"]) == (None, ["Good"] * 3)
            assert [model.limit for model in substation.plant.charge_points] == [13, 13, 13]
            for now_s in np.arange(1.0, 12.0, 0.2):  # cars follow within five seconds
                await substation.step(float(now_s))
            state, network = substation.scene.truth().state, substation.plant.network

            feeders = await feeders_by_opendnp3(substation)
            meters = {m.name: m for m in substation.configuration.meters}
            bays = next(s.bays for s in substation.configuration.station_servers if s.name == RTU)
            in_phases = np.zeros(3)
            for name, watts in zip(bays, feeders, strict=True):
                meter = meters[name]
                row = network.ids("line").tolist().index(meter.element)
                ends = state.lines.s_from if meter.side == "from" else state.lines.s_to
                order = ["abc".index(letter) for letter in meter.phases]
                assert watts == pytest.approx(ends[row][order].real, abs=0.051)
                in_phases[order] += watts

            transformer = await asyncio.to_thread(
                transformer_by_pymodbustcp, substation.port("meter-transformer")
            )
            assert transformer == pytest.approx(-state.transformers.s_to[0].real, rel=1e-6)
            assert in_phases == pytest.approx(transformer, abs=1.0), "nothing is lost between"

            loads = network.ids("asym_load").tolist()
            points = [f"CP{n}.ActivePower{end}" for n in (1, 2, 3) for end in (1, 2, 3)]
            said = await park_by_node_opcua(substation, tmp_path / "pki", read=points)
            truth = [
                state.load_s[loads.index(model.spec.element)].real[["abc".index(p)]][0]
                for model in substation.plant.charge_points
                for p in model.spec.phases
            ]
            assert [value for value, _, _ in said["read"]] == pytest.approx(truth, rel=1e-9)
            assert max(truth) > 500.0, "a car charges"

    asyncio.run(asyncio.wait_for(check(), 90))
