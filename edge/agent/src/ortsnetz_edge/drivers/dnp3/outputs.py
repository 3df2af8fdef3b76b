"""Outputs that somebody reads back: asked for in the same request as the events.

Class 0 may leave them out (IEEE 1815.2), and few outstations report them as events.
"""

from __future__ import annotations

from collections.abc import Iterable

from py1815.decode import PointType
from py1815.master import requests

from ortsnetz_edge.profiles.references.dnp3 import PointKind, PointReference

OUTPUTS = {
    PointKind.ANALOG_OUTPUT: PointType.ANALOG_OUTPUT,
    PointKind.BINARY_OUTPUT: PointType.BINARY_OUTPUT,
}


class WatchedOutputs:
    """Indexes of the outputs that are read with each poll.

    Attributes:
        readable: whether the outstation answers both in one; if not, it is asked for events alone.
    """

    def __init__(self) -> None:
        self.readable = True
        self._indexes: dict[PointType, set[int]] = {}

    def add(self, references: Iterable[PointReference]) -> None:
        """Watch those of these points that are outputs."""
        for reference in references:
            kind = OUTPUTS.get(reference.kind)
            if kind is not None:
                self._indexes.setdefault(kind, set()).add(reference.index)

    def headers(self) -> bytes:
        """What is appended to a poll; empty where there is nothing, or the outstation refuses."""
        if not self._indexes or not self.readable:
            return b""
        return requests.read_points({kind: sorted(of) for kind, of in self._indexes.items()})
