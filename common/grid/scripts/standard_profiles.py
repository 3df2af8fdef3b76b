"""Derives `functions/state_estimation/pseudo/standard_profiles.json` from SimBench's time series.

    python common/grid/scripts/standard_profiles.py

Needs the extra `import` (simbench, pandas). A node needs neither: the file is part of the package.

SimBench's year has quarter hours of individual customers on the German clock (2016). Of each
profile only what the class has in common is kept: means of hours by season and kind of day over the
annual mean, deviations around them, and how fast deviations fade. Nothing individual remains.
"""  # noqa: INP001 (a script, no package)

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import simbench
from numpy.typing import NDArray

Real = NDArray[np.float64]

DATA = Path(simbench.__file__).parent / "networks"
OUT = (
    Path(__file__).parents[1]
    / "src/ortsnetz_grid/functions/state_estimation/pseudo/standard_profiles.json"
)
STEP_S = 900.0
NOMINAL_TAN_PHI = 0.3952
"""Reactive over active power of a SimBench load at the nominal point (`qLoad` over `pLoad`)."""

CLASSES: dict[str, tuple[str, ...]] = {
    "household": ("H0-A", "H0-B", "H0-C", "H0-G", "H0-L"),
    "business": ("G1-A", "G1-B", "G1-C", "G2-A", "G3-A", "G4-A", "G4-B", "G5-A", "G6-A"),
    "business_workdays": ("G1-A", "G1-B", "G1-C"),
    "business_evenings": ("G2-A",),
    "business_continuous": ("G3-A",),
    "business_shop": ("G4-A", "G4-B"),
    "business_bakery": ("G5-A",),
    "business_weekends": ("G6-A",),
    "farm": ("L0-A", "L1-A", "L2-A"),
    "heat_pump_air": tuple(
        f"Air_{way}_{house}"
        for way in ("Alternative", "Parallel", "Semi-Parallel")
        for house in (1, 2)
    ),
    "heat_pump_soil": ("Soil_Alternative_1", "Soil_Alternative_2"),
    "charging_home": ("HLS_A_3.7", "HLS_B_3.7", "HLS_C_3.7", "HLS_A_11.0", "HLS_B_11.0"),
    "pv": tuple(f"PV{number}" for number in range(1, 9)),
}
"""Classes after SimBench's names, which follow the German standard load profiles' (H0, G0, L0)."""

LUMPY = ("heat_pump_air", "heat_pump_soil", "charging_home")
"""A few machines that run or not: their hours are noise, and SimBench's heat pumps are blocked in
hours that other suppliers do not block. Kinds of days count together, hours are smoothed."""
SMOOTH_HOURS = 5
LUMPY_SIGMA_FLOOR = 0.25
"""Of the year's: that five cars never charge at five says little about the sixth."""
TAN_PHI_SIGMA_FLOOR = 0.1
"""SimBench's heat pumps and charge points have a constant power factor; real ones do not."""

KINSHIP = ("business_workdays", "business_shop")
"""Classes with several profiles of one trade: how much two customers of one trade differ."""

HOLIDAYS_2016 = ("0101", "0325", "0328", "0501", "0505", "0516", "1003", "1225", "1226")
SEASONS = ("winter", "between", "summer")
DAYS = ("workday", "saturday", "sunday")


