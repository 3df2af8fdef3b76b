"""Reading: which nodes a reference means at a server, and requests for their values."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from asyncua import ua

from ortsnetz_edge.drivers.opcua.channel import Channel
from ortsnetz_edge.drivers.opcua.framing import EncodedRequest
from ortsnetz_edge.drivers.opcua.values import nanoseconds
from ortsnetz_edge.profiles.references.opcua import NodeReference

MOST_AT_ONCE = 500
"""Most nodes a request where the server states no limit of its own (part 5, 6.3.11)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many nodes a server takes in one request."""

    read: int = MOST_AT_ONCE
    write: int = MOST_AT_ONCE
    monitor: int = MOST_AT_ONCE


@dataclass(frozen=True, slots=True)
class Reading:
    """The answer to a read.

    Attributes:
        values: one a node; None for a node whose namespace the server does not have.
        server_ns: the server's own clock, UTC ns; None where it says none.
        received_ns: the agent's clock when the answer was complete.
        generation: number of the connection that it came over.
    """

    values: tuple[ua.DataValue | None, ...]
    server_ns: int | None
    received_ns: int
    generation: int


@dataclass(frozen=True, slots=True)
class Part:
    """One read request and how many values it brings."""

    request: EncodedRequest
    count: int


@dataclass(frozen=True, slots=True)
class Plan:
    """How nodes are read.

    Attributes:
        places: of each node among the values; None for one whose namespace is not there.
    """

    parts: tuple[Part, ...]
    places: tuple[int | None, ...]


async def read_values(
    channel: Channel,
    nodes: Sequence[ua.NodeId],
    most: int = MOST_AT_ONCE,
    attribute: ua.AttributeIds = ua.AttributeIds.Value,
) -> tuple[list[ua.DataValue], int | None]:
    """Read an attribute of nodes, so many a request at most; and the server's clock.

    Raises:
        DriverError: there is no answer that fits.
    """
    values: list[ua.DataValue] = []
    server_ns: int | None = None
    for part in _parts(nodes, most, attribute):
        found, server_ns = await read_part(channel, part)
        values += found
    return values, server_ns


async def read_part(channel: Channel, part: Part) -> tuple[list[ua.DataValue], int | None]:
    """Send one read request. Raises DriverError."""
    answer = await channel.request(part.request, ua.ReadResponse)
    values = answer.Results or []  # an array may be null (part 6, 5.2.5)
    if len(values) != part.count:
        raise channel.wrong(f"{len(values)} values instead of {part.count}")
    return values, server_clock(answer.ResponseHeader.Timestamp)


def _parts(
    nodes: Sequence[ua.NodeId], most: int, attribute: ua.AttributeIds = ua.AttributeIds.Value
) -> Iterator[Part]:
    for first in range(0, len(nodes), most):
        part = nodes[first : first + most]
        request = ua.ReadRequest()
        request.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Source
        request.Parameters.NodesToRead = [
            ua.ReadValueId(NodeId=node, AttributeId=attribute) for node in part
        ]
        yield Part(EncodedRequest(request), len(part))


def planned(nodes: Sequence[NodeReference], namespaces: Sequence[str], most: int) -> Plan:
    """How nodes are read at a server with these namespaces, so many a request at most."""
    known: list[ua.NodeId] = []
    places: list[int | None] = []
    for node in nodes:
        found = node_id(node, namespaces)
        places.append(None if found is None else len(known))
        if found is not None:
            known.append(found)
    return Plan(tuple(_parts(known, most)), tuple(places))


def server_clock(stamp: datetime | None) -> int | None:
    """A server's clock, UTC ns; None where it says none."""
    return None if stamp is None else nanoseconds(stamp.replace(tzinfo=stamp.tzinfo or UTC))


def node_id(node: NodeReference, namespaces: Sequence[str]) -> ua.NodeId | None:
    """The node id at a server with these namespaces; None where it does not have the node's."""
    if isinstance(node.namespace, int):
        number = node.namespace
    elif node.namespace in namespaces:
        number = namespaces.index(node.namespace)
    else:
        return None
    if node.kind == "i":
        return ua.NodeId(ua.UInt32(int(node.identifier)), ua.Int16(number))
    if node.kind == "g":
        return ua.NodeId(uuid.UUID(node.identifier), ua.Int16(number))
    if node.kind == "b":
        return ua.NodeId(base64.b64decode(node.identifier), ua.Int16(number))
    return ua.NodeId(ua.String(node.identifier), ua.Int16(number))


def limit_of(value: ua.DataValue) -> int:
    """A limit that a server states, or the usual one."""
    stated = value.Value.Value if value.Value is not None else None
    if not isinstance(stated, int) or stated <= 0:  # 0 and absent: no limit is stated
        return MOST_AT_ONCE
    return min(stated, MOST_AT_ONCE)
