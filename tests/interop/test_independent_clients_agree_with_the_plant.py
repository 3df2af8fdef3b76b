"""A Modbus client of another author reads the plant's state, to the last digit of each register.

The servers are pymodbus; the client is pyModbusTCP, with its own framing, words and numbers. The
instruments are exact, so that a register is the rounded truth and nothing else.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from pyModbusTCP import client as client_library
from pyModbusTCP import utils

from ortsnetz_hil.faults.timeline import Timeline
from ortsnetz_hil.plant import configuration as files
from ortsnetz_hil.plant.configuration import MeterClass, PlantMeter
from ortsnetz_hil.plant.core import Plant
from ortsnetz_hil.plant.devices.battery import BatteryModel
from ortsnetz_hil.plant.devices.heat_pump import HeatPumpModel
from ortsnetz_hil.plant.devices.specs import Battery, HeatPump, TapChanger
from ortsnetz_hil.plant.devices.tap_changer import TapChangerModel
from ortsnetz_hil.plant.loader import load
from ortsnetz_hil.servers.controlled import Controlled
from ortsnetz_hil.servers.counters import FORMAT, Counters, DeviceCounters
from ortsnetz_hil.servers.devices import Scene, Served, devices
from ortsnetz_hil.servers.maps import BLOCKS
from ortsnetz_hil.servers.setpoint_log import SetpointLog
from ortsnetz_hil.servers.station_servers import StationServers

ORTSNETZ = str(Path(sys.executable).with_name("ortsnetz"))
HOST = "127.0.0.1"
NOW_S = 80.0
TIME_NS = 1_795_000_000_123_000_000
TIME_MS = TIME_NS // 1_000_000

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("independent")
    network = out / "network.json"
    for arguments in (
        ("network", "import", "1-LV-rural1--0-sw", "-o", str(network)),
        ("plant", "prepare", str(network), "--out", str(out / "run"), "--seconds", "120"),
    ):
        done = subprocess.run(
            [ORTSNETZ, *arguments], capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr
    return out / "run" / "plant"


class Words:
    """Registers of a block, taken apart with the client's own utilities."""

    def __init__(self, registers: list[int], first: int, *, swapped: bool = False) -> None:
        self._registers, self._first, self._swapped = registers, first, swapped

    def _pair(self, register: int) -> int:
        begin = register - self._first
        words = self._registers[begin : begin + 2]
        (value,) = utils.word_list_to_long(words, big_endian=not self._swapped)
        return int(value)

    def u16(self, *registers: int) -> list[int]:
        return [self._registers[register - self._first] for register in registers]

    def i16(self, *registers: int) -> list[int]:
        return [utils.get_2comp(value, 16) for value in self.u16(*registers)]

    def u32(self, *registers: int) -> list[int]:
        return [self._pair(register) for register in registers]

    def i32(self, *registers: int) -> list[int]:
        return [utils.get_2comp(value, 32) for value in self.u32(*registers)]

    def f32(self, *registers: int) -> list[float]:
        return [utils.decode_ieee(value) for value in self.u32(*registers)]

    def u64(self, register: int) -> int:
        begin = register - self._first
        (value,) = utils.word_list_to_long(self._registers[begin : begin + 4], long_long=True)
        return int(value)


