"""When a generator or battery leaves the grid, and how it comes back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ortsnetz_hil.plant.devices.following import Elapsed
from ortsnetz_hil.plant.devices.sliding_mean import SlidingMean
from ortsnetz_hil.plant.devices.specs import InverterControl, Trip

LOST_PU = 0.2
"""Below it a phase counts as lost: islanding detection disconnects (VDE-AR-N 4105, 6.5.3)."""
GRID_LOST = "grid lost"
ROUNDING_S = 1e-9
"""Plant time adds up steps; a delay that is over but for rounding is over."""


class Stage:
    """One protection stage: picks up beyond its setting, trips when that has lasted."""

    def __init__(self, spec: Trip) -> None:
        self.spec = spec
        self._mean = SlidingMean(spec.mean_s) if spec.mean_s > 0.0 else None
        self._since_s: float | None = None

    @property
    def name(self) -> str:
        """How reports call it, such as `U > 1.1 pu (600 s mean)`."""
        sign = ">" if self.spec.over else "<"
        mean = f" ({self.spec.mean_s:g} s mean)" if self._mean else ""
        return f"U {sign} {self.spec.u_pu:g} pu{mean}"

    def watch(self, now_s: float, passed_s: float, u_pu: NDArray[np.float64]) -> bool:
        """Look at the terminals' voltages; returns whether the stage trips.

        What is seen at `now_s` has held since the look before: means and delays include that time.
        """
        seen = self._mean.add(u_pu, passed_s) if self._mean else u_pu
        setting = self.spec.u_pu
        beyond = bool(seen.max() > setting) if self.spec.over else bool(seen.min() < setting)
        if not beyond:
            self._since_s = None
            return False
        if self._since_s is None:
            self._since_s = now_s - passed_s
        return now_s - self._since_s >= self.spec.after_s - ROUNDING_S


class GridConnection:
    """The switch between a device and the grid with its protection.

    It opens when a stage trips or a phase is lost. It closes once all phases have been within the
    band of reconnection for its time; the time begins only when no stage trips any more, so that a
    mean that is still too high does not open it again at once. Then power is ramped from zero.

    Attributes:
        tripped: whether the device is off the grid.
        reason: why; None while it is connected.
    """

    def __init__(self, control: InverterControl) -> None:
        self.tripped = False
        self.reason: str | None = None
        self._control = control
        self._stages = [Stage(spec) for spec in control.trips]
        self._elapsed = Elapsed()
        self._healthy_since_s: float | None = None
        self._ramp_from_s: float | None = None

    def advance(self, now_s: float, u_pu: NDArray[np.float64]) -> float:
        """Live through one step.

        Args:
            now_s: plant seconds.
            u_pu: phase-to-neutral voltages of the terminals, shape (terminals,).

        Returns:
            Share of its rating that the device may use: 0 while tripped, 1 in normal operation.
        """
        passed_s = self._elapsed.until(now_s)
        # every stage has to see every voltage, also behind one that trips
        tripping = [stage for stage in self._stages if stage.watch(now_s, passed_s, u_pu)]
        if tripping or u_pu.min() < LOST_PU:
            self._open(tripping[0].name if tripping else GRID_LOST)
        elif self.tripped:
            self._wait(now_s, u_pu)
        return self._share(now_s)

    def _open(self, reason: str) -> None:
        self._healthy_since_s = self._ramp_from_s = None
        if not self.tripped:
            self.tripped, self.reason = True, reason

    def _wait(self, now_s: float, u_pu: NDArray[np.float64]) -> None:
        low, high = self._control.reconnect_u_pu
        inside = low <= u_pu.min() and u_pu.max() <= high
        if not inside:
            self._healthy_since_s = None
            return
        if self._healthy_since_s is None:
            self._healthy_since_s = now_s
        if now_s - self._healthy_since_s >= self._control.reconnect_after_s - ROUNDING_S:
            self.tripped, self.reason = False, None
            self._ramp_from_s = now_s

    def _share(self, now_s: float) -> float:
        if self.tripped:
            return 0.0
        if self._ramp_from_s is None:
            return 1.0
        share = (now_s - self._ramp_from_s) * self._control.reconnect_ramp_per_s
        if share >= 1.0:
            self._ramp_from_s = None
        return min(share, 1.0)
