"""The driver in its process: the agent runs `python -m ortsnetz_iec61850.mms.process`."""

from __future__ import annotations

import os
import sys
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


def _quiet_library() -> None:
    """Keep libiec61850's own words about each TLS handshake out of the node's log.

    It prints them on the standard error; Python's goes on where it went.
    """
    ours = os.fdopen(os.dup(2), "w", buffering=1)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 2)
    os.close(silence)
    sys.stderr = ours


if __name__ == "__main__":
    _quiet_library()
    run("iec61850", factory)
