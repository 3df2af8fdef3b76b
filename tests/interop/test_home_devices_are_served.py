"""Every kind of device of a prepared plant, read by another author's client while the plant runs.

Requested, prepared and started as a process as scenarios are; the client (pyModbusTCP) knows
docs/register-maps.md only. Its readings are compared with the truth that the plant wrote for the
very step whose time the reading carries; instruments are exact, so that rounding is all there is.
"""

from __future__ import annotations

import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from pyModbusTCP import utils
from pyModbusTCP.client import ModbusClient

from ortsnetz_common.measurement.time import NS_PER_S, now_ns
from ortsnetz_hil.plant.configuration import PlantConfiguration
from ortsnetz_hil.plant.network_file import PlantNetwork, parse
from ortsnetz_hil.plant.prepare import prepare
from ortsnetz_hil.plant.request import (
    AccuracyWish,
    BatteryWish,
    ChargePointWish,
    HeatPumpWish,
    InverterWish,
    NetworkWish,
    ProfileWish,
    Request,
    StationErrors,
    TapChangerWish,
)
from ortsnetz_hil.servers import counters
from ortsnetz_hil.verdict import truth_file
from ortsnetz_hil.verdict.truth import Row

ORTSNETZ = str(Path(sys.executable).with_name("ortsnetz"))
HOST = "127.0.0.1"
DEADLINE_S = 20.0
STEP_S = 0.2
TAP_DELAY_S, TAP_STEP_S = 1.0, 0.4

# within its band until somebody tells it another voltage
_QUIET = TapChangerWish(setpoint_pu=1.02, band_pu=0.05, delay_s=TAP_DELAY_S, step_s=TAP_STEP_S)

# docs/register-maps.md: function, first register, registers, register of the time
MAPS = {
    "meter-transformer": (3, 0, 30, 26),
    "meter-feeder": (4, 100, 29, 126),
    "meter-customer": (3, 3000, 30, 3026),
    "ev-controller": (3, 1000, 25, 1020),
    "pv-inverter": (3, 40000, 31, 40020),
    "heat-pump": (3, 5000, 30, 5024),
    "home-battery": (4, 600, 35, 629),
    "tap-changer": (3, 900, 14, 910),
}

pytestmark = pytest.mark.interop


@dataclass
class Reading:
    """One answer, taken apart with the client's own utilities."""

    kind: str
    registers: list[int]

    def u16(self, *places: int) -> list[int]:
        first = MAPS[self.kind][1]
        return [self.registers[place - first] for place in places]

    def i16(self, *places: int) -> list[int]:
        return [utils.get_2comp(word, 16) for word in self.u16(*places)]

    def u32(self, *places: int) -> list[int]:
        swapped = self.kind == "meter-feeder"
        pairs = [self.u16(place, place + 1) for place in places]
        return [utils.word_list_to_long(pair, big_endian=not swapped)[0] for pair in pairs]

    def i32(self, *places: int) -> list[int]:
        return [utils.get_2comp(value, 32) for value in self.u32(*places)]

    def f32(self, *places: int) -> list[float]:
        return [utils.decode_ieee(value) for value in self.u32(*places)]

    @property
    def time_ms(self) -> int:
        place = MAPS[self.kind][3]
        if self.kind == "meter-feeder":
            return 1000 * self.u32(place)[0] + self.u16(place + 2)[0]
        words = self.u16(*range(place, place + 4))
        return int(utils.word_list_to_long(words, long_long=True)[0])


