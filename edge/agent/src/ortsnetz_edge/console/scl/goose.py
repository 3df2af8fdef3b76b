"""What travels by GOOSE from a device of an SCL file: for its profile, and for its connection."""

from __future__ import annotations

from dataclasses import dataclass

from ortsnetz_common.scl.devices import Ied
from ortsnetz_common.scl.document import Document
from ortsnetz_common.scl.goose_streams import GooseStream as FileStream
from ortsnetz_common.scl.goose_streams import goose_streams_of
from ortsnetz_edge.console.scl.scopes import Scope
from ortsnetz_edge.profiles.schema import GooseStream


@dataclass(frozen=True, slots=True)
class Multicast:
    """What a device multicasts.

    Attributes:
        streams: for its profile.
        path: for the connection of a source that listens, its protocol `goose`; "" without any.
        left_out: control blocks that cannot be listened to, with reasons.
    """

    streams: tuple[GooseStream, ...]
    path: str
    left_out: tuple[str, ...]


def multicast_of(document: Document, ied: Ied, scope: Scope) -> Multicast:
    """The control blocks that carry values of a scope's nodes."""
    nodes = {(device, node.name) for device, node in scope.nodes}
    streams, places, left_out = [], [], []
    for stream in goose_streams_of(document, ied):
        about = f"{stream.device.instance}/{stream.node}.{stream.control.name}"
        values = [value for member in stream.members for value in member]
        reason = stream.unclear or _unusable(ied, stream)
        if reason:
            left_out.append(f"GOOSE {about}: {reason}")
        elif any((value.at.device, value.at.node) in nodes for value in values):
            streams.append(_described(ied, stream, about))
            address = stream.multicast
            places.append("" if address is None else f"{address.mac}/{address.app_id or 0:04X}")
    known = all(places)
    path = " ".join((ied.name, *places)) if known else ied.name
    return Multicast(tuple(streams), path if streams else "", tuple(left_out))


def _unusable(ied: Ied, stream: FileStream) -> str:
    if stream.device.domain != f"{ied.name}{stream.device.instance}":
        return f"its logical device has a name of its own ('{stream.device.domain}')"
    return "" if stream.members else "its data set has no member"


def _described(ied: Ied, stream: FileStream, about: str) -> GooseStream:
    data_set = f"{stream.device.instance}/{stream.node}.{stream.control.data_set}"
    return GooseStream(
        block=about,
        data_set=data_set,
        id=stream.control.app_id.replace(ied.name, "{ied}"),
        members=tuple(
            tuple(f"{value.at} {value.basic_type}" for value in member) for member in stream.members
        ),
        revision=stream.control.configuration_revision,
    )
