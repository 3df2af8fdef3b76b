"""References of a profile: readable by its protocol, of the right kind, writable where written."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ortsnetz_common.files.yaml_source import Place, spelled
from ortsnetz_common.scl.object_reference import WRITABLE, ObjectReference
from ortsnetz_edge.profiles.contents import quantities_of, values_of
from ortsnetz_edge.profiles.references.dnp3 import Dnp3Syntax, PointKind, PointReference
from ortsnetz_edge.profiles.references.iec61850 import Iec61850Syntax
from ortsnetz_edge.profiles.references.installed import installed_syntax
from ortsnetz_edge.profiles.references.modbus import (
    Kind,
    ModbusSyntax,
    RegisterReference,
    Table,
    parse_block,
)
from ortsnetz_edge.profiles.references.opcua import NodeReference, OpcUaSyntax
from ortsnetz_edge.profiles.references.sampled_values import (
    PowerQualityReference,
    SampledValuesSyntax,
)
from ortsnetz_edge.profiles.schema import Profile, ProtocolFamily, Terminals, Value

Reference = (
    RegisterReference | PointReference | NodeReference | ObjectReference | PowerQualityReference
)
PARSERS: dict[ProtocolFamily, Callable[[str], Reference]] = {
    ProtocolFamily.MODBUS: ModbusSyntax().parse,
    ProtocolFamily.DNP3: Dnp3Syntax().parse,
    ProtocolFamily.OPCUA: OpcUaSyntax().parse,
    ProtocolFamily.IEC61850: Iec61850Syntax().parse,
    ProtocolFamily.SAMPLED_VALUES: SampledValuesSyntax().parse,
}
_SINGLE = {
    "at",
    "total",
    "scale_at",
    "time_at",
    "limit_at",
    "maker_at",
    "model_at",
    "serial_at",
    "milliseconds",
    "seconds",
    "fraction_ms",
}
_READ_BESIDE = {"scale_at"}
_READ_BACK = {"read_back", "enabled"}
_FOLDED = {"sampled_values", "modbus", "dnp3", "opcua", "groups"}
_NAMED = {ProtocolFamily.SAMPLED_VALUES, ProtocolFamily.OPCUA, ProtocolFamily.IEC61850}
_TEXTS = {PointKind.OCTET_STRING, PointKind.ATTRIBUTE}


def reference_complaints(
    profile: Profile, document: dict[str, object]
) -> Iterator[tuple[Place, str]]:
    """What is wrong with the references of a profile, each with its place."""
    try:
        parse = _parser(profile)
    except ValueError as error:
        yield ("references",), str(error)
        return
    for place, text in references_in(document):
        if "{bay}" in text and profile.bay_stride:
            yield place, "either {bay} in references or 'bay_stride', not both"
        try:
            reference = parse(text.replace("{bay}", "1"))
        except ValueError as error:
            yield place, str(error)
            continue
        yield from _fits(place, reference, profile)
    if profile.bay_stride and profile.protocol in _NAMED:
        yield ("bay_stride",), "nodes are not counted; use {bay} in their names"
    yield from _blocks(profile)


def _parser(profile: Profile) -> Callable[[str], object]:
    if profile.protocol is ProtocolFamily.OTHER:
        return installed_syntax(profile.references).parse
    if profile.references:
        raise ValueError(f"belongs to 'protocol: other'; those of {profile.protocol} are known")
    return PARSERS[profile.protocol]


def repeated(profile: Profile) -> Iterator[tuple[Place, str]]:
    """The same reference where no device has the same value: a slip of copying."""
    at: dict[str, Place] = {}
    for place, quantity in quantities_of(profile):
        for number, text in enumerate(quantity.at or ()):
            here = (*place, "at", number)
            first = at.setdefault(text, here)
            if first != here:
                yield here, f"'{text}' is the reference of {spelled(first)} already"
    absent: dict[str, int | None] = {}
    for place, value in values_of(profile):
        for text in _own_references(value):
            if absent.setdefault(text, value.absent) != value.absent:
                yield place, f"'{text}' is in the profile twice, with another 'absent'"
        yield from _absent(place, value, profile)


def _own_references(value: Terminals | Value) -> tuple[str, ...]:
    if isinstance(value, Value):
        return (value.at,)
    return value.at or ((value.total,) if value.total else ())


def _absent(
    place: Place, value: Terminals | Value, profile: Profile
) -> Iterator[tuple[Place, str]]:
    """Whether a register can hold what stands for "not present"; as a number without a sign."""
    if value.absent is None or profile.protocol is not ProtocolFamily.MODBUS:
        return
    for text in _own_references(value):
        try:
            reference = ModbusSyntax().parse(text.replace("{bay}", "1"))
        except ValueError:
            return  # said where references are checked
        largest = (1 << 16 * reference.width) - 1 if reference.is_register else 1
        if not 0 <= value.absent <= largest:
            yield (
                (*place, "absent"),
                f"{value.absent} does not fit into {text}: 0 to {largest:#x}, without a sign",
            )


def _blocks(profile: Profile) -> Iterator[tuple[Place, str]]:
    for number, text in enumerate(profile.modbus.whole):
        place: Place = ("modbus", "whole", number)
        try:
            block = parse_block(text)
        except ValueError as error:
            yield place, str(error)
            continue
        if block.table in {Table.HOLDING, Table.INPUT} and block.count > profile.modbus.registers:
            yield place, f"more than the device's {profile.modbus.registers} registers a request"


def _fits(place: Place, reference: object, profile: Profile) -> Iterator[tuple[Place, str]]:
    if place[:1] == ("identity",):
        return
    if getattr(reference, "table", None) is Table.IDENTIFICATION:
        yield place, "texts of the device's identification belong to 'identity'"
    elif getattr(reference, "kind", None) in {Kind.TEXT, *_TEXTS}:
        yield place, "texts belong to 'identity'; here a number is needed"
    if isinstance(reference, RegisterReference) and reference.width > profile.modbus.registers:
        most = profile.modbus.registers
        yield place, f"spans {reference.width} registers; the device gives {most} a request"
    is_written = place[:1] in {("setpoint",), ("further_setpoints",)}
    if is_written and place[-1] not in _READ_BESIDE and not _READ_BACK & set(place):
        yield from _writable(place, reference)
    elif isinstance(reference, ObjectReference) and reference.is_control:
        yield place, f"{reference} is operated and cannot be read; its state is in [ST] or [MX]"


def _writable(place: Place, reference: object) -> Iterator[tuple[Place, str]]:
    if isinstance(reference, RegisterReference):
        if reference.table not in {Table.HOLDING, Table.COIL}:
            yield place, f"{reference} cannot be written; only holding registers and coils can"
        elif reference.table is Table.HOLDING and reference.kind is Kind.BIT:
            yield place, f"{reference}: one bit of a register cannot be written without the others"
    elif isinstance(reference, PointReference) and reference.kind not in {
        PointKind.ANALOG_OUTPUT,
        PointKind.BINARY_OUTPUT,
    }:
        yield place, f"{reference} cannot be written; only analog-output and binary-output can"
    elif isinstance(reference, PowerQualityReference):
        yield place, f"{reference} cannot be written: a stream is listened to"
    elif isinstance(reference, ObjectReference) and not reference.is_writable:
        possible = ", ".join(sorted(WRITABLE))
        yield place, f"{reference} cannot be written; only what is {possible} can"


def references_in(document: object, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Every reference of a profile's document, with its place."""
    if isinstance(document, list):
        for number, item in enumerate(document):
            yield from references_in(item, (*place, number))
    if not isinstance(document, dict):
        return
    for name, item in document.items():
        here = (*place, name)
        if name in _SINGLE and isinstance(item, str):
            yield here, item
        elif name == "at" and isinstance(item, list):
            yield from (((*here, n), text) for n, text in enumerate(item) if isinstance(text, str))
        elif name not in _FOLDED:
            yield from references_in(item, here)
