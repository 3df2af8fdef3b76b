"""Reads the section Substation (IEC 61850-6, 9.2): places, and the nodes that serve them."""

from __future__ import annotations

from collections.abc import Iterator

from ortsnetz_common.scl.places import NodeLink, Place
from ortsnetz_common.scl.reading.measures import measure
from ortsnetz_common.scl.reading.node_index import NodeIndex
from ortsnetz_common.scl.reading.notes import Notes, quoted
from ortsnetz_common.scl.reading.tree import Element

KINDS = (
    "Substation",
    "VoltageLevel",
    "Bay",
    "Line",
    "Process",
    "Function",
    "SubFunction",
    "EqFunction",
    "EqSubFunction",
    "PowerTransformer",
    "TransformerWinding",
    "TapChanger",
    "NeutralPoint",
    "ConductingEquipment",
    "SubEquipment",
    "GeneralEquipment",
)


def places_in(element: Element, index: NodeIndex, notes: Notes) -> Iterator[Place]:
    """The places within an element."""
    for each in element.each(*KINDS):
        yield Place(
            kind=each.name,
            name=notes.required(each, "name"),
            line=each.line,
            description=each.get("desc") or "",
            equipment=each.get("type") or "",
            voltage_v=measure(each, "Voltage", "V", notes),
            nodes=tuple(_link(link, index, notes) for link in each.each("LNode")),
            places=tuple(places_in(each, index, notes)),
        )


def _link(element: Element, index: NodeIndex, notes: Notes) -> NodeLink:
    said = element.get("iedName")
    ied = None if said in (None, "None") else said
    for unused in ("lnType", "desc"):
        element.get(unused)
    found = NodeLink(
        ied=ied,
        device=element.get("ldInst") or "",
        prefix=element.get("prefix") or "",
        node_class=notes.required(element, "lnClass"),
        instance=element.get("lnInst") or "",
        line=element.line,
    )
    name = f"{found.prefix}{found.node_class}{found.instance}"
    missing = "" if ied is None else index.missing(ied, found.device, name)
    if missing:
        notes.add(element, quoted(missing))
    return found
