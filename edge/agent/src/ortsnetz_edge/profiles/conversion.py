"""How raw values become values: scale, power of ten, switch, clock. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ortsnetz_common.measurement.time import NS_PER_S

MAX_POWER_OF_TEN = 10  # SunSpec: sunssf is -10 to 10
_NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Conversion:
    """How a raw value becomes a value: `raw * 10^raws[exponent] * factor + offset`.

    Attributes:
        raw: place of the raw value among the references.
        exponent: place of the power of ten; None for none.
        voltages: conversions of the voltages whose sum multiplies as well: amperes to watts.
        enabled: place and raw value that say that the value holds; `otherwise` holds else,
            None for no value.
    """

    raw: int
    factor: float
    offset: float = 0.0
    exponent: int | None = None
    voltages: tuple[Conversion, ...] = ()
    enabled: tuple[int, int] | None = None
    otherwise: float | None = 0.0

    def value(self, raws: Sequence[float | None]) -> float | None:
        """The value; None where anything it needs is missing or no number."""
        if self.enabled is not None:
            switch = raws[self.enabled[0]]
            if switch is None:
                return None
            if switch != self.enabled[1]:
                return self.otherwise
        raw = raws[self.raw]
        if raw is None:
            return None
        value = raw * self.factor
        if self.exponent is not None:
            power = raws[self.exponent]
            if power is None or abs(power) > MAX_POWER_OF_TEN:
                return None
            value *= 10.0**power
        value += self.offset
        if self.voltages:
            total = 0.0
            for voltage in self.voltages:
                volts = voltage.value(raws)
                if not volts:  # without its voltage the power is unknown, not zero
                    return None
                total += volts
            value *= total
        return value if math.isfinite(value) else None

    @property
    def is_single(self) -> bool:
        """Whether the value rests on its own raw value alone."""
        return self.exponent is None and self.enabled is None and not self.voltages

    @property
    def places(self) -> tuple[int, ...]:
        """Places of all raw values that the value rests on, its own first."""
        found = (self.raw,) if self.exponent is None else (self.raw, self.exponent)
        switch = () if self.enabled is None else (self.enabled[0],)
        further = (place for voltage in self.voltages for place in voltage.places)
        return tuple(dict.fromkeys((*found, *switch, *further)))


@dataclass(frozen=True, slots=True)
class ClockPlaces:
    """Where the device's clock is among the raw values."""

    milliseconds: int | None = None
    seconds: int | None = None
    fraction_ms: int | None = None

    def time_ns(self, raws: Sequence[float | None]) -> int | None:
        """The device's clock, UTC ns; None where it says none."""
        if self.milliseconds is not None:
            raw = _finite(raws[self.milliseconds])
            return round(raw) * _NS_PER_MS if raw else None
        seconds = None if self.seconds is None else _finite(raws[self.seconds])
        if not seconds:
            return None
        fraction = 0.0 if self.fraction_ms is None else _finite(raws[self.fraction_ms])
        return None if fraction is None else int(seconds) * NS_PER_S + round(fraction) * _NS_PER_MS


def _finite(raw: float | None) -> float | None:
    return raw if raw is not None and math.isfinite(raw) else None
