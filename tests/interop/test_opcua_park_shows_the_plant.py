"""The charging park shows the plant's state and takes its commands: node-opcua's client says so."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import node_opcua
import numpy as np
import pytest
from opcua_bench import HOST, certify, run, scanned

from ortsnetz_common.measurement.quality import Quality
from ortsnetz_common.parameters.station import Connection
from ortsnetz_edge.drivers.contract import DriverError, FailureKind, Source, Watchdog
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.drivers.opcua.protocol import OpcUa
from ortsnetz_hil.faults.devices import DeviceFaults
from ortsnetz_hil.faults.meters import MeterFaults
from ortsnetz_hil.faults.specs import Fault, Missing, Rejects
from ortsnetz_hil.plant import configuration as files
from ortsnetz_hil.plant.application_certificates import SERVER_URI, Application
from ortsnetz_hil.plant.configuration import MeterClass
from ortsnetz_hil.plant.core import Plant
from ortsnetz_hil.plant.devices.charge_point import ChargePointModel
from ortsnetz_hil.plant.loader import load
from ortsnetz_hil.servers.counters import DeviceCounters
from ortsnetz_hil.servers.devices import Scene, devices
from ortsnetz_hil.servers.maps import BLOCKS
from ortsnetz_hil.servers.opcua_bay import Bay
from ortsnetz_hil.servers.opcua_nodes import NAMESPACE
from ortsnetz_hil.servers.opcua_park import OpcUaPark, ParkCredentials
from ortsnetz_hil.servers.setpoint_log import SetpointLog, read

pytestmark = pytest.mark.interop
ORTSNETZ = str(Path(sys.executable).with_name("ortsnetz"))
NODE_URI = "urn:ortsnetz:node:node-1"
NOW_S = 80.0
TIME_NS = 1_795_000_000_123_000_000
TIME = "2026-11-18T11:06:40.123Z"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("park")
    network = out / "network.json"
    for arguments in (
        ("network", "import", "1-LV-rural1--0-sw", "-o", str(network)),
        ("plant", "prepare", str(network), "--out", str(out / "run"), "--seconds", "120"),
    ):
        done = subprocess.run(
            [ORTSNETZ, *arguments], capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr
    certify(out / "server", Application("park", SERVER_URI, HOST))
    certify(out / "credentials" / "park", Application("node-1", NODE_URI))
    server = (out / "server" / "certificate.pem").read_bytes()
    (out / "credentials" / "park" / "ca.pem").write_bytes(server)
    return out


class Evening:
    """A plant on an evening, with all its charge points in a park; instruments are exact."""

    def __init__(self, prepared: Path, logs: Path, faults: Sequence[Fault] = ()) -> None:
        configuration = files.read(prepared / "run" / "plant")
        exact = tuple(MeterClass(profile, 0.0, 0.0) for profile in BLOCKS)
        self.plant: Plant = load(
            prepared / "run" / "plant", msgspec.structs.replace(configuration, meter_classes=exact)
        )
        self.scene, self.logs = Scene(time_ns=TIME_NS), logs
        served = {device.name: device for device in devices(self.plant, self.scene)}
        window = self.plant.configuration.window
        for now_s in np.arange(70.0, NOW_S + 0.1, 0.2):
            for model in self.plant.charge_points:
                model.write_limit(16, float(now_s))
            self.scene.step = self.plant.step(float(now_s), window.after(76.0))
        self.log = SetpointLog(logs)
        self.bays = [
            Bay(
                device=served[model.spec.name],
                place=str(place),
                counters=DeviceCounters("ev-controller", 0, 16),
                log=self.log,
                clock=self,
                meter_faults=MeterFaults(faults, model.spec.name, 1, model.spec.phases),
                device_faults=DeviceFaults(faults, model.spec.name),
            )
            for place, model in enumerate(self.plant.charge_points, start=1)
        ]

    def now_s(self) -> float:
        return self.scene.truth().now_s

    def now_ns(self) -> int:
        return TIME_NS

    def power(self, model: ChargePointModel) -> Any:
        loads = self.plant.network.ids("asym_load").tolist()
        state = self.scene.truth().state
        return _at(model.spec.phases, state.load_s[loads.index(model.spec.element)])

    def volts(self, model: ChargePointModel) -> Any:
        nodes = self.plant.network.ids("node").tolist()
        state = self.scene.truth().state
        return _at(model.spec.phases, np.abs(state.u_v[nodes.index(model.spec.node)]))

    def charging(self, terminals: int) -> tuple[int, ChargePointModel]:
        """Place and model of a charge point at which a car charges."""
        return next(
            (place, model)
            for place, model in enumerate(self.plant.charge_points, start=1)
            if model.terminals == terminals and model.current_a > 0
        )


@pytest.fixture(scope="module")
def evening(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Evening:
    """One that no test changes."""
    return Evening(prepared, tmp_path_factory.mktemp("logs"))


@asynccontextmanager
async def open_park(prepared: Path, evening: Evening) -> AsyncIterator[OpcUaPark]:
    server = prepared / "server"
    users = (prepared / "credentials" / "park" / "certificate.pem",)
    own = ParkCredentials(server / "certificate.pem", server / "key.pem", users)
    park = OpcUaPark(evening.bays, credentials=own)
    await park.start(HOST, 0)
    try:
        yield park
    finally:
        await park.stop()


async def ask(prepared: Path, park: OpcUaPark, **wanted: Any) -> dict[str, Any]:
    """Ask the park with node-opcua, secured."""
    own = prepared / "credentials" / "park"
    return await node_opcua.converse(
        {
            "url": f"opc.tcp://{HOST}:{park.port}/park",
            "pki": str(prepared / "pki"),
            "namespace": NAMESPACE,
            "secure": {
                "certificate": str(own / "certificate.pem"),
                "key": str(own / "key.pem"),
                "uri": NODE_URI,
            },
            **wanted,
        }
    )


def driver_of(prepared: Path, park: OpcUaPark, place: int, model: ChargePointModel) -> Any:
    where = Connection(
        "opcua",
        HOST,
        park.port,
        path="/park",
        credentials="park",
        bay=str(place),
        identity=model.spec.name,
        timeout_s=1.0,
    )
    source = Source(model.spec.name, "opcua-charge-point", where, 1, model.terminals, rated_w=1e4)
    return OpcUa(Environment(credentials_dir=prepared / "credentials")).open(source)


@pytest.mark.parametrize("terminals", [1, 3])
def test_a_charge_point_that_charges_is_shown_as_the_plant_has_it(
    prepared: Path, evening: Evening, terminals: int
) -> None:
    node_opcua.scripts()
    place, model = evening.charging(terminals)
    power, volts = evening.power(model), evening.volts(model)
    assert power.real.min() > 500.0
    ends = range(1, terminals + 1)
    quantities = ("Voltage", "Current", "ActivePower", "ReactivePower")
    names = [f"CP{place}.{name}{end}" for name in quantities for end in ends]
    names += [f"CP{place}.{name}" for name in ("State", "Limit", "Serial", "Time")]

    async def check() -> None:
        async with open_park(prepared, evening) as park:
            said = await ask(prepared, park, read=names)
            assert said["error"] is None
            values = [value for value, _, _ in said["read"]]
            truth = [*volts, *np.abs(power) / volts, *power.real, *power.imag]
            assert values[: 4 * terminals] == pytest.approx(truth, rel=1e-12)
            assert values[4 * terminals :] == [3, 16, model.spec.name, TIME]
            assert {time for _, _, time in said["read"][: 4 * terminals]} == {TIME}
            assert {status for _, status, _ in said["read"]} == {"Good"}
            driver = driver_of(prepared, park, place, model)
            scan = await scanned(driver)
            assert scan.values[: 4 * terminals] == pytest.approx(truth, rel=1e-12)
            assert scan.time_ns == TIME_NS
            assert scan.limit_in_force == 16.0
            await driver.stop()

    run(check, 60)


def test_a_limit_of_another_stack_acts_in_the_plant_and_is_logged(
    prepared: Path, tmp_path: Path
) -> None:
    node_opcua.scripts()
    evening = Evening(prepared, tmp_path)
    place, model = evening.charging(3)
    node = f"CP{place}.LimitSetpoint"

    async def check() -> None:
        async with open_park(prepared, evening) as park:
            said = await ask(
                prepared,
                park,
                write=[[node, 10, "UInt16"], [node, 3, "UInt16"], [node, 7.5, "Double"]],
                read=[node],
            )
            assert said["written"] == ["Good", "BadOutOfRange", "BadTypeMismatch"]
            assert said["read"][0][0] == 10
            assert model.limit == 10
            counters = evening.bays[place - 1].counters
            assert (counters.writes, counters.refused) == (1, 1)
            evening.log.flush()
            (write,) = read(tmp_path)
            assert (write.device, write.value, write.before) == (model.spec.name, 10, 16)
            await park.tick(NOW_S)
            said = await ask(prepared, park, read=[f"CP{place}.Limit"])
            assert said["read"][0][0] == 10

    run(check, 90)


def test_a_charge_point_that_the_park_has_lost_says_so_and_takes_nothing(
    prepared: Path, evening: Evening, tmp_path: Path
) -> None:
    place, model = evening.charging(3)
    name = model.spec.name
    faults = [Missing(name="gone", device=name, first_s=NOW_S - 1, last_s=NOW_S + 100)]
    faulty = Evening(prepared, tmp_path, faults)

    async def check() -> None:
        async with open_park(prepared, faulty) as park:
            driver = driver_of(prepared, park, place, model)
            scan = await scanned(driver)
            assert scan.values[0] is None
            assert scan.qualities[0] & Quality.INVALID
            assert scan.qualities[0] & Quality.OLD_DATA
            with pytest.raises(DriverError, match="BadCommunicationError") as caught:
                await driver.write(10.0, Watchdog(60.0, 7.0))
            assert caught.value.kind is FailureKind.REFUSED
            assert faulty.plant.charge_points[place - 1].limit == 16
            await driver.stop()

    run(check, 60)


def test_a_device_that_rejects_commands_is_quoted(
    prepared: Path, evening: Evening, tmp_path: Path
) -> None:
    place, model = evening.charging(3)
    name = model.spec.name
    faults = [Rejects(name="no", device=name, first_s=NOW_S - 1, last_s=NOW_S + 100)]
    faulty = Evening(prepared, tmp_path, faults)

    async def check() -> None:
        async with open_park(prepared, faulty) as park:
            driver = driver_of(prepared, park, place, model)
            await scanned(driver)
            with pytest.raises(DriverError, match="BadDeviceFailure"):
                await driver.write(10.0, Watchdog(60.0, 7.0))
            await driver.stop()

    run(check, 60)


def _at(phases: str, values: Any) -> Any:
    return values[["abc".index(letter) for letter in phases]]
