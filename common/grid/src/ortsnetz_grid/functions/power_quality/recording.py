"""A recorded waveform: samples before and after a trigger, and what is known about it."""

from __future__ import annotations

from dataclasses import dataclass

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.power_quality.samples import Flags, Samples


@dataclass(frozen=True, slots=True, eq=False)
class Status:
    """A binary signal beside the samples, of the same length."""

    name: str
    values: Flags


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """A recorded waveform.

    Attributes:
        samples: of it.
        trigger_ns: instant of the trigger, UTC.
        station, device: where it was recorded, and by what.
        reason: why.
        nominal_hz: of the grid.
        statuses: binary signals.
        left_out: channels of the file that are not among the samples.
    """

    samples: Samples
    trigger_ns: int
    station: str = ""
    device: str = ""
    reason: str = ""
    nominal_hz: int = 50
    statuses: tuple[Status, ...] = ()
    left_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what does not fit together."""
        for status in self.statuses:
            if len(status.values) != self.samples.count:
                raise InputError(
                    f"recording: status {status.name} has {len(status.values)} values,"
                    f" there are {self.samples.count} samples"
                )

    @property
    def trigger_sample(self) -> int:
        """The first sample at the trigger or after it."""
        return round((self.trigger_ns - self.samples.start_ns) * self.samples.rate_hz / 1e9)
