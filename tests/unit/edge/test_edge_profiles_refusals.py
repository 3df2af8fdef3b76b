"""A wrong profile is refused with file, line, field and a reason that a technician understands."""

from __future__ import annotations

import re

import pytest
from profile_slips import BASES, CHARGER, FEEDER, HEAT_PUMP, PARK, SLIPS, Slip

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.station import Connection, Side
from ortsnetz_edge.drivers.contract import Source
from ortsnetz_edge.profiles.identity import compile_identity
from ortsnetz_edge.profiles.library import Library, parse_profile
from ortsnetz_edge.profiles.point_map import compile_point_map
from ortsnetz_edge.profiles.references.dnp3 import Dnp3Syntax
from ortsnetz_edge.profiles.references.modbus import ModbusSyntax
from ortsnetz_edge.profiles.references.opcua import OpcUaSyntax


@pytest.mark.parametrize("base", BASES)
def test_the_profiles_that_the_slips_are_made_in_are_in_order(base: str) -> None:
    assert parse_profile(BASES[base], "own.yaml").version == 1


@pytest.mark.parametrize("slip", SLIPS.values(), ids=list(SLIPS))
def test_a_slip_is_refused_where_it_is_and_in_words(slip: Slip) -> None:
    text = BASES[slip.base].replace(slip.old, slip.new, 1)
    assert text != BASES[slip.base]
    with pytest.raises(InputError) as refused:
        parse_profile(text, "own.yaml")
    message = str(refused.value)
    named = re.match(r"own\.yaml:(\d+): ", message)
    assert named is not None, message
    assert re.search(slip.says, message), message
    assert int(named[1]) == _line(text, slip), message


def _line(text: str, slip: Slip) -> int:
    """The line that has to be named."""
    if slip.at:
        place = text.index(f"\n{slip.at}") + 1 if not text.startswith(slip.at) else 0
    else:
        place = text.index(slip.new)
    return 1 + text.count("\n", 0, place)


def test_there_are_many_slips() -> None:
    assert len(SLIPS) >= 40


def test_a_yaml_bomb_is_refused_before_it_grows() -> None:
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n"
    with pytest.raises(InputError, match=r"own.yaml:1: anchors \(&\) and aliases \(\*\)"):
        parse_profile(bomb, "own.yaml")


def test_a_profile_without_end_is_refused() -> None:
    with pytest.raises(InputError, match=r"own.yaml:1: larger than"):
        parse_profile("describes: " + "x" * (1 << 20), "own.yaml")
    with pytest.raises(InputError, match=r"own.yaml:1: too deep or too long"):
        parse_profile("a: " + "[" * 40 + "]" * 40, "own.yaml")


@pytest.mark.parametrize("text", ["", "- 1\n", "just words\n", "42\n"])
def test_what_has_no_fields_is_no_profile(text: str) -> None:
    with pytest.raises(InputError, match=r"own.yaml:1: fields with values are needed"):
        parse_profile(text, "own.yaml")


def test_a_surrogate_is_not_utf_8() -> None:
    """As JSON of a parameter set can smuggle it in."""
    with pytest.raises(InputError, match=r"own.yaml:2: not UTF-8"):
        parse_profile("format: x\ndescribes: \udc80\n", "own.yaml")


def test_a_profile_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(InputError, match=r"no device profile 'meter-feder' .*meter-feeder"):
        Library().load("meter-feder")


def test_a_profile_under_another_name_is_refused() -> None:
    with pytest.raises(
        InputError, match="profile pump of the parameter set: calls itself 'charger'"
    ):
        Library({"pump": CHARGER}).load("pump")


def where(bay: str = "", identity: str | None = None) -> Connection:
    return Connection("modbus-tcp", "127.0.0.1", 502, bay=bay, identity=identity)


def source(name: str, bay: str = "", identity: str | None = None) -> Source:
    return Source(name, name, where(bay, identity), element=1, terminals=3, rated_w=1.0e4)


def test_a_bay_that_is_missing_or_no_number_is_refused_by_the_sources_name() -> None:
    park = parse_profile(PARK, "own.yaml")
    with pytest.raises(InputError, match=r"'cp-7': profile 'park': .*needs the connection's 'bay'"):
        compile_point_map(park, source("cp-7"), OpcUaSyntax())
    feeder = parse_profile(FEEDER, "own.yaml")
    with pytest.raises(
        InputError, match=r"'f-2': profile 'feeder': bays are numbered from 0; 'J2'"
    ):
        compile_point_map(feeder, source("f-2", bay="J2"), Dnp3Syntax())
    with pytest.raises(InputError, match=r"'f-2'.*there is nothing"):
        compile_point_map(feeder, source("f-2", bay="7000"), Dnp3Syntax())


def test_a_serial_number_that_cannot_be_asked_for_is_refused() -> None:
    pump = parse_profile(HEAT_PUMP, "own.yaml")
    with pytest.raises(InputError, match=r"'hp': the connection expects serial number '7'.*'pump'"):
        compile_identity(pump, source("hp", identity="7"), ModbusSyntax())


def test_a_transformer_meter_needs_its_side() -> None:
    text = FEEDER.replace("away-from-busbar", "towards-low-voltage")
    profile = parse_profile(text, "own.yaml")
    meter = Source("t", "feeder", where(bay="0"), element=1, terminals=3, side=Side.TO, rated_w=1.0)
    assert compile_point_map(profile, meter, Dnp3Syntax()).points
    with pytest.raises(InputError, match="'t1': a transformer meter needs the side"):
        compile_point_map(profile, source("t1", bay="0"), Dnp3Syntax())
