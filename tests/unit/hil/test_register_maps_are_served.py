"""What a Modbus client reads is the plant's state, decoded by the published table alone.

The table of docs/register-maps.md is read here, not repeated: code, document and client must agree.
"""

from __future__ import annotations

import asyncio
import re
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from pymodbus.client import AsyncModbusTcpClient

from ortsnetz_hil.faults.meters import MeterFaults
from ortsnetz_hil.faults.specs import Missing
from ortsnetz_hil.plant import configuration as files
from ortsnetz_hil.plant.configuration import MeterClass
from ortsnetz_hil.plant.core import Plant
from ortsnetz_hil.plant.loader import load
from ortsnetz_hil.servers.counters import DeviceCounters
from ortsnetz_hil.servers.device_server import DeviceServer
from ortsnetz_hil.servers.devices import Scene, Served, devices
from ortsnetz_hil.servers.instrument import Instrument
from ortsnetz_hil.servers.maps import BLOCKS
from ortsnetz_hil.servers.setpoint_log import SetpointLog, read

PAGE = Path(__file__).parents[3] / "docs" / "register-maps.md"
TIME_NS = 1_795_000_000_123_000_000
HEADING = re.compile(
    r"## `(?P<kind>[\w-]+)`: function (?P<function>\d), block (?P<first>\d+)-(?P<last>\d+), "
    r"(?P<order>big|swapped)"
)
FORMATS = {"f32": ">f", "i32": ">i", "u32": ">I", "u64": ">Q", "u16": ">H", "i16": ">h"}