@dataclass
class Station:
    """A running plant as its clients see it, and what they saw and did.

    Attributes:
        before: one reading of every device.
        written_ms, obeyed: when a limit was written, and the first reading that shows its effect.
        went_on: the next reading with a step of its own.
        rows: the plant's truth, once it has ended.
        step_s: longest time from step to step: other work makes steps late, never early.
    """

    plan: PlantConfiguration
    network: PlantNetwork
    clients: dict[str, tuple[str, ModbusClient]] = field(default_factory=dict)
    before: dict[str, Reading] = field(default_factory=dict)
    written_ms: dict[str, float] = field(default_factory=dict)
    obeyed: dict[str, Reading] = field(default_factory=dict)
    went_on: dict[str, Reading] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    step_s: float = STEP_S

    def connect(self) -> None:
        plan = self.plan
        kinds = [(meter.profile, (meter,)) for meter in plan.meters]
        kinds += [("ev-controller", plan.charge_points), ("pv-inverter", plan.inverters)]
        kinds += [("heat-pump", plan.heat_pumps), ("home-battery", plan.batteries)]
        for kind, devices in (*kinds, ("tap-changer", plan.tap_changers)):
            for spec in devices:
                client = ModbusClient(HOST, port=spec.port, unit_id=1, timeout=5.0)
                self.clients[spec.name] = (kind, client)

    def read(self, name: str) -> Reading:
        kind, client = self.clients[name]
        function, first, count, _ = MAPS[kind]
        ask = client.read_holding_registers if function == 3 else client.read_input_registers
        registers = ask(first, count)
        assert registers is not None, f"{name}: {client.last_error_as_txt}"
        return Reading(kind, registers)

    def write(self, name: str, register: int, value: int) -> None:
        assert self.clients[name][1].write_single_register(register, value), name
        self.written_ms[name] = now_ns() / 1e6

    def row(self, reading: Reading) -> tuple[int, Row]:
        """The step that a reading shows."""
        seconds = reading.time_ms / 1e3 - self.plan.window.wall_start_ns / NS_PER_S
        found = min(range(len(self.rows)), key=lambda i: abs(self.rows[i].time_s - seconds))
        assert abs(self.rows[found].time_s - seconds) < STEP_S / 4
        return found, self.rows[found]

    def device(self, name: str) -> int:
        """Place of a device in the truth's lists."""
        plan = self.plan
        every = [*plan.charge_points, *plan.inverters, *plan.heat_pumps, *plan.batteries]
        return [spec.name for spec in every].index(name)

    def volts(self, row: Row, node: int, phases: str) -> list[float]:
        place = self.network.ids("node").tolist().index(node)
        rated = float(self.network.data["node"]["u_rated"][place]) / np.sqrt(3)
        return [float(row.node_u_pu[place, "abc".index(letter)]) * rated for letter in phases]

    def took_s(self, name: str) -> float:
        """From the write to the step that shows its effect."""
        return (self.obeyed[name].time_ms - self.written_ms[name]) / 1e3


def _free_block(length: int) -> int:
    for _ in range(100):
        first = random.randrange(20_000, 32_000)
        try:
            for port in range(first, first + length):
                with socket.socket() as probe:
                    probe.bind((HOST, port))
        except OSError:
            continue
        return first
    raise AssertionError("no free block of ports")


def _prepared(out: Path) -> PlantConfiguration:
    network = out / "network.json"
    subprocess.run(
        [ORTSNETZ, "network", "import", "1-LV-rural1--0-sw", "-o", network],
        check=True,
        capture_output=True,
        timeout=60,
    )
    return prepare(
        Request(
            network=NetworkWish(network),
            out=out,
            wall_start_ns=now_ns(),
            base_port=_free_block(60),
            seconds=600.0,
            calendar_factor=720.0,
            errors=StationErrors(accuracy=tuple(AccuracyWish(kind, 0.0, 0.0) for kind in MAPS)),
            charge_points=ChargePointWish(count=2, noon_share=1.0),
            inverters=InverterWish(count=2, rated_w=6_000.0),
            heat_pumps=HeatPumpWish(count=8),
            batteries=BatteryWish(count=2, capacity_wh=400_000.0),
            tap_changers=(_QUIET,),
            profiles=ProfileWish(outdoor_c=-25.0),  # a heat pump that has begun to run goes on
        )
    )


def _until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end, f"not within {DEADLINE_S} s: {what}"
        time.sleep(0.02)


def _watts(reading: Reading) -> float:
    """Total power: what a device takes, or what an inverter feeds in."""
    if reading.kind == "heat-pump":
        return float(sum(w for w in reading.i32(5000, 5002, 5004) if w != -(2**31)))
    if reading.kind == "home-battery":
        return float(np.nansum(reading.f32(600, 602, 604)))
    return float(sum(reading.i16(40000, 40001, 40002)))


