"""Parameters of a scenario laid over those that the bench derives, strictly."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.parameter_set import ParameterSet, canonical, parse

SECTIONS = ("limits", "timing", "mode", "voltage")


def overlaid(
    parameters: ParameterSet, overrides: Mapping[str, Mapping[str, object]]
) -> ParameterSet:
    """A parameter set with single fields replaced.

    Args:
        parameters: the derived set.
        overrides: new values by section (`SECTIONS`) and field.

    Raises:
        InputError: names the path of the section or field, e.g. `parameters.limits.u_pu`.
    """
    changed = {}
    for section, fields in overrides.items():
        if section not in SECTIONS:
            raise InputError(f"parameters.{section}: only {', '.join(SECTIONS)} can be overridden")
        changed[section] = _section(getattr(parameters, section), fields, f"parameters.{section}")
    replaced = msgspec.structs.replace(parameters, **changed)
    return parse(canonical(replaced), "parameters") if changed else parameters


def _section(derived: Struct, fields: Mapping[str, object], path: str) -> Struct:
    known = derived.__struct_fields__
    for name in fields:
        if name not in known:
            raise InputError(f"{path}.{name}: unknown; known are {', '.join(known)}")
    values = {name: getattr(derived, name) for name in known}
    for name, value in fields.items():
        try:
            single = msgspec.convert({name: value}, type(derived), strict=True)
        except msgspec.ValidationError as error:
            raise InputError(f"{path}.{name}: {value!r}: {_reason(error)}") from error
        values[name] = getattr(single, name)
    return type(derived)(**values)


def _reason(error: msgspec.ValidationError) -> str:
    """The library's words without its own path."""
    return str(error).split(" - at ")[0]
