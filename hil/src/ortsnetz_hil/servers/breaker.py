"""The breaker of a feeder, at the end of the line at which its meter measures."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ortsnetz_common.errors import InputError
from ortsnetz_common.link.bench_ied import TAKEN
from ortsnetz_common.parameters.station import Side
from ortsnetz_hil.plant.core import Plant
from ortsnetz_hil.plant.events import Switching

OPEN, CLOSED = 1, 2
"""A double point (IEC 61850-7-3, table 9): off, on."""
SWITCHING_HIERARCHY, POSITION_REACHED, BLOCKED_BY_PROCESS, INCONSISTENT = 2, 5, 9, 26
"""Additional causes (IEC 61850-7-2, 20.5.2.9)."""


@dataclass(slots=True)
class Breaker:
    """Opens and closes one end of a line of the plant.

    It moves at once, and the plant's next step shows what has come of it. Events of a scenario move
    it, too.

    Attributes:
        line: id of the line.
        side: which end.
        opening_blocked, closing_blocked: whether somebody has forbidden it.
        operations: how often it has moved since the plant's start.
    """

    plant: Plant
    line: int
    side: Side
    opening_blocked: bool = False
    closing_blocked: bool = False
    operations: int = 0
    _row: int = field(init=False)
    _was: tuple[float, ...] = ()
    _since_ns: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._row = int(np.flatnonzero(self.plant.network.ids("line") == self.line)[0])

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        ends = self.plant.flow.condition.statuses["line"][self._row]
        return bool(ends[int(self.side is Side.TO)])

    def shown(self, time_ns: int, *, local: bool) -> list[tuple[float, int]]:
        """What it shows at an instant, each value with when it became so.

        Args:
            time_ns: by the device's own clock, UTC.
            local: whether it can be operated on the spot only.

        Returns:
            Position, operations, local, blocked to open, blocked to close.
        """
        position = float(CLOSED if self.closed else OPEN)
        if self._was and self._was[0] != position:
            self.operations += 1
        blocks = (float(self.opening_blocked), float(self.closing_blocked))
        now = (position, float(self.operations), float(local), *blocks)
        before = self._was or (None,) * len(now)
        since = self._since_ns or [time_ns] * len(now)
        self._since_ns = [
            old if value == was else time_ns
            for value, was, old in zip(now, before, since, strict=True)
        ]
        self._was = now
        return list(zip(now, self._since_ns, strict=True))

    def refusal(self, *, close: bool, local: bool) -> int:
        """Why it does not move now: an additional cause, or `TAKEN` if it would."""
        if local:
            return SWITCHING_HIERARCHY
        if close is self.closed:
            return POSITION_REACHED
        if self.closing_blocked if close else self.opening_blocked:
            return BLOCKED_BY_PROCESS
        try:
            self.plant.flow.condition.after(self.plant.network, self._move(0.0, close=close))
        except InputError:
            return BLOCKED_BY_PROCESS  # what has failed in the network does not let it
        return TAKEN

    def block(self, *, opening: bool, blocked: bool) -> None:
        """Forbid it to open, or to close, or allow it again."""
        if opening:
            self.opening_blocked = blocked
        else:
            self.closing_blocked = blocked

    def move(self, now_s: float, *, close: bool) -> None:
        """Move it.

        Args:
            now_s: plant seconds.
            close: whether it closes; else it opens.

        Raises:
            InputError: the network cannot be switched so; see `refusal`.
        """
        self.plant.command(self._move(now_s, close=close), now_s)

    def _move(self, now_s: float, *, close: bool) -> Switching:
        return Switching(at_s=now_s, element=self.line, closed=close, side=self.side)
