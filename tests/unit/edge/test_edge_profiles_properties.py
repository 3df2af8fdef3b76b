"""Whatever is written in a profile, and whatever a device sends: no crash, no invented value."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from importlib.resources import files
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.quality import Quality, Validity, validity, worst
from ortsnetz_common.parameters.station import Connection, Side
from ortsnetz_edge.drivers.contract import Source
from ortsnetz_edge.profiles.identity import compile_identity
from ortsnetz_edge.profiles.library import Library, parse_profile
from ortsnetz_edge.profiles.point_map import PointMap, compile_point_map
from ortsnetz_edge.profiles.references.dnp3 import Dnp3Syntax
from ortsnetz_edge.profiles.references.iec61850 import Iec61850Syntax
from ortsnetz_edge.profiles.references.modbus import ModbusSyntax, parse_block
from ortsnetz_edge.profiles.references.opcua import OpcUaSyntax
from ortsnetz_edge.profiles.references.sampled_values import SampledValuesSyntax
from ortsnetz_edge.profiles.references.sunspec import ChainWalk
from ortsnetz_edge.profiles.schema import Profile
from ortsnetz_edge.profiles.setpoint import compile_setpoint

T = TypeVar("T")
NOW_NS = 1_790_000_000_000_000_000
SYNTAXES: dict[str, Any] = {
    "modbus": ModbusSyntax(),
    "dnp3": Dnp3Syntax(),
    "opcua": OpcUaSyntax(),
    "iec61850": Iec61850Syntax(),
    "sampled_values": SampledValuesSyntax(),
}
EXAMPLES = {
    "iec61850": ["LD0/MMXU1.PhV.phsA.cVal.mag.f[MX]", "LD0/XCBR1.Pos.stVal[ST]"],
    "sampled_values": ["200ms/rms.u_a", "3s/harmonic.u_a.5", "pmu/u_a.re", "10min/pst.a", "2h/u2"],
    "modbus": [
        "holding/1009:i32",
        "input/118:u32,cdab",
        "coil/3",
        "discrete/9",
        "holding/4:text8",
        "holding/7:bit3",
        "identification/0",
        "model103/14:i16",
        "holding/0:f64,dcba",
    ],
    "dnp3": [
        "analog-input/4",
        "counter/0",
        "analog-output/3:f32",
        "binary-output/1:trip-close",
        "attribute/248",
    ],
    "opcua": [
        "ns=2;s=CP1.Limit",
        "i=2258",
        "nsu=urn:park;s=CP1",
        "ns=1;g=09087e75-8e5e-499b-954f-f2a9603db28a",
        "b=M/RbKBsRVkePCePcx24oRA==",
    ],
}
SHIPPED = {kind: Library().load(kind) for kind in Library().kinds}
TEXTS = {
    kind: files("ortsnetz_edge.profiles").joinpath("generic", f"{kind}.yaml").read_text("utf-8")
    for kind in SHIPPED
}
MANY = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def edited(draw: st.DrawFn, texts: list[str]) -> str:
    """A text with some of it cut, doubled, swapped or replaced."""
    text = draw(st.sampled_from(texts))
    for _ in range(draw(st.integers(1, 3))):
        begin = draw(st.integers(0, len(text)))
        end = draw(st.integers(begin, min(len(text), begin + draw(st.sampled_from([1, 4, 40])))))
        piece = draw(
            st.one_of(
                st.text(max_size=4),
                st.sampled_from(["0", "-1", ":", ",", "/", "\n", "  ", "{", "]", "0x", "1e999"]),
                st.just(text[begin:end] * 2),
            )
        )
        text = text[:begin] + piece + text[end:]
    return text


def outcome(call: Callable[[], T]) -> tuple[T | None, str | None]:
    """What a call gives, or the words with which it refuses; any other exception is a failure."""
    try:
        return call(), None
    except InputError as error:
        return None, str(error)
    except ValueError as error:
        if type(error) is not ValueError:
            raise
        return None, str(error)


@pytest.mark.parametrize("family", SYNTAXES)
@MANY
@given(data=st.data())
def test_a_text_is_a_reference_that_says_the_same_again_or_is_refused_in_words(
    family: str, data: st.DataObject
) -> None:
    syntax: Any = SYNTAXES[family]
    text = data.draw(st.one_of(st.text(max_size=40), edited(EXAMPLES[family])))
    reference, words = outcome(lambda: syntax.parse(text))
    if words is not None:
        assert len(words.split()) >= 3
        return
    assert syntax.parse(str(reference)) == reference
    assert syntax.shifted(reference, 0) == reference


@pytest.mark.parametrize("family", SYNTAXES)
def test_the_examples_of_references_are_written_as_they_are_read(family: str) -> None:
    for text in EXAMPLES[family]:
        said = str(SYNTAXES[family].parse(text))
        assert said in {text, f"{text}:f32", f"{text}:latch"}


@MANY
@given(st.one_of(st.text(max_size=30), edited(["holding/1000+25", "coil/0+2000"])))
def test_a_block_says_the_same_again_or_is_refused(text: str) -> None:
    block, words = outcome(lambda: parse_block(text))
    assert words is not None or parse_block(str(block)) == block


@MANY
@given(st.integers(-70_000, 70_000), st.sampled_from(EXAMPLES["modbus"] + EXAMPLES["dnp3"]))
def test_a_bay_lies_within_the_device_or_nowhere(by: int, text: str) -> None:
    syntax: Any = SYNTAXES["modbus" if text in EXAMPLES["modbus"] else "dnp3"]
    moved, words = outcome(lambda: syntax.shifted(syntax.parse(text), by))
    if words is not None:
        assert "there is nothing" in words or "have no bays" in words
        return
    assert syntax.parse(str(moved)) == moved


def source(profile: Profile, terminals: int = 3, bay: str = "1") -> Source:
    where = Connection("x", "127.0.0.1", 1, bay=bay, identity="4711")
    return Source(
        "x", profile.kind, where, element=1, terminals=terminals, side=Side.TO, rated_w=1.0e4
    )


def compiled(profile: Profile, terminals: int = 3) -> PointMap[Any]:
    syntax: Any = SYNTAXES[profile.protocol]
    return compile_point_map(profile, source(profile, terminals), syntax)


@settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(edited(list(TEXTS.values())))
def test_an_edited_profile_loads_or_is_refused_with_a_line(text: str) -> None:
    profile, words = outcome(lambda: parse_profile(text, "own.yaml"))
    if profile is None:
        assert words is not None
        assert re.match(r"own\.yaml:[1-9]\d*: .", words), words
        return
    syntax: Any = SYNTAXES.get(profile.protocol)
    if syntax is None:
        return
    of = source(profile)
    for compile_ in (compile_point_map, compile_setpoint, compile_identity):
        words = outcome(lambda compile_=compile_: compile_(profile, of, syntax))[1]
        assert words is None or "'x'" in words


NUMBERS = st.one_of(
    st.none(),
    st.floats(),
    st.integers(-(2**63), 2**64 - 1),
    st.sampled_from([0.0, -0.0, 1.0, -32768.0, 65535.0, math.nan, math.inf]),
)


@pytest.mark.parametrize("kind", SHIPPED)
@settings(max_examples=40, deadline=None)
@given(data=st.data(), terminals=st.integers(1, 3))
def test_a_shipped_profile_makes_no_value_of_what_is_missing(
    kind: str, data: st.DataObject, terminals: int
) -> None:
    if SHIPPED[kind].protocol not in SYNTAXES:
        pytest.skip("its references are another distribution's")
    _judge(SHIPPED[kind], compiled(SHIPPED[kind], terminals), data)


def _judge(profile: Profile, point_map: PointMap[Any], data: st.DataObject) -> None:
    """Feed raw values; what is missing stays missing, and what is a number was one."""
    count = len(point_map.references)
    raws = data.draw(st.lists(NUMBERS, min_size=count, max_size=count))
    qualities = data.draw(
        st.one_of(
            st.none(),
            st.lists(
                st.sampled_from([0, int(Quality.QUESTIONABLE), int(Quality.INVALID)]),
                min_size=count,
                max_size=count,
            ),
        )
    )
    scan = point_map.scan(raws, NOW_NS, qualities)
    switched = profile.limit is not None and profile.limit.enabled is not None
    for point, places, value, quality in zip(
        point_map.points, point_map.places, scan.values, scan.qualities, strict=True
    ):
        if value is None:
            assert validity(quality) is not Validity.GOOD
            continue
        assert math.isfinite(value)
        if not (switched and point.role == "limit"):
            assert all(raws[place] is not None for place in places)
        if qualities is not None:
            worst = max(validity(qualities[place]) for place in places)
            assert validity(quality) is worst
    assert scan.limit_in_force is None or math.isfinite(scan.limit_in_force)
    assert isinstance(scan.time_ns, int)


SCALES = st.floats(1e-3, 1e3).map(lambda scale: round(scale, 6))


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A profile of some Modbus meter, as a document in order."""
    addresses = iter(range(0, 2000, 4))
    kinds = st.sampled_from(["u16", "i16", "u32", "i32", "u64", "f32", "f64"])

    def reference() -> str:
        table = draw(st.sampled_from(["holding", "input"]))
        return f"{table}/{next(addresses)}:{draw(kinds)}"

    def quantity() -> dict[str, Any]:
        found: dict[str, Any] = {"range": [-1e6, 1e6], "scale": draw(SCALES)}
        found["at"] = [reference() for _ in range(3)]
        if draw(st.booleans()):
            found["scale_at"] = f"holding/{next(addresses)}:i16"
        if draw(st.booleans()):
            found["absent"] = draw(st.integers(0, 0xFFFF))
        return found

    def value() -> dict[str, Any]:
        found: dict[str, Any] = {"at": reference(), "offset": draw(st.sampled_from([0, -1, 40]))}
        if draw(st.booleans()):
            found["group"] = "slow"
        return found

    document: dict[str, Any] = {
        "format": "ortsnetz.profile/2",
        "kind": "some-meter",
        "version": 1,
        "describes": "a meter",
        "protocol": "modbus",
        "direction": draw(st.sampled_from(["consumption", "feed-in", "towards-low-voltage"])),
        "voltage": quantity(),
        "limit": {"value": value(), "unit": draw(st.sampled_from(["A", "W", "share"]))},
        "groups": {"slow": 60},
        "further": [
            {
                "name": "MMTR1.TotWh",
                "unit": "Wh",
                "range": [0, 1],
                "value": value() | {"group": "slow"},
            }
        ],
    }
    for name in draw(st.sets(st.sampled_from(["current", "active_power", "reactive_power"]))):
        document[name] = quantity()
    if draw(st.booleans()):
        document["time"] = {"seconds": reference(), "fraction_ms": reference()}
    return document


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents(), st.integers(1, 3), st.data())
def test_any_profile_makes_no_value_of_what_is_missing(
    document: dict[str, Any], terminals: int, data: st.DataObject
) -> None:
    profile = parse_profile(json.dumps(document), "own.yaml")  # JSON is YAML
    point_map = compiled(profile, terminals)
    assert len(set(point_map.references)) == len(point_map.references)
    _judge(profile, point_map, data)


@given(st.lists(st.integers(0, (1 << 13) - 1), min_size=1, max_size=4))
def test_a_value_is_as_good_as_the_worst_that_it_rests_on(qualities: list[int]) -> None:
    found = worst(*qualities)
    assert validity(found) is max(map(validity, qualities))
    for quality in qualities:
        assert quality & ~int(Quality.QUESTIONABLE) & ~found == 0


@MANY
@given(st.lists(st.one_of(st.none(), st.tuples(*[st.integers(0, 0xFFFF)] * 2)), max_size=130))
def test_a_chain_of_models_comes_to_an_end_whatever_the_device_says(
    answers: list[tuple[int, int] | None],
) -> None:
    walk = ChainWalk()
    # the marker first in half of the cases, so that there is a chain to walk at all
    for answer in [(0x5375, 0x6E53), *answers] if len(answers) % 2 else answers:
        if walk.wanted is None:
            break
        assert 0 <= walk.wanted <= 0xFFFF
        words = outcome(lambda answer=answer: walk.take(answer))[1]
        if words is not None:
            assert "SunSpec" in words
            return
    assert all(model.address + model.length <= 0x10000 for model in walk.models.values())
