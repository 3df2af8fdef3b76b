"""docs/parameters.md has every field of a parameter set, with its unit and its default."""

from __future__ import annotations

import re
import typing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import NODEFAULT, Struct

from ortsnetz_common.parameters.parameter_set import ParameterSet

PAGE = Path(__file__).parents[3] / "docs" / "parameters.md"
UNITS = {
    "_per_s": "1/s", "_s": "s", "_ns": "ns", "_pu": "pu", "_w": "W", "_a": "A", "_var": "var",
    "_va": "VA", "_c": "°C", "_k": "K",
}  # fmt: skip
"""By the end of a field's name, the first that fits."""
Row = tuple[str, str, str]


def structs_of(kind: Any) -> dict[str, type[Struct]]:
    """A struct and all that are inside it, by name."""
    if not (isinstance(kind, type) and issubclass(kind, Struct)):
        return {
            name: one for part in typing.get_args(kind) for name, one in structs_of(part).items()
        }
    found = {kind.__name__: kind}
    for field in msgspec.structs.fields(kind):
        found |= structs_of(field.type)
    return found


def default_in_words(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "needed"
    value = field.default if field.default is not NODEFAULT else field.default_factory()
    if isinstance(value, Struct):
        return "its defaults"
    if value is None:
        return "null"
    if value in ("", (), {}):
        return "empty"
    return f"`{msgspec.json.encode(value).decode().replace(',', ', ')}`"


def tables(page: str) -> dict[str, dict[str, Row]]:
    """Unit, default and meaning of each field, by the struct that the heading names."""
    found: dict[str, dict[str, Row]] = {}
    for section in page.split("\n## ")[1:]:
        heading, _, rest = section.partition("\n")
        rows = found.setdefault(heading.split("`")[1], {})
        for line in rest.splitlines():
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if line.startswith("| `") and len(cells) == 4:
                rows[cells[0].strip("`")] = (cells[1], cells[2], cells[3])
    return found


DOCUMENTED = tables(PAGE.read_text(encoding="utf-8"))
STRUCTS = structs_of(ParameterSet)


def test_the_page_has_all_parts_of_a_parameter_set_and_no_others() -> None:
    assert set(DOCUMENTED) == set(STRUCTS)
    assert len(STRUCTS) > 15  # the walk through the types has found them


@pytest.mark.parametrize("name", sorted(STRUCTS))
def test_each_field_stands_there_with_its_unit_default_and_meaning(name: str) -> None:
    fields = msgspec.structs.fields(STRUCTS[name])
    assert list(DOCUMENTED[name]) == [field.name for field in fields]
    for field in fields:
        unit, default, meaning = DOCUMENTED[name][field.name]
        assert default == default_in_words(field), field.name
        ending = next((UNITS[end] for end in UNITS if field.name.endswith(end)), unit)
        assert unit == ending, field.name
        assert len(meaning) > 5, field.name


@pytest.mark.parametrize("guide", ["operator", "technician", "maintainer"])
def test_each_guide_leads_to_the_page(guide: str) -> None:
    words = (PAGE.parent / "guides" / f"{guide}.md").read_text(encoding="utf-8")
    assert re.search(r"\]\(\.\./parameters\.md(#[a-z-]+)?\)", words)
