"""An SCL file in plain text."""

from __future__ import annotations

from collections.abc import Iterator

from ortsnetz_common.scl.blocks import ReportControl
from ortsnetz_common.scl.controls import controls_of
from ortsnetz_common.scl.devices import Ied, LogicalDevice, LogicalNode
from ortsnetz_common.scl.document import Document
from ortsnetz_common.scl.lookup import Lookup
from ortsnetz_common.scl.network import ConnectedAccessPoint, Multicast, SubNetwork
from ortsnetz_common.scl.types import FunctionalConstraint, Leaf, leaves_of
from ortsnetz_edge.console.scl.node_words import in_words
from ortsnetz_edge.console.scl.placing import place_lines
from ortsnetz_edge.console.text_table import one_line, table

_NOT_READINGS = {FunctionalConstraint.CO}
_UNKNOWN = "?"


def lines_of(document: Document, ieds: tuple[Ied, ...], *, points: bool) -> Iterator[str]:
    """The lines that a technician sees.

    Args:
        document: the file.
        ieds: of it that are shown.
        points: whether every value is listed as well.
    """
    yield _title(document)
    lookup = Lookup(document)
    if ieds == document.ieds:
        yield from place_lines(document.places)
    for ied in ieds:
        yield ""
        yield from _ied(document, ied)
        for device in ied.devices():
            yield ""
            yield from _device(lookup, device)
            if points:
                yield from _indented("values", _points(lookup, device))
    yield ""
    yield from _findings(document)


def _title(document: Document) -> str:
    edition = document.edition or "unknown"
    version = f" ({document.version})" if document.version else ""
    header = document.header
    called = f", '{header.id}'" if header is not None and header.id else ""
    count = len(document.ieds)
    return one_line(f"{document.name}: SCL edition {edition}{version}{called}, IEDs: {count}")


def _ied(document: Document, ied: Ied) -> Iterator[str]:
    said = [text for text in (ied.maker, ied.kind, ied.configuration_version) if text]
    about = f": {', '.join(said)}" if said else ""
    yield one_line(f"IED {ied.name}{about}{' - ' + ied.description if ied.description else ''}")
    connected = [
        (network, point)
        for network in document.networks
        for point in network.access_points
        if point.ied == ied.name
    ]
    for access in ied.access_points:
        here = [pair for pair in connected if pair[1].access_point == access.name]
        where = ", ".join(_address(*pair) for pair in here) or "no address in this file"
        role = "server" if access.is_server else "client"
        role = f"the server of {access.server_at}" if access.server_at else role
        yield one_line(f"  access point {access.name} ({role}): {where}")
    rows = [
        (kind, f"{each.device}/{each.block}", *_multicast(each))
        for _, point in connected
        for kind, blocks in (("GOOSE", point.goose), ("SV", point.sampled_values))
        for each in blocks
    ]
    if rows:
        heads = ("kind", "control block", "MAC", "APPID", "VLAN", "priority", "repeated")
        yield from _indented("addresses of messages", table(heads, rows))


def _address(network: SubNetwork, point: ConnectedAccessPoint) -> str:
    return f"{point.ip or 'no IP address'} in {network.name} {network.kind}".rstrip()


def _multicast(address: Multicast) -> tuple[str, ...]:
    repeated = f"{_known(address.shortest_ms)} to {_known(address.longest_ms)} ms"
    return (
        address.mac or _UNKNOWN,
        _UNKNOWN if address.app_id is None else f"{address.app_id:04X}",
        _known(address.vlan_id),
        _known(address.vlan_priority),
        repeated if address.shortest_ms is not None or address.longest_ms is not None else "",
    )


def _device(lookup: Lookup, device: LogicalDevice) -> Iterator[str]:
    about = f" - {device.description}" if device.description else ""
    yield one_line(f"  logical device {device.instance} ({device.domain} on the wire){about}")
    rows = []
    for node in device.nodes:
        kind = lookup.type_of(node)
        objects = _UNKNOWN if kind is None else str(len(kind.objects))
        rows.append((node.name, in_words(node.node_class), objects, node.description))
    heads = ("node", "what it is", "objects", "description")
    yield from _indented("logical nodes", table(heads, rows, right=("objects",)))
    yield from _indented("data sets", _data_sets(device))
    yield from _indented("reports", _reports(device))
    yield from _indented("messages", _messages(device))
    yield from _indented("controls", _controls(lookup, device))
    yield from _indented("taken in from others", _inputs(device))


