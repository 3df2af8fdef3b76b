"""The driver's process: the agent runs `python -m ortsnetz_edge.drivers.sampled_values.process`.

It hosts the functions of power quality, which need numerics that the agent itself does without.
"""

from __future__ import annotations

from pathlib import Path

from ortsnetz_common.drivers.agent_time import AgentTime
from ortsnetz_common.drivers.server import run
from ortsnetz_common.link.driver_process import Hello
from ortsnetz_edge.drivers.environment import Environment
from ortsnetz_edge.drivers.sampled_values.protocol import SampledValues
from ortsnetz_edge.drivers.sampled_values.recordings import Recordings
from ortsnetz_edge.profiles.library import Library


def factory(hello: Hello, time: AgentTime) -> SampledValues:
    """The driver, with what the agent has sent along."""
    environment = Environment(time, Library(hello.profiles), Path(hello.credentials_dir))
    return SampledValues(environment, Recordings.configured())


if __name__ == "__main__":
    run("sampled-values 1", factory)
