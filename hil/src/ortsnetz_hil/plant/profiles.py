"""Curves of the window: what customers and sun follow, interpolated to any second of it.

The running plant reads them from a file, so that it needs neither SimBench nor pandas.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError

FORMAT = "ortsnetz.profiles/2"
STEP_S = 900.0
DEFAULT_LOAD = "H0-A"
DEFAULT_PV = "PV3"

Curve = NDArray[np.float64]


class Grid(Struct, frozen=True, forbid_unknown_fields=True):
    """Evenly spaced instants.

    Attributes:
        first_s: the first one, calendar seconds since the beginning of the window; not after it.
        step_s: distance of two.
        points: how many there are, at least two.
    """

    first_s: float
    step_s: float
    points: int

    def place(self, second: float) -> tuple[int, float]:
        """Point on the left of a second, and the share of the way to the next."""
        place = min(max((second - self.first_s) / self.step_s, 0.0), self.points - 1.0)
        left = min(int(place), self.points - 2)
        return left, place - left

    @property
    def last_s(self) -> float:
        """The last instant."""
        return self.first_s + (self.points - 1) * self.step_s


FLAT = Grid(0.0, 1.0, 2)


class Profile(Struct, frozen=True, forbid_unknown_fields=True):
    """A profile, relative to the power of the element that follows it.

    Attributes:
        active, reactive: values at the grid's instants; no reactive for generators.
        yearly_peak: highest active value of the year (generators), to scale a roof to its rating.
    """

    grid: Grid
    active: tuple[float, ...]
    reactive: tuple[float, ...] | None = None
    yearly_peak: float | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """One curve on its grid."""

    grid: Grid
    values: tuple[float, ...]


ZERO = Member(FLAT, (0.0, 0.0))
"""Curve of an element that says itself what it does."""


class Curves:
    """Many curves, evaluated together."""

    def __init__(self, members: Sequence[Member]) -> None:
        self._size = len(members)
        self._groups: list[tuple[Grid, NDArray[np.intp], Curve]] = []
        for grid in dict.fromkeys(member.grid for member in members):
            rows = [i for i, member in enumerate(members) if member.grid == grid]
            values = np.array([members[i].values for i in rows], float)
            self._groups.append((grid, np.array(rows, np.intp), values))

    def at(self, second: float) -> NDArray[np.float64]:
        """Values at a second of the window, linear between points, shape (members,)."""
        found = np.zeros(self._size)
        for grid, rows, values in self._groups:
            left, share = grid.place(second)
            found[rows] = values[:, left] * (1.0 - share) + values[:, left + 1] * share
        return found


@dataclass(frozen=True, slots=True)
class DayProfiles:
    """The profiles of a window.

    Attributes:
        known: profiles by name.
        sources: where they come from, for people.
    """

    known: Mapping[str, Profile]
    sources: tuple[str, ...] = ()

    def active(self, name: str, element: str) -> Member:
        """Active-power curve of a profile.

        Raises:
            InputError: names the element and the profile.
        """
        found = self._found(name, element)
        return Member(found.grid, found.active)

    def reactive(self, name: str, element: str) -> Member:
        """Reactive-power curve of a load profile.

        Raises:
            InputError: names the element and the profile.
        """
        found = self._found(name, element)
        if found.reactive is None:
            raise InputError(f"{element}: there is no reactive profile '{name}'")
        return Member(found.grid, found.reactive)

    def sun(self, name: str, element: str) -> Member:
        """Available power of a roof as a share of its rating: 1 at the best instant of the year.

        Raises:
            InputError: names the element and the profile.
        """
        found = self._found(name, element)
        if not found.yearly_peak:
            raise InputError(f"{element}: profile '{name}' states no highest value of the year")
        return Member(found.grid, tuple(value / found.yearly_peak for value in found.active))

    def _found(self, name: str, element: str) -> Profile:
        if name not in self.known:
            raise InputError(f"{element}: there is no profile '{name}'")
        return self.known[name]


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    format: str
    sources: tuple[str, ...]
    profiles: dict[str, Profile]


def write(profiles: DayProfiles, path: Path) -> None:
    """Write profiles for the running plant."""
    path.write_bytes(msgspec.json.encode(_File(FORMAT, profiles.sources, dict(profiles.known))))


def read(path: Path) -> DayProfiles:
    """Read profiles that `write` has written.

    Raises:
        InputError: names the file, the profile and the reason.
    """
    try:
        file = msgspec.json.decode(path.read_bytes(), type=_File)
    except (OSError, msgspec.MsgspecError) as error:
        raise InputError(f"{path}: not a file of profiles: {error}") from error
    if file.format != FORMAT:
        raise InputError(f"{path}: format is '{file.format}', '{FORMAT}' is needed")
    for name, profile in file.profiles.items():
        _check(name, profile, path)
    return DayProfiles(file.profiles, file.sources)


def _check(name: str, profile: Profile, path: Path) -> None:
    grid = profile.grid
    if grid.points < 2 or not grid.step_s > 0:
        raise InputError(f"{path}: profile '{name}' has no usable grid")
    for curve in (profile.active, profile.reactive):
        if curve is not None and (len(curve) != grid.points or not np.all(np.isfinite(curve))):
            raise InputError(f"{path}: profile '{name}' has not {grid.points} numbers")
