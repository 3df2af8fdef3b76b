"""Standard profiles: what customers of a class draw at an instant, and how much one deviates.

Derived from SimBench's individual quarter hours (`common/grid/scripts/standard_profiles.py`; Open
Database License, see the file). Everything is over the customer's mean power of the year.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import msgspec
import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_grid.functions.state_estimation.pseudo.kinds_of_days import (
    DayKind,
    Season,
    day_kind,
    season,
)
from ortsnetz_grid.functions.state_estimation.pseudo.local_time import HOUR_S, Date, LocalTime

Real = NDArray[np.float64]
_Cells = dict[Season, dict[DayKind, tuple[float, ...]]]
_FORMAT = "ortsnetz.standard-profiles/1"
_SEASONS, _DAYS = tuple(Season), tuple(DayKind)
_NO_HOLIDAYS: frozenset[Date] = frozenset()


class _Class(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    profiles: tuple[str, ...]
    reference_kwh: float
    hours_of_use: float
    tan_phi: float
    tan_phi_sigma: float
    time_constant_s: float
    mean: _Cells
    own_sigma: _Cells
    common_sigma: _Cells


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: str
    source: str
    attribution: str
    licence: str
    kinship_sigma: float
    classes: dict[str, _Class]


@dataclass(frozen=True, slots=True)
class StandardProfile:
    """A class of customers.

    Arrays are (3, 3, 24): season, kind of day, hour on the German clock; quantities over the mean
    power of the year, generation positive for generators.

    Attributes:
        name: of the class.
        generates: whether its power is generation.
        reference_kwh: annual energy of the customers whose deviations were measured.
        hours_of_use: annual energy over the connected power, h.
        tan_phi: reactive over active power, inductive positive.
        tan_phi_sigma: standard deviation of the reactive power, over the active power.
        time_constant_s: how long a deviation lasts (first-order process).
        mean: of the hour.
        own_sigma: deviation of one customer's quarter hour that others do not share.
        common_sigma: deviation that all customers of the class share (weather, the day's habits).
    """

    name: str
    generates: bool
    reference_kwh: float
    hours_of_use: float
    tan_phi: float
    tan_phi_sigma: float
    time_constant_s: float
    mean: Real
    own_sigma: Real
    common_sigma: Real

    def at(
        self, utc_s: float, holidays: frozenset[Date] = _NO_HOLIDAYS
    ) -> tuple[float, float, float]:
        """Mean, own and common deviation at an instant, between the middles of two hours.

        The middles are instants of UTC, each with its own season, kind of day and hour: a midnight
        lies between two days, and summer time begins and ends where the clock says so.

        Args:
            utc_s: seconds since 1970-01-01 00:00 UTC.
            holidays: those of the place, beside the ones of the whole country.
        """
        hours = utc_s / HOUR_S - 0.5
        before = np.floor(hours)
        first, second = (
            self._cell((before + step + 0.5) * HOUR_S, holidays) for step in (0.0, 1.0)
        )
        mixed = first + (hours - before) * (second - first)
        return float(mixed[0]), float(mixed[1]), float(mixed[2])

    def _cell(self, utc_s: float, holidays: frozenset[Date]) -> Real:
        local = LocalTime.of(utc_s)
        place = (
            _SEASONS.index(season(local.date)),
            _DAYS.index(day_kind(local.date, holidays)),
            int(local.hour),
        )
        return np.array([each[place] for each in (self.mean, self.own_sigma, self.common_sigma)])


@cache
def standard_profiles() -> Mapping[str, StandardProfile]:
    """All classes by name.

    Raises:
        InputError: the package's file is damaged.
    """
    raw = files(__package__).joinpath("standard_profiles.json").read_bytes()
    try:
        document = msgspec.json.decode(raw, type=_File)
        if document.format != _FORMAT:
            raise InputError(f"standard profiles: format is '{document.format}', not '{_FORMAT}'")
        return {name: _profile(name, found) for name, found in document.classes.items()}
    except (msgspec.DecodeError, KeyError, ValueError) as error:
        raise InputError(f"standard profiles: the package's file is damaged: {error}") from error


def standard_profile(name: str) -> StandardProfile:
    """One class.

    Raises:
        InputError: there is no such class; names those that there are.
    """
    found = standard_profiles().get(name)
    if found is None:
        raise InputError(
            f"there is no class of customers '{name}', only {', '.join(standard_profiles())}"
        )
    return found


def _profile(name: str, found: _Class) -> StandardProfile:
    return StandardProfile(
        name=name,
        generates=name == "pv",
        reference_kwh=found.reference_kwh,
        hours_of_use=found.hours_of_use,
        tan_phi=found.tan_phi,
        tan_phi_sigma=found.tan_phi_sigma,
        time_constant_s=found.time_constant_s,
        mean=_table(found.mean),
        own_sigma=_table(found.own_sigma),
        common_sigma=_table(found.common_sigma),
    )


def _table(cells: _Cells) -> Real:
    return np.array([[cells[season][day] for day in _DAYS] for season in _SEASONS]).reshape(
        3, 3, 24
    )
