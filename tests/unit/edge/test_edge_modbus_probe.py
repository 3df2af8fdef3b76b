"""A technician before a Modbus device that nobody has configured."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import pytest
from modbus_peers.line import line
from modbus_peers.scripted import ScriptedServer, ScriptedUnit, serving, text, words

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.quality import Quality
from ortsnetz_edge.drivers.address import parse_address
from ortsnetz_edge.drivers.contract import DriverError, FailureKind, Found, Identity
from ortsnetz_edge.drivers.modbus.probe import ModbusProbe
from ortsnetz_edge.drivers.modbus.protocol import ModbusRtu, ModbusTcp


def run(check: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(check(), 20))


def probe(server: ScriptedServer, timeout_s: float = 1.0) -> ModbusProbe:
    url = f"modbus-tcp://127.0.0.1:{server.port}/1?timeout={timeout_s}"
    return ModbusTcp().probe(parse_address(url))


def inverter() -> ScriptedUnit:
    """A SunSpec map: common model with 66 registers, model 103 with 50, end (SunSpec models)."""
    unit = ScriptedUnit()
    unit.put(40000, [0x5375, 0x6E53, 1, 66])
    unit.put(40004, [*text("Sunny Works", 16), *text("SW-10", 16), *text("", 8), *text("1.2", 8)])
    unit.put(40052, [*text("SN-4711", 16), 1, 0x8000])
    unit.put(40070, [103, 50] + [7] * 50)
    unit.put(40122, [0xFFFF, 0])
    return unit


def test_a_sunspec_device_is_known_by_its_common_model() -> None:
    async def check() -> None:
        async with serving(inverter()) as server:
            found = probe(server)
            assert await found.identify() == Identity("Sunny Works", "SW-10", "SN-4711")
            await found.close()

    run(check)


def test_a_device_is_known_by_its_identification_before_anything_else() -> None:
    async def check() -> None:
        unit = inverter()
        unit.objects = {0: b"Works", 1: b"C-1", 2: b"1.0", 5: b"Model Five"}
        async with serving(unit) as server:
            found = probe(server)
            assert await found.identify() == Identity("Works", "Model Five", None)
            values = await found.read(("identification/0", "identification/6"))
            assert [value.value for value in values] == ["Works", None]
            assert values[1].quality & Quality.BAD_REFERENCE
            await found.close()

    run(check)


def test_a_device_that_says_nothing_of_itself_has_no_identity_and_is_no_failure() -> None:
    async def check() -> None:
        async with serving(ScriptedUnit(holding={5: 1})) as server:
            found = probe(server)
            assert await found.identify() == Identity()
            await found.close()

    run(check)


def test_browsing_shows_models_tables_and_what_is_in_them() -> None:
    async def check() -> None:
        unit = inverter()
        unit.coil.update(dict.fromkeys(range(5), True))
        async with serving(unit) as server:
            found = probe(server)
            everything = {item.reference: item for item in await found.browse("", 100)}
            assert everything["model1/0"].what.startswith("SunSpec model 1, 66 registers")
            assert everything["model103/0"].what.startswith("SunSpec model 103, 50 registers")
            assert everything["coil/0"].folder
            names = [item.reference for item in await found.browse("holding/40000", 3)]
            assert names == ["holding/40000", "holding/40001", "holding/40002"]
            first = (await found.browse("holding/40000", 1))[0]
            assert first == Found("holding/40000", "u16 0x5375, 'Su'", 0x5375)
            assert len(await found.browse("coil/0", 100)) == 5
            await found.close()

    run(check)


def test_browsing_sends_a_bounded_number_of_requests() -> None:
    async def check() -> None:
        unit = ScriptedUnit()
        unit.holding.update(dict.fromkeys(range(0, 65536, 2), 1))  # full of holes
        async with serving(unit) as server:
            found = probe(server)
            listed = await found.browse("holding/0", 5000)
            assert len(unit.seen) <= 400
            assert listed
            await found.browse("", 5000)
            assert len(unit.seen) <= 900
            await found.close()

    run(check)


def test_what_was_found_is_shown_where_a_device_leaves_other_requests_unanswered() -> None:
    async def check() -> None:
        async with line(u1=inverter()) as bus:
            unit = bus.units[1]
            unit.objects = {0: b"Works"}
            served = unit._served

            def or_silence(pdu: bytes) -> bytes | None:
                known = pdu[0] == 43 or pdu[1:3] in {b"\x9c\x40", b"\x9c\x42"}
                return served(pdu) if known else None

            unit._served = or_silence  # type: ignore[method-assign,assignment]
            url = f"modbus-rtu://{bus.device}?unit=1&baud=115200&parity=N&timeout=0.1"
            found = ModbusRtu().probe(parse_address(url))
            names = [item.reference for item in await found.browse("", 100)]
            assert names[0] == "identification/0"
            await found.close()

    run(check)


def test_one_missing_value_does_not_hide_the_others() -> None:
    async def check() -> None:
        async with serving(ScriptedUnit(holding={1: 10, 3: 30}, coil={9: True})) as server:
            found = probe(server)
            values = await found.read(("holding/1", "holding/2", "holding/3", "coil/9", "input/1"))
            assert [value.value for value in values] == [10, None, 30, 1, None]
            assert [value.why for value in values][1] == "the device has no such address"
            await found.close()

    run(check)


def test_writing_says_what_the_device_now_has() -> None:
    async def check() -> None:
        unit = ScriptedUnit(holding={1: 10, 2: 0, 3: 0}, coil={4: False})
        async with serving(unit) as server:
            found = probe(server)
            assert await found.write("holding/1", 16) == "holding/1 now says 16"
            assert await found.write("holding/2:f32", 1.5) == "holding/2:f32 now says 1.5"
            assert await found.write("coil/4", 1) == "coil/4 now says 1"
            answer = unit._served

            def keeps(pdu: bytes) -> bytes:
                return pdu if pdu[0] == 6 else answer(pdu)  # confirms, and does nothing

            unit._served = keeps  # type: ignore[method-assign]
            said = await found.write("holding/1", 20)
            assert said == "holding/1 says 16, although 20 was confirmed"
            await found.close()

    run(check)


def test_a_device_without_function_6_is_written_with_function_16() -> None:
    async def check() -> None:
        unit = ScriptedUnit(holding={1: 10}, refuses={6: 1})
        async with serving(unit) as server:
            found = probe(server)
            assert await found.write("holding/1", 16) == "holding/1 now says 16"
            assert [pdu[0] for pdu in unit.seen] == [6, 16, 3]
            await found.close()

    run(check)


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ("input/1", 1),
        ("discrete/1", 1),
        ("holding/1", 70000),
        ("holding/1", 0.5),
        ("coil/1", 2),
        ("holding/1:text4", 1),
        ("holding/1:bit3", 1),
        ("identification/0", 1),
        ("shelf/1", 1),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is_sent(
    reference: str, value: float
) -> None:
    async def check() -> None:
        async with serving(ScriptedUnit(holding={1: 1})) as server:
            found = probe(server)
            with pytest.raises(InputError):
                await found.write(reference, value)
            assert server.connections == 0
            await found.close()

    run(check)


def test_watching_goes_on_through_a_failure_and_says_why_values_are_missing() -> None:
    async def check() -> None:
        unit = ScriptedUnit(holding={1: 10})
        async with serving(unit) as server:
            found = probe(server, timeout_s=0.1)
            seen = []
            async with aclosing(found.watch(("holding/1",), 0.01)) as values:
                async for value in values:
                    seen.append(value)
                    unit.silent = len(seen) == 1
                    if len(seen) == 3:
                        break
            assert [value.value for value in seen] == [10, None, 10]
            assert "no answer" in seen[1].why
            await found.close()

    run(check)


def test_nobody_at_the_address_is_said_at_once() -> None:
    async def check() -> None:
        async with serving(ScriptedUnit()) as server:
            pass
        with pytest.raises(DriverError) as caught:
            await probe(server).identify()
        assert caught.value.kind is FailureKind.UNREACHABLE

    run(check)


def test_words_of_the_peer() -> None:
    assert words("I", 0x5375_6E53) == [0x5375, 0x6E53]
    assert text("Su", 1) == [0x5375]
