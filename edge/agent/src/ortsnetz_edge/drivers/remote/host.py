"""Serves a driver through the socket: `python -m ortsnetz_edge.drivers.remote.host DRIVER`.

DRIVER is the name of an entry point of `ortsnetz.drivers`, or `module:Class`. This is how a driver
that runs within the agent is tried in a process of its own.
"""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from ortsnetz_common.drivers.agent_time import AgentTime
from ortsnetz_common.drivers.server import run
from ortsnetz_common.link.driver_process import Hello
from ortsnetz_edge.drivers.contract import DriverProtocol
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.profiles.library import Library

GROUP = "ortsnetz.drivers"


def main(driver: str) -> None:
    """Serve a driver until the agent hangs up."""
    if ":" in driver:
        point = EntryPoint(driver, driver, GROUP)
    else:
        found = {point.name: point for point in entry_points(group=GROUP)}
        if driver not in found:
            raise SystemExit(f"there is no driver '{driver}' (there are: {', '.join(found)})")
        point = found[driver]
    protocol = point.load()

    def factory(hello: Hello, time: AgentTime) -> DriverProtocol:
        environment = Environment(
            clock=time,
            library=Library(own=hello.profiles),
            credentials_dir=Path(hello.credentials_dir),
        )
        made: DriverProtocol = protocol(environment)
        return made

    run(driver, factory)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m ortsnetz_edge.drivers.remote.host DRIVER")
    main(sys.argv[1])
