"""From a merging unit on a cable to values of power quality in the agent: real processes."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from comtrade import Comtrade
from process_bus import DEADLINE_S, ProcessBus, process_bus

from ortsnetz_common.link import sample_blocks as say
from ortsnetz_common.measurement.quality import is_usable
from ortsnetz_common.parameters.station import Connection
from ortsnetz_edge.drivers.contract import Driver, DriverError, FailureKind, Scan, Source
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.drivers.remote.process import Limits
from ortsnetz_edge.drivers.remote.protocol import RemoteProtocol
from ortsnetz_edge.drivers.sampled_values.recordings import FOLDER_VARIABLE
from ortsnetz_grid.functions.power_quality.events import EventKind
from ortsnetz_iec61850.sampled_values.publisher import Orders
from ortsnetz_iec61850.sampled_values.waveform import Change, Wave, counts

pytestmark = pytest.mark.interop

COMMAND = (sys.executable, "-m", "ortsnetz_edge.drivers.sampled_values.process")
ORTSNETZ = str(Path(sys.executable).with_name("ortsnetz"))
ADDRESS = "sampled-values://01-0C-CD-04-00-01:16384/ORTSNETZ-MU01"
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


def meter(published: Orders) -> Source:
    connection = Connection(
        "sampled-values", published.mac, published.app_id, path=published.sv_id, timeout_s=2.0
    )
    return Source("feeder-1", "sampled-values-feeder", connection, element=3, terminals=3)


async def reported(driver: Driver, enough: Callable[[list[Scan]], bool]) -> list[Scan]:
    """Scans that the driver reports by itself, until there are enough."""
    found: list[Scan] = []
    assert driver.subscribe(found.append)
    end = time.monotonic() + DEADLINE_S
    while not enough(found):
        assert time.monotonic() < end, f"{driver.diagnose()}, {len(found)} reports"
        with suppress(DriverError):
            await driver.scan()
        await asyncio.sleep(0.05)
    return found


async def failing(driver: Driver, kind: FailureKind) -> DriverError:
    """The next scan that fails in this way."""
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        try:
            await driver.scan()
        except DriverError as error:
            if error.kind is kind:
                return error
        await asyncio.sleep(0.05)
    raise AssertionError(f"no failure of kind {kind}")


def opened(published: Orders) -> Driver:
    protocol = RemoteProtocol("sampled-values", COMMAND, Environment(), Limits())
    return protocol.open(meter(published))


def value(driver: Driver, scan: Scan, name: str) -> float | None:
    names = [point.point.name for point in driver.points]
    return scan.values[names.index(f"feeder-1/{name}")]


class Run(NamedTuple):
    """What a driver reported of six seconds of a stream."""

    driver: Driver
    scans: list[Scan]
    end: DriverError
    recordings: list[Path]


@pytest.fixture(scope="module")
def run(bus: ProcessBus, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A dip of phase a after 4.6 s, a sample lost after 5.4 s, the end after 5.8 s."""
    folder = tmp_path_factory.mktemp("recordings")
    dipped = replace(WAVE, changes=(Change(4.6, 4.8, 0.5, (0,)),))
    published = orders(dipped, 10.0, seconds=5.8, skip=(21600, 1))

    async def work() -> tuple[Driver, list[Scan], DriverError]:
        driver = opened(published)
        await failing(driver, FailureKind.TIMEOUT)  # it listens, and there is nothing yet
        bus.publish(published)
        scans = await reported(
            driver, lambda found: any(value(driver, s, "LSVS1.LostSmp") == 1 for s in found)
        )
        end = await failing(driver, FailureKind.TIMEOUT)
        await driver.stop()
        return driver, scans, end

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(say.SOCKET_VARIABLE, str(bus.socket))
        patch.setenv(FOLDER_VARIABLE, str(folder))
        return Run(*asyncio.run(work()), sorted(folder.glob("*.cff")))


def test_a_stream_becomes_power_quality_values_of_a_meter(run: Run) -> None:
    scan = next(s for s in run.scans if value(run.driver, s, "MSQI1.UnbNgV") is not None)
    judged(run.driver, scan)
    assert np.abs(np.diff([scan.time_ns for scan in run.scans[:-8]]) - 200e6).max() < 0.1e6
    assert all(0 < scan.received_ns - scan.time_ns < 2e9 for scan in run.scans)
    assert "is silent" in str(run.end)


