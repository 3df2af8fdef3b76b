"""The protocols that are installed, for tools that speak to devices without an agent."""

from __future__ import annotations

from ortsnetz_edge.drivers.contract import DriverProtocol
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.drivers.registry import load_protocol


class Protocols:
    """Makes each protocol once, so that sources behind one address share their connection."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._made: dict[str, DriverProtocol] = {}

    def named(self, name: str, *, needed_by: str) -> DriverProtocol:
        """The protocol of an entry point.

        Args:
            name: e.g. `modbus-tcp`.
            needed_by: who wants it, for the error.

        Raises:
            InputError: it is not installed, or cannot be loaded.
        """
        if name not in self._made:
            self._made[name] = load_protocol(name, self._environment, needed_by=needed_by)
        return self._made[name]
