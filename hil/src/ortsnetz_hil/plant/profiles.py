"""SimBench's yearly profiles, cut to the calendar's window and interpolated to seconds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_hil.plant.calendar import WINDOW_S

STEP_S = 900.0
POINTS = int(WINDOW_S / STEP_S) + 1
DAY = "25.07.2016"
FIRST_HOUR = 11
DEFAULT_LOAD = "H0-A"
DEFAULT_PV = "PV3"

Curve = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DayProfiles:
    """Curves of the window, one value each 15 minutes, relative to the element's power.

    Attributes:
        active, reactive: by profile name; reactive is empty for generators (unity power factor).
        yearly_peak: highest value of the year by profile name (generators).
    """

    active: Mapping[str, tuple[float, ...]]
    reactive: Mapping[str, tuple[float, ...]]
    yearly_peak: Mapping[str, float]

    def curve(self, name: str, source: str) -> Curve:
        """Active-power curve of a profile, shape (POINTS,).

        Raises:
            InputError: names the element and the profile.
        """
        if name not in self.active:
            raise InputError(f"{source}: there is no profile '{name}'")
        return np.asarray(self.active[name])

    def reactive_curve(self, name: str, source: str) -> Curve:
        """Reactive-power curve of a load profile, shape (POINTS,)."""
        if name not in self.reactive:
            raise InputError(f"{source}: there is no reactive profile '{name}'")
        return np.asarray(self.reactive[name])


def interpolate(curves: NDArray[np.float64], second: float) -> NDArray[np.float64]:
    """Values of curves, shape (elements, POINTS), at a second of the window; linear between."""
    place = min(max(second / STEP_S, 0.0), POINTS - 1.0)
    left = min(int(place), POINTS - 2)
    share = place - left
    return np.asarray(curves[:, left] * (1.0 - share) + curves[:, left + 1] * share)


def load_simbench(loads: Iterable[str], generators: Iterable[str], scenario: int) -> DayProfiles:
    """Cut the named profiles out of SimBench's year.

    Args:
        loads: profiles of loads and storages; storages have no reactive power.
        generators: profiles of generators.
        scenario: SimBench's scenario, 0, 1 or 2; only the later ones know storages.

    Raises:
        InputError: SimBench has no such profile.
    """
    import simbench  # noqa: PLC0415 - takes seconds and 150 MB; only `plant prepare` needs it

    year = simbench.get_all_simbench_profiles(scenario)
    stamps = list(year["load"]["time"])
    first = stamps.index(f"{DAY} {FIRST_HOUR:02d}:00")

    storages = set(year["storage"].columns)

    def cut(table: str, column: str) -> tuple[float, ...]:
        if column not in year[table]:
            raise InputError(f"SimBench has no profile '{column}'")
        return tuple(float(v) for v in year[table][column].iloc[first : first + POINTS])

    names, sources = sorted(set(loads)), sorted(set(generators))
    active = {
        name: cut("storage", name) if name in storages else cut("load", f"{name}_pload")
        for name in names
    }
    active |= {name: cut("renewables", name) for name in sources}
    return DayProfiles(
        active=active,
        reactive={
            name: (0.0,) * POINTS if name in storages else cut("load", f"{name}_qload")
            for name in names
        },
        yearly_peak={name: float(year["renewables"][name].max()) for name in sources},
    )


def write(profiles: DayProfiles, path: Path) -> None:
    """Write the cut profiles, so that the running plant needs neither SimBench nor pandas."""
    document = {
        "format": "ortsnetz.profiles/1",
        "source": f"SimBench, {DAY} from {FIRST_HOUR}:00, 15 min, ODbL",
        "active": dict(profiles.active),
        "reactive": dict(profiles.reactive),
        "yearly_peak": dict(profiles.yearly_peak),
    }
    path.write_text(json.dumps(document))


def read(path: Path) -> DayProfiles:
    """Read profiles that `write` has written.

    Raises:
        InputError: names the file and the reason.
    """
    try:
        document = json.loads(path.read_bytes())
        profiles = DayProfiles(
            active={k: tuple(v) for k, v in document["active"].items()},
            reactive={k: tuple(v) for k, v in document["reactive"].items()},
            yearly_peak=document["yearly_peak"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not a file of profiles: {error}") from error
    for name, curve in [*profiles.active.items(), *profiles.reactive.items()]:
        if len(curve) != POINTS or not np.all(np.isfinite(curve)):
            raise InputError(f"{path}: profile '{name}' has not {POINTS} numbers")
    return profiles
