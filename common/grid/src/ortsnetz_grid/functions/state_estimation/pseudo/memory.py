"""What a host keeps from cycle to cycle, so that silent meters can be remembered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.reading import PhaseValues, Reading
from ortsnetz_grid.functions.state_estimation.pseudo.ageing import FORGOTTEN_S, LastKnown


@dataclass(frozen=True, slots=True)
class Memory:
    """The last reading of each meter and device that said something; as many as there are names.

    Attributes:
        readings: by name.
        at_s: when each was said, s of any clock that only goes forward.
    """

    readings: Mapping[str, Reading] = field(default_factory=dict)
    at_s: Mapping[str, float] = field(default_factory=dict)

    def after(self, readings: Mapping[str, Reading], now_s: float) -> Memory:
        """The memory after a cycle.

        A reading replaces the remembered one if it says at least as much, or if the remembered one
        is too old for its voltages to count. So a meter that lost one terminal is remembered with
        all three, as old as they are.

        Args:
            readings: usable values of this cycle by name.
            now_s: the cycle's instant.

        Raises:
            InputError: the clock went back.
        """
        kept, times = dict(self.readings), dict(self.at_s)
        for name, reading in readings.items():
            said = _said(reading)
            if not any(said):
                continue
            age_s = now_s - times.get(name, now_s)
            if age_s < 0:
                raise InputError(f"'{name}' was remembered {-age_s:g} s after this cycle")
            before = _said(kept.get(name, Reading()))
            covered = all(new or not old for new, old in zip(said, before, strict=True))
            if covered or age_s > FORGOTTEN_S:
                kept[name], times[name] = reading, now_s
        return Memory(kept, times)

    def last(self, now_s: float) -> dict[str, LastKnown]:
        """For `measurements_from`, asked before `after` of the same cycle.

        Raises:
            InputError: the clock went back.
        """
        return {
            name: LastKnown(reading, now_s - self.at_s[name])
            for name, reading in self.readings.items()
        }


def _said(reading: Reading) -> tuple[bool, ...]:
    """Which of the nine values are there."""
    values: tuple[PhaseValues, ...] = (reading.voltage_v, reading.active_w, reading.reactive_var)
    return tuple(value is not None for phases in values for value in phases)
