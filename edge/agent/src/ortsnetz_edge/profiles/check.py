"""What the schema of profiles cannot say by itself: fields that have to fit each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ortsnetz_common.files.yaml_source import Place
from ortsnetz_common.files.yaml_source import Source as File
from ortsnetz_edge.drivers.contract import LimitUnit
from ortsnetz_edge.profiles.references.dnp3 import Dnp3Syntax
from ortsnetz_edge.profiles.references.modbus import Kind, ModbusSyntax, Table, parse_block
from ortsnetz_edge.profiles.references.opcua import OpcUaSyntax
from ortsnetz_edge.profiles.schema import (
    IdentityPlaces,
    Profile,
    ProtocolFamily,
    Setpoint,
    SetpointKind,
    SourceTime,
    Terminals,
    Value,
)

PARSERS: dict[ProtocolFamily, Callable[[str], object]] = {
    ProtocolFamily.MODBUS: ModbusSyntax().parse,
    ProtocolFamily.DNP3: Dnp3Syntax().parse,
    ProtocolFamily.OPCUA: OpcUaSyntax().parse,
}
QUANTITIES = ("voltage", "current", "active_power", "reactive_power")


def check(profile: Profile, file: File) -> None:
    """Check a profile.

    Raises:
        InputError: names file, line and field of the first thing that does not fit.
    """
    for place, words in _complaints(profile, file):
        raise file.error(place, words)


def _complaints(profile: Profile, file: File) -> Iterator[tuple[Place, str]]:
    for family in ProtocolFamily:
        if family is not profile.protocol and family.value in file.document:
            yield (family.value,), f"the profile is one of {profile.protocol}"
    for name in QUANTITIES:
        quantity = getattr(profile, name)
        if quantity is not None:
            yield from _terminals(quantity, (name,), profile)
    yield from _values(profile)
    yield from _time(profile.time)
    for number, further in enumerate(profile.further):
        if further.range[0] >= further.range[1]:
            yield ("further", number, "range"), "the lower end comes first"
        if further.name in {other.name for other in profile.further[:number]}:
            yield ("further", number, "name"), f"'{further.name}' is there twice"
    if profile.identity is not None:
        yield from _identity(profile.identity)
    if profile.setpoint is not None:
        yield from _setpoint(profile.setpoint, profile)
    yield from _references(profile, file)


def _terminals(quantity: Terminals, place: Place, profile: Profile) -> Iterator[tuple[Place, str]]:
    if quantity.range[0] >= quantity.range[1]:
        yield (*place, "range"), "the lower end comes first"
    if (quantity.at is None) == (quantity.total is None):
        yield place, "either 'at' with three references or 'total' is needed"
    if quantity.total is not None and quantity.share is None:
        yield place, "'share: equal' has to say that a total may be spread over the terminals"
    if quantity.total is not None and place == ("voltage",):
        yield (*place, "total"), "voltages do not add up"
    if quantity.at is not None and quantity.share is not None:
        yield (*place, "share"), "belongs to 'total'"
    yield from _scaling(quantity, place, profile)


def _scaling(
    value: Terminals | Value, place: Place, profile: Profile
) -> Iterator[tuple[Place, str]]:
    if value.scale == 0:
        yield (*place, "scale"), "0 makes everything zero"
    if value.group and value.group not in profile.groups:
        known = ", ".join(profile.groups) or "none"
        yield (*place, "group"), f"'{value.group}' is not among 'groups' ({known})"


def _values(profile: Profile) -> Iterator[tuple[Place, str]]:
    found: list[tuple[Place, Value | None]] = [
        (("read_count",), profile.read_count),
        (("state",), profile.state),
        (("limit", "value"), profile.limit.value if profile.limit else None),
        (("available", "value"), profile.available.value if profile.available else None),
    ]
    found += [(("further", n, "value"), further.value) for n, further in enumerate(profile.further)]
    for place, value in found:
        if value is not None:
            yield from _scaling(value, place, profile)
    limit = profile.limit
    if limit is not None and limit.unit is LimitUnit.AMPERE and profile.voltage is None:
        yield ("limit", "unit"), "amperes become watts with the 'voltage', which is missing"


def _time(time: SourceTime) -> Iterator[tuple[Place, str]]:
    if time.milliseconds is not None and time.seconds is not None:
        yield ("time",), "either 'milliseconds' or 'seconds'"
    if time.fraction_ms is not None and time.seconds is None:
        yield ("time", "fraction_ms"), "belongs to 'seconds'"


def _identity(identity: IdentityPlaces) -> Iterator[tuple[Place, str]]:
    places = (identity.maker_at, identity.model_at, identity.serial_at)
    if all(at is None for at in places):
        yield ("identity",), "one of 'maker_at', 'model_at', 'serial_at' is needed"
    for name, at in (("maker", identity.maker_at), ("model", identity.model_at)):
        if getattr(identity, name) is not None and at is None:
            yield ("identity", name), f"'{name}_at' has to say where it stands"
    if identity.maker is None and identity.model is None and identity.serial_at is None:
        yield ("identity",), "nothing in it tells one device from another"


def _setpoint(setpoint: Setpoint, profile: Profile) -> Iterator[tuple[Place, str]]:
    place: Place = ("setpoint",)
    if profile.identity is None:
        yield place, "'identity' is needed: nothing is written to a device that nobody knows"
    if profile.limit is None:
        yield place, "'limit' is needed: a limit that cannot be read back cannot be relied upon"
    elif profile.limit.unit is not setpoint.unit:
        yield ("setpoint", "unit"), f"the limit is read back in {profile.limit.unit}"
    if setpoint.kind is SetpointKind.ON_OFF and (
        setpoint.unit is not LimitUnit.SHARE or setpoint.step != 1
    ):
        yield ("setpoint", "kind"), "on-off needs 'unit: share' and 'step: 1'"
    if setpoint.kind is SetpointKind.STEPS and setpoint.smallest <= 0:
        yield ("setpoint", "smallest"), "steps begin at a lowest limit above zero"
    if setpoint.ramp_per_s is not None and setpoint.reaction_s < 1 / setpoint.ramp_per_s:
        yield ("setpoint", "reaction_s"), f"the ramp alone takes {1 / setpoint.ramp_per_s:g} s"
    fallback = setpoint.fallback
    if fallback.limit_at is not None and fallback.time_at is None and profile.protocol:
        yield ("setpoint", "fallback"), "a fall-back limit needs the time after which it holds"


def _references(profile: Profile, file: File) -> Iterator[tuple[Place, str]]:
    parse = PARSERS[profile.protocol]
    for place, text in references_in(file.document):
        try:
            reference = parse(text.replace("{bay}", "1"))
        except ValueError as error:
            yield place, str(error)
            continue
        if place[:1] != ("identity",) and getattr(reference, "table", None) is Table.IDENTIFICATION:
            yield place, "texts of the device's identification belong to 'identity'"
        elif place[:1] != ("identity",) and getattr(reference, "kind", None) is Kind.TEXT:
            yield place, "texts belong to 'identity'; here a number is needed"
    for number, text in enumerate(profile.modbus.whole):
        try:
            parse_block(text)
        except ValueError as error:
            yield ("modbus", "whole", number), str(error)


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
        elif name not in {"modbus", "dnp3", "opcua"}:
            yield from references_in(item, here)


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