@dataclass(frozen=True)
class Year:
    """Profiles and the calendar of their year.

    Attributes:
        load: columns `<profile>_pload` and `<profile>_qload`.
        sun: columns by profile.
        cell: (t,) season, kind of day and hour as one number, 0 to 215.
    """

    load: pd.DataFrame
    sun: pd.DataFrame
    cell: NDArray[np.int64]

    @classmethod
    def read(cls) -> Year:
        """From SimBench's tables."""
        # profiles are the same in all three scenarios
        folder = DATA / "1-complete_data-mixed-all-0-sw"
        load = pd.read_csv(folder / "LoadProfile.csv", sep=";")
        sun = pd.read_csv(folder / "RESProfile.csv", sep=";")
        clock = pd.to_datetime(load["time"], format="%d.%m.%Y %H:%M").dt
        date = clock.month * 100 + clock.day
        winter, summer = (date >= 1101) | (date <= 320), (date >= 515) & (date <= 914)
        season = np.select([winter, summer], [0, 2], 1)
        holiday = date.isin([int(each) for each in HOLIDAYS_2016])
        free = (clock.dayofweek == 6) | holiday
        eve = date.isin([1224, 1231])
        day = np.select([free, (clock.dayofweek == 5) | eve], [2, 1], 0)
        return cls(load, sun, (season * 3 + day) * 24 + clock.hour.to_numpy())

    def powers(self, profile: str) -> Real:
        """(t,) over the profile's annual mean."""
        pv = profile.startswith("PV")
        column = self.sun[profile] if pv else self.load[f"{profile}_pload"]
        values = np.asarray(column, dtype=float)
        return np.asarray(values / values.mean())

    def hourly(self, values: Real) -> Real:
        """(..., 216) means of the cells of (..., t)."""
        count = np.bincount(self.cell, minlength=216)
        flat = values.reshape(-1, values.shape[-1])
        sums = np.array([np.bincount(self.cell, each, 216) for each in flat])
        return np.asarray((sums / count).reshape(*values.shape[:-1], 216))


def kinship(year: Year) -> float:
    """Variance between the shapes of two customers of one trade, over the squared shape."""
    found = []
    for name in KINSHIP:
        means = year.hourly(np.array([year.powers(each) for each in CLASSES[name]]))
        found.append(float(means.var(axis=0, ddof=1).mean() / (means.mean(axis=0) ** 2).mean()))
    return float(np.mean(found))


def derive(year: Year, name: str, kin: float) -> dict[str, Any]:
    """What is kept of a class."""
    profiles = CLASSES[name]
    powers = np.array([year.powers(each) for each in profiles])
    own_means = year.hourly(powers)
    mean = own_means.mean(axis=0)
    within = powers - own_means[:, year.cell]
    count = len(profiles)
    between = own_means.var(axis=0, ddof=1) if count > 1 else kin * mean**2
    total = year.hourly((within**2).mean(axis=0)) + between
    common = np.zeros(216)
    if count > 1:
        pairs = within.sum(axis=0) ** 2 - (within**2).sum(axis=0)
        mutual = year.hourly(pairs / (count * (count - 1)))
        common = np.sqrt(np.clip(mutual, 0.0, total))
    own = np.sqrt(total - common**2)
    if name in LUMPY:
        mean, own, common = lumpy(mean, own, common)
    residual = powers - mean[year.cell]
    tan_phi, tan_phi_sigma = reactive(year, profiles)
    return {
        "profiles": list(profiles),
        "reference_kwh": reference_kwh(year, profiles),
        "hours_of_use": round(float(np.mean([hours_of_use(year, each) for each in profiles]))),
        "tan_phi": tan_phi,
        "tan_phi_sigma": tan_phi_sigma,
        "time_constant_s": time_constant_s(residual),
        "mean": cells(mean),
        "own_sigma": cells(own),
        "common_sigma": cells(common),
    }


