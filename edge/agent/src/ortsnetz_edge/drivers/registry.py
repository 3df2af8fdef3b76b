"""Finds the drivers that are installed and opens one for each source of a station."""

from __future__ import annotations

from importlib.metadata import entry_points

from ortsnetz_common.errors import InputError
from ortsnetz_edge.clock import Clock
from ortsnetz_edge.drivers.contract import Driver, DriverProtocol, Source

GROUP = "ortsnetz.drivers"


def open_drivers(sources: tuple[Source, ...], clock: Clock) -> dict[str, Driver]:
    """A driver for each source, by the source's name.

    Args:
        sources: of the station.
        clock: that answers are stamped with and back-off is counted in.

    Raises:
        InputError: names the source, and what its configuration lacks.
    """
    protocols: dict[str, DriverProtocol] = {}
    drivers: dict[str, Driver] = {}
    for source in sources:
        wanted = source.connection.protocol
        if wanted not in protocols:
            protocols[wanted] = _load(wanted, source.name, clock)
        drivers[source.name] = protocols[wanted].open(source)
    return drivers


def _load(protocol: str, needed_by: str, clock: Clock) -> DriverProtocol:
    found = {point.name: point for point in entry_points(group=GROUP)}
    if protocol not in found:
        have = ", ".join(sorted(found)) or "none"
        raise InputError(
            f"'{needed_by}' needs the driver '{protocol}', which is not installed "
            f"(installed: {have})"
        )
    factory = found[protocol].load()
    opened: DriverProtocol = factory(clock)
    return opened
