"""Looking around in a server's address space, breadth first and bounded."""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Sequence
from typing import Any

from asyncua import ua
from asyncua.ua.object_ids import ObjectIds

from ortsnetz_edge.drivers.contract import Found
from ortsnetz_edge.drivers.opcua import status
from ortsnetz_edge.drivers.opcua.channel import Channel
from ortsnetz_edge.drivers.opcua.reading import read_values
from ortsnetz_edge.drivers.opcua.values import number, text
from ortsnetz_edge.profiles.references.opcua import NodeReference

_SERVER = ua.NodeId(ObjectIds.Server)
_WRITABLE = 1 << ua.AccessLevel.CurrentWrite
_CLASSES = ua.NodeClass.Object | ua.NodeClass.Variable
_AT_ONCE = 20


def reference(node: ua.NodeId, namespaces: Sequence[str]) -> NodeReference:
    """How profiles name a node: by the namespace's URI, which outlives a restart."""
    number_, identifier = int(node.NamespaceIndex), node.Identifier
    known = 0 < number_ < len(namespaces)
    namespace: str | int = namespaces[number_] if known else number_
    if isinstance(identifier, int):
        return NodeReference(namespace, "i", str(identifier))
    if isinstance(identifier, bytes):
        return NodeReference(namespace, "b", base64.b64encode(identifier).decode())
    return NodeReference(namespace, "s" if isinstance(identifier, str) else "g", str(identifier))


async def browse(channel: Channel, start: ua.NodeId, most: int) -> tuple[Found, ...]:
    """What lies below a node, at most so many; the server's own diagnostics are not gone into.

    Raises:
        DriverError: there is no answer.
    """
    waiting, seen = deque([start]), {start}
    found: list[tuple[Any, int]] = []
    while waiting and len(found) < most:
        level = [waiting.popleft() for _ in range(min(len(waiting), _AT_ONCE))]
        for child in await _children(channel, level, most - len(found)):
            if child.NodeId in seen or len(found) >= most:
                continue
            seen.add(child.NodeId)
            found.append((child, int(child.NodeClass)))
            if child.NodeId != _SERVER:
                waiting.append(child.NodeId)
    return await _described(channel, found)


async def _children(channel: Channel, nodes: Sequence[ua.NodeId], most: int) -> list[Any]:
    request = ua.BrowseRequest()
    request.Parameters.RequestedMaxReferencesPerNode = most
    request.Parameters.NodesToBrowse = [
        ua.BrowseDescription(
            NodeId=node,
            BrowseDirection=ua.BrowseDirection.Forward,
            ReferenceTypeId=ua.NodeId(ObjectIds.HierarchicalReferences),
            IncludeSubtypes=True,
            NodeClassMask=_CLASSES,
            ResultMask=ua.BrowseResultMask.All,
        )
        for node in nodes
    ]
    answer = await channel.request(request, ua.BrowseResponse)
    children: list[Any] = []
    points: list[bytes] = []
    for result in answer.Results or ():
        children += result.References or ()
        if result.ContinuationPoint:
            points.append(result.ContinuationPoint)
    while points and len(children) < most:
        more = ua.BrowseNextRequest()
        more.Parameters.ContinuationPoints = points
        answer = await channel.request(more, ua.BrowseNextResponse)
        points = []
        for result in answer.Parameters.Results or ():
            children += result.References or ()
            if result.ContinuationPoint:
                points.append(result.ContinuationPoint)
    return children


async def _described(channel: Channel, found: Sequence[tuple[Any, int]]) -> tuple[Found, ...]:
    """With values of variables, and whether they can be written."""
    variables = [child.NodeId for child, kind in found if kind == ua.NodeClass.Variable]
    values, _ = await read_values(channel, variables)
    access, _ = await read_values(channel, variables, attribute=ua.AttributeIds.UserAccessLevel)
    described = dict(zip(variables, zip(values, access, strict=True), strict=True))
    return tuple(_one(child, kind, described.get(child.NodeId), channel) for child, kind in found)


def _one(
    child: Any, kind: int, described: tuple[ua.DataValue, ua.DataValue] | None, channel: Channel
) -> Found:
    name = text(child.DisplayName) or child.BrowseName.Name or "?"
    at = str(reference(child.NodeId, channel.namespaces))
    if described is None:
        return Found(at, name, folder=kind == ua.NodeClass.Object)
    value, access = described
    level = None if access.Value is None else access.Value.Value
    return Found(
        at,
        f"{name} ({said_type(value)})",
        shown(value),
        None if not isinstance(level, int) else bool(level & _WRITABLE),
    )


def said_type(value: ua.DataValue) -> str:
    """The type of a value, or why there is none."""
    code = 0 if value.StatusCode is None else int(value.StatusCode.value)
    if status.is_bad(code):
        return status.words(code)
    if value.Value is None:
        return "no value"
    kind = value.Value.VariantType
    return f"{getattr(kind, 'name', kind)}{'[]' if isinstance(value.Value.Value, list) else ''}"


def shown(value: ua.DataValue) -> float | str | None:
    """A value for people; None where there is none."""
    content = None if value.Value is None else value.Value.Value
    if content is None:
        return None
    if isinstance(content, (bool, int, float)):
        return number(content)
    words = text(content)
    return str(content)[:200] if words is None else words
