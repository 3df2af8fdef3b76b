"""References of Modbus: `holding/1009:i32`, `input/118:u32,cdab`, `coil/3`, `holding/4:text8`.

Also `identification/0` to `identification/6`: the texts of function 43/14 (vendor name, product
code, revision, vendor URL, product name, model name, user application name).

And `model103/14:i16`: a register of a SunSpec model, counted from the model's identifier, as the
tables of SunSpec's models count. Where a model begins differs from device to device:
`profiles.references.sunspec` finds it.
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
        model: SunSpec model that the address counts from; None where it counts from 0.
    """

    table: Table
    address: int
    kind: Kind = Kind.U16
    width: int = 1
    order: Order = Order.ABCD
    bit: int = 0
    model: int | None = None

    @property
    def is_register(self) -> bool:
        """Whether it lies in one of the two register tables."""
        return self.table in {Table.HOLDING, Table.INPUT}

    def __str__(self) -> str:
        place = self.table if self.model is None else f"model{self.model}"
        text = f"{place}/{self.address}"
        if self.kind is Kind.TEXT:
            return f"{text}:text{self.width}" if self.is_register else text
        if self.kind is Kind.BIT:
            return f"{text}:bit{self.bit}" if self.is_register else text
        suffix = "" if self.order is Order.ABCD else f",{self.order}"
        return text if self.kind is Kind.U16 and not suffix else f"{text}:{self.kind}{suffix}"


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive registers or bits that are read at once: `holding/1000+25`."""

    table: Table
    address: int
    count: int

    def __str__(self) -> str:
        return f"{self.table}/{self.address}+{self.count}"


_FORM = re.compile(
    r"(?P<table>[a-z]+|model(?P<model>[0-9]{1,5}))/(?P<address>[0-9]{1,5})"
    r"(:(?P<kind>[a-z]+)(?P<number>[0-9]+)(,(?P<order>[a-d]{4}))?)?"
)
_BLOCK = re.compile(r"(?P<table>[a-z]+)/(?P<address>[0-9]{1,5})\+(?P<count>[0-9]{1,4})")
_MOST = {Table.HOLDING: 125, Table.INPUT: 125, Table.COIL: 2000, Table.DISCRETE: 2000}
"""Most of each table a request (MODBUS application protocol 1.1b3, 6.1 to 6.4)."""
_WIDTHS = {"16": 1, "32": 2, "64": 4}
_LAST = 65535
_LONGEST_TEXT = 125
_NO_MODEL = 0xFFFF


class ModbusSyntax:
    """References of Modbus; fulfils `references.Syntax`."""

    def parse(self, text: str) -> RegisterReference:
        """A reference from its text. Raises ValueError."""
        match = _FORM.fullmatch(text)
        if match is None:
            raise ValueError(f"'{text}' is not of the form holding/1009:i32")
        model = None if match["model"] is None else int(match["model"])
        table = Table.HOLDING if model is not None else _table(match["table"])
        address = int(match["address"])
        if table is Table.IDENTIFICATION:
            if address > 255 or match["kind"]:
                raise ValueError(f"'{text}': identification/0 to identification/255 are possible")
            return RegisterReference(table, address, Kind.TEXT)
        reference = self._typed(text, table, address, match)
        if address + reference.width - 1 > _LAST:
            raise ValueError(f"'{text}' goes beyond address {_LAST}")
        if model is None:
            return reference
        if not 1 <= model < _NO_MODEL:
            raise ValueError(f"'{text}': models are numbered from 1 to {_NO_MODEL - 1}")
        return replace(reference, model=model)

    def shifted(self, reference: RegisterReference, by: int) -> RegisterReference:
        """The same value so many addresses further. Raises ValueError."""
        if reference.table is Table.IDENTIFICATION:
            return reference
        if reference.model is not None and by:
            raise ValueError(f"{reference}: models have no bays; each device has a unit of its own")
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


def parse_block(text: str) -> Block:
    """A block from its text, `holding/1000+25`. Raises ValueError."""
    match = _BLOCK.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text}' is not of the form holding/1000+25")
    table = _one_of(Table, match["table"], "a table")
    address, count = int(match["address"]), int(match["count"])
    most = _MOST.get(table)
    if most is None:
        raise ValueError(f"'{text}': {table} is not read in blocks")
    if not 1 <= count <= most:
        raise ValueError(f"'{text}': 1 to {most} are possible in one request")
    if address + count - 1 > _LAST:
        raise ValueError(f"'{text}' goes beyond address {_LAST}")
    return Block(table, address, count)


def _table(word: str) -> Table:
    try:
        return Table(word)
    except ValueError:
        known = ", ".join(Table)
        raise ValueError(
            f"'{word}' is not a table: {known}, or a SunSpec model: model103"
        ) from None


def _one_of(kind: type[E], word: str, what: str) -> E:
    try:
        return kind(word)
    except ValueError:
        raise ValueError(f"'{word}' is not {what}: {', '.join(kind)}") from None
