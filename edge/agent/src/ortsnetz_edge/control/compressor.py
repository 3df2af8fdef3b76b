"""Compressors: shortest times on and off, starts a day (heat pumps, cooling). Pure.

A limit that lies below the power at which a compressor runs stops it. That power is the rating
until it has been seen running steadily at less (a modulating one). A charge point with such times
runs from its smallest current on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import replace

from ortsnetz_common.parameters.station import Device, DeviceKind
from ortsnetz_edge.control.arbitration import NECESSARY, Claim

DAY_S = 86400.0
RUNS_ABOVE = 0.2
"""Share of the rating above which it runs; below are controls, pumps and fans."""
STEADY = 0.05
"""Two powers that differ by less, of the rating, one cycle after the other, are one operating
point: what is read while it starts or stops is none."""
_ABOUT = 0.97
"""Of the power at which it runs: voltage and meters account for the rest."""


class Compressor:
    """What limits may do to one compressor, and what they have done.

    Attributes:
        starts_beyond: restarts that limits caused beyond `starts_per_day`.
    """

    def __init__(self, device: Device, smallest_w: float = 0.0) -> None:
        """Begin with one about which nothing is known.

        Args:
            device: its times and its starts a day.
            smallest_w: lowest limit above zero that it takes.
        """
        self._device = device
        charges = device.kind is DeviceKind.EV and smallest_w > 0
        self._runs_at_w = smallest_w if charges else device.rated_w
        self._drawn_w: float | None = None
        self._running: bool | None = None
        self._on_since: float | None = None
        self._stopped_at: float | None = None
        self._cut = False
        # of the last day; more than the bound need not be known
        self._starts: deque[float] = deque(maxlen=max(1, device.starts_per_day or 1))
        self.starts_beyond = 0

    @classmethod
    def of(cls, device: Device, smallest_w: float = 0.0) -> Compressor | None:
        """That of a device; None for one without times and starts to keep."""
        kept = device.min_on_s > 0 or device.min_off_s > 0 or device.starts_per_day is not None
        return cls(device, smallest_w) if kept else None

    @property
    def starts(self) -> tuple[float, ...]:
        """When limits have started it again, monotonic s, as far as it matters."""
        return tuple(self._starts)

    @property
    def cut_at(self) -> float | None:
        """When a limit stopped it that has not let it run since, monotonic s; None for none."""
        return self._stopped_at if self._cut else None

    def recall(self, *, starts: Iterable[float], cut_at: float | None) -> None:
        """Go on from what an earlier run of the agent knew; see `starts` and `cut_at`."""
        self._starts.extend(starts)
        self._stopped_at, self._cut = cut_at, cut_at is not None

    def observe(self, drawn_w: float | None, *, now: float) -> None:
        """Take in what it draws, W; None changes nothing that is known."""
        if drawn_w is None:
            return
        rated_w = self._device.rated_w
        running = drawn_w > RUNS_ABOVE * rated_w
        if running and not self._running:
            # one that ran when it was first seen has done so for who knows how long
            self._on_since = None if self._running is None else now
        if (
            running
            and self._drawn_w is not None
            and abs(drawn_w - self._drawn_w) < STEADY * rated_w
        ):
            self._runs_at_w = min(self._runs_at_w, drawn_w)
        self._running, self._drawn_w = running, drawn_w

    def runs_with(self, limit_w: float) -> bool:
        """Whether it can run with a limit."""
        return limit_w >= _ABOUT * self._runs_at_w

    def softened(self, claim: Claim, present_w: float, *, now: float) -> Claim:
        """A claim as it may act on a compressor: only what protects the network stops it too early.

        Args:
            claim: what is asked for.
            present_w: limit in force, W.
            now: monotonic time, s.
        """
        stops = self.runs_with(present_w) and not self.runs_with(claim.limit_w)
        why = self._not_to_be_stopped(now) if stops and self._running is not False else None
        if why is None:
            return claim
        if claim.source in NECESSARY:
            return replace(claim, reason=f"{claim.reason}; it is stopped although {why}")
        return replace(
            claim,
            limit_w=min(present_w, self._runs_at_w),
            reason=f"{claim.reason}; it is kept running: {why}",
        )

    def _not_to_be_stopped(self, now: float) -> str | None:
        """Why it should go on running, in words."""
        device = self._device
        if self._on_since is not None and now - self._on_since < device.min_on_s:
            return f"it has to run for {device.min_on_s:.0f} s"
        if self._used_up(now):
            return f"its {device.starts_per_day} starts of the day are used up"
        return None

    def may_restart(self, present_w: float, next_w: float, *, now: float) -> bool:
        """Whether a limit may be raised as far as this: one that starts it again may have to wait.

        Beyond its starts a day it is started once per 24 h divided by that number: a customer's
        heat is not cut off for the rest of the day.
        """
        if self.runs_with(present_w) or not self.runs_with(next_w):
            return True
        if not self._cut or self._stopped_at is None:
            return True  # it stood anyhow
        if now - self._stopped_at < self._device.min_off_s:
            return False
        if not self._used_up(now):
            return True
        since = self._starts[-1] if self._starts else self._stopped_at
        return now - since >= DAY_S / max(1, self._device.starts_per_day or 1)

    def changed(self, before_w: float, after_w: float, *, now: float) -> None:
        """Its limit was changed."""
        if self.runs_with(before_w) and not self.runs_with(after_w):
            self._cut = self._running is not False
            self._stopped_at = now if self._cut else self._stopped_at
        elif not self.runs_with(before_w) and self.runs_with(after_w) and self._cut:
            self.starts_beyond += self._used_up(now)
            self._starts.append(now)
            self._cut = False

    def _used_up(self, now: float) -> bool:
        """Whether limits have caused as many starts within a day as they may."""
        allowed = self._device.starts_per_day
        if allowed is None:
            return False
        return sum(now - start < DAY_S for start in self._starts) >= allowed
