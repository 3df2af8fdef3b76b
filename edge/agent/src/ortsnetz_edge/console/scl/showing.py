"""An SCL file in plain text."""

from __future__ import annotations

from collections.abc import Iterator

from ortsnetz_common.scl.devices import Ied, LogicalDevice
from ortsnetz_common.scl.document import Document
from ortsnetz_common.scl.lookup import Lookup
from ortsnetz_common.scl.network import ConnectedAccessPoint, Multicast, SubNetwork
from ortsnetz_edge.console.scl.device_tables import (
    UNKNOWN,
    control_rows_of,
    data_sets_of,
    inputs_of,
    known,
    messages_of,
    points_of,
    reports_of,
)
from ortsnetz_edge.console.scl.node_words import in_words
from ortsnetz_edge.console.scl.placing import place_lines
from ortsnetz_edge.console.text_table import one_line, table


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
                yield from _indented("values", points_of(lookup, device))
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
    repeated = f"{known(address.shortest_ms)} to {known(address.longest_ms)} ms"
    return (
        address.mac or UNKNOWN,
        UNKNOWN if address.app_id is None else f"{address.app_id:04X}",
        known(address.vlan_id),
        known(address.vlan_priority),
        repeated if address.shortest_ms is not None or address.longest_ms is not None else "",
    )


def _device(lookup: Lookup, device: LogicalDevice) -> Iterator[str]:
    about = f" - {device.description}" if device.description else ""
    yield one_line(f"  logical device {device.instance} ({device.domain} on the wire){about}")
    rows = []
    for node in device.nodes:
        kind = lookup.type_of(node)
        objects = UNKNOWN if kind is None else str(len(kind.objects))
        rows.append((node.name, in_words(node.node_class), objects, node.description))
    heads = ("node", "what it is", "objects", "description")
    yield from _indented("logical nodes", table(heads, rows, right=("objects",)))
    yield from _indented("data sets", data_sets_of(device))
    yield from _indented("reports", reports_of(device))
    yield from _indented("messages", messages_of(device))
    yield from _indented("controls", control_rows_of(lookup, device))
    yield from _indented("taken in from others", inputs_of(device))


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
