"""One driver process: started with its end of a socket pair, watched, ended."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ortsnetz_common.link.driver_process import SOCKET_VARIABLE, Hello
from ortsnetz_edge.clock import Clock

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What a driver process may take before it is ended and started anew.

    Attributes:
        start_s: from its start until all its sources are open.
        consult_s: for the answer to a question about a configuration.
        beat_s: between two heart-beats.
        hung_after_s: without the answer to a heart-beat it hangs.
        memory_bytes: resident memory.
        stable_after_s: having lived for so long, the back-off begins from the beginning.
    """

    start_s: float = 20.0
    consult_s: float = 20.0
    beat_s: float = 1.0
    hung_after_s: float = 5.0
    memory_bytes: int = 256 * MEGABYTE
    stable_after_s: float = 60.0


class ProcessCounters:
    """The counters of one protocol's processes among those of all drivers."""

    def __init__(self, name: str, shared: Counter[str]) -> None:
        self._prefix, self._shared = f"driver_process_{name}_", shared

    def __getitem__(self, what: str) -> int:
        return self._shared[self._prefix + what]

    def __setitem__(self, what: str, number: int) -> None:
        self._shared[self._prefix + what] = number


@dataclass(frozen=True, slots=True)
class Plan:
    """How the processes of a protocol are started, greeted and watched.

    Attributes:
        name: of the protocol.
        command: starts the process.
        clock: whose time each call brings.
    """

    name: str
    command: tuple[str, ...]
    hello: Hello
    clock: Clock
    limits: Limits
    counters: ProcessCounters


class DriverProcess:
    """A process that has been started, and the agent's end of the socket pair."""

    def __init__(self, command: tuple[str, ...]) -> None:
        """Start it.

        Raises:
            OSError: it cannot be started.
        """
        self.end, theirs = socket.socketpair()
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=2,  # what a library prints is for the log
                pass_fds=(theirs.fileno(),),
                env=os.environ | {SOCKET_VARIABLE: str(theirs.fileno())},
                start_new_session=True,  # Ctrl-C is for the agent, which ends its processes
            )
        except OSError:
            self.end.close()
            raise
        finally:
            theirs.close()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def memory_bytes(self) -> int | None:
        """Resident memory; None where the machine does not say."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            pages = int(Path(f"/proc/{self.pid}/statm").read_text("ascii").split()[1])
            return pages * os.sysconf("SC_PAGE_SIZE")
        return None

    def ended(self) -> bool:
        """Whether it has ended; collects it if so."""
        return self._process.poll() is not None

    def wait(self, deadline_s: float) -> bool:
        """Wait for its end; whether it has ended within the deadline. Blocking."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(deadline_s)
        return self.ended()

    def kill(self) -> None:
        """End it, and what it has started, at once."""
        self.end.close()
        if not self.ended():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        self.wait(0.2)  # SIGKILL takes effect at once; if not, the next start collects it
