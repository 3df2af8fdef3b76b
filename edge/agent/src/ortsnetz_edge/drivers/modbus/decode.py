"""From registers to raw values and back: kinds, orders of bytes, "not present". Pure."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence

from ortsnetz_edge.profiles.references.modbus import Kind, Order, RegisterReference

Data = bytes | Sequence[bool]
"""What a request brought: registers as bytes, most significant first, or bits."""
Decoder = Callable[[Data], float | None]
TextDecoder = Callable[[Data], str | None]

FORMS = {  # of numbers, as `struct` calls them
    Kind.U16: "H",
    Kind.I16: "h",
    Kind.U32: "I",
    Kind.I32: "i",
    Kind.U64: "Q",
    Kind.I64: "q",
    Kind.F32: "f",
    Kind.F64: "d",
}
_WHOLE = {1: struct.Struct(">H"), 2: struct.Struct(">I"), 4: struct.Struct(">Q")}


def number_decoder(reference: RegisterReference, absent: int | None, start: int) -> Decoder:
    """Compile a number or bit.

    Args:
        reference: no text.
        absent: raw value that means "not present"; whole registers count unsigned, whatever the
            kind.
        start: address at which the request's data begin.

    Raises:
        ValueError: the reference is a text.
    """
    at = reference.address - start
    if not reference.is_register:
        return _bit_decoder(at, absent)
    begin, end = 2 * at, 2 * (at + reference.width)
    if reference.kind is Kind.BIT:
        return _register_bit_decoder(begin, reference.bit, absent)
    if reference.kind not in FORMS:
        raise ValueError(f"{reference} is a text, no number")
    form = struct.Struct(">" + FORMS[reference.kind])
    missing = None if absent is None else _WHOLE[reference.width].pack(absent)
    order = reference.order

    def decode(data: Data) -> float | None:
        raw = ordered(bytes(data[begin:end]), order)
        if raw == missing:
            return None
        value: float = form.unpack(raw)[0]
        return value

    if order is not Order.ABCD or missing is not None:
        return decode

    def decode_plainly(data: Data) -> float | None:
        value: float = form.unpack_from(data, begin)[0]  # type: ignore[arg-type]
        return value

    return decode_plainly


def _bit_decoder(at: int, absent: int | None) -> Decoder:
    def decode(data: Data) -> float | None:
        value = int(data[at])
        return None if value == absent else value

    return decode


def _register_bit_decoder(begin: int, bit: int, absent: int | None) -> Decoder:
    register = _WHOLE[1]

    def decode(data: Data) -> float | None:
        raw: int = register.unpack_from(data, begin)[0]  # type: ignore[arg-type]
        return None if raw == absent else raw >> bit & 1

    return decode


def text_of(reference: RegisterReference, data: Data, start: int) -> str | None:
    """A text, or a number in decimal digits; None where there is nothing in it.

    Texts end at the first zero byte and lose blanks at both ends (SunSpec pads with zeros, others
    with blanks). What is no UTF-8 stands as escapes, so that it is seen and fits nothing.
    """
    if reference.kind is not Kind.TEXT:
        value = number_decoder(reference, None, start)(data)
        return None if value is None else f"{value:.16g}"
    begin = 2 * (reference.address - start)
    raw = bytes(data[begin : begin + 2 * reference.width])
    return clean_text(raw)


def clean_text(raw: bytes) -> str | None:
    """The text that a device has in its bytes; None where there is nothing in it."""
    text = raw.split(b"\0", 1)[0].decode("utf-8", "backslashreplace").strip()
    return text if text and set(raw) != {0xFF} else None


def registers_of(reference: RegisterReference, value: float) -> tuple[int, ...]:
    """Registers that write a value.

    Args:
        reference: a number in a holding register.
        value: raw; whole for whole numbers.

    Raises:
        ValueError: it does not fit into the register, or nothing can be written there.
    """
    form = FORMS.get(reference.kind)
    if form is None or not reference.is_register:
        raise ValueError(f"{reference} is no number in registers")
    if not math.isfinite(value):
        raise ValueError(f"{value} is no number that can be written to {reference}")
    try:
        number = value if form in "fd" else _whole(value)
        raw = struct.pack(">" + form, number)
    except (struct.error, OverflowError) as error:
        raise ValueError(f"{value:g} does not fit into {reference}") from error
    raw = ordered(raw, reference.order)
    return struct.unpack(f">{reference.width}H", raw)


def _whole(value: float) -> int:
    if value != int(value):
        raise ValueError(f"{value:g} is no whole number")
    return int(value)


def ordered(raw: bytes, order: Order) -> bytes:
    """Bytes from or to the order with the most significant first; its own inverse.

    Words are swapped end for end, so that 64-bit numbers follow the same four letters.
    """
    if order is Order.ABCD:
        return raw
    if order is Order.DCBA:
        return raw[::-1]
    if order is Order.BADC:
        return _bytes_swapped(raw)
    return _bytes_swapped(raw[::-1])


def _bytes_swapped(raw: bytes) -> bytes:
    swapped = bytearray(len(raw))
    swapped[::2], swapped[1::2] = raw[1::2], raw[::2]
    return bytes(swapped)
