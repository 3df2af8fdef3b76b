"""Whatever stands in a station, `ortsnetz edge check` says something of it and never breaks."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from small_node import CHARGER_PROFILE, METER_PROFILE, charger, feeder_meter, where

from ortsnetz_common.measurement.point import Point, Unit
from ortsnetz_common.parameters.parameter_set import Timing
from ortsnetz_common.parameters.station import Device, DeviceKind, MeterRole, Side
from ortsnetz_edge.console.checking.addresses import addresses
from ortsnetz_edge.console.checking.expectations import Place, expected
from ortsnetz_edge.console.checking.findings import Verdict
from ortsnetz_edge.console.checking.source_rules import source_rules
from ortsnetz_edge.drivers.contract import Role, SourcePoint
from ortsnetz_edge.profiles.library import parse_profile

CHARGER = parse_profile(CHARGER_PROFILE, "toy-charger.yaml")
METER = parse_profile(METER_PROFILE.format(direction="away-from-busbar"), "toy-meter.yaml")
SHARE = parse_profile(
    CHARGER_PROFILE.replace("holding/30}, unit: A}", "holding/30, scale: 0.01}, unit: share}")
    .replace("  unit: A\n", "  unit: share\n")
    .replace("  step: 1\n  smallest: 6\n", "  step: 0.01\n  smallest: 0.1\n"),
    "toy-share.yaml",
)
ANY = st.floats(allow_nan=False, allow_infinity=False)
PHASES = st.text("abcx ", max_size=4)

DEVICES = st.builds(
    lambda **fields: msgspec.structs.replace(charger(), **fields),
    kind=st.sampled_from(DeviceKind),
    phase_count=st.integers(-1, 4),
    phases=st.none() | PHASES,
    rated_w=ANY,
    floor_w=ANY,
    fallback_w=ANY,
    reaction_s=ANY,
    u_sigma=ANY,
    p_sigma=ANY,
    step_a=st.none() | ANY,
    watchdog_s=st.none() | ANY,
)
METERS = st.builds(
    lambda **fields: msgspec.structs.replace(feeder_meter(), **fields),
    role=st.sampled_from(MeterRole),
    phases=PHASES,
    side=st.none() | st.sampled_from(Side),
    u_sigma=ANY,
    p_sigma=ANY,
)
TIMINGS = st.builds(Timing, cycle_s=ANY, stale_after_s=ANY, refresh_s=ANY)


@given(DEVICES, TIMINGS, st.sampled_from([CHARGER, SHARE, METER]))
def test_any_device(device: Device, timing: Timing, profile: object) -> None:
    assert isinstance(profile, type(CHARGER))
    found = list(source_rules(device, profile, timing))
    assert all(finding.where == "ev-1" for finding in found)
    assert all(finding.advice or finding.verdict is Verdict.OK for finding in found)
    if device.p_sigma <= 0 or device.reaction_s < 5.0 or device.phase_count not in {1, 3}:
        assert Verdict.WRONG in {finding.verdict for finding in found}


@given(METERS, TIMINGS)
def test_any_meter(meter: object, timing: Timing) -> None:
    assert isinstance(meter, type(feeder_meter()))
    found = list(source_rules(meter, METER, timing))
    assert all(finding.where == "feeder" and finding.advice for finding in found)
    if sorted(meter.phases) != sorted(set(meter.phases) & set("abc")) or not meter.phases:
        assert "phases" in {finding.what for finding in found}


@given(st.lists(st.tuples(st.integers(1, 2), st.sampled_from(["", "1", "2"])), max_size=6))
def test_a_place_is_said_to_be_used_twice_exactly_where_it_is(
    places: list[tuple[int, str]],
) -> None:
    sources = [
        msgspec.structs.replace(feeder_meter(), name=f"m-{number}", connection=where(port, bay=bay))
        for number, (port, bay) in enumerate(places)
    ]
    found = {f.where for f in addresses(sources) if f.verdict is Verdict.WRONG}
    assert found == {f"m-{n}" for n, place in enumerate(places) if places.count(place) > 1}


@given(DEVICES, ANY, st.sampled_from(Role))
def test_any_value_of_any_device(device: Device, value: float, role: Role) -> None:
    point = SourcePoint(Point("x/MMXU1.W.phsA", Unit.WATT), role, 1, -1e6, 1e6)
    found = expected(point, value, Place(device, 230.0))
    assert (found.verdict is Verdict.OK) == (not found.advice)
