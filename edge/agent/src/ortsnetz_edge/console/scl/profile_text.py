"""Device profiles as text, with comments for the people who complete them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

import msgspec
import yaml

from ortsnetz_edge.console.text_table import one_line
from ortsnetz_edge.profiles.schema import Profile

_WIDTH = 120


def text_of(profile: Profile, origin: str, hints: Sequence[str], left_out: Sequence[str]) -> str:
    """A profile's file.

    Args:
        profile: without set points.
        origin: where it comes from.
        hints: set points to complete.
        left_out: what could not be said, with reasons.
    """
    head = [origin, "Compare sign, size and unit of each value with a meter before you rely on it."]
    body = yaml.safe_dump(
        _plain(profile), sort_keys=False, default_flow_style=None, width=_WIDTH, allow_unicode=True
    )
    parts = [_comment(head), body]
    if hints:
        parts.append(_comment(["", "Set points that the device has:", *hints]))
    if left_out:
        parts.append(_comment(["", "Left out, because it is not clear:", *left_out]))
    return "".join(parts)


def _comment(lines: Sequence[str]) -> str:
    return "".join(f"# {one_line(line)}".rstrip() + "\n" for line in lines)


def _plain(value: Any) -> Any:
    """Fields that differ from what they are anyway, as YAML has them."""
    if isinstance(value, msgspec.Struct):
        return {
            field.name: _plain(getattr(value, field.name))
            for field in msgspec.structs.fields(value)
            if field.required or getattr(value, field.name) != _default(field)
        }
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default
