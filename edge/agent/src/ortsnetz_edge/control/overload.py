"""Overload that a branch meter shows by itself, without any estimate. Pure.

While the state is verified, the limiting function knows better. While it is not, what a good meter
at a transformer or feeder says is all there is, and it is enough to lower limits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ortsnetz_common.measurement.reading import Reading
from ortsnetz_common.parameters.station import (
    Device,
    DeviceKind,
    Meter,
    MeterRole,
    Side,
    Station,
)
from ortsnetz_edge.network_index import NetworkIndex, Rating

DOWN_PER_S = 0.2
"""Share of the rating by which limits go down each second: from the rating to nothing in five."""
_UNDIRECTED = 0.1
"""Below this share of active in apparent power nobody can say which way the overload flows."""
_PLAUSIBLE = (0.5, 1.5)
"""Of the nominal voltage: a meter that says more or less measures at another voltage level."""


@dataclass(frozen=True, slots=True)
class WatchedBranch:
    """A meter at one end of a transformer or line, and what that end may carry."""

    meter: Meter
    rating: Rating


@dataclass(frozen=True, slots=True)
class Overload:
    """A phase that a meter measures above the limit.

    Attributes:
        loading: over the rating.
        importing: whether power flows towards the customers; None if that is not clear.
    """

    meter: Meter
    phase: str
    loading: float
    importing: bool | None

    @property
    def words(self) -> str:
        """For people."""
        return f"meter {self.meter.name} measures {self.loading:.0%} on phase {self.phase}"

    def concerns(self, device: Device) -> bool:
        """Whether lowering a device's limit relieves the overload; a store may go either way."""
        if self.importing is None or device.kind is DeviceKind.STORAGE:
            return True
        return self.importing is (device.kind is not DeviceKind.PV)


def watched_branches(station: Station, network: NetworkIndex) -> tuple[WatchedBranch, ...]:
    """Meters at branches that have a rating at the meter's end."""
    found = []
    for meter in station.meters:
        if meter.role is MeterRole.CUSTOMER or meter.side is None:
            continue
        rating = network.rating(meter.element, meter.side)
        if rating is not None:
            found.append(WatchedBranch(meter, rating))
    return tuple(found)


def measured_overloads(
    watched: Iterable[WatchedBranch], readings: Mapping[str, Reading], limit: float
) -> tuple[Overload, ...]:
    """Phases above the limit, the most loaded first.

    A value that is missing shows no overload, and no room either: nothing is ever raised on this.

    Args:
        watched: branches with a meter.
        readings: usable values of this cycle, by meter.
        limit: highest loading; 1.0 is the rating.
    """
    found = [
        Overload(branch.meter, phase, loading, importing)
        for branch in watched
        if (reading := readings.get(branch.meter.name)) is not None
        for terminal, phase in enumerate(branch.meter.phases)
        for loading, importing in _flow(branch, reading, terminal)
        if loading > limit
    ]
    return tuple(sorted(found, key=lambda overload: -overload.loading))


def _flow(
    branch: WatchedBranch, reading: Reading, terminal: int
) -> Iterable[tuple[float, bool | None]]:
    """Loading and direction of a phase; nothing where its power is not known.

    Where the reactive power is missing the active one is a lower bound of the apparent power.
    """
    active, reactive = reading.active_w[terminal], reading.reactive_var[terminal]
    volts = reading.voltage_v[terminal]
    if active is None:
        return
    apparent = math.hypot(active, 0.0 if reactive is None else reactive)
    rating = branch.rating
    loadings = []
    if rating.phase_va is not None:
        loadings.append(apparent / rating.phase_va)
    low, high = _PLAUSIBLE
    if volts is not None and low * rating.phase_v < volts < high * rating.phase_v:
        loadings.append(apparent / volts / rating.ampere)
    if not loadings:
        return
    importing = None
    if abs(active) > _UNDIRECTED * apparent:
        importing = active * _towards_customers(branch.meter) > 0
    yield max(loadings), importing


def _towards_customers(meter: Meter) -> float:
    """Sign of power towards the customers, as the meter counts it: into the branch at its end.

    A transformer's `from` end is its medium-voltage end; a feeder's meter sits at the busbar.
    """
    return -1.0 if meter.role is MeterRole.TRANSFORMER and meter.side is Side.TO else 1.0
