"""The driver in its process: the agent runs `python -m ortsnetz_iec61850.mms.process`."""

from __future__ import annotations

from pathlib import Path

from ortsnetz_common.drivers.agent_time import AgentTime
from ortsnetz_common.drivers.server import run
from ortsnetz_common.link.driver_process import Hello
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.profiles.library import Library
from ortsnetz_iec61850.library.loading import library
from ortsnetz_iec61850.mms.protocol import Iec61850


def factory(hello: Hello, time: AgentTime) -> Iec61850:
    """The driver, with what the agent has sent along. Raises LibraryMissingError."""
    library()
    return Iec61850(Environment(time, Library(hello.profiles), Path(hello.credentials_dir)))


if __name__ == "__main__":
    run("iec61850", factory)
