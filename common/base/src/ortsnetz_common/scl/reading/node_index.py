"""Which logical nodes a file has, and of which type: known before any of them is read."""

from __future__ import annotations

from collections.abc import Iterable

from ortsnetz_common.scl.reading.tree import Element
from ortsnetz_common.scl.types import NodeType


class NodeIndex:
    """Logical nodes of all IEDs, from their elements.

    Args:
        ieds: elements.
        types: of logical nodes.
    """

    def __init__(self, ieds: Iterable[Element], types: Iterable[NodeType]) -> None:
        self._types = {(kind.id, kind.node_class): kind for kind in types}
        self._nodes: dict[tuple[str, str, str], tuple[str, str]] = {}
        self._ieds: set[str] = set()
        self._devices: set[tuple[str, str]] = set()
        self._points: set[tuple[str, str]] = set()
        self._blocks: set[tuple[str, str, str, str]] = set()
        for ied in ieds:
            name = ied.attributes.get("name", "")
            self._ieds.add(name)
            for point in ied.each("AccessPoint"):
                self._points.add((name, point.attributes.get("name", "")))
                for server in point.each("Server"):
                    self._take(name, server)
                for node in point.each("LN"):
                    self._node(name, "", node)

    def _take(self, ied: str, server: Element) -> None:
        for device in server.each("LDevice"):
            instance = device.attributes.get("inst", "")
            self._devices.add((ied, instance))
            for node in device.each("LN0", "LN"):
                self._node(ied, instance, node)

    def _node(self, ied: str, device: str, node: Element) -> None:
        said = node.attributes
        kind = said.get("lnClass", "")
        name = f"{said.get('prefix', '')}{kind}{said.get('inst', '')}"
        self._nodes.setdefault((ied, device, name), (said.get("lnType", ""), kind))
        for block in node.each("GSEControl", "SampledValueControl"):
            self._blocks.add((ied, device, block.name, block.attributes.get("name", "")))

    def missing_point(self, ied: str, point: str) -> str:
        """Why there is no such access point, in words; "" where there is one."""
        if ied not in self._ieds:
            return f"there is no IED '{ied}'"
        return "" if (ied, point) in self._points else f"IED '{ied}' has no access point '{point}'"

    def has_block(self, ied: str, device: str, kind: str, name: str) -> bool:
        """Whether a logical device has a control block (`GSEControl`, `SampledValueControl`)."""
        return (ied, device, kind, name) in self._blocks

    def type_of(self, ied: str, device: str, name: str) -> NodeType | None:
        """The type of a node; None where the node or its type is missing."""
        return self._types.get(self._nodes.get((ied, device, name), ("", "")))

    def kind(self, identifier: str, node_class: str) -> NodeType | None:
        """A type by its id."""
        return self._types.get((identifier, node_class))

    def missing(self, ied: str, device: str, name: str) -> str:
        """Why there is no such node, in words; "" where there is one."""
        if ied not in self._ieds:
            return f"there is no IED '{ied}'"
        if device and (ied, device) not in self._devices:
            return f"IED '{ied}' has no logical device '{device}'"
        if (ied, device, name) not in self._nodes:
            return f"{ied}/{device} has no logical node '{name}'"
        return ""
