"""What is common to losses: down to the fallback, back again, and a night in between."""

from __future__ import annotations

from collections.abc import Callable

from fail_safe.node import FALLBACK_A
from fail_safe.plant import HEAVY_W, NIGHT_W
from fail_safe.station import Row, Station


def at_the_fallback(station: Station) -> bool:
    return all(limit == FALLBACK_A for limit in station.plant.limits)


def through_the_fallback(station: Station) -> None:
    """The state is lost, the load goes, and with it every reason for a limit but blindness."""
    station.until(lambda: station.mode != "active", "the loss is noticed")
    station.plant.house_w = NIGHT_W
    station.until(lambda: at_the_fallback(station), "limits go down to the fallback")
    station.cycles(2)


def back_again(station: Station) -> None:
    """The state is verified again, and limits are raised."""
    station.until(lambda: station.mode == "active", "the state is verified again")
    station.until(
        lambda: any(limit > FALLBACK_A for limit in station.plant.limits), "limits are raised"
    )


def night_and_evening(station: Station, row: Row) -> None:
    """Control goes on: the load goes, limits rise; it comes again, and they fall."""
    before = station.plant.limits
    station.plant.house_w = NIGHT_W
    station.until(lambda: sum(station.plant.limits) > sum(before), "limits rise at night")
    row.notes["night"] = station.plant.limits
    station.plant.house_w = HEAVY_W
    station.until(lambda: station.plant.loading <= 1.0, "limits fall")
    station.healed(row)


def counted(station: Station, what: str, cause: Callable[[], None]) -> None:
    """Cause something and wait until the agent has counted it."""
    before = station.seen[-1].counters[what]
    cause()
    station.until(lambda: station.seen[-1].counters[what] > before, f"{what} counts")