def judged(driver: Driver, scan: Scan) -> None:
    """The wave's own numbers."""
    truth = np.sqrt(1 + 0.06**2)
    assert set(scan.qualities[:12]) == {0}
    assert scan.time_quality == 0
    for phase, volts, amperes, lag in zip(
        "ABC", WAVE.voltage_v, WAVE.current_a, WAVE.lag_rad, strict=True
    ):
        watts, var = volts * amperes * np.cos(lag), volts * amperes * np.sin(lag)
        for name, expected, within in (
            ("MMXU1.PhV", volts * truth, 0.02),
            ("MMXU1.A", amperes, 0.005),
            ("MMXU1.W", watts, 1.0),
            ("MMXU1.VAr", var, 2.0),
            ("MHAI1.ThdPhV", 0.06, 1e-4),
        ):
            found = value(driver, scan, f"{name}.phs{phase}")
            assert found == pytest.approx(expected, abs=within), name
    for name, expected, within in (
        ("MMXU1.Hz", 50.0, 1e-3),
        ("PMUX1.Hz", 50.0, 1e-3),
        ("PMUX1.PhVRe.phsA", 230.0, 0.1),
        ("PMUX1.PhVIm.phsA", 0.0, 0.1),
        ("MSQI1.UnbNgV", 0.01255, 1e-4),
        ("LSVS1.LostSmp", 0.0, 0.0),
    ):
        assert value(driver, scan, name) == pytest.approx(expected, abs=within), name


def test_a_window_with_a_lost_sample_has_no_value(run: Run) -> None:
    voltages = [value(run.driver, scan, "MMXU1.PhV.phsA") for scan in run.scans]
    # the one with the sample, and the last one, whose end never came
    assert 1 <= sum(volts is None for volts in voltages) <= 2
    assert voltages[0] is not None
    missing = run.scans[voltages.index(None)]
    assert not any(is_usable(quality) for quality in missing.qualities[:3])


def test_a_dip_is_told_and_recorded_as_comtrade(run: Run) -> None:
    assert EventKind.DIP.value in {value(run.driver, s, "QVVR1.VVaStr") for s in run.scans}
    (path,) = run.recordings
    assert path.name.endswith("-feeder-1.cff")
    recorded = Comtrade(ignore_warnings=True)
    recorded.load(str(path))
    at = [name.strip() for name in recorded.analog_channel_ids].index("u_a")
    wave = np.array(recorded.analog[at])
    assert recorded.frequency == 50.0
    beside = json.loads(path.with_suffix(".json").read_text())
    assert beside["reason"] == "dip begins, phases a"
    assert beside["findings"][0]["function"]
    # 0.2 s before the trigger: the dip lasts from sample 800 to sample 1600
    assert np.sqrt(np.mean(wave[:720] ** 2)) == pytest.approx(230.4, rel=0.002)
    assert np.sqrt(np.mean(wave[880:1520] ** 2)) == pytest.approx(0.5 * 230.4, rel=0.002)


def test_a_receiver_that_dies_costs_its_windows_and_is_found_again(
    bus: ProcessBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(say.SOCKET_VARIABLE, str(bus.socket))
    published = orders(seconds=120.0)

    async def work() -> None:
        driver = opened(published)
        publisher = bus.publish(published)
        await reported(driver, lambda found: len(found) >= 2)
        bus.processes[0].kill()
        bus.processes[0].wait()
        error = await failing(driver, FailureKind.UNREACHABLE)
        assert str(bus.socket) in str(error)
        bus.processes[0] = bus.start_receiver()
        bus.processes.pop()
        again = await reported(  # windows of the break come first, and have none
            driver, lambda found: any(value(driver, s, "MMXU1.PhV.phsA") for s in found)
        )
        assert value(driver, again[-1], "MMXU1.PhV.phsA") == pytest.approx(230.4, abs=0.1)
        publisher.kill()
        await driver.stop()

    asyncio.run(work())


def test_a_technician_reads_a_stream_without_a_profile(
    bus: ProcessBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(say.SOCKET_VARIABLE, str(bus.socket))
    publisher = bus.publish(orders(seconds=120.0))
    command = [ORTSNETZ, "edge", "probe", ADDRESS, "read", "200ms/rms.u_b", "200ms/frequency"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)
    publisher.kill()
    rows = {line.split()[0]: line.split()[1:3] for line in done.stdout.splitlines()[1:]}
    assert float(rows["200ms/rms.u_b"][0]) == pytest.approx(225.4, abs=0.1)
    assert float(rows["200ms/frequency"][0]) == pytest.approx(50.0, abs=0.001)
    assert {quality for _, quality in rows.values()} == {"good"}
