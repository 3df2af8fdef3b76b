"""The driver in its process: the agent runs `python -m ortsnetz_iec61850.goose.process`.

The only one that hostile frames can reach. It needs no capability where `opener` runs.
"""

from __future__ import annotations

from pathlib import Path

from ortsnetz_common.drivers.agent_time import AgentTime
from ortsnetz_common.drivers.server import run
from ortsnetz_common.link.driver_process import Hello
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.profiles.library import Library
from ortsnetz_iec61850.goose.protocol import Goose


def factory(hello: Hello, time: AgentTime) -> Goose:
    """The driver, with what the agent has sent along."""
    return Goose(Environment(time, Library(hello.profiles), Path(hello.credentials_dir)))


if __name__ == "__main__":
    run("goose 0.1.0", factory)