def lumpy(mean: Real, own: Real, common: Real) -> tuple[Real, Real, Real]:
    """Kinds of days together, hours smoothed; what smoothing takes from the mean is spread."""
    weight = np.array([5.0, 1.0, 1.0])[None, :, None] / 7

    def pooled(values: Real) -> Real:
        day = (values.reshape(3, 3, 24) * weight).sum(axis=1, keepdims=True)
        near = range(-(SMOOTH_HOURS // 2), SMOOTH_HOURS // 2 + 1)
        return np.asarray(np.mean([np.roll(day, shift, axis=2) for shift in near], axis=0))

    smooth = pooled(mean)
    shift = pooled((mean - np.broadcast_to(smooth, (3, 3, 24)).ravel()) ** 2)
    mutual = pooled(common**2)
    alone = np.maximum(pooled(own**2) + shift, LUMPY_SIGMA_FLOOR**2 * (own**2).mean())
    every = (np.broadcast_to(each, (3, 3, 24)).ravel() for each in (smooth, alone, mutual))
    wide, alone, mutual = every
    return wide, np.sqrt(alone), np.sqrt(mutual)


def cells(values: Real) -> dict[str, dict[str, list[float]]]:
    """By season and kind of day, 24 hours each."""
    table = values.reshape(3, 3, 24)
    return {
        season: {
            day: [float(f"{value:.3g}") for value in table[place, row]]
            for row, day in enumerate(DAYS)
        }
        for place, season in enumerate(SEASONS)
    }


def time_constant_s(residual: Real) -> float:
    """Of the first-order process with the same correlation from one quarter hour to the next.

    All longer correlations of SimBench's profiles lie above that process: it forgets too early
    rather than too late.
    """
    near = float((residual[:, :-1] * residual[:, 1:]).mean() / (residual**2).mean())
    return float(round(-STEP_S / np.log(near), -1))


def reactive(year: Year, profiles: tuple[str, ...]) -> tuple[float, float]:
    """Reactive over active power, and the deviation of a quarter hour's over the active power."""
    if profiles[0].startswith("PV"):
        return 0.0, 0.1  # SimBench's inverters have no reactive profile; cos phi 0.995 is assumed
    p = np.array([year.load[f"{each}_pload"].to_numpy() for each in profiles])
    q = np.array([year.load[f"{each}_qload"].to_numpy() for each in profiles]) * NOMINAL_TAN_PHI
    size = p.mean(axis=1, keepdims=True)
    p, q = p / size, q / size
    ratio = float(q.mean() / p.mean())
    spread = float(np.sqrt(((q - ratio * p) ** 2).mean() / (p**2).mean()))
    return round(ratio, 2), round(max(spread, TAN_PHI_SIGMA_FLOOR), 2)


def hours_of_use(year: Year, profile: str) -> float:
    """Annual energy over the connected power, h."""
    pv = profile.startswith("PV")
    column = year.sun[profile] if pv else year.load[f"{profile}_pload"]
    return float(np.asarray(column).sum()) * STEP_S / 3600


def reference_kwh(year: Year, profiles: tuple[str, ...]) -> float:
    """Median annual energy of SimBench's low-voltage customers with these profiles."""
    table, size = ("RES", "pRES") if profiles[0].startswith("PV") else ("Load", "pLoad")
    frame = pd.read_csv(DATA / "1-complete_data-mixed-all-2-sw" / f"{table}.csv", sep=";")
    frame = frame[frame["subnet"].str.startswith("LV") & frame["profile"].isin(profiles)]
    hours = frame["profile"].map({each: hours_of_use(year, each) for each in profiles})
    energy = frame[size] * 1e3 * hours
    if not len(energy):
        energy = pd.Series([5.0 * hours_of_use(year, each) for each in profiles])
    return float(f"{energy.median():.2g}")


def document(year: Year) -> dict[str, Any]:
    """The whole file."""
    kin = kinship(year)
    return {
        "format": "ortsnetz.standard-profiles/1",
        "source": f"derived from SimBench {simbench.__version__} (profiles of 2016, German clock)",
        "attribution": "SimBench database, University of Kassel, TU Dortmund, RWTH Aachen "
        "University, Fraunhofer IEE, https://simbench.net",
        "licence": "Open Database License 1.0, http://opendatacommons.org/licenses/odbl/1.0/",
        "kinship_sigma": round(kin**0.5, 2),
        "classes": {name: derive(year, name, kin) for name in CLASSES},
    }


def main() -> None:
    """Write the file."""
    OUT.write_text(compact(json.dumps(document(Year.read()), indent=1)) + "\n")


def compact(text: str) -> str:
    """The JSON with each list on one line: a difference shows the hour's row."""
    lines: list[str] = []
    inside = False
    for line in text.split("\n"):
        if inside:
            lines[-1] += line.strip() if line.strip().startswith("]") else line.strip() + " "
            inside = not line.strip().startswith("]")
            continue
        lines.append(line)
        inside = line.endswith("[")
    return "\n".join(line.replace(" ]", "]") for line in lines)


if __name__ == "__main__":
    main()
