"""From a merging unit on a cable to values of power quality in the agent: real processes."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from process_bus import ProcessBus, Subscription, figures, process_bus, stream_of

from ortsnetz_common.link import sample_blocks as say
from ortsnetz_common.parameters.station import Connection
from ortsnetz_edge.drivers.contract import Driver, DriverError, FailureKind, Scan, Source
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.drivers.remote.process import Limits
from ortsnetz_edge.drivers.remote.protocol import RemoteProtocol
from ortsnetz_iec61850.sampled_values.publisher import Orders
from ortsnetz_iec61850.sampled_values.waveform import Change, Wave, counts

pytestmark = pytest.mark.interop

COMMAND = (sys.executable, "-m", "ortsnetz_edge.drivers.sampled_values.process")
WAVE = Wave(
    voltage_v=(230.0, 225.0, 235.0),
    current_a=(50.0, 40.0, 30.0),
    lag_rad=(0.3, 0.0, -0.2),
    harmonics=((5, 0.06, 0.4),),
)


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessBus]:
    with process_bus(tmp_path_factory.mktemp("bus")) as found:
        found.start_receiver()
        yield found


def orders(wave: Wave = WAVE, wave_s: float = 1.0, **others: object) -> Orders:
    rate = int(str(others.get("rate", 4000)))
    return Orders(counts(wave.values(rate, wave_s), 1000.0, 100.0), **others)  # type: ignore[arg-type]


def meter(published: Orders, **others: object) -> Source:
    connection = Connection(
        "sampled-values", published.mac, published.app_id, path=published.sv_id, timeout_s=2.0
    )
    return Source("feeder-1", "sampled-values-feeder", connection, element=3, terminals=3)


async def reported(driver: Driver, seconds: float) -> list[Scan]:
    """Scans that the driver reports by itself."""
    found: list[Scan] = []
    assert driver.subscribe(found.append)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            await driver.scan()
        except DriverError:
            pass
        await asyncio.sleep(0.1)
    return found


def test_a_stream_becomes_power_quality_values_of_a_meter(
    bus: ProcessBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(say.SOCKET_VARIABLE, str(bus.socket))
    monkeypatch.setenv("ORTSNETZ_RECORDINGS", str(tmp_path / "recordings"))
    published = orders(seconds=6.0)

    async def work() -> tuple[list[str], list[Scan]]:
        driver = RemoteProtocol("sampled-values", COMMAND, Environment(), Limits()).open(
            meter(published)
        )
        publisher = bus.publish(published)
        scans = await reported(driver, 6.5)
        with pytest.raises(DriverError) as caught:
            await asyncio.sleep(1.0)
            await driver.scan()
        assert caught.value.kind is FailureKind.TIMEOUT
        await driver.stop()
        assert figures(publisher)["frames"] == 24000
        return [p.point.name for p in driver.points], scans

    names, scans = asyncio.run(work())
    assert len(scans) >= 20
    latencies = [(scan.received_ns - scan.time_ns) / 1e6 for scan in scans]
    print(f"window's end to value: {np.percentile(latencies, [0, 50, 95, 100]).round(1)} ms")
    values = dict(zip(names, scans[-1].values, strict=True))
    truth = np.sqrt(1 + 0.06**2)
    for phase, volts, amperes, lag in zip("ABC", WAVE.voltage_v, WAVE.current_a, WAVE.lag_rad):
        assert values[f"feeder-1/MMXU1.PhV.phs{phase}"] == pytest.approx(volts * truth, rel=1e-4)
        assert values[f"feeder-1/MMXU1.A.phs{phase}"] == pytest.approx(amperes, rel=1e-4)
        watts, var = volts * amperes * np.cos(lag), volts * amperes * np.sin(lag)
        assert values[f"feeder-1/MMXU1.W.phs{phase}"] == pytest.approx(watts, rel=1e-4)
        assert values[f"feeder-1/MMXU1.VAr.phs{phase}"] == pytest.approx(var, abs=2.0)
        thd = values[f"feeder-1/MHAI1.ThdPhV.phs{phase}"]
        assert thd == pytest.approx(0.06, rel=2e-3)
    assert values["feeder-1/MMXU1.Hz"] == pytest.approx(50.0, abs=1e-3)
    assert values["feeder-1/PMUX1.Hz"] == pytest.approx(50.0, abs=1e-3)
    assert values["feeder-1/PMUX1.PhVRe.phsA"] == pytest.approx(230.0, rel=1e-3)
    assert values["feeder-1/PMUX1.PhVIm.phsA"] == pytest.approx(0.0, abs=0.3)
    assert values["feeder-1/LSVS1.LostSmp"] == 0