class Bench:
    """A plant on an evening, and whatever device of it the test wants to serve."""

    def __init__(self, directory: Path, out: Path) -> None:
        configuration = files.read(directory)
        exact = tuple(MeterClass(profile, 0.0, 0.0) for profile in BLOCKS)
        self.plant: Plant = load(
            directory, msgspec.structs.replace(configuration, meter_classes=exact)
        )
        self.scene, self._out = Scene(time_ns=TIME_NS), out
        self.served = {device.name: device for device in devices(self.plant, self.scene)}
        window = self.plant.configuration.window
        for now_s in np.arange(70.0, NOW_S + 0.1, 0.2):
            for model in (*self.plant.charge_points, *self.plant.inverters):
                model.write_limit(16, float(now_s))
            self.scene.step = self.plant.step(float(now_s), window.after(76.0))
        self.state = self.scene.truth().state

    def now_s(self) -> float:
        return self.scene.truth().now_s

    def now_ns(self) -> int:
        return TIME_NS

    def row(self, component: str, element: int) -> int:
        return self.plant.network.ids(component).tolist().index(element)

    def volts(self, node: int, phases: str) -> NDArray[np.float64]:
        return _at(phases, np.abs(self.state.u_v[self.row("node", node)]))

    def meter(self, profile: str, wanted: Callable[[PlantMeter], bool] = bool) -> PlantMeter:
        meters = self.plant.configuration.meters
        return next(spec for spec in meters if spec.profile == profile and wanted(spec))

    def ask(self, device: Served, question: Callable[[Any], Any]) -> Any:
        """Ask a device in a thread of the client's own, while the servers' loop runs."""
        return asyncio.run(self._ask(device, question))

    async def _ask(self, device: Served, question: Callable[[Any], Any]) -> Any:
        device.port = 0
        counters = Counters(
            FORMAT, 0, {device.name: DeviceCounters(device.profile, 0, device.values)}
        )
        configuration = msgspec.structs.replace(self.plant.configuration, faults=(), host=HOST)
        log, timeline = SetpointLog(self._out), Timeline(self._out)
        servers = StationServers(configuration, [device], counters, log, self, timeline)
        await servers.start()
        port = servers.devices[device.name].port
        client = client_library.ModbusClient(HOST, port=port, unit_id=1, timeout=5.0)
        try:
            return await asyncio.to_thread(question, client)
        finally:
            client.close()
            await servers.stop()

    def read(self, device: Served) -> Words:
        block = BLOCKS[device.profile]

        def question(client: Any) -> Any:
            read = client.read_holding_registers if block.function == 3 else None
            return (read or client.read_input_registers)(block.address, block.count)

        registers = self.ask(device, question)
        assert registers is not None, "no answer"
        return Words(registers, block.address, swapped=device.profile == "meter-feeder")


