"""Reads what a node takes in from other IEDs (Inputs, ExtRef; IEC 61850-6, 9.3.13)."""

from __future__ import annotations

from collections.abc import Iterator

from ortsnetz_common.scl.blocks import ExternalReference
from ortsnetz_common.scl.lookup import part_at
from ortsnetz_common.scl.reading.node_index import NodeIndex
from ortsnetz_common.scl.reading.notes import Notes, quoted
from ortsnetz_common.scl.reading.tree import Element

_SERVICES = ("GOOSE", "SMV", "Report", "Poll")
_ITSELF = "@"
_OF_THE_BLOCK = ("srcLDInst", "srcPrefix", "srcLNClass", "srcLNInst", "pServT", "pLN", "pDO", "pDA")


def inputs_in(
    node: Element, ied: str, index: NodeIndex, notes: Notes
) -> Iterator[ExternalReference]:
    """External references of a node."""
    for inputs in node.each("Inputs"):
        inputs.get("desc")
        for element in inputs.each("ExtRef"):
            yield _reference(element, ied, index, notes)


def _reference(element: Element, ied: str, index: NodeIndex, notes: Notes) -> ExternalReference:
    for unused in _OF_THE_BLOCK:
        element.get(unused)
    kind, number = element.get("lnClass") or "", element.get("lnInst") or ""
    path = tuple(
        step for name in ("doName", "daName") for step in (element.get(name) or "").split(".")
    )
    found = ExternalReference(
        ied=element.get("iedName") or None,
        device=element.get("ldInst") or "",
        node=f"{element.get('prefix') or ''}{kind}{number}",
        path=tuple(step for step in path if step),
        line=element.line,
        service=notes.word(element, "serviceType", _SERVICES, ""),
        control_block=element.get("srcCBName") or "",
        internal=element.get("intAddr") or "",
        description=element.get("desc") or "",
    )
    _check(element, found, ied, index, notes)
    return found


def _check(
    element: Element, found: ExternalReference, ied: str, index: NodeIndex, notes: Notes
) -> None:
    """Whether what it refers to is there; what is only prepared refers to nothing."""
    if found.ied is None or not found.node:
        return
    source = ied if found.ied == _ITSELF else found.ied
    missing = index.missing(source, found.device, found.node)
    if missing:
        notes.add(element, quoted(missing))
        return
    kind = index.type_of(source, found.device, found.node)
    if kind is not None and found.path and part_at(kind, found.path) is None:
        notes.add(element, f"{found.node} has no '{quoted('.'.join(found.path))}'")
