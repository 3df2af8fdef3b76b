"""What an SCL file rarely says of a device, and the ranges that follow from it."""

from __future__ import annotations

from dataclasses import dataclass

from ortsnetz_edge.console.scl.measured import Range
from ortsnetz_edge.profiles.schema import Direction


@dataclass(frozen=True, slots=True)
class Ratings:
    """What the file rarely says and the technician knows; None where he does not say it either.

    Attributes:
        direction: which way of power counts as positive.
        voltage_v: nominal, phase to neutral.
        current_a: rated, per phase.
        frequency_hz: nominal.
    """

    direction: Direction
    voltage_v: float | None = None
    current_a: float | None = None
    frequency_hz: float = 50.0

    def voltage(self) -> Range | None:
        """Plausible voltages, V."""
        return None if self.voltage_v is None else (0.0, 2 * self.voltage_v)

    def current(self) -> Range | None:
        """Plausible currents, A."""
        return None if self.current_a is None else (0.0, 2 * self.current_a)

    def power(self, phases: int = 1) -> Range | None:
        """Plausible powers, W, var or VA."""
        if self.voltage_v is None or self.current_a is None:
            return None
        most = 4 * self.voltage_v * self.current_a * phases
        return (-most, most)

    def frequency(self) -> Range:
        """Plausible frequencies, Hz."""
        return (0.8 * self.frequency_hz, 1.2 * self.frequency_hz)
