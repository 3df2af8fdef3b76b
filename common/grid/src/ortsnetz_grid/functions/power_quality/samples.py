"""Samples of voltages and currents, with their instants and flags."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.time import NS_PER_S

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
Flags = NDArray[np.bool_]


class Kind(StrEnum):
    """What a channel measures; the value is the unit."""

    VOLTAGE = "V"
    CURRENT = "A"


@dataclass(frozen=True, slots=True)
class Channel:
    """One measured quantity.

    Attributes:
        name: as people call it, `u_a`.
        kind: voltage to neutral, or current.
        phase: `a`, `b`, `c` or `n`.
    """

    name: str
    kind: Kind
    phase: str


def channels_of_feeder(*, neutral: bool = True) -> tuple[Channel, ...]:
    """The usual layout of IEC 61850-9-2LE: currents a, b, c, n, then voltages a, b, c, n."""
    phases = "abcn" if neutral else "abc"
    return tuple(
        Channel(f"{letter}_{phase}", kind, phase)
        for letter, kind in (("i", Kind.CURRENT), ("u", Kind.VOLTAGE))
        for phase in phases
    )


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """A block of samples at a constant rate.

    Attributes:
        start_ns: instant of the first sample, UTC, nanoseconds since 1970.
        rate_hz: samples a second.
        channels: what the rows are.
        values: instantaneous values, V or A, shape (channels, samples).
        lost: per sample, true where it never came; its values are not looked at.
        unsynchronised: per sample, true where the source said that its clock is not synchronised.
    """

    start_ns: int
    rate_hz: float
    channels: tuple[Channel, ...]
    values: Real
    lost: Flags
    unsynchronised: Flags

    def __post_init__(self) -> None:
        """Refuse what does not fit together."""
        count = self.values.shape[-1]
        if self.values.shape != (len(self.channels), count):
            raise InputError(
                f"samples: {len(self.channels)} channels are named, the values have the shape"
                f" {self.values.shape}"
            )
        seen: dict[tuple[Kind, str], str] = {}
        for channel in self.channels:
            key = (channel.kind, channel.phase)
            other = seen.get(key)
            seen[key] = channel.name
            if other is not None:
                raise InputError(
                    f"samples: {other} and {channel.name} are both of phase {channel.phase} in"
                    f" {channel.kind.value}"
                )
        if self.lost.shape != (count,) or self.unsynchronised.shape != (count,):
            raise InputError(f"samples: {count} samples need as many flags")
        if not self.rate_hz > 0.0:
            raise InputError(f"samples: a rate of {self.rate_hz} Hz is none")
        there = self.values[:, ~self.lost]
        if not np.isfinite(there).all():
            row = int(np.flatnonzero(~np.isfinite(there).all(axis=1))[0])
            raise InputError(
                f"samples: channel {self.channels[row].name} has a value that is no number and is"
                " not marked as lost"
            )

    @classmethod
    def whole(
        cls, start_ns: int, rate_hz: float, channels: tuple[Channel, ...], values: Real
    ) -> Samples:
        """A block without loss from a synchronised source."""
        none = np.zeros(values.shape[-1], dtype=np.bool_)
        return cls(start_ns, rate_hz, channels, values, none, none)

    @property
    def count(self) -> int:
        """Number of samples of a channel."""
        return int(self.values.shape[1])

    @property
    def end_ns(self) -> int:
        """Instant of the sample that would follow."""
        return self.instant_ns(self.count)

    def instant_ns(self, position: float) -> int:
        """Instant of a sample, or of a place between two."""
        return self.start_ns + round(position * NS_PER_S / self.rate_hz)

    def rows(self, kind: Kind) -> tuple[int, ...]:
        """Rows of the phase channels (a, b, c) of this kind, in this order."""
        found = {c.phase: k for k, c in enumerate(self.channels) if c.kind is kind}
        return tuple(found[phase] for phase in "abc" if phase in found)

    def from_sample(self, first: int) -> Samples:
        """The same without the samples before `first`."""
        return Samples(
            self.instant_ns(first),
            self.rate_hz,
            self.channels,
            self.values[:, first:],
            self.lost[first:],
            self.unsynchronised[first:],
        )


def joined(before: Samples, after: Samples, missing: int) -> Samples:
    """Two blocks of the same source, with so many lost samples between them.

    The instants are those of the later block: at 14,400 samples/s an instant is no whole number of
    nanoseconds, and what is rounded would add up to half a sample within a day.
    """
    length = before.count + missing
    gap = np.zeros((len(before.channels), missing))
    return Samples(
        after.start_ns - round(length * NS_PER_S / before.rate_hz),
        before.rate_hz,
        before.channels,
        np.concatenate((before.values, gap, after.values), axis=1),
        np.concatenate((before.lost, np.ones(missing, dtype=np.bool_), after.lost)),
        np.concatenate(
            (before.unsynchronised, np.zeros(missing, dtype=np.bool_), after.unsynchronised)
        ),
    )
