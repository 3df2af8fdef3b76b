"""What a device holds: logical devices, nodes, objects by functional constraint, values. Blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ortsnetz_common.drivers.values import Found
from ortsnetz_common.errors import InputError
from ortsnetz_common.scl.object_reference import WRITABLE
from ortsnetz_common.scl.types import FunctionalConstraint
from ortsnetz_iec61850.library.errors import LibraryError
from ortsnetz_iec61850.library.types import VariableType
from ortsnetz_iec61850.library.values import AccessError, MmsType, Value
from ortsnetz_iec61850.mms.life import Life
from ortsnetz_iec61850.mms.places import Variable, at
from ortsnetz_iec61850.mms.samples import number, quality_of, words_of

_START = re.compile(
    r"(?P<device>[A-Za-z0-9_]+)(/(?P<node>[A-Za-z0-9_]+)"
    r"(\.(?P<path>[A-Za-z0-9_.()]+)(\[(?P<constraint>[A-Z]{2})\])?)?)?"
)
_CONSTRAINTS = {str(one) for one in FunctionalConstraint}
_WRITABLE = {str(one) for one in WRITABLE}
_NODE_PARTS = {"BR": "buffered report", "RP": "report", "GO": "GOOSE", "MS": "sampled values"}
_SEPARATOR = "$"


def browse(life: Life, start: str, most: int) -> tuple[Found, ...]:
    """What lies below a reference: `LD0`, `LD0/MMXU1`, `LD0/MMXU1.PhV[MX]`; empty for all.

    Without a functional constraint it is a data set: `LD0/LLN0.Measured`.

    Raises:
        InputError: `start` is no such reference; says of which form they are.
        LibraryError: there is no answer.
    """
    if not start:
        named = (
            (domain, Found(domain, "logical device", folder=True))
            for domain in life.directory.domains
        )
        return tuple(found for _, found in named)[:most]
    match = _START.fullmatch(start)
    if match is None:
        raise InputError(f"'{start}' is not of the form LD0, LD0/MMXU1 or LD0/MMXU1.PhV[MX]")
    domain = _domain(life, match["device"])
    if match["node"] is None:
        return tuple(_first(_device(life, domain), most))
    if match["path"] is None:
        return tuple(_first(_node(life, domain, match["node"]), most))
    if match["constraint"] is None:
        return tuple(_first(_data_set(life, domain, f"{match['node']}${match['path']}"), most))
    item = _SEPARATOR.join((match["node"], match["constraint"], *match["path"].split(".")))
    return tuple(_first(_object(life, Variable(domain, item)), most))


def _domain(life: Life, device: str) -> str:
    domains = life.directory.domains
    found = [name for name in domains if name == device] or [
        name for name in domains if name.endswith(device)
    ]
    if len(found) != 1:
        raise InputError(f"no logical device {device} (there are: {', '.join(domains) or 'none'})")
    return found[0]


def _first(found: Iterator[Found], most: int) -> Iterator[Found]:
    for _, one in zip(range(most), found, strict=False):
        yield one


def _device(life: Life, domain: str) -> Iterator[Found]:
    nodes = dict.fromkeys(
        name.partition(_SEPARATOR)[0] for name in life.association.variables(domain)
    )
    for node in nodes:
        yield Found(f"{domain}/{node}", "logical node", folder=True)
    for name in life.association.data_sets(domain):
        members = life.association.members(domain, name)
        said = ", ".join(f"{one.domain}/{one.item}" for one in members[:8])
        more = " ..." if len(members) > 8 else ""
        yield Found(
            f"{domain}/{name.replace(_SEPARATOR, '.')}", f"data set of {len(members)}: {said}{more}"
        )


def _node(life: Life, domain: str, node: str) -> Iterator[Found]:
    for name in life.association.variables(domain):
        parts = name.split(_SEPARATOR)
        if len(parts) != 3 or parts[0] != node:
            continue
        _, constraint, first = parts
        if constraint in _NODE_PARTS:
            yield _block(life, domain, name, _NODE_PARTS[constraint])
        else:
            yield Found(f"{domain}/{node}.{first}[{constraint}]", "data object", folder=True)


def _block(life: Life, domain: str, item: str, what: str) -> Found:
    kind = life.directory.type_of(Variable(domain, item))
    value = life.read([Variable(domain, item)])[Variable(domain, item)]
    node, constraint, name = item.split(_SEPARATOR)
    said = "" if kind is None else _said(kind, value)
    return Found(f"{domain}/{node}.{constraint}.{name}", f"{what} control block", said)


def _said(kind: VariableType, value: Value) -> str:
    """The scalar parts of a control block in words."""
    if not isinstance(value, tuple):
        return ""
    named = zip(kind.parts, value, strict=False)
    return ", ".join(
        f"{part.name} {_content(one)}" for part, one in named if not isinstance(one, tuple)
    )


def _data_set(life: Life, domain: str, name: str) -> Iterator[Found]:
    """Members of a data set with their values, which are read as the data set that they are."""
    if name not in life.association.data_sets(domain):
        raise InputError(f"{domain} has no data set {name.replace(_SEPARATOR, '.')}")
    values = life.association.read_data_set(domain, name)
    for member, value in zip(life.association.members(domain, name), values, strict=False):
        node, constraint, *path = member.item.split(_SEPARATOR)
        reference = f"{member.domain}/{node}.{'.'.join(path)}[{constraint}]"
        kind = life.directory.type_of(Variable(member.domain, member.item))
        leaves = () if kind is None else tuple(_leaves(kind))
        said = ", ".join(
            f"{leaf[1:] or 'value'} {_content(at(value, way))}" for leaf, _, way in leaves
        )
        yield Found(reference, "member", said, folder=isinstance(value, tuple))


def _object(life: Life, variable: Variable) -> Iterator[Found]:
    kind = life.directory.type_of(variable)
    if kind is None:
        raise InputError(f"the device has no {variable}")
    value = life.read([variable])[variable]
    node, constraint, *path = variable.item.split(_SEPARATOR)
    stem = f"{variable.domain}/{node}.{'.'.join(path)}"
    writable = constraint in _WRITABLE
    for name, part, way in _leaves(kind):
        content = at(value, way)
        yield Found(
            f"{stem}{name}[{constraint}]",
            f"{part.kind.name.lower().replace('_', ' ')}{_size(part)}",
            _content(content),
            writable=writable,
        )


def _leaves(kind: VariableType) -> Iterator[tuple[str, VariableType, tuple[int, ...]]]:
    if kind.kind is MmsType.STRUCTURE:
        for place, part in enumerate(kind.parts):
            for name, leaf, way in _leaves(part):
                yield f".{part.name}{name}", leaf, (place, *way)
    elif kind.kind is MmsType.ARRAY and kind.element is not None:
        for place in range(kind.size):
            for name, leaf, way in _leaves(kind.element):
                yield f"({place}){name}", leaf, (place, *way)
    else:
        yield "", kind, ()


def _size(part: VariableType) -> str:
    counted = {MmsType.FLOAT, MmsType.INTEGER, MmsType.UNSIGNED, MmsType.BIT_STRING}
    return f" {part.size}" if part.kind in counted else ""


def _content(value: Value) -> float | str | None:
    if isinstance(value, AccessError):
        return None
    text = words_of(value)
    if text is not None:
        return text
    raw = number(value)
    return None if raw is None else raw


__all__ = ["LibraryError", "browse", "quality_of"]
