"""What the schema of profiles cannot say by itself: fields that have to fit each other."""

from __future__ import annotations

from collections.abc import Iterator

from ortsnetz_common.files.yaml_source import Place
from ortsnetz_common.files.yaml_source import Source as File
from ortsnetz_edge.drivers.contract import LimitUnit
from ortsnetz_edge.profiles.check_further import further_setpoint_complaints
from ortsnetz_edge.profiles.check_goose import goose_complaints
from ortsnetz_edge.profiles.check_references import reference_complaints, repeated
from ortsnetz_edge.profiles.check_setpoint import setpoint_complaints
from ortsnetz_edge.profiles.contents import quantities_of, values_of
from ortsnetz_edge.profiles.schema import (
    IdentityPlaces,
    Profile,
    ProtocolFamily,
    SourceTime,
    Terminals,
    Value,
)


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
    for place, quantity in quantities_of(profile):
        yield from _terminals(quantity, place)
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
        yield from setpoint_complaints(profile.setpoint, profile)
    yield from further_setpoint_complaints(profile)
    yield from goose_complaints(profile)
    yield from _use(profile)
    yield from repeated(profile)
    yield from reference_complaints(profile, file.document)


def _terminals(quantity: Terminals, place: Place) -> Iterator[tuple[Place, str]]:
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


def _scaling(
    value: Terminals | Value, place: Place, profile: Profile
) -> Iterator[tuple[Place, str]]:
    if value.scale == 0:
        yield (*place, "scale"), "0 makes everything zero"
    if value.group and value.group not in profile.groups:
        known = ", ".join(profile.groups) or "none"
        yield (*place, "group"), f"'{value.group}' is not among 'groups' ({known})"


def _values(profile: Profile) -> Iterator[tuple[Place, str]]:
    for place, value in values_of(profile):
        yield from _scaling(value, place, profile)
    needs_voltage = "amperes become watts with the 'voltage', which is missing"
    limit, available = profile.limit, profile.available
    if limit is not None and limit.unit is LimitUnit.AMPERE:
        if profile.voltage is None:
            yield ("limit", "unit"), needs_voltage
        if limit.enabled is not None:
            yield ("limit", "enabled"), "belongs to limits in W or share: 'off' means the rating"
    if available is not None and available.unit == "A" and profile.voltage is None:
        yield ("available", "unit"), needs_voltage


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


def _use(profile: Profile) -> Iterator[tuple[Place, str]]:
    """What is stated and serves nothing."""
    values = values_of(profile)
    if not values:
        yield (), "there is no value to read"
    for group in profile.groups:
        if group not in {value.group for _, value in values}:
            yield ("groups", group), "no value belongs to this group"
    if profile.frozen_after_s is not None and not quantities_of(profile):
        yield ("frozen_after_s",), "there is no measurement that could repeat"
    reported = profile.protocol in {ProtocolFamily.DNP3, ProtocolFamily.IEC61850} or (
        profile.protocol is ProtocolFamily.OPCUA and profile.opcua.subscribe
    )
    if profile.read_count is not None and reported:
        yield (
            ("read_count",),
            "what comes as it changes has no count: it would be frozen",
        )
    if profile.frozen_after_s is not None and profile.opcua.deadband > 0:
        yield ("frozen_after_s",), "with a 'deadband' measurements may well stand still"
