"""Clouds and outdoor temperature.

The sky is a frozen field of clouds that the wind carries over the station: each roof sees the same
edge, one after the other, and neighbours see nearly the same. Clouds move in plant time: they are
the fast events that limits have to follow, while the sun's day passes in calendar time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.time import NS_PER_S
from ortsnetz_hil.plant.network_file import PlantNetwork
from ortsnetz_hil.plant.random_streams import stream

Values = NDArray[np.float64]

MODES = 96
WAVELENGTH_M = (600.0, 4_000.0)
WIND_M_S = (6.0, 12.0)
LOWEST, HIGHEST = 0.15, 1.05
BRIGHT_EDGE = 0.05
"""Light reflected from the sides of a cloud adds to the direct sun just before it is covered."""
TEMPERATURE_AMPLITUDE_K = 5.0
COLDEST_H = 6.0
DEGREE_M = 111_320.0
EXTENT_M = (10.0, 10_000.0)
SCATTER_M = 300.0


class Weather(Struct, frozen=True, forbid_unknown_fields=True):
    """The weather of a run.

    Attributes:
        sky: `clear`, `scattered`, `broken` or `overcast`.
        outdoor_c: mean outdoor temperature of the day.
    """

    sky: str = "clear"
    outdoor_c: float = 15.0


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of sky.

    Attributes:
        cover: share of the time under clouds.
        shade: transmission in the middle of a cloud.
        edge: width of a cloud's edge, in standard deviations of the field.
        depth: how much darker the thickest clouds still are.
    """

    cover: float
    shade: float
    edge: float
    depth: float


KINDS = {
    "clear": None,
    "scattered": _Kind(cover=0.3, shade=0.35, edge=1.4, depth=0.1),
    "broken": _Kind(cover=0.7, shade=0.3, edge=1.4, depth=0.1),
    "overcast": _Kind(cover=1.0, shade=0.32, edge=1.4, depth=0.16),
}
OVERCAST_BELOW = -8.0


class Sky:
    """Clouds over the station; the same for a seed, a kind and a second, in any order of calls.

    Args:
        kind: `clear`, `scattered`, `broken` or `overcast`.
        seed: seed of the plant.
        positions_m: places of the roofs in metres, shape (n, 2).
        begin_ns: beginning of the window; another day has other clouds.

    Raises:
        InputError: there is no such kind of sky.
    """

    def __init__(self, kind: str, seed: int, positions_m: Values, begin_ns: int = 0) -> None:
        if kind not in KINDS:
            raise InputError(f"there is no sky '{kind}': one of {', '.join(KINDS)}")
        self._kind = KINDS[kind]
        self._positions = np.asarray(positions_m, float).reshape(-1, 2)
        rng = stream(seed, f"clouds of {kind} from {begin_ns}")
        shortest, longest = WAVELENGTH_M
        lengths = np.exp(rng.uniform(math.log(shortest), math.log(longest), MODES))
        directions = rng.uniform(0.0, 2.0 * np.pi, MODES)
        self._waves = 2.0 * np.pi / lengths * np.array([np.cos(directions), np.sin(directions)])
        # large clouds carry more than small ones: amplitude grows with the cube root of the length
        weights = np.cbrt(lengths)
        self._amplitudes = weights * math.sqrt(2.0) / float(np.linalg.norm(weights))
        self._phases = rng.uniform(0.0, 2.0 * np.pi, MODES)
        towards = rng.uniform(0.0, 2.0 * np.pi)
        self.wind_m_s: Values = rng.uniform(*WIND_M_S) * np.array(
            [np.cos(towards), np.sin(towards)]
        )

    def shares(self, second: float) -> Values:
        """Transmission at each roof, 0.15 to 1.05; exactly 1 under a clear sky.

        Args:
            second: plant seconds since the beginning of the window; negative before it.

        Returns:
            Shape (n,).
        """
        if self._kind is None:
            return np.ones(len(self._positions))
        seen = (self._positions - second * self.wind_m_s) @ self._waves + self._phases
        field = np.cos(seen) @ self._amplitudes
        return _transmission(field, self._kind)


def _transmission(field: Values, kind: _Kind) -> Values:
    """Transmission of a field of zero mean and unit variance: clouds are where it is high."""
    threshold = _normal_quantile(1.0 - kind.cover)
    inside = (field - threshold) / kind.edge + 0.5
    covered = _smooth(inside)
    bright = BRIGHT_EDGE * _smooth(inside + 1.0) * (1.0 - covered)
    thick = kind.depth * (1.0 + np.tanh(field)) / 2.0
    share = 1.0 - (1.0 - kind.shade + thick) * covered + bright
    return np.asarray(np.clip(share, LOWEST, HIGHEST))


def _smooth(share: Values) -> Values:
    """Third-order step from 0 to 1."""
    inside = np.clip(share, 0.0, 1.0)
    return np.asarray(inside * inside * (3.0 - 2.0 * inside))


def _normal_quantile(share: float) -> float:
    """Quantile of the standard normal distribution; far below it for 0."""
    return NormalDist().inv_cdf(share) if share > 0.0 else OVERCAST_BELOW


def outdoor_c(mean_c: float, calendar_ns: int) -> float:
    """Outdoor temperature: 5 K about its mean, lowest at 06:00 and highest at 18:00.

    Args:
        mean_c: mean of the day.
        calendar_ns: calendar instant, UTC, ns.
    """
    hour = calendar_ns / NS_PER_S % 86_400.0 / 3600.0
    return mean_c - TEMPERATURE_AMPLITUDE_K * math.cos((hour - COLDEST_H) * math.pi / 12.0)


def positions_m(network: PlantNetwork, nodes: Sequence[int], seed: int) -> Values:
    """Places of nodes in metres about the middle of the network, shape (n, 2).

    The network file's `x` and `y` are taken as degrees or as metres, whichever gives a station of
    10 m to 10 km; where neither does, or a node has none, nodes are scattered over 300 m.
    """
    elements = network.elements("node")
    stated = [(node.get("x"), node.get("y")) for node in elements]
    ids = [int(node["id"]) for node in elements]
    places = _stated(stated)
    if places is None:
        rng = stream(seed, "places of nodes")
        places = rng.uniform(-SCATTER_M / 2.0, SCATTER_M / 2.0, (len(ids), 2))
    rows = {node: row for row, node in enumerate(ids)}
    return np.asarray(places[[rows[node] for node in nodes]], float).reshape(-1, 2)


def _stated(stated: Sequence[tuple[float | None, float | None]]) -> Values | None:
    if any(x is None or y is None for x, y in stated):
        return None
    raw = np.array(stated, float)
    centred: Values = raw - raw.mean(axis=0)
    latitude = float(raw[:, 1].mean())
    if abs(latitude) < 90.0:
        across = DEGREE_M * math.cos(math.radians(latitude))
        degrees: Values = centred * np.array([across, DEGREE_M])
        if _plausible(degrees):
            return degrees
    return centred if _plausible(centred) else None


def _plausible(places: Values) -> bool:
    extent = float(np.ptp(places, axis=0).max())
    return EXTENT_M[0] <= extent <= EXTENT_M[1]
