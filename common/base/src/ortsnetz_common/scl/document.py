"""An SCL file as a whole."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from ortsnetz_common.scl.devices import Ied
from ortsnetz_common.scl.findings import Finding, Unread
from ortsnetz_common.scl.network import SubNetwork
from ortsnetz_common.scl.places import Place
from ortsnetz_common.scl.types import EnumerationType, NodeType


class Edition(StrEnum):
    """Of IEC 61850-6: 2004, 2009, 2009 with amendment 1 of 2018."""

    FIRST = "1"
    SECOND = "2"
    SECOND_AMENDED = "2.1"


class Header(Struct, frozen=True, forbid_unknown_fields=True):
    """Who made the file, and which state of it this is."""

    id: str
    version: str
    revision: str
    tool: str
    line: int


class Document(Struct, frozen=True, forbid_unknown_fields=True):
    """An SCL file.

    Attributes:
        name: how errors call it, mostly its path.
        edition: None where its version is an unknown one.
        version: version, revision and release as they are written, e.g. `2007B4`.
        dropped_findings: so many more there were than are kept.
    """

    name: str
    edition: Edition | None
    version: str
    header: Header | None
    places: tuple[Place, ...]
    networks: tuple[SubNetwork, ...]
    ieds: tuple[Ied, ...]
    node_types: tuple[NodeType, ...]
    enumerations: tuple[EnumerationType, ...]
    findings: tuple[Finding, ...]
    unread: tuple[Unread, ...]
    dropped_findings: int = 0
