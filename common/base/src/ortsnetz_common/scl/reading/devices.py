"""Reads the section IED (IEC 61850-6, 9.3)."""

from __future__ import annotations

from collections.abc import Iterator

from ortsnetz_common.scl.devices import AccessPoint, Ied, LogicalDevice, LogicalNode, Service
from ortsnetz_common.scl.reading.control_blocks import (
    goose_in,
    reports_in,
    sampled_values_in,
    settings_in,
)
from ortsnetz_common.scl.reading.data_sets import DataSets
from ortsnetz_common.scl.reading.inputs import inputs_in
from ortsnetz_common.scl.reading.node_index import NodeIndex
from ortsnetz_common.scl.reading.node_values import NodeValues
from ortsnetz_common.scl.reading.notes import Notes, quoted
from ortsnetz_common.scl.reading.presets import Presets
from ortsnetz_common.scl.reading.tree import Element


class DeviceReader:
    """Reads IEDs.

    Args:
        index: of the file's logical nodes.
        presets: reads values.
        notes: takes what does not fit.
    """

    def __init__(self, index: NodeIndex, presets: Presets, notes: Notes) -> None:
        self._index, self._notes = index, notes
        self._sets = DataSets(index, notes)
        self._values = NodeValues(presets, notes)

    def ied(self, element: Element) -> Ied:
        """One IED."""
        for unused in ("originalSclVersion", "originalSclRevision", "originalSclRelease"):
            element.get(unused)
        for unused in ("engRight", "owner"):
            element.get(unused)
        name = self._notes.required(element, "name")
        return Ied(
            name=name,
            line=element.line,
            description=element.get("desc") or "",
            maker=element.get("manufacturer") or "",
            kind=element.get("type") or "",
            configuration_version=element.get("configVersion") or "",
            services=tuple(_services(element)),
            access_points=tuple(
                self._access_point(each, name) for each in element.each("AccessPoint")
            ),
        )

    def _access_point(self, element: Element, ied: str) -> AccessPoint:
        for unused in ("router", "clock"):
            element.get(unused)
        servers = element.each("Server")
        devices: list[LogicalDevice] = []
        for server in servers:
            for unused in ("timeout", "desc"):
                server.get(unused)
            for authentication in server.each("Authentication"):
                for said in tuple(authentication.attributes):
                    authentication.get(said)
            devices.extend(self._devices(server, ied))
        elsewhere = [self._notes.required(each, "apName") for each in element.each("ServerAt")]
        return AccessPoint(
            name=self._notes.required(element, "name"),
            line=element.line,
            description=element.get("desc") or "",
            is_server=bool(servers),
            server_at=elsewhere[0] if elsewhere else "",
            devices=tuple(devices),
            clients=self._nodes(element, ied, ""),
        )

    def _devices(self, server: Element, ied: str) -> Iterator[LogicalDevice]:
        seen: set[str] = set()
        for element in server.each("LDevice"):
            instance = self._notes.required(element, "inst")
            if instance in seen:
                self._notes.add(element, f"logical device '{quoted(instance)}' is there twice")
            seen.add(instance)
            yield LogicalDevice(
                instance=instance,
                domain=element.get("ldName") or f"{ied}{instance}",
                line=element.line,
                description=element.get("desc") or "",
                nodes=self._nodes(element, ied, instance),
            )

    def _nodes(self, element: Element, ied: str, device: str) -> tuple[LogicalNode, ...]:
        found: dict[str, LogicalNode] = {}
        for each in element.each("LN0", "LN"):
            node = self._node(each, ied)
            first = found.setdefault(node.name, node)
            if first is not node:
                where = f"'{quoted(node.name)}' of {device or ied}"
                self._notes.add(each, f"{where} is already in line {first.line}")
        return tuple(found.values())

    def _node(self, element: Element, ied: str) -> LogicalNode:
        notes = self._notes
        node_class, type_id = notes.required(element, "lnClass"), notes.required(element, "lnType")
        kind = self._index.kind(type_id, node_class)
        if kind is None and type_id:
            notes.add(element, f"there is no LNodeType '{quoted(type_id)}' of {quoted(node_class)}")
        data_sets = self._sets.read(element, ied)
        names = frozenset(each.name for each in data_sets)
        return LogicalNode(
            prefix=element.get("prefix") or "",
            node_class=node_class,
            instance=element.get("inst") or "",
            type_id=type_id,
            line=element.line,
            description=element.get("desc") or "",
            data_sets=data_sets,
            reports=tuple(reports_in(element, names, notes)),
            goose=tuple(goose_in(element, names, notes)),
            sampled_values=tuple(sampled_values_in(element, names, notes)),
            inputs=tuple(inputs_in(element, ied, self._index, notes)),
            settings=settings_in(element, notes),
            values=tuple(self._values.read(element, kind)),
        )


def _services(element: Element) -> Iterator[Service]:
    """What the IED says it can do: each element within Services, and those within them."""
    for services in element.each("Services"):
        services.get("nameLength")
        for each in services.all():
            yield Service(each.name, each.line, _limits(each))
            for inner in each.all():
                yield Service(f"{each.name}/{inner.name}", inner.line, _limits(inner))


def _limits(element: Element) -> tuple[tuple[str, str], ...]:
    return tuple((name, element.get(name) or "") for name in sorted(element.attributes))
