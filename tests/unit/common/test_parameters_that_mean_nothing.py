"""A node refuses numbers that it could not follow, and says which: reserves, times, devices."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters import parameter_set as ps
from ortsnetz_common.parameters.ratings import TimeLimitedRating
from ortsnetz_common.parameters.responses import Response, Trigger
from ortsnetz_common.parameters.station import (
    Connection,
    Device,
    DeviceKind,
    Meter,
    MeterRole,
    SourcePseudo,
    Station,
    TapChanger,
    Unit,
)

DEVICE = Device(
    "ev-01", DeviceKind.EV, "x", Connection("modbus-tcp", "127.0.0.1", 9), 9, 3, "abc", 11_040.0,
    4_830.0, "14a EnWG", 5.0, 4_830.0, 0.002, 50.0, step_a=1.0,
)  # fmt: skip
METER = Meter(
    "trafo", MeterRole.CUSTOMER, "x", Connection("modbus-tcp", "127.0.0.1", 1), 1, "abc", 0.01, 9.0
)
TAPS = TapChanger("oltc", "x", Connection("modbus-tcp", "127.0.0.1", 2), 3, 1.0)


def a_set(**changes: Any) -> ps.ParameterSet:
    """A set that is taken, with its device changed."""
    device = msgspec.structs.replace(DEVICE, **changes)
    station = Station((), (device,), (), SourcePseudo(1, 1.02, 0.01))
    return ps.ParameterSet(ps.SCHEMA, "ons-1", 1, "00", station)


def test_the_set_itself_is_taken() -> None:
    assert ps.parse(ps.canonical(a_set()), "set.json") == a_set()


def refused(parameters: ps.ParameterSet) -> str:
    with pytest.raises(InputError) as refusal:
        ps.parse(ps.canonical(parameters), "set.json")
    return str(refusal.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"phase_count": 2, "phases": "ab"}, "phase_count is 2, it is 1 or 3"),
        ({"phases": "aab"}, "phases: 'aab': give letters a, b, c, each once"),
        ({"phases": "a"}, "phases: 'a' are not 3"),
        ({"reaction_s": -1.0}, "reaction_s is -1"),
        ({"watchdog_s": 0.0}, "watchdog_s is 0"),
        ({"u_sigma": -0.01}, "u_sigma is -0.01"),
        ({"p_sigma": 0.0}, "p_sigma is 0"),
        ({"step_a": 0.0}, "step_a is 0"),
        ({"reactive_var": -1.0}, "reactive_var is -1"),
        ({"apparent_va": -1.0}, "apparent_va is -1"),
        ({"min_off_s": -1.0}, "min_off_s is -1"),
        ({"starts_per_day": 0}, "starts_per_day is 0"),
        ({"rated_w": -11_040.0}, "rating -11040.0 W must rise"),
        ({"behind": (Unit(DeviceKind.EV, 11e3),)}, "behind: only an energy manager"),
        (
            {"connection": Connection("modbus-tcp", "127.0.0.1", 1, timeout_s=0.0)},
            "timeout_s is 0",
        ),
    ],
)
def test_a_device_with_a_number_without_meaning_is_refused_by_name(
    changes: dict[str, Any], words: str
) -> None:
    said = refused(a_set(**changes))
    assert said.startswith("set.json: device 'ev-01': ")
    assert words in said


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (ps.Limits(loading_margin=-0.1), "limits.loading_margin: -0.1"),
        (ps.Limits(loading_margin=1.0), "limits.loading_margin: 1 is not between 0 and the"),
        (ps.Limits(u_margin_pu=-0.01), "limits.u_margin_pu: -0.01"),
        (ps.Limits(u_margin_pu=0.06), "limits.u_margin_pu: 0.06 leaves nothing of 0.95 .. 1.05"),
        (ps.Limits(sigmas=-1.0), "limits.sigmas: -1 must not be negative"),
        (ps.Limits(u_pu=(207.0, 253.0)), "limits.u_pu: 207 .. 253: it is per unit"),
        (ps.Limits(loading=100.0), "limits.loading: 100: 1.0 is the rating"),
        (
            ps.Limits(ratings=(TimeLimitedRating(5, 0.8, 600.0, 0.0),)),
            "rating of element 5: loading is 0.8, it must be above 1.0",
        ),
    ],
)
def test_a_reserve_that_adds_to_a_limit_or_leaves_nothing_is_refused(
    limits: ps.Limits, words: str
) -> None:
    assert words in refused(msgspec.structs.replace(a_set(), limits=limits))


@pytest.mark.parametrize(
    "name", ["cycle_s", "function_deadline_s", "stale_after_s", "blind_fallback_s", "blind_ramp_s",
             "release_per_s", "refresh_s", "hold_s"],
)  # fmt: skip
def test_a_negative_time_is_refused(name: str) -> None:
    timing = msgspec.structs.replace(ps.Timing(), **{name: -1.0})
    said = refused(msgspec.structs.replace(a_set(), timing=timing))
    assert f"timing: {name} is -1" in said


@pytest.mark.parametrize(
    ("station", "words"),
    [
        ({"meters": (msgspec.structs.replace(METER, phases=""),)}, "meter 'trafo': phases: ''"),
        ({"meters": (msgspec.structs.replace(METER, p_sigma=-1.0),)}, "meter 'trafo': p_sigma"),
        (
            {"tap_changers": (msgspec.structs.replace(TAPS, setpoint_pu=400.0),)},
            "tap changer 'oltc': setpoint_pu is 400: it is per unit",
        ),
        ({"source": SourcePseudo(1, 20_000.0, 0.01)}, "station.source: u_pu is 20000"),
    ],
)
def test_other_sources_with_numbers_without_meaning_are_refused(
    station: dict[str, Any], words: str
) -> None:
    whole = a_set()
    assert words in refused(
        msgspec.structs.replace(whole, station=msgspec.structs.replace(whole.station, **station))
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"targets": ()}, "targets: it limits nobody"),
        ({"targets": ("ev-77",)}, "the set has no device or group 'ev-77'"),
        ({"trigger": Trigger("ev-01", "voltage_pu", below=207.0)}, "207: it is per unit"),
        ({"trigger": Trigger("ev-01", "voltage_pu")}, "give either above or below"),
        ({"trigger": Trigger("m-9", "active_w", above=1.0)}, "no meter or device 'm-9'"),
        ({"share": 1.5}, "share 1.5 is not between 0 and 1"),
    ],
)
def test_a_response_that_could_never_act_is_refused(changes: dict[str, Any], words: str) -> None:
    shed = Response("shed", Trigger("ev-01", "voltage_pu", below=0.9), ("ev-01",), 0.5, 60.0)
    said = refused(
        msgspec.structs.replace(a_set(), responses=(msgspec.structs.replace(shed, **changes),))
    )
    assert said.startswith("set.json: response 'shed': ")
    assert words in said


@pytest.mark.parametrize("name", ["", DEVICE.name])
def test_a_group_whose_name_a_device_has_is_refused(name: str) -> None:
    assert "needs a name that no device has" in refused(
        msgspec.structs.replace(a_set(), groups=(ps.Group(name),))
    )


def test_a_mode_that_is_none_is_refused_with_those_that_are() -> None:
    said = refused(msgspec.structs.replace(a_set(), mode=ps.Mode("on")))
    assert "mode.limiting: 'on' is unknown, take one of active, advisory, off" in said


def changed(path: str, value: object) -> bytes:
    """The set as JSON with one field set; `None` takes it away."""
    document = msgspec.json.decode(ps.canonical(a_set()))
    *way, last = path.split(".")
    inside = document
    for part in way:
        inside = inside[int(part)] if part.isdecimal() else inside[part]
    inside.pop(last, None)
    if value is not None:
        inside[last] = value
    return msgspec.json.encode(document)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("station.devices.0.kind", "car", "station.devices[0] 'ev-01': kind: 'car' is none of ev"),
        ("station.devices.0.rated", 1, "'ev-01': rated: unknown field; did you mean 'rated_w'?"),
        ("station.devices.0.rated_w", None, "'ev-01': the field 'rated_w' is missing"),
        ("station.devices.0.connection.port", "x", "connection.port: a whole number is needed"),
        ("limits.loadings", 1.0, "limits.loadings: unknown field; did you mean 'loading'?"),
    ],
)
def test_a_field_of_another_form_is_refused_with_device_and_field(
    path: str, value: object, words: str
) -> None:
    with pytest.raises(InputError) as refusal:
        ps.parse(changed(path, value), "set.json")
    assert words in str(refusal.value)


def test_what_is_no_json_is_refused_with_its_place() -> None:
    with pytest.raises(InputError, match=r"set.json: not a parameter set: .*byte"):
        ps.parse(b'{"schema": ?}', "set.json")