@dataclass(frozen=True)
class Table:
    """One published register map."""

    function: int
    first: int
    count: int
    swapped: bool
    rows: dict[str, tuple[list[int], str]]

    def decode(self, registers: list[int]) -> dict[str, list[Any]]:
        """Raw values by quantity."""
        return {
            quantity: [self._value(registers, register, kind) for register in places]
            for quantity, (places, kind) in self.rows.items()
        }

    def _value(self, registers: list[int], register: int, kind: str) -> Any:
        form = FORMATS[kind]
        begin = register - self.first
        words = registers[begin : begin + struct.calcsize(form) // 2]
        if self.swapped:
            words = words[::-1]
        return struct.unpack(form, struct.pack(f">{len(words)}H", *words))[0]


def _tables() -> dict[str, Table]:
    found: dict[str, Table] = {}
    for section in re.split(r"(?=^## )", PAGE.read_text(), flags=re.MULTILINE):
        heading = HEADING.match(section)
        if heading is None:
            continue
        rows = {}
        for line in section.splitlines():
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if len(cells) == 4 and re.fullmatch(r"[\d, ]+", cells[0]):
                places = [int(place) for place in cells[0].split(",")]
                short = re.split(r"[,;]", cells[2])[0]
                rows[cells[2] if short in rows else short] = (places, cells[1])
        first = int(heading["first"])
        found[heading["kind"]] = Table(
            int(heading["function"]),
            first,
            int(heading["last"]) - first + 1,
            heading["order"] == "swapped",
            rows,
        )
    return found


TABLES = _tables()


class StoppedClock:
    """Plant time stands still while somebody looks."""

    def now_s(self) -> float:
        return 84.8

    def now_ns(self) -> int:
        return TIME_NS


class Bench:
    """A plant without measurement noise at an instant, and its servers on free ports."""

    def __init__(self, directory: Path) -> None:
        configuration = files.read(directory)
        exact = tuple(MeterClass(c.profile, 0.0, 0.0) for c in configuration.meter_classes)
        self.plant: Plant = load(
            directory, msgspec.structs.replace(configuration, meter_classes=exact)
        )
        self.scene = Scene(time_ns=TIME_NS)
        self.directory = directory
        self.log = SetpointLog(directory)
        self.served = {device.name: device for device in devices(self.plant, self.scene)}
        self.counters: dict[str, DeviceCounters] = {}
        self.faults: tuple[Missing, ...] = ()
        self._live()

    def _live(self) -> None:
        """Eight in the evening: cars charge; the sun still offers a little at some roofs."""
        calendar = self.plant.configuration.window
        for number in range(5 * 70, 5 * 85):
            now_s = number / 5
            for point in self.plant.charge_points:
                point.write_limit(20 if point.spec.rated_a >= 20 else 16, now_s)
            for inverter in self.plant.inverters:
                inverter.write_limit(1000, now_s)
            self.scene.step = self.plant.step(now_s, calendar.after(min(now_s, 76.0)))

    def ask(self, name: str, question: Callable[[AsyncModbusTcpClient], Awaitable[Any]]) -> Any:
        """Start the device's server, ask it, stop it."""
        return asyncio.run(self._ask(self.served[name], question))

    async def _ask(
        self, device: Served, question: Callable[[AsyncModbusTcpClient], Awaitable[Any]]
    ) -> Any:
        counters = DeviceCounters(device.profile, 0, device.values)
        self.counters[device.name] = counters
        faults = MeterFaults(self.faults, device.name, seed=1)
        owner = DeviceServer(device, counters, self.log, StoppedClock(), faults)
        server = owner.create(("127.0.0.1", 0))
        await server.serve_forever(background=True)
        client = AsyncModbusTcpClient("127.0.0.1", port=server.port, timeout=0.3, retries=0)
        assert await client.connect()
        try:
            return await question(client)
        finally:
            client.close()
            await server.shutdown()

    def read(self, name: str) -> dict[str, list[Any]]:
        """Raw values of a device's block by quantity."""
        table = TABLES[self.served[name].profile]
        return table.decode(self.ask(name, lambda client: _block(client, table)))


async def _block(client: AsyncModbusTcpClient, table: Table) -> list[int]:
    call = client.read_holding_registers if table.function == 3 else client.read_input_registers
    answer = await call(table.first, count=table.count, device_id=1)
    assert not answer.isError(), answer
    return list(answer.registers)


@pytest.fixture
def bench(run_copy: Path) -> Bench:
    return Bench(run_copy / "plant")


def _charging(plant: Plant, terminals: int) -> Any:
    return next(p for p in plant.charge_points if p.current_a > 0 and p.terminals == terminals)


def _milliseconds(values: dict[str, list[Any]]) -> int:
    return int(values["time"][0])


def test_every_published_map_is_served_by_some_device(bench: Bench) -> None:
    assert {device.profile for device in bench.served.values()} <= set(TABLES)
    assert set(TABLES) == set(BLOCKS)
    for profile, table in TABLES.items():
        block = BLOCKS[profile]
        assert (table.function, table.first, table.count) == (
            block.function,
            block.address,
            block.count,
        )


def test_the_transformer_meter_counts_power_towards_the_low_voltage_network(bench: Bench) -> None:
    step = bench.scene.truth()
    values = bench.read("meter-transformer")
    node = (
        bench.plant.network.ids("node")
        .tolist()
        .index(int(bench.plant.network.data["transformer"]["to_node"][0]))
    )
    volts = np.abs(step.state.u_v[node])
    assert values["voltage"] == pytest.approx(volts, rel=1e-6)
    active = np.array(values["active power"]) * 1000
    assert (active > 0).all()  # an evening: the street consumes
    consumed = step.injections.load_p.sum() - step.injections.gen_p.sum()
    assert active.sum() == pytest.approx(consumed, rel=0.05)  # plus the losses of the lines
    apparent = np.hypot(active, np.array(values["reactive power"]) * 1000)
    assert values["current"] == pytest.approx(apparent / volts, rel=1e-5)
    assert values["reads"] == [1]
    assert _milliseconds(values) == TIME_NS // 1_000_000


def test_the_feeder_meters_together_carry_what_the_transformer_gives(bench: Bench) -> None:
    feeders = [bench.read(name) for name in bench.served if name.startswith("meter-feeder")]
    transformer = bench.read("meter-transformer")
    total = sum(sum(values["active power"]) for values in feeders)
    own = _loads_at_the_busbar(bench)
    assert total + own == pytest.approx(sum(transformer["active power"]) * 1000, abs=10.0)
    for values in feeders:
        assert values["time"] == [TIME_NS // 1_000_000_000]
        assert values["time, fraction"] == [123]
        assert values["current"][0] > 0
        assert 2000 < values["voltage"][0] < 2500


def _loads_at_the_busbar(bench: Bench) -> float:
    step, network = bench.scene.truth(), bench.plant.network
    at = [i for i, n in enumerate(network.data["asym_load"]["node"]) if int(n) in network.busbar()]
    gen = [i for i, n in enumerate(network.data["asym_gen"]["node"]) if int(n) in network.busbar()]
    return float(step.injections.load_p[at].sum() - step.injections.gen_p[gen].sum())


def test_a_feeder_meter_shows_network_phases_at_its_own_terminals(bench: Bench) -> None:
    step, network = bench.scene.truth(), bench.plant.network
    spec = next(
        m
        for m in bench.plant.configuration.meters
        if m.profile == "meter-feeder" and m.phases != "abc"
    )
    row = network.ids("line").tolist().index(spec.element)
    ends = step.state.lines.s_from if spec.side == "from" else step.state.lines.s_to
    by_terminal = [ends[row][["a", "b", "c"].index(letter)] for letter in spec.phases]
    values = bench.read(spec.name)
    assert values["active power"] == pytest.approx([s.real for s in by_terminal], abs=0.51)
    assert values["reactive power"] == pytest.approx([s.imag for s in by_terminal], abs=0.51)


def test_a_single_phase_customer_has_nothing_at_terminals_two_and_three(bench: Bench) -> None:
    spec = next(
        m for m in bench.plant.configuration.meters if m.side is None and len(m.phases) == 1
    )
    row = bench.plant.network.ids("asym_load").tolist().index(spec.loads[0])
    true = bench.scene.truth().state.load_s[row].real["abc".index(spec.phases)]
    values = bench.read(spec.name)
    assert values["active power"][0] == pytest.approx(true, abs=0.51)
    assert values["active power"][1:] == [-0x8000_0000] * 2
    assert values["reactive power"][1:] == [-0x8000_0000] * 2
    assert values["voltage"][1:] == [0xFFFF_FFFF] * 2
    assert values["current"][1:] == [0xFFFF_FFFF] * 2
    assert 200 < values["voltage"][0] / 100 < 250


def test_a_three_phase_customer_is_measured_at_all_terminals(bench: Bench) -> None:
    spec = next(
        m for m in bench.plant.configuration.meters if m.side is None and len(m.phases) == 3
    )
    row = bench.plant.network.ids("asym_load").tolist().index(spec.loads[0])
    true = bench.scene.truth().state.load_s[row].real
    values = bench.read(spec.name)
    order = ["abc".index(letter) for letter in spec.phases]
    assert values["active power"] == pytest.approx(true[order], abs=0.51)
    assert _milliseconds(values) == TIME_NS // 1_000_000


@pytest.mark.parametrize("terminals", [1, 3])
def test_a_charge_controller_says_what_the_car_draws_and_asks_for(
    bench: Bench, terminals: int
) -> None:
    model = _charging(bench.plant, terminals)
    values = bench.read(model.spec.name)
    unused = [0] * (3 - terminals)
    assert values["IEC 61851 state: 1 A"] == [3]
    assert values["current limit in force"] == [model.limit * 10]
    assert values["current the car asks for"] == [round(model.wanted_a * 10)]
    assert values["active power"] == pytest.approx([*model.active_w[:terminals], *unused], abs=0.51)
    assert values["reactive power"] == pytest.approx(
        [*model.reactive_var[:terminals], *unused], abs=0.51
    )
    assert values["current"] == [*[round(model.current_a * 10)] * terminals, *unused]
    assert values["voltage"][terminals:] == unused
    assert 0 < values["seconds until the fall-back acts"][0] <= 60
    assert values["reads"] == [1]


def test_an_inverters_scale_factors_give_its_power_and_what_the_sun_offers(bench: Bench) -> None:
    model = max(bench.plant.inverters, key=lambda m: m.power_w)
    assert model.power_w > 0
    table = TABLES["pv-inverter"]
    registers = bench.ask(model.spec.name, lambda client: _block(client, table))
    values = table.decode(registers)
    power = [raw * 10.0 ** values["SF of active power"][0] for raw in values["active power"]]
    assert power == pytest.approx([model.power_w / 3] * 3, abs=0.51)
    voltage = [raw * 10.0 ** values["SF of voltage"][0] for raw in values["voltage"]]
    assert all(200 < volts < 250 for volts in voltage)
    current = [raw * 10.0 ** values["SF of current"][0] for raw in values["current"]]
    assert current == pytest.approx(np.array(power) / np.array(voltage), abs=0.02)
    assert values["power limit in force"] == [1000]
    assert values["available power"][0] == pytest.approx(model.available_w, abs=0.51)
    assert values["rated power"] == [1500]
    assert registers[-6:] == [0] * 6


def test_only_reads_of_the_whole_block_are_counted_and_each_carries_its_number(
    bench: Bench,
) -> None:
    table = TABLES["meter-transformer"]

    async def several(client: AsyncModbusTcpClient) -> list[int]:
        numbers = []
        for _ in range(3):
            numbers.append(table.decode(await _block(client, table))["reads"][0])
            await client.read_holding_registers(0, count=2, device_id=1)
        return numbers

    assert bench.ask("meter-transformer", several) == [1, 2, 3]
    counters = bench.counters["meter-transformer"]
    assert counters.reads == 3
    assert counters.values == 3 * 13


def test_a_written_limit_is_in_force_read_back_and_logged(bench: Bench) -> None:
    async def command(client: AsyncModbusTcpClient) -> list[int]:
        written = await client.write_register(2000, 9, device_id=1)
        assert not written.isError()
        both = await client.write_registers(2001, [30, 0], device_id=1)
        assert not both.isError()
        answer = await client.read_holding_registers(2000, count=3, device_id=1)
        return list(answer.registers)

    assert bench.ask("ev-01", command) == [9, 30, 0]
    model = bench.plant.charge_points[0]
    assert (model.limit, model.watchdog.time_s, model.watchdog.fallback) == (9, 30, 0)
    bench.log.flush()
    (write,) = read(bench.directory)
    assert (write.device, write.value) == ("ev-01", 9)
    assert write.before in {16, 20}
    assert bench.counters["ev-01"].writes == 1


@pytest.mark.parametrize(
    ("device", "address", "values"),
    [
        ("ev-01", 2000, [5]),
        ("ev-01", 2000, [33]),
        ("ev-01", 2000, [10, 0, 10]),
        ("ev-01", 2002, [3]),
        ("pv-01", 40100, [1001]),
        ("pv-01", 40102, [1200]),
    ],
)
def test_a_value_that_a_device_cannot_take_is_answered_with_exception_3_and_changes_nothing(
    bench: Bench, device: str, address: int, values: list[int]
) -> None:
    commands = bench.served[device].commands
    assert commands is not None
    before = commands.settings.values()

    async def command(client: AsyncModbusTcpClient) -> Any:
        return await client.write_registers(address, values, device_id=1)

    assert bench.ask(device, command).exception_code == 3
    assert commands.settings.values() == before
    bench.log.flush()
    assert read(bench.directory) == []


@pytest.mark.parametrize("device", ["meter-transformer", "meter-feeder-1", "meter-customer-1"])
def test_a_meter_takes_no_commands_and_answers_its_own_function_only(
    bench: Bench, device: str
) -> None:
    table = TABLES[bench.served[device].profile]

    async def wrong(client: AsyncModbusTcpClient) -> tuple[int, int]:
        call = client.read_input_registers if table.function == 3 else client.read_holding_registers
        other = await call(table.first, count=table.count, device_id=1)
        written = await client.write_register(table.first, 1, device_id=1)
        return other.exception_code, written.exception_code

    assert bench.ask(device, wrong) == (1, 1)


def test_a_silent_device_answers_nothing_and_counts_nothing(bench: Bench) -> None:
    table = TABLES["meter-transformer"]
    bench.faults = (Missing(name="silent", first_s=80.0, last_s=90.0, device="meter-transformer"),)

    async def lost(client: AsyncModbusTcpClient) -> bool:
        try:
            return bool(await _block(client, table))
        except Exception:  # noqa: BLE001 - whatever the client makes of silence
            return False

    assert not bench.ask("meter-transformer", lost)
    counters = bench.counters["meter-transformer"]
    assert (counters.reads, counters.unanswered) == (0, 1)


def test_noise_is_that_of_the_meters_class(prepared_run: Path) -> None:
    accuracy = files.read(prepared_run / "plant").meter_class("meter-feeder")
    instrument = Instrument("meter-feeder-1", "abc", accuracy, seed=1)
    true = (np.full(3, 230.0), np.full(3, 1e4), np.zeros(3))
    shown = [instrument.show(0.2 * step, *true) for step in range(3000)]
    volts = np.array([m.u for m in shown]) / 230.0 - 1.0
    watts = np.array([m.p for m in shown]) / 1e4 - 1.0
    assert volts.std() == pytest.approx(0.002, rel=0.05)
    assert watts.std() == pytest.approx(0.010, rel=0.05)
    assert abs(watts.mean()) < 0.0005
    # from one step to the next nothing is left of it, between terminals nothing is shared
    assert abs(np.corrcoef(watts[:-1, 0], watts[1:, 0])[0, 1]) < 0.06
    assert abs(np.corrcoef(watts[:, 0], watts[:, 1])[0, 1]) < 0.06
    assert abs(np.corrcoef(watts[:, 0], volts[:, 0])[0, 1]) < 0.06


def test_who_reads_often_sees_the_same_as_who_reads_once(prepared_run: Path) -> None:
    accuracy = files.read(prepared_run / "plant").meter_class("meter-feeder")
    true = (np.full(3, 230.0), np.full(3, 1e4), np.zeros(3))
    eager, lazy = (Instrument("meter-feeder-1", "abc", accuracy, seed=1) for _ in range(2))
    read = [eager.show(0.2 * step, *true) for step in range(50) for _ in range(3)]
    assert read[3 * 7].p == pytest.approx(read[3 * 7 + 2].p, abs=0.0)
    assert lazy.show(0.2 * 49, *true).p == pytest.approx(read[-1].p, abs=0.0)
    assert read[0].p != pytest.approx(read[-1].p, rel=1e-6)
