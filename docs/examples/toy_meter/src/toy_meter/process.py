"""The same driver in a process of its own: the agent runs `python -m toy_meter.process`."""

from __future__ import annotations

from pathlib import Path

from ortsnetz_common.drivers.agent_time import AgentTime
from ortsnetz_common.drivers.server import run
from ortsnetz_common.link.driver_process import Hello
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.profiles.library import Library
from toy_meter.protocol import ToyMeter


def factory(hello: Hello, time: AgentTime) -> ToyMeter:
    """The driver, with what the agent has sent along."""
    return ToyMeter(Environment(time, Library(hello.profiles), Path(hello.credentials_dir)))


if __name__ == "__main__":
    run("toy-meter 1.0.0", factory)
