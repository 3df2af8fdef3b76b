"""Objects of a response: those that the library reads, and those that it stops at. Pure.

The library walks an answer up to the first object that it does not know. Here it is taken further,
over the blocks that `blocks` reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from py1815.application import Response
from py1815.decode import LAYOUTS, Decoded, DecodedObject, PointType, decode_objects

from ortsnetz_edge.drivers.dnp3.blocks import MalformedError, Reported, own_block
from ortsnetz_edge.profiles.references.dnp3 import PointKind

KINDS = {
    PointType.BINARY_INPUT: PointKind.BINARY_INPUT,
    PointType.BINARY_OUTPUT: PointKind.BINARY_OUTPUT,
    PointType.COUNTER: PointKind.COUNTER,
    PointType.FROZEN_COUNTER: PointKind.FROZEN_COUNTER,
    PointType.ANALOG_INPUT: PointKind.ANALOG_INPUT,
    PointType.ANALOG_OUTPUT: PointKind.ANALOG_OUTPUT,
}


@dataclass(frozen=True, slots=True)
class Reports:
    """Everything of one answer.

    Attributes:
        unknown: objects that nobody here can read, in words; what follows them is lost.
    """

    points: tuple[Reported, ...]
    unknown: str | None = None


def reports(
    responses: Sequence[Response], objects: Sequence[DecodedObject], *, whole: bool
) -> Reports:
    """What an answer says, in its order.

    Args:
        responses: its fragments.
        objects: what the library has read of them.
        whole: whether that is everything.

    Raises:
        MalformedError: an object is cut off.
    """
    if whole:
        return Reports(tuple(_of_library(objects)))
    points: list[Reported] = []
    unknown = None
    for response in responses:
        found = _read(response.body)
        points += found.points
        unknown = unknown or found.unknown
    return Reports(tuple(points), unknown)


def _read(body: bytes) -> Reports:
    """A body that the library cannot read alone."""
    points: list[Reported] = []
    while body:
        decoded = decode_objects(body)
        points += _of_library(decoded.objects)
        if decoded.complete:
            break
        group, variation = _stopped_at(decoded)
        if (group, variation) in LAYOUTS:
            raise MalformedError(str(decoded.problem))
        found = own_block(decoded.unread)
        if found is None:
            return Reports(tuple(points), f"group {group} variation {variation}")
        block, taken = found
        points += block
        body = decoded.unread[taken:]
    return Reports(tuple(points))


def _stopped_at(decoded: Decoded) -> tuple[int, int]:
    if len(decoded.unread) < 3:
        raise MalformedError(str(decoded.problem))
    return decoded.unread[0], decoded.unread[1]


def _of_library(objects: Iterable[DecodedObject]) -> Iterable[Reported]:
    for each in objects:
        if each.point is None or each.index is None:
            continue
        value = None if each.value is None else float(each.value)
        yield Reported(
            KINDS[each.point],
            each.index,
            value,
            each.flags,
            each.time_ms,
            each.synchronized,
            each.event,
        )


__all__ = ["MalformedError", "Reported", "Reports", "reports"]
