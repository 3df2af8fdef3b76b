"""The value that a reference means among the newest results. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ortsnetz_common.link.sample_blocks import Counters
from ortsnetz_common.measurement.quality import Quality, worst
from ortsnetz_common.measurement.time import TimeQuality
from ortsnetz_edge.drivers.sampled_values.place import Newest
from ortsnetz_edge.profiles.references.sampled_values import PowerQualityReference
from ortsnetz_grid.functions.power_quality.aggregation import Interval
from ortsnetz_grid.functions.power_quality.harmonics import distortion
from ortsnetz_grid.functions.power_quality.record import LEAST_COVERED
from ortsnetz_grid.functions.power_quality.samples import Channel
from ortsnetz_grid.functions.power_quality.window import Quantities, Window

MISSING = int(Quality.INVALID | Quality.FAILURE)
OFF = int(TimeQuality.CLOCK_NOT_SYNCHRONISED)
DIRECTIONS = {"unknown": 0.0, "forward": 1.0, "reverse": 2.0}
"""Of faults, as IEC 61850-7-3 numbers them (`dirGeneral`)."""
OLDEST_S = {"200ms": 0.6, "3s": 6.0, "10s": 20.0, "10min": 1200.0, "2h": 14400.0}
"""What ended longer before the last sample is of before a break: twice the interval; a window is
known some cycles after its end, once a block of 0.1 s is whole."""
NEWEST_PHASOR_S = 0.3
"""A synchrophasor that is older than that before the last sample is none of now."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value with its own quality and time; `None` where there is none."""

    value: float | None
    quality: int
    time_ns: int
    time_quality: int


class Values:
    """Looks values up."""

    def __init__(self, channels: tuple[Channel, ...]) -> None:
        self._rows = {channel.name: row for row, channel in enumerate(channels)}

    def value(
        self,
        reference: PowerQualityReference,
        newest: Newest,
        counters: Counters,
        qualities: tuple[int, ...],
    ) -> Value:
        """What a reference means.

        Args:
            reference: what is asked for.
            newest: the results.
            counters: of the stream.
            qualities: what the source said of each channel in the reference's interval.
        """
        interval = reference.interval
        if interval == "stream":
            number = float(getattr(counters, reference.quantity))
            return Value(number, 0, newest.end_ns, 0 if newest.synchronised else OFF)
        if interval == "pmu":
            return self._phasor(reference, newest, qualities)
        if interval == "10s":
            return _frequency(newest, self._quality(reference, qualities))
        if interval == "recording":
            return _direction(newest)
        if reference.quantity in {"pst", "plt"}:
            return _flicker(reference, newest, self._quality(reference, qualities))
        return self._aggregated(reference, newest, qualities)

    def _aggregated(
        self, reference: PowerQualityReference, newest: Newest, qualities: tuple[int, ...]
    ) -> Value:
        """Of a window, or an interval of windows."""
        interval = reference.interval
        found = newest.window if interval == "200ms" else newest.intervals.get(interval)
        if found is None:
            return _valued(None, 0, 0)
        off = 0 if found.synchronised else OFF
        if is_old(interval, found.end_ns, newest):
            return _valued(None, found.end_ns, off)
        number_or_none = self._of_window(reference, found, newest)
        quality = self._quality(reference, qualities)
        return _valued(number_or_none, found.end_ns, off, quality)

    def _of_window(
        self, reference: PowerQualityReference, found: Window | Interval, newest: Newest
    ) -> float | None:
        quantity = reference.quantity
        if isinstance(found, Window):
            if quantity == "events":
                return float(found.flags.value)
            if quantity == "frequency":
                return found.frequency_hz
            if quantity == "active_power":
                return newest.active_w.get(reference.of)
            if quantity == "reactive_power":
                return newest.reactive_var.get(reference.of)
        elif found.covered < LEAST_COVERED:
            return None
        return None if found.quantities is None else self._quantity(reference, found.quantities)

    def _quantity(self, reference: PowerQualityReference, has: Quantities) -> float | None:
        if reference.quantity in {"u2", "u0"}:
            unbalance = has.unbalance
            return None if unbalance is None else float(getattr(unbalance, reference.quantity))
        row = self._rows.get(reference.of)
        if row is None:
            return None
        if reference.quantity == "rms":
            return float(has.rms[row])
        if reference.quantity == "thd":
            return float(distortion(has.harmonics[row : row + 1])[0])
        orders = has.harmonics.shape[1] - 1
        return float(has.harmonics[row, reference.order]) if reference.order <= orders else None

    def _phasor(
        self, reference: PowerQualityReference, newest: Newest, qualities: tuple[int, ...]
    ) -> Value:
        phasor = newest.phasor
        if phasor is None:
            return _valued(None, 0, 0)
        off = 0 if phasor.synchronised else OFF
        if newest.end_ns - phasor.time_ns > NEWEST_PHASOR_S * 1e9:
            return _valued(None, phasor.time_ns, off)
        number: float | None = None
        if reference.quantity == "frequency":
            number = phasor.frequency_hz
        elif reference.quantity == "rocof":
            number = phasor.rocof_hz_s
        elif (row := self._rows.get(reference.quantity)) is not None:
            part = np.real if reference.of == "re" else np.imag
            number = float(part(phasor.phasors[row]))
        quality = self._quality(reference, qualities)
        return _valued(number, phasor.time_ns, off, quality)

    def _quality(self, reference: PowerQualityReference, qualities: tuple[int, ...]) -> int:
        """The worst of the channels that a value rests on."""
        rows = [self._rows[name] for name in self._channels(reference)]
        return worst(*(qualities[row] for row in rows if row < len(qualities)))

    def _channels(self, reference: PowerQualityReference) -> list[str]:
        for name in (reference.of, reference.quantity):  # a synchrophasor's channel is its quantity
            if name in self._rows:
                return [name]
        if reference.quantity in {"active_power", "reactive_power", "pst", "plt"}:
            power = reference.quantity.endswith("power")
            names = (f"u_{reference.of}", *((f"i_{reference.of}",) if power else ()))
            return [name for name in names if name in self._rows]
        return [name for name in self._rows if name.startswith("u_")]


def _frequency(newest: Newest, quality: int) -> Value:
    found = newest.frequency
    if found is None:
        return _valued(None, 0, 0)
    off, end_ns = 0 if found.synchronised else OFF, found.start_ns + 10 * 10**9
    return _valued(None if is_old("10s", end_ns, newest) else found.hz, end_ns, off, quality)


def is_old(interval: str, end_ns: int, newest: Newest) -> bool:
    """Whether a result is of before a break: samples have come long after it."""
    return newest.end_ns - end_ns > OLDEST_S[interval] * 1e9


def _flicker(reference: PowerQualityReference, newest: Newest, quality: int) -> Value:
    name = f"{reference.quantity}.{reference.of}"
    start, number, synchronised = newest.flicker.get(name, (0, None, True))
    end_ns = start + (600 if reference.quantity == "pst" else 7200) * 10**9 if start else 0
    old = is_old(reference.interval, end_ns, newest)
    return _valued(None if old else number, end_ns, 0 if synchronised else OFF, quality)


def _direction(newest: Newest) -> Value:
    at_ns, verdict = newest.fault or (0, None)
    return _valued(DIRECTIONS.get(verdict or ""), at_ns, 0 if newest.fault_synchronised else OFF)


def _valued(number: float | None, time_ns: int, time_quality: int, quality: int = 0) -> Value:
    """A number that is none is a missing value."""
    if number is None or not math.isfinite(number):
        return Value(None, MISSING, time_ns, time_quality)
    return Value(number, quality, time_ns, time_quality)
