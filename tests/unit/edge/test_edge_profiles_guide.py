"""The guide on device profiles says what is there: its example, its fields, its table."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from ortsnetz_edge.profiles.check_references import PARSERS
from ortsnetz_edge.profiles.library import Library, parse_profile
from ortsnetz_edge.profiles.references.modbus import parse_block
from ortsnetz_edge.profiles.schema import (
    Dnp3Options,
    FurtherSetpoint,
    ModbusOptions,
    OpcUaOptions,
    Profile,
    ProtocolFamily,
    SampledValuesOptions,
    Setpoint,
)

GUIDE = (Path(__file__).parents[3] / "docs/guides/device-profiles.md").read_text("utf-8")


def section(title: str) -> str:
    """A section's text up to the next title of any depth."""
    match = re.search(rf"^#+ {re.escape(title)}.*?$(.*?)(?=^#|\Z)", GUIDE, re.DOTALL | re.MULTILINE)
    assert match is not None, title
    return match[1]


def first_cells(title: str) -> set[str]:
    """Words in backticks in the first column of a section's table."""
    cells = [line.split("|")[1] for line in section(title).splitlines() if line.startswith("| `")]
    return {word for cell in cells for word in re.findall(r"`([^`]+)`", cell)}


def test_the_complete_example_is_in_order() -> None:
    example = GUIDE[GUIDE.index("```yaml\n") + 8 : GUIDE.index("\n```\n")]
    profile = parse_profile(example, "acme-cc3.yaml")
    assert profile.kind == "acme-cc3"
    assert profile.setpoint is not None


def test_every_shipped_profile_is_in_the_table_and_no_other() -> None:
    assert first_cells("Profiles that ship") == set(Library().kinds)


FIELDS: list[tuple[str, type[msgspec.Struct]]] = [
    ("Fields", Profile),
    ("Setpoints", Setpoint),
    ("Further setpoints", FurtherSetpoint),
]


@pytest.mark.parametrize(("title", "kind"), FIELDS)
def test_every_field_is_described_and_no_other(title: str, kind: type[msgspec.Struct]) -> None:
    assert first_cells(title) == {field.name for field in msgspec.structs.fields(kind)}


@pytest.mark.parametrize("kind", [ModbusOptions, Dnp3Options, OpcUaOptions, SampledValuesOptions])
def test_every_option_of_a_protocol_is_described(kind: type[msgspec.Struct]) -> None:
    fields = section("Fields")
    for field in msgspec.structs.fields(kind):
        assert f"`{field.name}`" in fields


@pytest.mark.parametrize(
    ("title", "family"),
    [
        ("DNP3", ProtocolFamily.DNP3),
        ("OPC UA", ProtocolFamily.OPCUA),
        ("IEC 61850", ProtocolFamily.IEC61850),
        ("Sampled Values", ProtocolFamily.SAMPLED_VALUES),
    ],
)
def test_the_references_of_the_guide_are_references(title: str, family: ProtocolFamily) -> None:
    for text in first_cells(title):
        if "…" not in text:
            PARSERS[family](text)


def test_the_references_to_modbus_of_the_guide_are_references() -> None:
    for text in first_cells("Modbus"):
        if "+" in text:
            parse_block(text)
        else:
            PARSERS[ProtocolFamily.MODBUS](text)
