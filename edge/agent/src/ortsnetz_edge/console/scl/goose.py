"""What travels by GOOSE from a device of an SCL file: for its profile, and for its connection."""

from __future__ import annotations

from dataclasses import dataclass

from ortsnetz_common.scl.devices import Ied
from ortsnetz_common.scl.document import Document
from ortsnetz_common.scl.goose_streams import GooseStream as FileStream
from ortsnetz_common.scl.goose_streams import goose_streams_of
from ortsnetz_edge.console.scl.scopes import Scope
from ortsnetz_edge.profiles.contents import values_of
from ortsnetz_edge.profiles.schema import GooseStream, Profile, Value


@dataclass(frozen=True, slots=True)
class Multicast:
    """What a device multicasts.

    Attributes:
        streams: for its profile.
        path: for the connection of a source that listens, its protocol `goose`; "" where nothing
            that the profile reads travels.
        left_out: control blocks that cannot be listened to, and what the file does not say of the
            others, with reasons.
    """

    streams: tuple[GooseStream, ...]
    path: str
    left_out: tuple[str, ...]


def multicast_of(document: Document, ied: Ied, scope: Scope, profile: Profile) -> Multicast:
    """The control blocks that carry values of a scope's nodes, for the profile that was drafted."""
    nodes = {(device, node.name) for device, node in scope.nodes}
    streams: list[GooseStream] = []
    places, left_out = [], []
    for stream in goose_streams_of(document, ied):
        about = f"{stream.device.instance}/{stream.node}.{stream.control.name}"
        values = [value for member in stream.members for value in member]
        reason = stream.unclear or _unusable(ied, stream)
        if reason:
            left_out.append(f"GOOSE {about}: {reason}")
        elif any((value.at.device, value.at.node) in nodes for value in values):
            streams.append(_described(ied, stream, about))
            try:
                places.append(_address(stream))
            except ValueError as error:
                places.append("")
                left_out.append(f"GOOSE {about}: {error}")
    path = " ".join((ied.name, *places)) if all(places) else ied.name
    if streams and not _travels(profile, streams):
        left_out.append(
            "a source by GOOSE: nothing that this profile reads is in what it multicasts"
        )
        path = ""
    return Multicast(tuple(streams), path if streams else "", tuple(left_out))


def _address(stream: FileStream) -> str:
    """Where the messages go, as paths have it. Raises ValueError: the file does not say."""
    address = stream.multicast
    missing = [
        name
        for name, value in (
            ("MAC-Address", None if address is None else address.mac),
            ("APPID", None if address is None else address.app_id),
        )
        if value is None
    ]
    if address is None or missing:
        raise ValueError(
            f"the file does not say its {' and '.join(missing)}: the path has no addresses, "
            "messages to any will do"
        )
    vlan = f"/{address.vlan_id:03X}" if address.vlan_id else ""  # 0 is a priority without a VLAN
    return f"{address.mac}/{address.app_id:04X}{vlan}"


def _travels(profile: Profile, streams: list[GooseStream]) -> bool:
    """Whether anything that a profile reads is in one of these streams."""
    there = {
        text.partition(" ")[0] for each in streams for member in each.members for text in member
    }
    return any(
        text in there
        for _, value in values_of(profile)
        for text in ((value.at,) if isinstance(value, Value) else value.at or (value.total,))
    )


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
