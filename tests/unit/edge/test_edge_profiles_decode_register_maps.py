"""Each profile reads the published table: registers are packed here by hand, not by the code."""

from __future__ import annotations

import math
import struct

import pytest

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.station import Connection, Side
from ortsnetz_edge.drivers.contract import Scan, Source
from ortsnetz_edge.drivers.modbus.compiled import compile_modbus
from ortsnetz_edge.drivers.modbus.decode import number_decoder
from ortsnetz_edge.profiles.library import Library

NOW_NS = 1_790_000_000_123_000_000
TIME_MS = NOW_NS // 1_000_000
WHERE = Connection("modbus-tcp", "127.0.0.1", 502)


def source(kind: str, terminals: int = 3, **extra: object) -> Source:
    return Source("x", kind, WHERE, 7, terminals, **extra)  # type: ignore[arg-type]


def words(fmt: str, *values: object) -> list[int]:
    data = struct.pack(">" + fmt, *values)
    return list(struct.unpack(f">{len(data) // 2}H", data))


def swapped(fmt: str, *values: object) -> list[int]:
    return [word for value in values for word in reversed(words(fmt, value))]


def decode(what: Source, registers: list[int]) -> tuple[dict[str, float | None], Scan]:
    """Values by name, and the scan, of the one block that a profile reads."""
    compiled = compile_modbus(Library().load(what.profile), what)
    (block,) = compiled.whole
    assert len(registers) == block.count
    data = struct.pack(f">{block.count}H", *registers)
    read = compiled.points
    raws = [
        number_decoder(reference, absent, block.address)(data)
        for reference, absent in zip(read.references, read.absent, strict=True)
    ]
    scan = read.scan(raws, NOW_NS)
    named = zip(read.points, scan.values, strict=True)
    return {point.point.name.split("/")[1]: value for point, value in named}, scan


TRANSFORMER = (
    words("3f", 230.5, 231.5, 229.0)
    + words("3f", 100.0, 110.0, 120.0)
    + words("3f", 20.0, -5.5, 0.25)
    + words("3f", 1.0, 2.0, -3.0)
    + words("I", 4711)
    + words("Q", TIME_MS)
)


def test_power_into_the_low_voltage_network_leaves_the_transformer_at_its_to_end() -> None:
    values, scan = decode(source("meter-transformer", side=Side.TO), TRANSFORMER)
    assert values["MMXU1.PhV.phsA"] == pytest.approx(230.5)
    assert values["MMXU1.A.phsC"] == pytest.approx(120.0)
    assert values["MMXU1.W.phsA"] == pytest.approx(-20_000.0)
    assert values["MMXU1.W.phsB"] == pytest.approx(5_500.0)
    assert values["MMXU1.VAr.phsC"] == pytest.approx(3_000.0)
    assert scan.read_count == 4711
    assert scan.time_ns == NOW_NS


def test_the_same_power_enters_the_transformer_at_its_from_end() -> None:
    values, _ = decode(source("meter-transformer", side=Side.FROM), TRANSFORMER)
    assert values["MMXU1.W.phsA"] == pytest.approx(20_000.0)


