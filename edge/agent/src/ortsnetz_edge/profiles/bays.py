"""References of bays: one of several alike behind one address. Pure."""

from __future__ import annotations

from typing import TypeVar

from ortsnetz_common.errors import InputError
from ortsnetz_edge.drivers.contract import Source
from ortsnetz_edge.profiles.references import Syntax
from ortsnetz_edge.profiles.schema import Profile

R = TypeVar("R")


def reference_of(text: str, profile: Profile, source: Source, syntax: Syntax[R]) -> R:
    """The reference that a profile's text means for the bay of a source.

    Raises:
        InputError: names source, profile and reference.
    """
    try:
        return _in_bay(text, profile.bay_stride, source.connection.bay, syntax)
    except ValueError as error:
        raise InputError(f"'{source.name}': profile '{profile.kind}': {error}") from error


def _in_bay(text: str, stride: int, bay: str, syntax: Syntax[R]) -> R:
    if "{bay}" in text and not bay:
        raise ValueError(f"'{text}' needs the connection's 'bay'")
    reference = syntax.parse(text.replace("{bay}", bay))
    if not (stride and bay):
        return reference
    if not (bay.isascii() and bay.isdigit()):
        raise ValueError(f"bays are numbered from 0; '{bay}' is no number")
    return syntax.shifted(reference, stride * int(bay))
