"""How a node reaches what an SCL file describes: connections as stations have them.

What the file does not say is marked to be filled in: an object where text or a number has to stand,
so that no node takes it for an answer.
"""

from __future__ import annotations

from typing import Any

from ortsnetz_common.parameters.refusal import FILL_IN
from ortsnetz_common.scl.devices import Ied
from ortsnetz_common.scl.document import Document
from ortsnetz_common.scl.lookup import Lookup
from ortsnetz_common.scl.network import ConnectedAccessPoint
from ortsnetz_common.scl.sampled_streams import SampledStream
from ortsnetz_edge.console.scl.scopes import TEMPLATE, Scope
from ortsnetz_edge.profiles.schema import Profile

Fields = dict[str, Any]


def to_fill_in(words: str) -> Fields:
    """Stands where a value has to come, and says which."""
    return {FILL_IN: words}


def by_mms(
    document: Document, ied: Ied, scope: Scope, profile: Profile, *, operated: bool
) -> Fields:
    """The connection of a device that is read, and operated, over MMS.

    Where limits are written to it (`operated`), it has to say who it is.
    """
    found = _served(document, ied)
    if len(found) == 1:
        host: str | Fields = found[0].ip or ""
        port: int | Fields | None = found[0].port
        if port is None:
            port = to_fill_in("port of MMS: what the file says is none")
    else:
        known = ", ".join(f"{each.ip}:{each.port} ({each.access_point})" for each in found)
        said = f"one of {known}" if known else "the file says none"
        host = to_fill_in(f"IP address of IED {ied.name}: {said}")
        port = 102 if not found else to_fill_in("port of that address")
    connection: Fields = {"protocol": "iec61850", "host": host, "port": port}
    serial = _serial(document, ied, scope)
    if serial:
        connection["identity"] = serial
    elif operated and profile.identity is not None and profile.identity.serial_at is not None:
        at = profile.identity.serial_at
        connection["identity"] = to_fill_in(f"serial number, as the device says it in {at}")
    return connection


def by_goose(ied: Ied, path: str) -> Fields:
    """The connection of a source that listens to what a device multicasts."""
    words = f"the name that the device has once it is configured, instead of {ied.name} in '{path}'"
    return {
        "protocol": "goose",
        "host": to_fill_in("interface of the node on which the messages arrive, such as eth1"),
        "path": to_fill_in(words) if ied.name == TEMPLATE else path,
    }


def by_sampled_values(stream: SampledStream) -> Fields:
    """The connection of a source that listens to a stream."""
    where = stream.multicast
    mac = None if where is None else where.mac
    app_id = None if where is None else where.app_id
    return {
        "protocol": "sampled-values",
        "host": to_fill_in("destination's MAC address: the file says none") if mac is None else mac,
        "port": to_fill_in("APPID, as a number: the file says none") if app_id is None else app_id,
        "path": stream.control.stream_id,
    }


def _served(document: Document, ied: Ied) -> list[ConnectedAccessPoint]:
    """Where the file says that the IED's server is."""
    serving = {each.name for each in ied.access_points if each.is_server or each.server_at}
    return [
        point
        for network in document.networks
        for point in network.access_points
        if point.ied == ied.name and point.ip is not None and point.access_point in serving
    ]


def _serial(document: Document, ied: Ied, scope: Scope) -> str:
    """The serial number of one device; a file of a kind of device has none."""
    places = scope.of("LPHD")
    if ied.name == TEMPLATE or len(places) != 1:
        return ""
    return Lookup(document).preset(places[0][1], ("PhyNam", "serNum")) or ""
