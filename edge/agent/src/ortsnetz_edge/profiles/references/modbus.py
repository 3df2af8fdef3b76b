"""References of Modbus: `holding/1009:i32`, `input/118:u32,cdab`, `coil/3`, `holding/4:text8`.

Also `identification/0` to `identification/6`: the texts of function 43/14 (vendor name, product
code, revision, vendor URL, product name, model name, user application name).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

E = TypeVar("E", bound=StrEnum)


class Table(StrEnum):
    """The four tables of the data model, and the device's own description."""

    HOLDING = "holding"
    INPUT = "input"
    COIL = "coil"
    DISCRETE = "discrete"
    IDENTIFICATION = "identification"


class Kind(StrEnum):
    """How a value lies in registers."""

    U16 = "u16"
    I16 = "i16"
    U32 = "u32"
    I32 = "i32"
    U64 = "u64"
    I64 = "i64"
    F32 = "f32"
    F64 = "f64"
    TEXT = "text"
    BIT = "bit"


class Order(StrEnum):
    """Order of bytes, after a 32-bit number with the bytes A (most significant) to D."""

    ABCD = "abcd"
    CDAB = "cdab"
    BADC = "badc"
    DCBA = "dcba"


@dataclass(frozen=True, slots=True)
class RegisterReference:
    """One value.

    Attributes:
        address: protocol address, counted from 0.
        width: registers it spans.
        bit: number of the bit, 0 is the least significant; of `BIT` in a register only.
    """

    table: Table
    address: int
    kind: Kind = Kind.U16
    width: int = 1
    order: Order = Order.ABCD
    bit: int = 0

    @property
    def is_register(self) -> bool:
        """Whether it lies in one of the two register tables."""
        return self.table in {Table.HOLDING, Table.INPUT}

    def __str__(self) -> str:
        text = f"{self.table}/{self.address}"
        if self.kind is Kind.TEXT:
            return f"{text}:text{self.width}" if self.is_register else text
        if self.kind is Kind.BIT:
            return f"{text}:bit{self.bit}" if self.is_register else text
        suffix = "" if self.order is Order.ABCD else f",{self.order}"
        return text if self.kind is Kind.U16 and not suffix else f"{text}:{self.kind}{suffix}"


_FORM = re.compile(
    r"(?P<table>[a-z]+)/(?P<address>[0-9]{1,5})"
    r"(:(?P<kind>[a-z]+)(?P<number>[0-9]+)(,(?P<order>[a-d]{4}))?)?"
)
_WIDTHS = {"16": 1, "32": 2, "64": 4}
_LAST = 65535
_LONGEST_TEXT = 125


class ModbusSyntax:
    """References of Modbus; fulfils `references.Syntax`."""

    def parse(self, text: str) -> RegisterReference:
        """A reference from its text. Raises ValueError."""
        match = _FORM.fullmatch(text)
        if match is None:
            raise ValueError(f"'{text}' is not of the form holding/1009:i32")
        table = _one_of(Table, match["table"], "a table")
        address = int(match["address"])
        if table is Table.IDENTIFICATION:
            if address > 255 or match["kind"]:
                raise ValueError(f"'{text}': identification/0 to identification/255 are possible")
            return RegisterReference(table, address, Kind.TEXT)
        reference = self._typed(text, table, address, match)
        if address + reference.width - 1 > _LAST:
            raise ValueError(f"'{text}' goes beyond address {_LAST}")
        return reference

    def shifted(self, reference: RegisterReference, by: int) -> RegisterReference:
        """The same value so many addresses further. Raises ValueError."""
        if reference.table is Table.IDENTIFICATION:
            return reference
        if not 0 <= reference.address + by <= _LAST - reference.width + 1:
            raise ValueError(f"{by} addresses after {reference} there is nothing")
        return replace(reference, address=reference.address + by)

    def _typed(
        self, text: str, table: Table, address: int, match: re.Match[str]
    ) -> RegisterReference:
        if table in {Table.COIL, Table.DISCRETE}:
            if match["kind"]:
                raise ValueError(f"'{text}': a {table} is one bit and has no type")
            return RegisterReference(table, address, Kind.BIT)
        if not match["kind"]:
            return RegisterReference(table, address)
        number = int(match["number"])
        if match["kind"] == "text":
            if not 1 <= number <= _LONGEST_TEXT or match["order"]:
                raise ValueError(f"'{text}': text1 to text{_LONGEST_TEXT} are possible, no order")
            return RegisterReference(table, address, Kind.TEXT, number)
        if match["kind"] == "bit":
            if number > 15 or match["order"]:
                raise ValueError(f"'{text}': bit0 to bit15 are possible, no order")
            return RegisterReference(table, address, Kind.BIT, bit=number)
        kind = _one_of(Kind, f"{match['kind']}{match['number']}", "a type")
        order = _one_of(Order, match["order"], "an order of bytes") if match["order"] else None
        return RegisterReference(
            table, address, kind, _WIDTHS[match["number"]], order or Order.ABCD
        )


def _one_of(kind: type[E], word: str, what: str) -> E:
    try:
        return kind(word)
    except ValueError:
        raise ValueError(f"'{word}' is not {what}: {', '.join(kind)}") from None
