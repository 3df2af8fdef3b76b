"""Finds the drivers that are installed and opens one for each source of a station."""

from __future__ import annotations

from importlib.metadata import entry_points

from ortsnetz_common.errors import InputError
from ortsnetz_edge.drivers.contract import Driver, DriverProtocol, Source
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.drivers.remote.protocol import GROUP as PROCESS_GROUP
from ortsnetz_edge.drivers.remote.protocol import RemoteProtocol, command_of

GROUP = "ortsnetz.drivers"


def open_drivers(sources: tuple[Source, ...], environment: Environment) -> dict[str, Driver]:
    """A driver for each source, by the source's name.

    Args:
        sources: of the station.
        environment: clock, profiles and certificates of the drivers.

    Raises:
        InputError: names the source, and what its configuration lacks.
    """
    protocols: dict[str, DriverProtocol] = {}
    drivers: dict[str, Driver] = {}
    for source in sources:
        wanted = source.connection.protocol
        if wanted not in protocols:
            protocols[wanted] = load_protocol(wanted, environment, needed_by=f"'{source.name}'")
        drivers[source.name] = protocols[wanted].open(source)
    return drivers


def installed() -> tuple[str, ...]:
    """Names of all protocols that can be loaded."""
    names = {point.name for group in (GROUP, PROCESS_GROUP) for point in entry_points(group=group)}
    return tuple(sorted(names))


def load_protocol(name: str, environment: Environment, *, needed_by: str) -> DriverProtocol:
    """A protocol by the name of its entry point.

    Args:
        name: e.g. `modbus-tcp`.
        environment: of its drivers.
        needed_by: who wants it, for the error.

    Raises:
        InputError: it is not installed, or cannot be loaded.
    """
    found = {point.name: point for point in entry_points(group=GROUP)}
    apart = {point.name: point.module for point in entry_points(group=PROCESS_GROUP)}
    if name in apart and name not in found:
        return RemoteProtocol(name, command_of(apart[name]), environment)
    if name not in found:
        have = ", ".join(installed()) or "none"
        raise InputError(
            f"{needed_by} needs the driver '{name}', which is not installed (installed: {have})"
        )
    try:
        factory = found[name].load()
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"{needed_by} needs the driver '{name}', which cannot be loaded: {error}"
        ) from error
    opened: DriverProtocol = factory(environment)
    return opened
