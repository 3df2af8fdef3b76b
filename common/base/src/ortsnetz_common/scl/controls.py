"""Controls of a logical node: what a client may operate, and by which model (IEC 61850-7-2, 20)."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from ortsnetz_common.scl.devices import LogicalNode
from ortsnetz_common.scl.lookup import Lookup
from ortsnetz_common.scl.types import Attribute, DataObject, attribute_leaves

MODELS = (
    "status-only",
    "direct-with-normal-security",
    "sbo-with-normal-security",
    "direct-with-enhanced-security",
    "sbo-with-enhanced-security",
)
"""By their numbers (IEC 61850-7-3, annex A: ctlModel)."""


class Control(Struct, frozen=True, forbid_unknown_fields=True):
    """A data object that can be operated.

    Attributes:
        path: of the object.
        data_class: e.g. `DPC`, `APC`.
        model: one of `MODELS`; None where the file does not say: the device does.
        select_timeout_ms: so long a selection lasts; None where the file does not say.
        values: paths of what an operate carries, `("Pos", "Oper", "ctlVal")`; none where the types
            have no Oper.
    """

    path: tuple[str, ...]
    data_class: str
    model: str | None
    select_timeout_ms: int | None
    values: tuple[tuple[str, ...], ...]


def controls_of(lookup: Lookup, node: LogicalNode) -> Iterator[Control]:
    """Controls of a node; those that only show their state (`status-only`) are among them."""
    kind = lookup.type_of(node)
    for part in () if kind is None else kind.objects:
        yield from _controls_in(lookup, node, part, (part.name,))


def _controls_in(
    lookup: Lookup, node: LogicalNode, part: DataObject, path: tuple[str, ...]
) -> Iterator[Control]:
    named = {attribute.name: attribute for attribute in part.attributes}
    if "ctlModel" in named:
        timeout = lookup.preset(node, (*path, "sboTimeout"))
        yield Control(
            path=path,
            data_class=part.data_class,
            model=_model(lookup, node, path, named["ctlModel"]),
            select_timeout_ms=int(timeout) if timeout and _is_whole(timeout) else None,
            values=_values(named.get("Oper"), path),
        )
    for inner in part.objects:
        yield from _controls_in(lookup, node, inner, (*path, inner.name))


def _model(
    lookup: Lookup, node: LogicalNode, path: tuple[str, ...], attribute: Attribute
) -> str | None:
    text = lookup.preset(node, (*path, "ctlModel"))
    if text is None or text in MODELS:
        return text
    kind = lookup.enumeration(attribute.type_id)
    number = None if kind is None else kind.number(text)
    return MODELS[number] if number is not None and 0 <= number < len(MODELS) else None


def _values(oper: Attribute | None, path: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    if oper is None:
        return ()
    leaves = (steps for steps, _ in attribute_leaves(oper))
    return tuple((*path, *steps) for steps in leaves if steps[1:2] == ("ctlVal",))


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 10
