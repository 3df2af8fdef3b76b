"""The fail-safe: what holds while there is no verified state. Time comes in as an argument."""

from __future__ import annotations

from enum import StrEnum

from ortsnetz_common.parameters.parameter_set import Timing
from ortsnetz_common.parameters.station import Device


class AgentMode(StrEnum):
    """Mode of the agent, as its health says it."""

    STARTING = "starting"  # no verified state yet; limits as they were found
    ACTIVE = "active"  # this cycle's state is verified
    SAFE = "safe"  # not verified at the moment; limits kept, none raised
    BLIND = "blind"  # not verified for too long; limits on their way to the fallback


class FailSafe:
    """Keeps time since the last verified state and ramps limits down when it gets too long."""

    def __init__(self, timing: Timing, *, now: float) -> None:
        """Start in the safe state.

        Args:
            timing: of the parameter set.
            now: monotonic time, s.
        """
        self._timing = timing
        self._started = now
        self._verified: float | None = None
        self._blind_from: float | None = None
        self._ramp_start: dict[str, float] = {}

    @property
    def ever_verified(self) -> bool:
        """Whether there has been a verified state since the start."""
        return self._verified is not None

    def age_s(self, now: float) -> float | None:
        """Age of the last verified state; None if there was none yet."""
        return None if self._verified is None else now - self._verified

    def step(self, *, verified: bool, now: float) -> AgentMode:
        """Mode of this cycle."""
        if verified:
            self._verified = now
            self._blind_from = None
            self._ramp_start.clear()
            return AgentMode.ACTIVE
        since = self._started if self._verified is None else self._verified
        if now - since >= self._timing.blind_fallback_s:
            if self._blind_from is None:
                self._blind_from = now
            return AgentMode.BLIND
        return AgentMode.STARTING if self._verified is None else AgentMode.SAFE

    def fallback_w(self, device: Device, present_w: float, *, now: float) -> float | None:
        """Limit that the fail-safe asks for at a device; None while it asks for none.

        From the limit in force when the ramp began, in a straight line down to the device's
        fallback; it is never a reason to raise anything.

        Args:
            device: the device.
            present_w: limit in force, magnitude.
            now: monotonic time, s.
        """
        if self._blind_from is None:
            return None
        start_w = self._ramp_start.setdefault(device.name, present_w)
        if start_w <= device.fallback_w:
            return start_w
        ramp_s = self._timing.blind_ramp_s
        done = 1.0 if ramp_s <= 0 else min(1.0, (now - self._blind_from) / ramp_s)
        return start_w + (device.fallback_w - start_w) * done
