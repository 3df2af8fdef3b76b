"""Numbers, bits and texts in registers: every kind in every order of bytes."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ortsnetz_edge.drivers.modbus.block_decoding import BlockDecoder
from ortsnetz_edge.drivers.modbus.decode import (
    clean_text,
    number_decoder,
    registers_of,
    text_of,
)
from ortsnetz_edge.drivers.modbus.plan import Request
from ortsnetz_edge.profiles.references.modbus import ModbusSyntax, RegisterReference, Table


def ref(text: str) -> RegisterReference:
    return ModbusSyntax().parse(text)


def value(text: str, raw: str, absent: int | None = None) -> float | None:
    """Value of a reference to register 10 in the registers from 10 on, as hexadecimal digits."""
    return number_decoder(ref(f"holding/10:{text}"), absent, 10)(bytes.fromhex(raw))


# 1234567890 is 0x499602D2; 123456.7890625 is the single 0x47F12065 (IEEE 754)
@pytest.mark.parametrize(
    ("kind", "raw", "expected"),
    [
        ("u16", "04D2", 1234),
        ("u16,badc", "D204", 1234),
        ("u16,dcba", "D204", 1234),
        ("u16,cdab", "04D2", 1234),
        ("i16", "FB2E", -1234),
        ("i16,dcba", "2EFB", -1234),
        ("u32", "499602D2", 1234567890),
        ("u32,cdab", "02D24996", 1234567890),
        ("u32,badc", "9649D202", 1234567890),
        ("u32,dcba", "D2029649", 1234567890),
        ("i32", "B669FD2E", -1234567890),
        ("i32,cdab", "FD2EB669", -1234567890),
        ("u64", "0123456789ABCDEF", 0x0123456789ABCDEF),
        ("u64,cdab", "CDEF89AB45670123", 0x0123456789ABCDEF),
        ("u64,badc", "23016745AB89EFCD", 0x0123456789ABCDEF),
        ("u64,dcba", "EFCDAB8967452301", 0x0123456789ABCDEF),
        ("i64", "FFFFFFFFFFFFFFFF", -1),
        ("f32", "47F12065", 123456.7890625),
        ("f32,cdab", "206547F1", 123456.7890625),
        ("f32,badc", "F1476520", 123456.7890625),
        ("f32,dcba", "6520F147", 123456.7890625),
        ("f64", "400921FB54442D18", math.pi),
        ("f64,dcba", "182D4454FB210940", math.pi),
        ("bit0", "0001", 1),
        ("bit15", "8000", 1),
        ("bit3", "FFF7", 0),
    ],
)
def test_a_number_is_read_in_the_order_that_its_profile_states(
    kind: str, raw: str, expected: float
) -> None:
    assert value(kind, raw) == expected


@pytest.mark.parametrize(
    ("kind", "raw", "absent"),
    [
        ("u16", "FFFF", 0xFFFF),
        ("i16", "8000", 0x8000),
        ("i32,cdab", "00008000", 0x80000000),
        ("u32,badc", "FFFFFFFF", 0xFFFFFFFF),
        ("f32", "7FC00000", 0x7FC00000),
        ("u64", "FFFFFFFFFFFFFFFF", 2**64 - 1),
    ],
)
def test_not_present_counts_the_registers_unsigned_and_is_no_value(
    kind: str, raw: str, absent: int
) -> None:
    assert value(kind, raw, absent) is None
    assert value(kind, raw) is not None


def test_a_value_is_taken_from_its_own_place_in_a_longer_answer() -> None:
    decode = number_decoder(ref("input/118:u32,cdab"), None, 100)
    data = bytes(36) + bytes.fromhex("02D24996") + bytes(10)
    assert decode(data) == 1234567890


def test_coils_and_discrete_inputs_are_bits_by_themselves() -> None:
    assert number_decoder(ref("coil/7"), None, 5)([False, False, True]) == 1
    assert number_decoder(ref("discrete/5"), None, 5)([False, True]) == 0


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"Ortsnetz bench\0\0", "Ortsnetz bench"),
        (b"  padded        ", "padded"),
        (b"cut\0rest", "cut"),
        (bytes(8), None),
        (b"\xff" * 8, None),
        (b"        ", None),
        (b"M\xc3\xbcller\0", "Müller"),
        (b"\x80\x00", "\\x80"),
    ],
)
def test_texts_end_at_zero_and_lose_their_blanks(raw: bytes, expected: str | None) -> None:
    assert clean_text(raw) == expected


def test_a_serial_number_that_is_a_number_is_its_digits() -> None:
    assert text_of(ref("holding/4:u32"), bytes.fromhex("499602D2"), 4) == "1234567890"


def test_a_text_is_no_number() -> None:
    with pytest.raises(ValueError, match="holding/0:text4"):
        number_decoder(ref("holding/0:text4"), None, 0)


KINDS = ["u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64"]
ORDERS = ["abcd", "cdab", "badc", "dcba"]
ENDS = {
    "u16": (0, 2**16 - 1),
    "i16": (-(2**15), 2**15 - 1),
    "u32": (0, 2**32 - 1),
    "i32": (-(2**31), 2**31 - 1),
    "u64": (0, 2**53),
    "i64": (-(2**53), 2**53),
}


@given(st.sampled_from(KINDS), st.sampled_from(ORDERS), st.data())
def test_what_is_written_is_read_back_the_same(kind: str, order: str, data: st.DataObject) -> None:
    width = int(kind[1:])
    number = data.draw(
        st.floats(width=32 if width == 32 else 64, allow_nan=False, allow_infinity=False)
        if kind[0] == "f"
        else st.integers(*ENDS[kind])
    )
    reference = ref(f"holding/0:{kind},{order}")
    registers = registers_of(reference, number)
    assert len(registers) == width // 16
    raw = struct.pack(f">{len(registers)}H", *registers)
    assert number_decoder(reference, None, 0)(raw) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("holding/0", 65536),
        ("holding/0", -1),
        ("holding/0:i16", 32768),
        ("holding/0", 1.5),
        ("holding/0:f32", 1e39),
        ("holding/0", math.nan),
        ("holding/0", math.inf),
        ("coil/0", 1),
        ("holding/0:bit3", 1),
        ("holding/0:text2", 1),
    ],
)
def test_a_value_that_does_not_fit_is_refused_and_not_cut(text: str, number: float) -> None:
    with pytest.raises(ValueError, match=r"holding|coil|number"):
        registers_of(ref(text), number)


@given(
    st.sampled_from([f"{kind},{order}" for kind in KINDS for order in ORDERS] + ["bit9"]),
    st.binary(min_size=8, max_size=8),
    st.one_of(st.none(), st.integers(0, 65535)),
)
def test_any_registers_give_a_number_or_none(kind: str, raw: bytes, absent: int | None) -> None:
    found = number_decoder(ref(f"holding/0:{kind}"), absent, 0)(raw)
    assert found is None or isinstance(found, int | float)


@given(st.binary(max_size=250))
def test_any_bytes_make_a_text_without_control_of_what_follows(raw: bytes) -> None:
    found = clean_text(raw)
    assert found is None or (found == found.strip() and "\0" not in found and found)


def test_together_too_what_is_not_present_is_no_value() -> None:
    found = [ref("holding/10:i32"), ref("holding/12"), ref("holding/13:f32"), ref("holding/15:i16")]
    raws: list[float | None] = [-1.0] * 4
    request = Request(Table.HOLDING, 10, 6, (0, 1, 2, 3))
    data = bytes.fromhex("80000000 FFFF 7FC00000 8000")
    BlockDecoder(found, [0x80000000, 0xFFFF, 0x7FC00000, 0x8000], request).put(data, raws)
    assert raws == [None] * 4
    BlockDecoder(found, [None, 0xFFFE, None, None], request).put(data, raws)
    assert raws[:2] == [-(2**31), 0xFFFF]
    assert raws[3] == -(2**15)


NUMBERS = st.builds(
    lambda address, kind, order: ref(f"holding/{address}:{kind},{order}"),
    st.integers(10, 40),
    st.sampled_from(KINDS),
    st.sampled_from(ORDERS),
)


@given(
    st.lists(st.tuples(NUMBERS, st.one_of(st.none(), st.integers(0, 3))), min_size=1, max_size=8),
    st.binary(min_size=70, max_size=70),
)
def test_decoded_together_values_are_those_that_each_has_by_itself(
    found: list[tuple[RegisterReference, int | None]], data: bytes
) -> None:
    data = data[:40] + bytes(15) + data[55:]  # so that something is "not present"
    references, absent = [r for r, _ in found], [a for _, a in found]
    places = tuple(range(len(found)))
    raws: list[float | None] = [-1.0] * len(found)
    request = Request(Table.HOLDING, 10, 35, places)
    BlockDecoder(references, absent, request).put(data, raws)
    alone = [number_decoder(r, a, 10)(data) for r, a in found]
    assert [str(value) for value in raws] == [str(value) for value in alone]  # NaN is NaN