def _data_sets(device: LogicalDevice) -> list[str]:
    rows = []
    for node in device.nodes:
        for each in node.data_sets:
            leaves = [member.leaves for member in each.members]
            count = sum(len(leaf) for leaf in leaves if leaf is not None)
            values = _UNKNOWN if None in leaves else str(count)
            rows.append((f"{node.name}.{each.name}", str(len(each.members)), values))
    heads = ("data set", "members", "values")
    return table(heads, rows, right=heads[1:]) if rows else []


def _reports(device: LogicalDevice) -> list[str]:
    rows = [
        (
            f"{node.name}.{each.name}",
            _yes(each.buffered, "buffered", "unbuffered"),
            each.data_set or "(the client chooses)",
            _known(each.instances),
            "" if each.integrity_ms == 0 else f"{_known(each.integrity_ms)} ms",
            _triggers(each),
        )
        for node in device.nodes
        for each in node.reports
    ]
    heads = ("report", "kind", "data set", "clients", "integrity", "reported on")
    return table(heads, rows, right=("clients",)) if rows else []


def _triggers(report: ReportControl) -> str:
    on = report.triggers
    named = {
        "change": on.data_change,
        "quality": on.quality_change,
        "update": on.data_update,
        "period": on.period,
        "interrogation": on.general_interrogation,
    }
    return ", ".join(name for name, is_set in named.items() if is_set)


def _messages(device: LogicalDevice) -> list[str]:
    rows = []
    for node in device.nodes:
        for goose in node.goose:
            name = f"{node.name}.{goose.name}"
            rows.append((name, goose.kind, goose.data_set or "", goose.app_id, ""))
        for stream in node.sampled_values:
            rate = f"{_known(stream.rate)} {stream.mode}, {_known(stream.asdus)} ASDUs a frame"
            name = f"{node.name}.{stream.name}"
            rows.append((name, "SV", stream.data_set or "", stream.stream_id, rate))
    return table(("control block", "kind", "data set", "id", "rate"), rows) if rows else []


def _controls(lookup: Lookup, device: LogicalDevice) -> list[str]:
    rows = [
        (
            f"{node.name}.{'.'.join(each.path)}",
            each.data_class,
            each.model or "the device says it, the file does not",
            "" if each.select_timeout_ms is None else f"{each.select_timeout_ms} ms",
        )
        for node in device.nodes
        for each in controls_of(lookup, node)
        if each.model != "status-only"
    ]
    return table(("control", "class", "model", "selected for"), rows) if rows else []


def _inputs(device: LogicalDevice) -> list[str]:
    rows = [
        (
            node.name,
            each.internal,
            f"{each.ied}/{each.device}/{each.node}.{'.'.join(each.path)}"
            if each.ied is not None
            else "(prepared, not wired)",
            each.service,
        )
        for node in device.nodes
        for each in node.inputs
    ]
    return table(("node", "called", "from", "by"), rows) if rows else []


def _points(lookup: Lookup, device: LogicalDevice) -> list[str]:
    rows = []
    for node in device.nodes:
        for leaf in readable(lookup, node):
            said = " ".join(each.text for each in lookup.presets(node, leaf.path))
            path = ".".join(leaf.path)
            reference = f"{device.instance}/{node.name}.{path}[{leaf.constraint}]"
            rows.append((reference, leaf.attribute.basic_type, said))
    return table(("reference", "type", "value in the file"), rows) if rows else []


def readable(lookup: Lookup, node: LogicalNode) -> Iterator[Leaf]:
    """Values of a node, without those of its controls."""
    kind = lookup.type_of(node)
    for part in () if kind is None else kind.objects:
        yield from (leaf for leaf in leaves_of(part) if leaf.constraint not in _NOT_READINGS)


def _findings(document: Document) -> Iterator[str]:
    if not document.findings:
        yield "Nothing in it contradicts itself."
    for each in document.findings:
        yield one_line(f"{document.name}:{each.line}: {each.path}: {each.words}")
    if document.dropped_findings:
        yield f"and {document.dropped_findings} further findings"
    for left in document.unread:
        more = ", ..." if left.count > len(left.lines) else ""
        at = f"line {', '.join(map(str, left.lines))}{more}"
        yield one_line(
            f"not read: {left.what}, {left.count} time{'' if left.count == 1 else 's'}: {at}"
        )


def _indented(title: str, rows: list[str]) -> Iterator[str]:
    if rows:
        yield f"    {title}"
        yield from (f"      {row}" for row in rows)


def _known(value: float | None) -> str:
    return _UNKNOWN if value is None else f"{value:.10g}"


def _yes(value: bool | None, yes: str, no: str) -> str:  # noqa: FBT001 - what the file says
    return _UNKNOWN if value is None else yes if value else no
