"""opendnp3 reads all devices of a plant through one station, to the last count of each point.

The instruments are exact, so that a point is the rounded truth and nothing else. Indexes and counts
come from the published table of docs/register-maps.md.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from opendnp3 import peer

from ortsnetz_hil.faults.meters import MeterFaults
from ortsnetz_hil.plant import configuration as files
from ortsnetz_hil.plant.configuration import MeterClass
from ortsnetz_hil.plant.core import Plant
from ortsnetz_hil.plant.devices.battery import BatteryModel
from ortsnetz_hil.plant.devices.heat_pump import HeatPumpModel
from ortsnetz_hil.plant.devices.specs import Battery, HeatPump
from ortsnetz_hil.plant.loader import load
from ortsnetz_hil.servers.controlled import Controlled
from ortsnetz_hil.servers.counters import DeviceCounters
from ortsnetz_hil.servers.device_server import DeviceServer
from ortsnetz_hil.servers.devices import Scene, Served, devices
from ortsnetz_hil.servers.dnp3_station import Dnp3Station
from ortsnetz_hil.servers.maps import BLOCKS
from ortsnetz_hil.servers.setpoint_log import SetpointLog

ORTSNETZ = str(Path(sys.executable).with_name("ortsnetz"))
PAGE = Path(__file__).parents[2] / "docs" / "register-maps.md"
HOST = "127.0.0.1"
NOW_S = 80.0
TIME_NS = 1_795_000_000_123_000_000
ON_LINE = 0x01

pytestmark = pytest.mark.interop


def _table() -> tuple[int, dict[str, tuple[list[int], float]]]:
    """Stride, and places and counts of one of each quantity, as the page says."""
    section = PAGE.read_text().partition("## DNP3")[2]
    stride = re.search(r"plus (\d+) \*n\*", section)
    assert stride is not None
    rows: dict[str, tuple[list[int], float]] = {}
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3 and re.fullmatch(r"[\d, ]+", cells[0]):
            count = re.match(r"[\d.]+", cells[2])
            places = [int(place) for place in cells[0].split(",")]
            name = re.split(r"[,:]", cells[1])[0]
            rows[name] = (places, 1 / float(count[0]) if count else 1.0)
    return int(stride[1]), rows


class Bench:
    """A plant on an evening, and all its devices behind one station."""

    def __init__(self, directory: Path, out: Path) -> None:
        exact = tuple(MeterClass(profile, 0.0, 0.0) for profile in BLOCKS)
        configuration = files.read(directory)
        self.plant: Plant = load(
            directory, msgspec.structs.replace(configuration, meter_classes=exact)
        )
        self.scene = Scene(time_ns=TIME_NS)
        found = devices(self.plant, self.scene)
        self.heat_pump, self.battery = self._further()
        controlled = Controlled(self.plant, self.scene)
        found += [controlled.heat_pump(self.heat_pump), controlled.battery(self.battery)]
        self.served: dict[str, Served] = {device.name: device for device in found}
        window = self.plant.configuration.window
        for now_s in np.arange(70.0, NOW_S + 0.1, 0.2):
            for model in (*self.plant.charge_points, *self.plant.inverters):
                model.write_limit(16, float(now_s))
            self.scene.step = self.plant.step(float(now_s), window.after(76.0))
        self.state = self.scene.truth().state
        log = SetpointLog(out)
        owners = [
            DeviceServer(
                device,
                DeviceCounters(device.profile, 1, device.values),
                log,
                self,
                MeterFaults((), device.name, 1),
            )
            for device in self.served.values()
        ]
        self.station = Dnp3Station(owners, name="rtu")
        self.bays = {name: number for number, name in enumerate(self.served)}

    def now_s(self) -> float:
        return self.scene.truth().now_s

    def now_ns(self) -> int:
        return TIME_NS

    def row(self, component: str, element: int) -> int:
        return self.plant.network.ids(component).tolist().index(element)

    def volts(self, node: int, phases: str) -> NDArray[np.float64]:
        return _at(phases, np.abs(self.state.u_v[self.row("node", node)]))

    def _further(self) -> tuple[HeatPumpModel, BatteryModel]:
        """Devices that the default plant does not have, in the place of two customers."""
        one, two = [m for m in self.plant.configuration.meters if len(m.phases) == 3 and m.loads][
            :2
        ]
        heat_pump = HeatPump(
            name="hp-1",
            element=one.loads[0],
            node=one.element,
            port=1,
            phases=one.phases,
            rated_w=3100.0,
            floor_w=4200.0,
            cop=3.5,
            loss_w_per_k=150.0,
            capacity_wh_per_k=5000.0,
            setpoint_c=20.0,
            band_k=1.0,
            start_c=-2.5,
            min_on_s=0.0,
            min_off_s=0.0,
            reaction_s=1.0,
        )
        battery = Battery(
            "bat-1", two.loads[0], two.element, 1, two.phases, 5e3, 1e4, 0.37, 0.95, 0.1, 1.0
        )
        return HeatPumpModel(heat_pump), BatteryModel(battery)


def _at(phases: str, values: NDArray[Any]) -> NDArray[Any]:
    return values[["abc".index(letter) for letter in phases]]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    out = tmp_path_factory.mktemp("dnp3")
    network = out / "network.json"
    for arguments in (
        ("network", "import", "1-LV-rural1--0-sw", "-o", str(network)),
        ("plant", "prepare", str(network), "--out", str(out / "run"), "--seconds", "120"),
    ):
        done = subprocess.run(
            [ORTSNETZ, *arguments], capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr
    return Bench(out / "run" / "plant", out)


@pytest.fixture(scope="module")
def read(bench: Bench) -> dict[str, list[float]]:
    """What opendnp3 has read of the station: value and flags by point."""

    async def ask() -> dict[str, list[float]]:
        await bench.station.start(HOST, 0)
        wanted = len(bench.served) * 15
        async with peer("master", bench.station.port or 0) as master:
            async with asyncio.timeout(30):
                while True:
                    values: dict[str, list[float]] = await master.ask("values")
                    if sum(name.startswith("analog/") for name in values) >= wanted:
                        break
                    await asyncio.sleep(0.1)
        await bench.station.stop()
        return values

    return asyncio.run(asyncio.wait_for(ask(), 60))


class Points:
    """The points of one device's bay, by the page's names."""

    def __init__(self, read: dict[str, list[float]], bay: int) -> None:
        self._read = read
        stride, self._rows = _table()
        self._first = stride * bay

    def __call__(self, quantity: str, terminals: int | None = None) -> list[float]:
        """Values in units; those beyond `terminals` have to be off line."""
        places, counts = self._rows[quantity]
        found = [self._read[f"analog/{self._first + place}"] for place in places]
        used = len(places) if terminals is None else terminals
        assert [bool(int(flags) & ON_LINE) for _, flags in found] == [
            n < used for n in range(len(places))
        ]
        return [value / counts for value, _ in found[:used]]


def _electrical(points: Points, volts: NDArray[np.float64], power: NDArray[np.complex128]) -> None:
    used = len(volts)
    assert points("voltage", used) == pytest.approx(volts, abs=0.0051)
    assert points("active power", used) == pytest.approx(power.real, abs=0.051)
    assert points("reactive power", used) == pytest.approx(power.imag, abs=0.051)
    assert points("current", used) == pytest.approx(np.abs(power) / volts, abs=0.00051)


def test_feeders_show_what_flows_away_from_the_busbar(
    bench: Bench, read: dict[str, list[float]]
) -> None:
    lines, data = bench.state.lines, bench.plant.network.data["line"]
    specs = [m for m in bench.plant.configuration.meters if m.profile == "meter-feeder"]
    assert specs
    for spec in specs:
        row, from_end = bench.row("line", spec.element), spec.side == "from"
        power = _at(spec.phases, (lines.s_from if from_end else lines.s_to)[row])
        node = int(data["from_node" if from_end else "to_node"][row])
        points = Points(read, bench.bays[spec.name])
        _electrical(points, bench.volts(node, spec.phases), power)
        for missing in ("limit in force", "what it would take or give without a limit"):
            points(missing, 0)


def test_customers_show_what_they_draw_at_connected_terminals_only(
    bench: Bench, read: dict[str, list[float]]
) -> None:
    specs = [m for m in bench.plant.configuration.meters if m.profile == "meter-customer"]
    assert {len(spec.phases) for spec in specs} == {1, 3}
    for spec in specs:
        rows = [bench.row("asym_load", load) for load in spec.loads]
        power = _at(spec.phases, bench.state.load_s[rows].sum(axis=0))
        _electrical(
            Points(read, bench.bays[spec.name]), bench.volts(spec.element, spec.phases), power
        )


def test_charge_points_say_their_limit_what_the_car_wants_and_its_state(
    bench: Bench, read: dict[str, list[float]]
) -> None:
    assert any(model.current_a > 0 for model in bench.plant.charge_points)
    for model in bench.plant.charge_points:
        spec, points = model.spec, Points(read, bench.bays[model.spec.name])
        power = _at(spec.phases, bench.state.load_s[bench.row("asym_load", spec.element)])
        _electrical(points, bench.volts(spec.node, spec.phases), power)
        assert points("limit in force") == [model.limit]
        assert points("what it would take or give without a limit") == pytest.approx(
            [model.wanted_a * 10], abs=0.51
        )
        assert points("IEC 61851 state of an `ev-controller`") == [int(model.state)]


def test_inverters_feed_in_positively_and_say_what_the_sun_offers(
    bench: Bench, read: dict[str, list[float]]
) -> None:
    for model in bench.plant.inverters:
        spec, points = model.spec, Points(read, bench.bays[model.spec.name])
        power = _at(spec.phases, bench.state.gen_s[bench.row("asym_gen", spec.element)])
        _electrical(points, bench.volts(spec.node, spec.phases), power)
        assert points("limit in force") == [16]
        assert points("what it would take or give without a limit") == pytest.approx(
            [model.available_w], abs=0.51
        )


def test_heat_pump_and_battery_say_what_they_want(
    bench: Bench, read: dict[str, list[float]]
) -> None:
    for model in (bench.heat_pump, bench.battery):
        points = Points(read, bench.bays[model.spec.name])
        assert points("limit in force") == [model.limit]
        assert points("what it would take or give without a limit") == pytest.approx(
            [model.wanted_w], abs=5.1
        )
        points("IEC 61851 state of an `ev-controller`", 0)
