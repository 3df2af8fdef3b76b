"""SimBench's year of quarter hours, customer by customer: what really was drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import simbench
from numpy.typing import NDArray

Real = NDArray[np.float64]

QUARTERS_A_DAY = 96
QUARTER_S = 900.0
START_S = datetime(2015, 12, 31, 23, tzinfo=UTC).timestamp()
"""2016 began at midnight on the German clock. The clock changes in the table, time goes on."""
BERLIN = ZoneInfo("Europe/Berlin")
HOLIDAYS_2016 = {
    date(2016, month, day)
    for month, day in (
        (1, 1), (3, 25), (3, 28), (5, 1), (5, 5), (5, 16), (10, 3), (12, 25), (12, 26)
    )
}  # fmt: skip


@dataclass(frozen=True)
class Year:
    """Profiles by name.

    Attributes:
        active: (35136,) power over the connected power.
        reactive: (35136,) likewise, over the connected reactive power; loads only.
        local: (35136,) the instants on the German clock.
        alike: (35136,) season, workday, Saturday or Sunday, and time of the day as one number:
            quarter hours with the same number are alike.
    """

    active: Mapping[str, Real]
    reactive: Mapping[str, Real]
    local: tuple[datetime, ...]
    alike: NDArray[np.int64]

    def utc_s(self, quarter: int) -> float:
        """Middle of a quarter hour."""
        return START_S + (quarter + 0.5) * QUARTER_S

    def hours_of_use(self, profile: str) -> float:
        return float(self.active[profile].sum()) * QUARTER_S / 3600


@cache
def simbench_year() -> Year:
    folder = Path(simbench.__file__).parent / "networks" / "1-complete_data-mixed-all-0-sw"
    load = pd.read_csv(folder / "LoadProfile.csv", sep=";", usecols=_is_customer)
    sun = pd.read_csv(folder / "RESProfile.csv", sep=";", usecols=lambda name: name[:2] == "PV")
    active = {name[:-6]: load[name].to_numpy() for name in load if name.endswith("_pload")}
    reactive = {name[:-6]: load[name].to_numpy() for name in load if name.endswith("_qload")}
    active |= {str(name): sun[name].to_numpy() for name in sun}
    local = tuple(
        datetime.fromtimestamp(START_S + (quarter + 0.5) * QUARTER_S, BERLIN)
        for quarter in range(len(load))
    )
    return Year(active, reactive, local, np.array([_alike(each) for each in local]))


def _is_customer(name: str) -> bool:
    return name.startswith(("H0-", "G", "L0-", "L1-", "L2-", "Air_", "Soil_", "HLS_"))


def _alike(when: datetime) -> int:
    day = (when.month, when.day)
    winter, summer = day >= (11, 1) or day <= (3, 20), (5, 15) <= day <= (9, 14)
    season = 0 if winter else 2 if summer else 1
    free = when.weekday() == 6 or when.date() in HOLIDAYS_2016
    kind = 2 if free else 1 if when.weekday() == 5 or day in {(12, 24), (12, 31)} else 0
    return (season * 3 + kind) * QUARTERS_A_DAY + when.hour * 4 + when.minute // 15
