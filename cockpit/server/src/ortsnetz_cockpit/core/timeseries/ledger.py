"""What the log has committed so far, mirrored in memory so that ingest need not query for it."""

from __future__ import annotations

from dataclasses import dataclass, field

PointKey = tuple[str, str, str, int | None]
"""Node, name, unit and element: a point whose unit or place changes is another point."""


@dataclass(slots=True)
class Stream:
    """One epoch of one node.

    Attributes:
        number: key of the stream in the log.
        watermark: highest contiguous sequence that is committed; 0 is none.
        catalogue: point numbers by catalogue index.
    """

    number: int
    node: str
    epoch: str
    watermark: int = 0
    catalogue: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Ledger:
    """Streams and points of the log. After a failed commit it is loaded anew from the store.

    Attributes:
        streams: by node and epoch, in the order in which they began.
        points: point numbers.
        next_position: position of the next event in the log.
    """

    streams: dict[tuple[str, str], Stream] = field(default_factory=dict)
    points: dict[PointKey, int] = field(default_factory=dict)
    next_position: int = 1

    def stream(self, node: str, epoch: str) -> Stream | None:
        """The stream of an epoch, or None before its first record."""
        return self.streams.get((node, epoch))

    def newest(self, node: str) -> Stream | None:
        """The stream of a node that began last."""
        found = [stream for stream in self.streams.values() if stream.node == node]
        return max(found, key=lambda stream: stream.number, default=None)

    def begin(self, node: str, epoch: str) -> Stream:
        """A new stream, not yet committed."""
        number = 1 + max((stream.number for stream in self.streams.values()), default=0)
        stream = Stream(number, node, epoch)
        self.streams[node, epoch] = stream
        return stream
