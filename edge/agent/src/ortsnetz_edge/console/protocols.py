"""The protocols that are installed, for tools that speak to devices without an agent."""

from __future__ import annotations

from importlib.metadata import entry_points

from ortsnetz_common.errors import InputError, OrtsnetzError
from ortsnetz_edge.drivers.contract import DriverProtocol
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.drivers.registry import GROUP


class Protocols:
    """Makes each protocol once, so that sources behind one address share their connection."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._found = {point.name: point for point in entry_points(group=GROUP)}
        self._made: dict[str, DriverProtocol] = {}

    def named(self, name: str) -> DriverProtocol:
        """The protocol of an entry point.

        Raises:
            InputError: it is not installed.
            OrtsnetzError: it is, and cannot be loaded.
        """
        if name not in self._found:
            have = ", ".join(sorted(self._found)) or "none"
            raise InputError(f"the driver '{name}' is not installed (installed: {have})")
        if name not in self._made:
            try:
                factory = self._found[name].load()
            except ImportError as error:
                raise OrtsnetzError(f"the driver '{name}' cannot be loaded: {error}") from error
            self._made[name] = factory(self._environment)
        return self._made[name]
