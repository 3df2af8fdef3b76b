"""What the report draws: the truth of a run, thinned out so that no extreme is lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from ortsnetz_hil.plant.configuration import PlantConfiguration
from ortsnetz_hil.verdict import states
from ortsnetz_hil.verdict.excursions import Vector
from ortsnetz_hil.verdict.recording import CannotJudgeError, Happening, Recording
from ortsnetz_hil.verdict.truth import Row

T = TypeVar("T")
MOST_POINTS = 1500
KINDS = ("charge points", "inverters", "heat pumps", "batteries")
_POWERS = ("device_w", "request_w", "limit_w")
NEARLY_W = 1.0
MOST_LANES = 12


@dataclass(frozen=True, slots=True)
class Kind:
    """Devices of a kind, kW in all: what they took or fed in, wanted, and were allowed."""

    name: str
    served_kw: Vector
    wanted_kw: Vector
    limit_kw: Vector


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a strip, plant seconds."""

    first_s: float
    last_s: float
    word: str


@dataclass(frozen=True, slots=True)
class Lane:
    """A named strip with its stretches."""

    name: str
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """Everything that is drawn.

    Attributes:
        time_s: plant seconds, shape (points,), as all vectors here.
        limited: devices whose limit is below their rating.
        tap: position of the tap changer, None where there is none.
        loading_limit, u_limits: what the run is judged by.
        happened, modes, qualities, alarms: None where the run has left nothing about them.
        good: how many sources were good all the time.
    """

    seconds: float
    time_s: Vector
    transformer: Vector
    line: Vector
    u_min: Vector
    u_max: Vector
    kinds: tuple[Kind, ...]
    limited: Vector
    tap: Vector | None
    loading_limit: float
    u_limits: tuple[float, float]
    happened: tuple[Happening, ...] | None
    modes: Lane | None
    qualities: tuple[Lane, ...] | None
    good: int
    alarms: tuple[Lane, ...] | None


def run(recording: Recording) -> Run:
    """Gather what is drawn.

    Raises:
        CannotJudgeError: there is no truth in the run.
    """
    rows = [row for row in recording.rows if 0.0 <= row.time_s < recording.seconds]
    if not rows:
        raise CannotJudgeError("there is no truth to draw")
    bins = _bins(len(rows))
    plant = recording.configuration
    sources = _known(lambda: _sources(recording))
    alarms = _known(lambda: _alarms(recording))
    happened = _known(recording.happened)
    return Run(
        seconds=recording.seconds,
        time_s=np.array([row.time_s for row in rows])[bins],
        transformer=_thin(_column(rows, "transformer_loading"), bins, np.maximum),
        line=_thin(_column(rows, "line_loading"), bins, np.maximum),
        u_min=_thin(_column(rows, "u_min"), bins, np.minimum),
        u_max=_thin(_column(rows, "u_max"), bins, np.maximum),
        kinds=_kinds(plant, rows, bins),
        limited=_limited(plant, rows, bins),
        tap=np.array([row.tap[0] for row in rows], float)[bins] if plant.tap_changers else None,
        loading_limit=plant.loading,
        u_limits=plant.u_pu,
        happened=None if happened is None else tuple(happened),
        modes=_known(lambda: _modes(recording)),
        qualities=None if sources is None else sources[0],
        good=0 if sources is None else sources[1],
        alarms=alarms,
    )


def _known(ask: Callable[[], T]) -> T | None:
    try:
        return ask()
    except CannotJudgeError:
        return None


def _bins(count: int) -> np.ndarray:
    """First row of each point: all rows while there are few of them."""
    return np.unique(np.linspace(0, count, min(count, MOST_POINTS), endpoint=False).astype(int))


def _thin(values: Vector, bins: np.ndarray, extreme: np.ufunc) -> Vector:
    return np.asarray(extreme.reduceat(values, bins, axis=0))


def _column(rows: Sequence[Row], name: str) -> Vector:
    return np.array([getattr(row, name) for row in rows], float)


def _ratings_w(plant: PlantConfiguration) -> list[tuple[str, Vector]]:
    """Ratings of the devices by kind, in the order of the truth; kinds without devices too."""
    return [
        (KINDS[0], np.array([p.rated_a * 230.0 * len(p.phases) for p in plant.charge_points])),
        (KINDS[1], np.array([p.rated_w for p in plant.inverters])),
        (KINDS[2], np.array([p.rated_w for p in plant.heat_pumps])),
        (KINDS[3], np.array([p.rated_w for p in plant.batteries])),
    ]


def _kinds(plant: PlantConfiguration, rows: Sequence[Row], bins: np.ndarray) -> tuple[Kind, ...]:
    found, first = [], 0
    every = {name: np.array([getattr(row, name) for row in rows], float)[bins] for name in _POWERS}
    for name, ratings in _ratings_w(plant):
        own = slice(first, first + ratings.size)
        first += ratings.size
        if ratings.size and all(values.shape[1] >= first for values in every.values()):
            sums = {field: np.abs(v[:, own]).sum(axis=1) / 1000 for field, v in every.items()}
            found.append(Kind(name, sums["device_w"], sums["request_w"], sums["limit_w"]))
    return tuple(found)


def _limited(plant: PlantConfiguration, rows: Sequence[Row], bins: np.ndarray) -> Vector:
    rated = np.concatenate([ratings for _, ratings in _ratings_w(plant)])
    limits = np.array([row.limit_w for row in rows], float)[bins]
    count = min(rated.size, limits.shape[1])
    return np.asarray((limits[:, :count] < rated[:count] - NEARLY_W).sum(axis=1), float)


def _modes(recording: Recording) -> Lane:
    stretches = states.modes(recording).stretches(recording.seconds)
    return Lane("mode", _cut([Segment(*one) for one in stretches], recording.seconds))


def _sources(recording: Recording) -> tuple[tuple[Lane, ...], int]:
    """Sources that were not good at some time, and how many always were."""
    found = states.qualities(recording)
    lanes = []
    for name, known in sorted(found.items()):
        bad = [Segment(a, b, "") for a, b, good in known.stretches(recording.seconds) if not good]
        segments = _cut(bad, recording.seconds)
        if segments:
            lanes.append(Lane(name, segments))
    return tuple(lanes), len(found) - len(lanes)


def _alarms(recording: Recording) -> tuple[Lane, ...]:
    keys = sorted({alarm.key for alarm in recording.heard().alarms})
    lanes = []
    for key in keys:
        known = states.alarms(recording, key, literal=True)
        standing = [Segment(a, b, "") for a, b, on in known.stretches(recording.seconds) if on]
        segments = _cut(standing, recording.seconds)
        if segments:
            lanes.append(Lane(key, segments))
    return tuple(sorted(lanes, key=lambda lane: (lane.segments[0].first_s, lane.name)))


def _cut(segments: Sequence[Segment], seconds: float) -> tuple[Segment, ...]:
    """What of them lies inside the run."""
    return tuple(
        Segment(max(one.first_s, 0.0), min(one.last_s, seconds), one.word)
        for one in segments
        if one.last_s > 0.0 and one.first_s < seconds
    )