def test_a_feeder_meter_counts_away_from_the_busbar_with_the_low_word_first() -> None:
    registers = (
        swapped("i", 12_345, -70_000, 3)
        + swapped("i", -1, 2, 100_000)
        + swapped("I", 123_456, 1, 2)
        + swapped("I", 2_305, 2_310, 2_299)
        + swapped("I", 70_000)
        + swapped("I", TIME_MS // 1000)
        + words("H", TIME_MS % 1000)
    )
    values, scan = decode(source("meter-feeder", side=Side.FROM), registers)
    assert [values[f"MMXU1.W.phs{p}"] for p in "ABC"] == [12_345.0, -70_000.0, 3.0]
    assert [values[f"MMXU1.VAr.phs{p}"] for p in "ABC"] == [-1.0, 2.0, 100_000.0]
    assert values["MMXU1.A.phsA"] == pytest.approx(123.456)
    assert values["MMXU1.PhV.phsB"] == pytest.approx(231.0)
    assert scan.read_count == 70_000
    assert scan.time_ns == NOW_NS


def customer_registers() -> list[int]:
    absent_u, absent_i = 0xFFFFFFFF, -(2**31)
    return (
        words("3I", 23_012, absent_u, absent_u)
        + words("3i", -1_500, absent_i, absent_i)
        + words("3i", 250, absent_i, absent_i)
        + words("3I", 6_520, absent_u, absent_u)
        + words("I", 9)
        + words("Q", TIME_MS)
    )


def test_a_single_phase_customer_has_one_terminal_and_keeps_its_sign() -> None:
    values, _ = decode(source("meter-customer", terminals=1), customer_registers())
    assert set(values) == {
        "MMXU1.PhV.phsA",
        "MMXU1.A.phsA",
        "MMXU1.W.phsA",
        "MMXU1.VAr.phsA",
        "LPHD1.RdCnt",
    }
    assert values["MMXU1.PhV.phsA"] == pytest.approx(230.12)
    assert values["MMXU1.W.phsA"] == -1_500.0
    assert values["MMXU1.VAr.phsA"] == 250.0
    assert values["MMXU1.A.phsA"] == pytest.approx(6.52)


def test_a_terminal_that_reads_not_present_has_no_value_instead_of_a_huge_one() -> None:
    values, scan = decode(source("meter-customer", terminals=3), customer_registers())
    assert values["MMXU1.W.phsB"] is None
    assert values["MMXU1.PhV.phsC"] is None
    assert all(
        (value is None) == bool(q & 1) for value, q in zip(scan.values, scan.qualities, strict=True)
    )


def charger_registers(limit: int = 160, wish: int = 320) -> list[int]:
    return (
        words("3H", 3, limit, wish)
        + words("3H", 155, 156, 157)
        + words("3H", 2_301, 2_310, 2_290)
        + words("3i", 3_560, 3_600, 3_590)
        + words("3h", -120, 0, 15)
        + words("I", 77)
        + words("Q", TIME_MS)
        + words("H", 42)
    )


def test_a_charge_point_states_its_limit_in_amperes_and_the_agent_reads_watts() -> None:
    values, scan = decode(source("ev-controller", rated_w=22_000.0), charger_registers())
    volts = 230.1 + 231.0 + 229.0
    assert scan.limit_in_force == pytest.approx(16.0)
    assert values["DWMX1.WLimSpt"] == pytest.approx(16.0 * volts)
    assert values["DGEN1.WAvl"] == pytest.approx(32.0 * volts)
    assert values["DESE1.ConnSt"] == 3.0
    assert values["MMXU1.W.phsB"] == 3_600.0
    assert values["MMXU1.VAr.phsA"] == -120.0
    assert values["MMXU1.A.phsC"] == pytest.approx(15.7)


def test_a_single_phase_charge_point_uses_the_voltage_of_its_terminal_only() -> None:
    values, _ = decode(source("ev-controller", terminals=1, rated_w=4_600.0), charger_registers(60))
    assert values["DWMX1.WLimSpt"] == pytest.approx(6.0 * 230.1)


def test_a_charge_point_without_a_car_wants_nothing() -> None:
    values, _ = decode(source("ev-controller", rated_w=22_000.0), charger_registers(320, 0))
    assert values["DGEN1.WAvl"] == 0.0


def test_without_its_voltage_the_power_of_a_limit_is_unknown_and_not_zero() -> None:
    registers = charger_registers()
    registers[6] = 0
    values, _ = decode(source("ev-controller", rated_w=22_000.0), registers)
    assert values["DWMX1.WLimSpt"] is None


def inverter_registers(scale: int = 1) -> list[int]:
    return (
        words("3h", 412, 400, -2)
        + words("h", scale)
        + words("3h", 10, -20, 0)
        + words("h", 0)
        + words("3H", 2_345, 2_350, 2_360)
        + words("h", -1)
        + words("3H", 176, 170, 0xFFFF)
        + words("h", -1)
        + words("2H", 600, 900)
        + words("I", 5)
        + words("Q", TIME_MS)
        + words("H", 1_500)
        + [0] * 6
    )


def test_an_inverter_that_feeds_in_reads_negative_and_scales_by_its_own_factor() -> None:
    values, scan = decode(source("pv-inverter", rated_w=15_000.0), inverter_registers())
    assert [values[f"MMXU1.W.phs{p}"] for p in "ABC"] == pytest.approx([-4_120.0, -4_000.0, 20.0])
    assert [values[f"MMXU1.VAr.phs{p}"] for p in "AB"] == pytest.approx([-10.0, 20.0])
    assert values["MMXU1.PhV.phsA"] == pytest.approx(234.5)
    assert values["MMXU1.A.phsC"] is None
    assert values["DWMX1.WLimSpt"] == pytest.approx(9_000.0)
    assert values["DGEN1.WAvl"] == pytest.approx(9_000.0)
    assert scan.limit_in_force == pytest.approx(0.6)


def test_a_scale_factor_that_is_not_implemented_leaves_no_value() -> None:
    values, _ = decode(source("pv-inverter", rated_w=15_000.0), inverter_registers(-(2**15)))
    assert values["MMXU1.W.phsA"] is None


def test_a_voltage_that_is_not_a_number_is_no_value() -> None:
    registers = words("f", math.nan) + TRANSFORMER[2:]
    values, _ = decode(source("meter-transformer", side=Side.TO), registers)
    assert values["MMXU1.PhV.phsA"] is None


def test_a_device_without_a_clock_gets_the_agents_time_and_says_so() -> None:
    registers = TRANSFORMER[:26] + words("Q", 0)
    _, scan = decode(source("meter-transformer", side=Side.TO), registers)
    assert scan.time_ns == NOW_NS
    assert scan.time_quality == 4


def test_an_unknown_profile_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(InputError, match="ev-controller"):
        Library().load("toaster")