@pytest.fixture(scope="module")
def bench(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(prepared, tmp_path_factory.mktemp("logs"))


def _at(phases: str, values: NDArray[Any]) -> NDArray[Any]:
    return values[["abc".index(letter) for letter in phases]]


def _whole(values: Any, scale: float = 1.0) -> list[int]:
    return [round(float(value) * scale) for value in values]


def _amperes(power: NDArray[np.complex128], volts: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.abs(power) / volts)


def test_the_transformer_meter(bench: Bench) -> None:
    spec = bench.meter("meter-transformer")
    words = bench.read(bench.served[spec.name])
    row = bench.row("transformer", spec.element)
    node = int(bench.plant.network.data["transformer"]["to_node"][row])
    volts = bench.volts(node, spec.phases)
    power = _at(spec.phases, -bench.state.transformers.s_to[row])
    assert np.abs(power).min() > 1000.0
    assert words.f32(0, 2, 4) == [np.float32(u) for u in volts]
    assert words.f32(6, 8, 10) == pytest.approx(_amperes(power, volts), rel=1e-6)
    assert words.f32(12, 14, 16) == pytest.approx(power.real / 1000.0, rel=1e-6)
    assert words.f32(18, 20, 22) == pytest.approx(power.imag / 1000.0, rel=1e-6)
    assert (words.u32(24), words.u64(26)) == ([1], TIME_MS)


def test_a_feeder_meter_with_turned_phases(bench: Bench) -> None:
    spec = bench.meter("meter-feeder", lambda m: m.phases != "abc")
    words = bench.read(bench.served[spec.name])
    row = bench.row("line", spec.element)
    lines, data = bench.state.lines, bench.plant.network.data["line"]
    from_end = spec.side == "from"
    power = _at(spec.phases, (lines.s_from if from_end else lines.s_to)[row])
    volts = bench.volts(int(data["from_node" if from_end else "to_node"][row]), spec.phases)
    assert words.i32(100, 102, 104) == _whole(power.real)
    assert words.i32(106, 108, 110) == _whole(power.imag)
    assert words.u32(112, 114, 116) == _whole(_amperes(power, volts), 1000.0)
    assert words.u32(118, 120, 122) == _whole(volts, 10.0)
    assert words.u32(124, 126) == [1, TIME_NS // 10**9]
    assert words.u16(128) == [123]


def test_a_three_phase_customer(bench: Bench) -> None:
    spec = bench.meter("meter-customer", lambda m: len(m.phases) == 3)
    words = bench.read(bench.served[spec.name])
    power = _at(spec.phases, bench.state.load_s[bench.row("asym_load", spec.loads[0])])
    volts = bench.volts(spec.element, spec.phases)
    assert words.u32(3000, 3002, 3004) == _whole(volts, 100.0)
    assert words.i32(3006, 3008, 3010) == _whole(power.real)
    assert words.i32(3012, 3014, 3016) == _whole(power.imag)
    assert words.u32(3018, 3020, 3022) == _whole(_amperes(power, volts), 1000.0)
    assert words.u64(3026) == TIME_MS


@pytest.mark.parametrize("terminals", [1, 3])
def test_a_charge_point_that_charges(bench: Bench, terminals: int) -> None:
    model = next(
        m for m in bench.plant.charge_points if m.terminals == terminals and m.current_a > 0
    )
    spec = model.spec
    words = bench.read(bench.served[spec.name])
    power = _at(spec.phases, bench.state.load_s[bench.row("asym_load", spec.element)])
    volts = bench.volts(spec.node, spec.phases)
    rest = [0] * (3 - terminals)
    assert power.real.min() > 500.0
    assert words.u16(1000, 1001) == [3, 160]
    assert words.u16(1003, 1004, 1005) == [*_whole(_amperes(power, volts), 10.0), *rest]
    assert words.u16(1006, 1007, 1008) == [*_whole(volts, 10.0), *rest]
    assert words.i32(1009, 1011, 1013) == [*_whole(power.real), *rest]
    assert words.i16(1015, 1016, 1017) == [*_whole(power.imag), *rest]
    assert (words.u32(1018), words.u64(1020)) == ([1], TIME_MS)


def test_an_inverter(bench: Bench) -> None:
    model = bench.plant.inverters[0]
    spec = model.spec
    words = bench.read(bench.served[spec.name])
    power = _at(spec.phases, bench.state.gen_s[bench.row("asym_gen", spec.element)])
    volts = bench.volts(spec.node, spec.phases)
    factors = [10.0 ** words.i16(register)[0] for register in (40003, 40007, 40011, 40015)]
    assert words.i16(40000, 40001, 40002) == _whole(power.real, 1.0 / factors[0])
    assert words.i16(40004, 40005, 40006) == _whole(power.imag, 1.0 / factors[1])
    assert words.u16(40008, 40009, 40010) == _whole(volts, 1.0 / factors[2])
    assert words.u16(40012, 40013, 40014) == _whole(_amperes(power, volts), 1.0 / factors[3])
    assert words.u16(40016) == [16]
    assert words.u16(40017, 40024) == _whole([model.available_w, spec.rated_w / 10.0])


def _customer(bench: Bench, terminals: int) -> tuple[int, int, str]:
    """Load, node and phases of a customer who draws something: a place for another device."""
    spec = bench.meter("meter-customer", lambda m: len(m.phases) == terminals)
    return spec.loads[0], spec.element, spec.phases


@pytest.mark.parametrize("terminals", [1, 3])
def test_a_heat_pump(bench: Bench, terminals: int) -> None:
    element, node, phases = _customer(bench, terminals)
    model = HeatPumpModel(
        HeatPump(
            name="hp-1",
            element=element,
            node=node,
            port=0,
            phases=phases,
            rated_w=3100.0,
            floor_w=4200.0,
            cop=3.5,
            loss_w_per_k=150.0,
            capacity_wh_per_k=5000.0,
            setpoint_c=20.0,
            band_k=1.0,
            start_c=-2.54,
            min_on_s=0.0,
            min_off_s=0.0,
            reaction_s=1.0,
        )
    )
    device = Controlled(bench.plant, bench.scene).heat_pump(model)
    words = bench.read(device)
    power = _at(phases, bench.state.load_s[bench.row("asym_load", element)])
    volts = bench.volts(node, phases)
    rest = 3 - terminals
    assert words.i32(5000, 5002, 5004) == [*_whole(power.real), *[-(2**31)] * rest]
    assert words.i32(5006, 5008, 5010) == [*_whole(power.imag), *[-(2**31)] * rest]
    assert words.u16(5012, 5013, 5014) == [*_whole(volts, 10.0), *[0xFFFF] * rest]
    currents = _whole(_amperes(power, volts), 100.0)
    assert words.u16(5015, 5016, 5017) == [*currents, *[0xFFFF] * rest]
    assert words.u16(5018, 5020) == [420, 310]
    assert words.i16(5021) == [-25]
    assert (words.u32(5022), words.u64(5024)) == ([1], TIME_MS)

    def command(client: Any) -> Any:
        refused = client.write_single_register(5100, 999)
        taken = client.write_multiple_registers(5100, [200, 30, 310])
        return refused, taken, client.read_holding_registers(5100, 3)

    assert bench.ask(device, command) == (False, True, [200, 30, 310])
    assert (model.limit, model.watchdog.time_s, model.watchdog.fallback) == (200, 30, 310)


@pytest.mark.parametrize("terminals", [1, 3])
def test_a_home_battery(bench: Bench, terminals: int) -> None:
    element, node, phases = _customer(bench, terminals)
    spec = Battery("bat-1", element, node, 0, phases, 5000.0, 10_000.0, 0.37, 0.95, 0.1, 1.0)
    model = BatteryModel(spec)
    device = Controlled(bench.plant, bench.scene).battery(model)
    words = bench.read(device)
    power = _at(phases, bench.state.load_s[bench.row("asym_load", element)])
    volts = bench.volts(node, phases)
    connected = (600, 602, 604)[:terminals]
    assert words.f32(*connected) == [np.float32(p) for p in power.real]
    assert words.f32(*(r + 6 for r in connected)) == [np.float32(q) for q in power.imag]
    assert words.f32(*(r + 12 for r in connected)) == [np.float32(u) for u in volts]
    assert np.isnan(words.f32(*(600, 602, 604)[terminals:])).all()
    currents = _whole(_amperes(power, volts), 100.0)
    assert words.u16(618, 619, 620) == [*currents, *[0xFFFF] * (3 - terminals)]
    assert words.u16(621, 622, 624, 625) == [370, 1000, 500, 1000]
    assert (words.u32(627), words.u64(629)) == ([1], TIME_MS)

    def command(client: Any) -> Any:
        refused = client.write_single_register(650, 1001)
        return refused, client.write_single_register(650, 250), client.read_holding_registers(650)

    assert bench.ask(device, command) == (False, True, [250])
    assert model.limit == 250


def test_a_tap_changer(bench: Bench) -> None:
    transformer = bench.plant.network.data["transformer"][0]
    spec = TapChanger("tap-1", int(transformer["id"]), 0, 1.02, 0.01, 10.0, 1.0, 40)
    model = TapChangerModel(spec, -4, 4, -2)
    device = Controlled(bench.plant, bench.scene).tap_changer(model)
    words = bench.read(device)
    volts = bench.volts(int(transformer["to_node"]), "abc")
    assert words.i16(900) == [-2]
    assert words.u16(901, 902) == [0, 1020]
    assert words.u16(903, 904, 905) == _whole(volts, 10.0)
    assert words.u32(906, 908) == [0, 1]
    assert words.u64(910) == TIME_MS

    def command(client: Any) -> Any:
        refused = client.write_single_register(950, 800)
        taken = client.write_multiple_registers(950, [985, 1])
        return refused, taken, client.read_holding_registers(950, 2)

    assert bench.ask(device, command) == (False, True, [985, 1])
    assert model.blocked
    assert model.setpoint_pu == pytest.approx(0.985)


def test_a_charge_point_takes_a_limit_from_another_authors_client(bench: Bench) -> None:
    model = bench.plant.charge_points[0]

    def command(client: Any) -> Any:
        refused = client.write_single_register(2000, 5)
        code = client.last_except
        return refused, code, client.write_single_register(2000, 8)

    assert bench.ask(bench.served[model.spec.name], command) == (False, 3, True)
    assert model.limit == 8


def _mbpoll(port: int, table: int, address: int, count: int) -> list[int]:
    """Registers as libmodbus' command-line master reads them."""
    if shutil.which("mbpoll") is None:
        pytest.skip("mbpoll is not installed")
    where = ("-m", "tcp", "-a", "1", "-p", str(port), "-t", str(table), "-0", "-1", "-q")
    done = subprocess.run(
        ["mbpoll", *where, "-r", str(address), "-c", str(count), HOST],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("[")]
    return [int(line.split(":")[1].split()[0]) for line in lines]


@pytest.mark.parametrize("profile", ["meter-transformer", "meter-feeder", "ev-controller"])
def test_libmodbus_reads_what_the_other_client_reads_and_who_the_device_is(
    bench: Bench, profile: str
) -> None:
    device = next(found for found in bench.served.values() if found.profile == profile)
    block = BLOCKS[profile]

    def question(client: Any) -> Any:
        read = {3: client.read_holding_registers, 4: client.read_input_registers}[block.function]
        table = 7 - block.function  # mbpoll calls holding registers 4 and input registers 3
        return (
            read(block.address, block.count),
            _mbpoll(client.port, table, block.address, block.count),
            bytes(
                byte for word in _mbpoll(client.port, 4, 65000, 40) for byte in divmod(word, 256)
            ),
        )

    one, other, identity = bench.ask(device, question)
    differing = [n for n, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]
    assert len(differing) == 1  # the number of the read itself
    assert identity[:16].rstrip(b"\0") == b"Ortsnetz bench"
    assert identity[16:48].rstrip(b"\0") == profile.encode()
    assert identity[48:].rstrip(b"\0") == device.name.encode()
