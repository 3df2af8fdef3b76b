"""When cars come, what they take and how they charge: all from the seed.

Everybody comes home in the evening, some also charge at noon. In the evening seven of ten cars stay
until the next morning, the others for three to four hours. Each day of the calendar has draws of
its own, so that a longer window does not change the days before.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import msgspec
import numpy as np

from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.time import NS_PER_S
from ortsnetz_common.parameters.station import NOMINAL_PHASE_V
from ortsnetz_hil.plant.calendar import DAY_S
from ortsnetz_hil.plant.devices.specs import Session
from ortsnetz_hil.plant.random_streams import stream
from ortsnetz_hil.plant.request import ChargePointWish

HOUR_S = 3600.0
NOON_H = (11.5, 13.0)
NOON_STAY_H = 2.5
NOON_KWH = (10.0, 20.0)
STAYS_OVERNIGHT = 0.7
MORNING_H = 7.0
SHORT_STAY_H = (3.0, 4.0)
FARTHEST_SIGMAS = 2.5
MOST_KWH = 50.0
SLOW_CAR_SHARE = 0.15
SLOW_CAR_A = 16
SINGLE_PHASE_A = 20.0
"""Cars on one phase keep to 4.6 kVA of unbalance (VDE-AR-N 4100, 5.5.2)."""


@dataclass(frozen=True, slots=True)
class Span:
    """The window: its beginning as seconds since midnight, and its length, calendar seconds."""

    since_midnight_s: float
    length_s: float

    @classmethod
    def of(cls, begin_ns: int, length_s: float) -> Span:
        """Span of a window that begins at a calendar instant."""
        return cls(begin_ns % (int(DAY_S) * NS_PER_S) / NS_PER_S, length_s)

    def midnight_h(self, day: int) -> float:
        """Hours from the beginning of the window to the midnight at which a day begins."""
        return 24.0 * day - self.since_midnight_s / HOUR_S

    def days(self) -> range:
        """Days whose cars may be there: from the evening before the window to its end."""
        return range(-1, int((self.since_midnight_s + self.length_s) // DAY_S) + 1)


@dataclass(frozen=True, slots=True)
class Point:
    """What matters of a charge point: name, rated current and number of phases."""

    name: str
    rated_a: int
    phase_count: int


def sessions(
    point: Point, wish: ChargePointWish, span: Span, seed: int, first_day: np.random.Generator
) -> tuple[Session, ...]:
    """Stays of one charge point in the window, in their order and without overlap.

    Args:
        point: the charge point.
        wish: how its cars behave.
        span: the window.
        seed: of the plant.
        first_day: randomness of the day on which the window begins.
    """
    found: list[Session] = []
    for day in span.days():
        rng = stream(seed, f"charge point {point.name}, day {day}") if day else first_day
        phases = _phases_of_car(point, wish, stream(seed, f"car of {point.name}, day {day}"))
        found += [_with_phases(s, phases) for s in _day(point, wish, span.midnight_h(day), rng)]
    present = [_clipped(session, point, span.length_s) for session in found]
    return _one_after_another([session for session in present if session is not None])


def check(wish: ChargePointWish) -> None:
    """Refuse a wish that no cars can fulfil.

    Raises:
        InputError: names the field.
    """
    if wish.arrival_sigma_h < 0 or not 0 <= wish.arrival_h < 24:
        raise InputError(
            f"charge points: arrivals at {wish.arrival_h:g} h with a deviation of "
            f"{wish.arrival_sigma_h:g} h: an hour of the day and no negative deviation are needed"
        )
    for what in ("noon_share", "single_phase_share", "tail_share"):
        share = getattr(wish, what)
        if not 0 <= share <= 1:
            raise InputError(f"charge points: {what}: {share} is no share between 0 and 1")
    if wish.energy_kwh is not None and not 0 < wish.energy_kwh[0] <= wish.energy_kwh[1]:
        raise InputError(f"charge points: energy_kwh: {wish.energy_kwh} is no range")


def _day(
    point: Point, wish: ChargePointWish, midnight_h: float, rng: np.random.Generator
) -> list[Session]:
    """Stays that begin on one day, in seconds since the beginning of the window."""
    found = []
    if rng.random() < wish.noon_share:
        arrival = rng.uniform(NOON_H[0] + midnight_h, NOON_H[1] + midnight_h) * HOUR_S
        energy = rng.uniform(*NOON_KWH)
        stay = NOON_STAY_H * HOUR_S
        found.append(_Visit(arrival, stay, energy, _max_a(point, rng)))
    mean, widest = wish.arrival_h + midnight_h, FARTHEST_SIGMAS * wish.arrival_sigma_h
    hour = rng.normal(mean, wish.arrival_sigma_h)
    arrival = float(np.clip(hour, mean - widest, mean + widest)) * HOUR_S
    if rng.random() < STAYS_OVERNIGHT:
        stay = max((midnight_h + 24.0 + MORNING_H) * HOUR_S - arrival, 0.0)
    else:
        stay = rng.uniform(*SHORT_STAY_H) * HOUR_S
    energy = rng.uniform(*(wish.energy_kwh or (_least_kwh(point), MOST_KWH)))
    found.append(_Visit(arrival, stay, energy, _max_a(point, rng)))
    return [visit.session(wish.tail_share) for visit in found]


def _least_kwh(point: Point) -> float:
    """People with a slower charge point drive less: least energy of an evening."""
    if point.phase_count == 1:
        return 12.0
    return 32.0 if point.rated_a > SLOW_CAR_A else 22.0


@dataclass(frozen=True, slots=True)
class _Visit:
    """What is drawn of a stay."""

    arrival_s: float
    stay_s: float
    energy_kwh: float
    max_a: float

    def session(self, tail_share: float) -> Session:
        return Session(
            arrival_s=self.arrival_s,
            departure_s=self.arrival_s + self.stay_s,
            energy_wh=round(self.energy_kwh * 1000.0, 0),
            max_a=self.max_a,
            tail_share=tail_share,
        )


def _max_a(point: Point, rng: np.random.Generator) -> float:
    """Current of a car: some take less than a fast charge point offers."""
    fast = point.phase_count > 1 and point.rated_a > SLOW_CAR_A
    return float(SLOW_CAR_A if fast and rng.random() < SLOW_CAR_SHARE else point.rated_a)


def _phases_of_car(point: Point, wish: ChargePointWish, rng: np.random.Generator) -> int:
    single = rng.random() < wish.single_phase_share
    return 1 if single and point.phase_count > 1 else 3


def _with_phases(session: Session, phases: int) -> Session:
    if phases > 1:
        return session
    return msgspec.structs.replace(session, phases=1, max_a=min(session.max_a, SINGLE_PHASE_A))


def _clipped(session: Session, point: Point, length_s: float) -> Session | None:
    """The part of a stay that lies in the window.

    A car that came before has charged at its own current since; one that is full is left out.
    """
    if session.arrival_s >= length_s or session.departure_s <= 0:
        return None
    energy_wh = session.energy_wh
    if session.arrival_s < 0:
        phases = min(session.phases, point.phase_count)
        charged_wh = session.max_a * phases * NOMINAL_PHASE_V * -session.arrival_s / HOUR_S
        energy_wh = round(energy_wh - charged_wh, 0)
        if energy_wh <= 0:
            return None
    return msgspec.structs.replace(
        session,
        arrival_s=round(max(session.arrival_s, 0.0), 1),
        departure_s=round(min(session.departure_s, length_s), 1),
        energy_wh=energy_wh,
    )


def _one_after_another(found: list[Session]) -> tuple[Session, ...]:
    """Stays in their order; a car leaves when the next one comes."""
    ordered = sorted(found, key=lambda session: session.arrival_s)
    left = [
        msgspec.structs.replace(one, departure_s=min(one.departure_s, following.arrival_s))
        for one, following in pairwise(ordered)
    ]
    return tuple(s for s in [*left, *ordered[-1:]] if s.departure_s > s.arrival_s)
