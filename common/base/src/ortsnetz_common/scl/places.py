"""The section Substation (IEC 61850-6, 9.2), as far as it says what an IED's nodes belong to."""

from __future__ import annotations

from msgspec import Struct


class NodeLink(Struct, frozen=True, forbid_unknown_fields=True):
    """A logical node that serves a place; without an IED (`None` in the file) it is planned."""

    ied: str | None
    device: str
    prefix: str
    node_class: str
    instance: str
    line: int


class Place(Struct, frozen=True, forbid_unknown_fields=True):
    """A substation, voltage level, bay, equipment or function, with what lies within.

    Attributes:
        kind: the element's name, e.g. `Bay`.
        equipment: type of equipment, e.g. `CBR`; "" for others.
        voltage_v: of a voltage level.
    """

    kind: str
    name: str
    line: int
    description: str = ""
    equipment: str = ""
    voltage_v: float | None = None
    nodes: tuple[NodeLink, ...] = ()
    places: tuple[Place, ...] = ()
