"""Finds nodes, types and values of an SCL file by name."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ortsnetz_common.scl.devices import LogicalNode
from ortsnetz_common.scl.document import Document
from ortsnetz_common.scl.types import (
    Attribute,
    DataObject,
    EnumerationType,
    NodeType,
    Preset,
)

_ELEMENT = re.compile(r"(?P<name>[^()]+)\((?P<index>[0-9]{1,9})\)")


class Lookup:
    """Names of a file, each found at once."""

    def __init__(self, document: Document) -> None:
        self._types = {(kind.id, kind.node_class): kind for kind in document.node_types}
        self._enumerations = {kind.id: kind for kind in document.enumerations}
        self._last: tuple[LogicalNode, dict[tuple[str, ...], tuple[Preset, ...]]] | None = None
        self._nodes: dict[tuple[str, str, str], LogicalNode] = {}
        for ied in document.ieds:
            for device in ied.devices():
                for node in device.nodes:
                    self._nodes.setdefault((ied.name, device.instance, node.name), node)

    def node(self, ied: str, device: str, name: str) -> LogicalNode | None:
        """A logical node of an IED's logical device, by its instance and name."""
        return self._nodes.get((ied, device, name))

    def type_of(self, node: LogicalNode) -> NodeType | None:
        """A node's type, as far as the file has it."""
        return self._types.get((node.type_id, node.node_class))

    def enumeration(self, identifier: str) -> EnumerationType | None:
        """An enumeration of the file."""
        return self._enumerations.get(identifier)

    def part(self, node: LogicalNode, path: Sequence[str]) -> DataObject | Attribute | None:
        """What lies at a path of a node: an object or an attribute."""
        kind = self.type_of(node)
        return None if kind is None else part_at(kind, path)

    def presets(self, node: LogicalNode, path: Sequence[str]) -> tuple[Preset, ...]:
        """Values that the file gives an attribute: the node's own, else those of its type."""
        wanted = tuple(path)
        said = self._said(node).get(wanted)
        if said is not None:
            return said
        part = self.part(node, wanted)
        return part.presets if isinstance(part, Attribute) else ()

    def _said(self, node: LogicalNode) -> dict[tuple[str, ...], tuple[Preset, ...]]:
        """What the file says of a node itself; put in order once for each node that is asked."""
        if self._last is None or self._last[0] is not node:
            self._last = (node, {v.path: v.presets for v in node.values if v.presets})
        return self._last[1]

    def preset(self, node: LogicalNode, path: Sequence[str]) -> str | None:
        """The one value that the file gives an attribute; None for none, or one a setting group."""
        found = self.presets(node, path)
        return found[0].text if len(found) == 1 and found[0].setting_group is None else None


def part_at(kind: NodeType, path: Sequence[str]) -> DataObject | Attribute | None:
    """What lies at a path of a node's type; elements of arrays as `phsAHar(3)`."""
    inside: dict[str, DataObject | Attribute] = {part.name: part for part in kind.objects}
    found: DataObject | Attribute | None = None
    for step in path:
        element = _ELEMENT.fullmatch(step)
        found = inside.get(element["name"] if element else step)
        if found is None or (element and not _has(found, int(element["index"]))):
            return None
        parts = found.parts() if isinstance(found, DataObject) else iter(found.parts)
        inside = {part.name: part for part in parts}
    return found


def _has(part: DataObject | Attribute, index: int) -> bool:
    return part.count is None or index < part.count
