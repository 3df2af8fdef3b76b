"""Whether a silence is that of one unit or of the whole connection. Pure."""

from __future__ import annotations

from collections.abc import Iterable


class Neighbours:
    """Units behind one connection, and which of them answer.

    Units behind a gateway fall silent one by one; a connection without a peer falls silent as a
    whole: then it is the second one in a row that has answered before, or the last.
    """

    def __init__(self, units: Iterable[int] = ()) -> None:
        """Begin with a connection on which all units may answer."""
        self._answering = set(units)
        self._fallen_silent = 0

    def answered(self, unit: int) -> None:
        """A unit has answered: the connection stands."""
        self._answering.add(unit)
        self._fallen_silent = 0

    def silent(self, unit: int) -> bool:
        """A unit has not answered; whether the whole connection is silent."""
        self._fallen_silent += unit in self._answering
        self._answering.discard(unit)
        return self._fallen_silent > 1 or not self._answering
