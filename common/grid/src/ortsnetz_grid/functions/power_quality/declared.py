"""What a place of measurement is declared to be, and the thresholds of its events."""

from __future__ import annotations

from dataclasses import dataclass

from ortsnetz_common.errors import InputError


@dataclass(frozen=True, slots=True)
class Declared:
    """Settings of a place of measurement.

    Attributes:
        voltage_v: declared input voltage U_din, phase to neutral (IEC 61000-4-30, 3.2).
        nominal_hz: 50 or 60.
        dip_pu, swell_pu, interruption_pu: thresholds in terms of `voltage_v`; EN 50160 has 0.9,
            1.1 and 0.05.
        hysteresis_pu: typically 0.02 (IEC 61000-4-30, 5.4.2.1).
    """

    voltage_v: float = 230.0
    nominal_hz: int = 50
    dip_pu: float = 0.90
    swell_pu: float = 1.10
    interruption_pu: float = 0.05
    hysteresis_pu: float = 0.02

    def __post_init__(self) -> None:
        """Refuse what no place has."""
        if self.nominal_hz not in (50, 60):
            raise InputError(f"power quality: nominal frequency {self.nominal_hz} Hz, not 50 or 60")
        if not self.voltage_v > 0.0:
            raise InputError(f"power quality: a declared voltage of {self.voltage_v} V is none")
        if not 0.0 < self.interruption_pu < self.dip_pu < 1.0 < self.swell_pu:
            raise InputError(
                "power quality: thresholds have to be 0 < interruption < dip < 1 < swell, and are"
                f" {self.interruption_pu}, {self.dip_pu}, {self.swell_pu}"
            )

    @property
    def cycles_of_window(self) -> int:
        """10 cycles at 50 Hz, 12 at 60 Hz: about 200 ms (IEC 61000-4-30, 4.4)."""
        return self.nominal_hz // 5
