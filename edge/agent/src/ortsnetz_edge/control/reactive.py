"""Characteristics of inverters: reactive power and highest feed-in over their own voltage. Pure.

Both rest on what the device itself measures, so they go on while the agent is blind. Where a
voltage is missing, what was asked last is kept: nothing is taken back that a high one asked for. A
voltage that no network in service has is missing, too: behind a blown fuse a terminal shows 0 V.
"""

from __future__ import annotations

from dataclasses import dataclass

from ortsnetz_common.link.messages import SetpointSource
from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.station import NOMINAL_PHASE_V, Device
from ortsnetz_common.parameters.voltage import Points
from ortsnetz_edge.control.adjustment import Adjustment, AdjustmentControl
from ortsnetz_edge.control.arbitration import Claim
from ortsnetz_grid.functions.voltage.characteristics import (
    TIME_CONSTANT_S,
    lagged,
    reactive_var,
    share_at,
)

NEARLY_FREE = 0.999
"""Above this share nothing is asked: a lag never quite ends."""
LEAST_PU, MOST_PU = 0.7, 1.3
"""Voltages outside are a disturbance, a blown fuse or a mistake: nothing is concluded from them."""


def voltages_pu(reading: Reading | None, nominal_v: float = NOMINAL_PHASE_V) -> tuple[float, ...]:
    """Phase-to-neutral voltages that a source says, pu; empty if it says none."""
    if reading is None:
        return ()
    return tuple(volts / nominal_v for volts in reading.voltage_v if volts is not None)


def _plausible_pu(reading: Reading | None) -> tuple[float, ...]:
    """Those that a network in service can have; NaN is in no range."""
    return tuple(u_pu for u_pu in voltages_pu(reading) if LEAST_PU <= u_pu <= MOST_PU)


@dataclass(slots=True)
class FeedInControl:
    """P(U) of one inverter, on its highest voltage.

    It begins where the characteristic is, without a lag: before a restart it may have been there.
    While a terminal does not say its voltage, that may be the highest: then nothing is given back.

    Attributes:
        share: of the rating that the characteristic allows, lagged.
    """

    device: Device
    points: Points
    share: float = 1.0
    _u_pu: float | None = None
    _terminals: int = 0  # that have ever said a voltage: some devices measure only one

    def step(self, reading: Reading | None, dt_s: float) -> Claim | None:
        """What is asked in this cycle; None where the characteristic asks for nothing."""
        voltages = _plausible_pu(reading)
        self._terminals = max(self._terminals, len(voltages_pu(reading)))
        if voltages:
            highest = max(voltages)
            target = share_at(self.points, highest)
            if self._u_pu is None:
                self.share = target
            if target <= self.share or len(voltages) >= self._terminals:
                self._u_pu = highest
                self.share = lagged(self.share, target, dt_s, TIME_CONSTANT_S)
        if self.share >= NEARLY_FREE or self._u_pu is None:
            return None
        reason = f"P(U): {self._u_pu:.3f} pu at its terminals"
        return Claim(SetpointSource.SAFETY, self.share * self.device.rated_w, reason)


@dataclass(slots=True)
class ReactiveControl:
    """Reactive power of one device: what the decision tells, else its characteristic.

    Attributes:
        control: of the set point.
        points: Q(U); None for none.
        asked: var, inductive consumption positive; None while nobody has asked yet.
    """

    device: Device
    control: AdjustmentControl
    points: Points | None
    hold_s: float
    asked: float | None = None
    _told_at: float | None = None
    _reason: str = ""
    _terminals: int = 0  # that have ever said a voltage

    def step(
        self, reading: Reading | None, told: float | None, dt_s: float, *, now: float
    ) -> Adjustment | None:
        """What has to be written in this cycle.

        Args:
            reading: of the device in this cycle; None while it does not answer.
            told: by a verified decision of this cycle, var; None where it tells nothing.
            dt_s: since the last cycle.
            now: monotonic time, s.
        """
        self._terminals = max(self._terminals, len(voltages_pu(reading)))
        if told is not None:
            self.asked, self._told_at = told, now
            self._reason = "the network's limits, reactive power first"
        elif self._told_at is None or now - self._told_at >= self.hold_s:
            self._told_at = None
            self._by_itself(_plausible_pu(reading), dt_s)
        if self.asked is None or reading is None:
            return None
        return self.control.due(self.asked, self._reason, now=now)

    def _by_itself(self, voltages: tuple[float, ...], dt_s: float) -> None:
        """Follow the characteristic; without one, give back what was asked."""
        if self.points is None:
            if self.asked is not None:
                self.asked = lagged(self.asked, 0.0, dt_s, TIME_CONSTANT_S)
                self._reason = "no reactive power needed"
            return
        if not voltages or len(voltages) < self._terminals:
            return
        u_pu = sum(voltages) / len(voltages)
        device = self.device
        target = reactive_var(self.points, u_pu, device.reactive_var, device.apparent_va)
        present = self.control.in_force or 0.0 if self.asked is None else self.asked
        self.asked = lagged(present, target, dt_s, TIME_CONSTANT_S)
        self._reason = f"Q(U): {u_pu:.3f} pu at its terminals"
