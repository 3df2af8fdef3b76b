"""A node takes a parameter set only whole, plausible and signed by its DSO."""

from __future__ import annotations

import msgspec
import pytest

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters import parameter_set as ps
from ortsnetz_common.parameters.station import (
    Connection,
    Device,
    DeviceKind,
    SourcePseudo,
    Station,
)
from ortsnetz_common.trust.signature import generate_private_key, public_key, sign

DEVICE = Device(
    name="ev-01",
    kind=DeviceKind.EV,
    profile="ev-controller",
    connection=Connection("modbus-tcp", "127.0.0.1", 15000),
    element=9,
    phase_count=3,
    phases="abc",
    rated_w=11040.0,
    floor_w=4830.0,
    floor_rule="14a EnWG",
    reaction_s=5.0,
    fallback_w=4830.0,
    u_sigma=0.002,
    p_sigma=50.0,
    step_a=1.0,
)


def a_set(**changes: object) -> ps.ParameterSet:
    device = msgspec.structs.replace(DEVICE, **changes)
    return ps.ParameterSet(
        schema=ps.SCHEMA,
        node="ons-1",
        version=1,
        network_sha256="00",
        station=Station((), (device,), (), SourcePseudo(1, 1.02, 0.01)),
    )


def test_a_signed_set_is_read_back_whole() -> None:
    key = generate_private_key()
    assert ps.read_signed(ps.write_signed(a_set(), key), public_key(key), "x") == a_set()


def test_one_changed_digit_is_refused() -> None:
    key = generate_private_key()
    tampered = ps.write_signed(a_set(), key).replace(b"11040.0", b"11041.0")
    with pytest.raises(InputError, match=r"x: signature does not match"):
        ps.read_signed(tampered, public_key(key), "x")


def test_a_set_signed_before_a_field_existed_is_still_believed() -> None:
    key = generate_private_key()
    old = msgspec.json.decode(ps.canonical(a_set()))
    del old["profiles"]
    body = msgspec.json.encode(old, order="sorted")
    signed = msgspec.json.encode({"parameters": old, "signature": sign(body, key)})
    assert ps.read_signed(signed, public_key(key), "x") == a_set()


def test_a_field_added_after_signing_is_refused() -> None:
    key = generate_private_key()
    signed = msgspec.json.decode(ps.write_signed(a_set(), key))
    signed["parameters"]["mode"]["limiting"] = "off"
    with pytest.raises(InputError, match="signature"):
        ps.read_signed(msgspec.json.encode(signed), public_key(key), "x")
    del signed["parameters"]["mode"]
    with pytest.raises(InputError, match="signature"):
        ps.read_signed(msgspec.json.encode(signed), public_key(key), "x")


def test_a_set_signed_by_somebody_else_is_refused() -> None:
    signed = ps.write_signed(a_set(), generate_private_key())
    with pytest.raises(InputError, match="signature"):
        ps.read_signed(signed, public_key(generate_private_key()), "x")


def test_an_unknown_field_is_refused_and_named() -> None:
    body = ps.canonical(a_set()).replace(b'"node":"ons-1"', b'"node":"ons-1","debug":true')
    with pytest.raises(InputError, match="debug"):
        ps.parse(body, "x")


def test_a_floor_above_the_rating_is_refused_with_the_device_named() -> None:
    body = ps.canonical(a_set(floor_w=12000.0, fallback_w=12000.0))
    with pytest.raises(InputError, match="ev-01"):
        ps.parse(body, "x")


def test_the_canonical_form_does_not_depend_on_the_order_of_fields() -> None:
    body = ps.canonical(a_set())
    shuffled = msgspec.json.encode(dict(reversed(list(msgspec.json.decode(body).items()))))
    assert shuffled != body
    assert ps.canonical(ps.parse(shuffled, "x")) == body


def test_the_bench_calendar_runs_faster_than_the_wall_clock() -> None:
    calendar = ps.Calendar(wall_start_ns=10, calendar_start_ns=1000, factor=360.0)
    assert calendar.at(10) == 1000
    assert calendar.at(10 + 1_000_000_000) == 1000 + 360_000_000_000
