"""Is what the store holds of reporting devices what they showed? By value and instant, no count."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from msgspec import Struct

from ortsnetz_common.measurement.quality import Validity, validity
from ortsnetz_common.measurement.time import NS_PER_S, TimeQuality
from ortsnetz_hil.servers.shown import Shown

NS_PER_MS = 1_000_000
ARRIVAL_NS = 3 * NS_PER_S
"""A value that its receiver has stamped is at most so much older."""
RELATIVE = 1e-6
"""Single precision has 24 binary digits."""
STEPS = {"PhV": 0.01, "A": 0.001, "W": 0.1, "VAr": 0.1}
"""Smallest steps in which the protocols carry V, A, W and var, see docs/register-maps.md."""


class StoredSample(Struct, frozen=True, forbid_unknown_fields=True):
    """A line of `ortsnetz cockpit last`."""

    point: str
    time_ns: int
    value: float | None
    quality: int
    time_quality: int


class Reported(Struct, frozen=True):
    """Devices behind station servers, from what they showed to the store.

    Attributes:
        devices: how many there are.
        committed: values of theirs that the store holds.
        points: measured quantities of theirs.
        compared: last values of each that were compared with what the device showed at the
            instant that the value carries.
        different: of these, those that were not shown then.
        unheard: points of which the store holds no valid value at the end.
        worst: the first of the different ones, in words.
    """

    devices: int
    committed: int
    points: int
    compared: int
    different: int
    unheard: int
    worst: str | None = None


@dataclass(slots=True)
class _Tally:
    compared: int = 0
    different: int = 0
    worst: str | None = None


def compare(shown: Mapping[str, Shown], stored: Iterable[StoredSample], committed: int) -> Reported:
    """Compare the last values in the store with what devices showed.

    A value with its source's own time has to be the one of that very step, to the resolution of
    the protocol. One that its receiver has stamped has to be one of the last three seconds before.

    Args:
        shown: by device.
        stored: the last samples of these devices, some of each point.
        committed: values of these devices in the store.
    """
    tally = _Tally()
    heard: set[str] = set()
    for sample in stored:
        device, _, name = sample.point.partition("/")
        if sample.value is None or validity(sample.quality) is Validity.INVALID:
            continue
        if name not in shown[device].points:
            continue
        candidates = _candidates(shown[device], name, sample)
        heard.add(sample.point)
        tally.compared += 1
        step = _step(name)
        if not any(_same(sample.value, value, step) for value in candidates):
            tally.different += 1
            tally.worst = tally.worst or _words(sample, candidates)
    points = sum(len(each.points) for each in shown.values())
    return Reported(
        devices=len(shown),
        committed=committed,
        points=points,
        compared=tally.compared,
        different=tally.different,
        unheard=points - len(heard),
        worst=tally.worst,
    )


def _candidates(shown: Shown, name: str, sample: StoredSample) -> list[float | None]:
    """What the device showed at the sample's instant, or shortly before its arrival."""
    place = shown.points.index(name)
    # protocols carry whole milliseconds
    times_ms = [time_ns // NS_PER_MS for time_ns in shown.times_ns]
    last = bisect_right(times_ms, sample.time_ns // NS_PER_MS)
    if sample.time_quality & TimeQuality.SET_BY_RECEIVER:
        first = bisect_right(times_ms, (sample.time_ns - ARRIVAL_NS) // NS_PER_MS)
        return [values[place] for values in shown.values[first:last]]
    if last == 0:  # older than what the plant remembers, and in force ever since
        return [shown.values[0][place]]
    if times_ms[last - 1] != sample.time_ns // NS_PER_MS:
        return [None]  # the device made no step at this instant: nothing can be equal
    return [shown.values[last - 1][place]]


def _step(name: str) -> float:
    quantity = name.split(".")[1]
    return STEPS[quantity]


def _same(stored: float, value: float | None, step: float) -> bool:
    return value is not None and abs(stored - value) <= step / 2 + RELATIVE * abs(value) + 1e-9


def _words(sample: StoredSample, candidates: list[float | None]) -> str:
    near = [value for value in candidates if value is not None]
    said = f"{min(near, key=lambda v: abs(v - (sample.value or 0.0)))}" if near else "nothing"
    return f"{sample.point}: {sample.value} in the store, {said} shown at {sample.time_ns}"