def _play(station: Station) -> None:
    """Read everything, tell one device of each kind to stop, and wait until all have obeyed."""
    station.connect()
    pumps = [spec.name for spec in station.plan.heat_pumps]
    _until(
        lambda: sum(_watts(station.read(name)) > 0 for name in pumps) >= 2,
        "two heat pumps run",
    )
    station.before = {name: station.read(name) for name in station.clients}
    running = next(name for name in pumps if _watts(station.before[name]) > 0)
    battery = max(
        (spec.name for spec in station.plan.batteries),
        key=lambda name: abs(_watts(station.before[name])),
    )
    for name, register in ((running, 5100), (battery, 650), ("pv-01", 40100)):
        station.write(name, register, 0)
    station.write("tap-changer-1", 950, 900)
    before = station.before["tap-changer-1"].i16(900)

    def obeys(name: str) -> bool:
        reading = station.read(name)
        moved = reading.i16(900) != before if name == "tap-changer-1" else not _watts(reading)
        if moved:
            first = station.obeyed.setdefault(name, reading)
            if reading.time_ms > first.time_ms:
                station.went_on.setdefault(name, reading)
        return name in station.went_on

    _until(lambda: {obeys(name) for name in station.written_ms} == {True}, "all have obeyed")


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Station:
    out = tmp_path_factory.mktemp("homes")
    plan = _prepared(out)
    station = Station(plan, parse((out / "plant" / "network.json").read_bytes(), "network"))
    process = subprocess.Popen(
        [ORTSNETZ, "plant", "run", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "plant: ready"
        _play(station)
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_S) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(DEADLINE_S)
        for _, client in station.clients.values():
            client.close()
    station.rows = truth_file.read(out / "plant", voltages=True)
    station.step_s = STEP_S + counters.read(out / "plant").worst_lateness_s
    return station


def _close(shown: list[int] | list[float], truth: list[float], digit: float) -> bool:
    """Whether registers are the rounded truth; half a digit, and what single precision leaves."""
    return bool(np.allclose(shown, truth, rtol=1e-6, atol=0.5 * digit + 1e-6))


def test_every_kind_of_the_register_maps_was_read(station: Station) -> None:
    assert {reading.kind for reading in station.before.values()} == set(MAPS)


def test_heat_pumps_show_the_truth_of_their_step(station: Station) -> None:
    drawn = []
    for spec in station.plan.heat_pumps:
        reading = station.before[spec.name]
        _, row = station.row(reading)
        place, used = station.device(spec.name), len(spec.phases)
        volts = station.volts(row, spec.node, spec.phases)
        watts, var = reading.i32(5000, 5002, 5004)[:used], reading.i32(5006, 5008, 5010)[:used]
        assert _close([sum(watts)], [row.device_w[place]], used)
        assert _close([sum(var)], [row.device_var[place]], used)
        assert _close([0.1 * word for word in reading.u16(5012, 5013, 5014)[:used]], volts, 0.1)
        amperes = [np.hypot(p, q) / u for p, q, u in zip(watts, var, volts, strict=True)]
        assert np.allclose(reading.u16(5015, 5016, 5017)[:used], np.multiply(100, amperes), atol=1)
        assert _close([10.0 * reading.u16(5018)[0]], [row.limit_w[place]], 10)
        assert _close([10.0 * reading.u16(5019)[0]], [row.request_w[place]], 10)
        assert reading.u16(5020) == [300]
        drawn.append(row.device_w[place])
    assert {0.0, 3000.0} >= set(drawn)
    assert drawn.count(3000.0) >= 2


def test_batteries_show_the_truth_of_their_step(station: Station) -> None:
    powers = []
    for spec in station.plan.batteries:
        reading = station.before[spec.name]
        _, row = station.row(reading)
        place, used = station.device(spec.name), len(spec.phases)
        watts = reading.f32(600, 602, 604)[:used]
        assert _close([sum(watts)], [row.device_w[place]], 1e-2)
        assert _close(
            reading.f32(612, 614, 616)[:used], station.volts(row, spec.node, spec.phases), 1e-3
        )
        assert abs(reading.u16(621)[0] - 1000.0 * spec.start_share) < 10.0  # some hours ago
        assert reading.u16(622, 624, 625) == [1000, 500, 40_000]
        assert _close([abs(10.0 * reading.i16(623)[0])], [row.request_w[place]], 10)
        powers.append(abs(row.device_w[place]))
    assert max(powers) > 100.0


def test_the_tap_changer_shows_the_truth_of_its_step(station: Station) -> None:
    reading = station.before["tap-changer-1"]
    _, row = station.row(reading)
    busbar = int(station.network.data["transformer"]["to_node"][0])
    assert reading.i16(900) == [int(row.tap[0])]
    volts = [0.1 * word for word in reading.u16(903, 904, 905)]
    assert _close(volts, station.volts(row, busbar, "abc"), 0.1)


def test_charge_points_and_inverters_show_the_truth_of_their_step(station: Station) -> None:
    for spec in station.plan.charge_points:
        reading = station.before[spec.name]
        _, row = station.row(reading)
        place, used = station.device(spec.name), len(spec.phases)
        assert _close([sum(reading.i32(1009, 1011, 1013))], [row.device_w[place]], used)
        assert _close([23.0 * used * reading.u16(1001)[0]], [row.limit_w[place]], 23.0 * used)
    for spec in station.plan.inverters:
        reading = station.before[spec.name]
        _, row = station.row(reading)
        place = station.device(spec.name)
        assert reading.i16(40003, 40011) == [0, -1]
        assert _close([_watts(reading)], [-row.device_w[place]], 3)
        assert row.device_w[place] < -100.0
        volts = [0.1 * word for word in reading.u16(40008, 40009, 40010)]
        assert _close(volts, station.volts(row, spec.node, spec.phases), 0.1)


def test_meters_show_the_truth_of_their_step(station: Station) -> None:
    busbar = int(station.network.data["transformer"]["to_node"][0])
    for spec in station.plan.meters:
        reading = station.before[spec.name]
        _, row = station.row(reading)
        if spec.profile == "meter-transformer":
            assert _close(reading.f32(0, 2, 4), station.volts(row, busbar, spec.phases), 1e-3)
            watts = 1000.0 * sum(reading.f32(12, 14, 16))
            # between the grid and this meter are the transformer's losses, a part of all losses
            assert 0.0 < row.source_w - watts < row.losses_w
        elif spec.profile == "meter-feeder":
            volts = [0.1 * value for value in reading.u32(118, 120, 122)]
            assert _close(volts, station.volts(row, busbar, spec.phases), 0.1)
        else:
            used = len(spec.phases)
            volts = [0.01 * value for value in reading.u32(3000, 3002, 3004)[:used]]
            assert _close(volts, station.volts(row, spec.element, spec.phases), 0.01)


def test_a_heat_pump_obeys_within_its_reaction_time_and_not_before(station: Station) -> None:
    name = next(name for name in station.obeyed if name.startswith("hp-"))
    spec = next(spec for spec in station.plan.heat_pumps if spec.name == name)
    assert spec.reaction_s - STEP_S <= station.took_s(name)
    assert station.took_s(name) <= spec.reaction_s + 2 * station.step_s
    assert station.obeyed[name].u16(5018) == [0]
    _, row = station.row(station.obeyed[name])
    assert row.device_w[station.device(name)] == 0.0
    others = [station.device(s.name) for s in station.plan.heat_pumps if s.name != name]
    assert row.device_w[others].max() == 3000.0  # nobody told these


def test_a_battery_obeys_within_its_reaction_time_and_not_before(station: Station) -> None:
    name = next(name for name in station.obeyed if name.startswith("battery-"))
    spec = next(spec for spec in station.plan.batteries if spec.name == name)
    assert spec.reaction_s - STEP_S <= station.took_s(name)
    assert station.took_s(name) <= spec.reaction_s + 2 * station.step_s
    _, row = station.row(station.obeyed[name])
    assert row.device_w[station.device(name)] == 0.0
    assert row.request_w[station.device(name)] > 100.0  # its customer still wants it


def test_an_inverter_obeys_within_two_seconds(station: Station) -> None:
    assert station.took_s("pv-01") <= 2.0 + station.step_s - STEP_S
    _, row = station.row(station.obeyed["pv-01"])
    assert row.device_w[station.device("pv-01")] == 0.0
    assert row.device_w[station.device("pv-02")] < -100.0


def test_a_tap_changer_steps_once_its_delay_is_over(station: Station) -> None:
    reading, before = station.obeyed["tap-changer-1"], station.before["tap-changer-1"]
    earliest = TAP_DELAY_S + TAP_STEP_S
    assert earliest - STEP_S <= station.took_s("tap-changer-1")
    assert station.took_s("tap-changer-1") <= earliest + 3 * station.step_s
    assert reading.i16(900)[0] == before.i16(900)[0] + 1  # one position more lowers the voltage
    assert reading.u16(902) == [900]
    _, row = station.row(reading)
    assert int(row.tap[0]) == reading.i16(900)[0]
    higher, lower = (
        seen.u16(903, 904, 905) for seen in (reading, station.went_on["tap-changer-1"])
    )
    assert np.allclose(lower, np.divide(higher, 1.025), rtol=0.004)  # one step is 2.5 per cent
