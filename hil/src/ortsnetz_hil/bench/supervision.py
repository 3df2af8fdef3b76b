"""Child processes that are watched, restarted when they die, and stopped in order."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from ortsnetz_common.errors import OrtsnetzError

STOP_DEADLINE_S = 20.0
LONGEST_PAUSE_S = 8.0
_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    # Linux only, best effort: children must not outlive a demo that was killed.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Child:
    """One supervised process; its output goes to a log file.

    Attributes:
        name: shown to people and name of the log.
        command: how it is started.
        ready: text that its log shows once it serves; None if it needs no wait.
        restarts: how often it had to be started again.
        served: whether it was ready once.
    """

    name: str
    command: list[str]
    log: Path
    ready: str | None = None
    restarts: int = 0
    served: bool = False
    process: subprocess.Popen[bytes] | None = None
    _retry_at: float = 0.0
    _pause_s: float = 0.5
    _stopping: bool = field(default=False)

    def start(self) -> None:
        """Start the process; its output is appended to its log."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches the demo alone, which stops in order
                preexec_fn=_die_with_parent if os.name == "posix" else None,  # noqa: PLW1509
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process is not None and self.process.poll() is None

    @property
    def stopped_on_purpose(self) -> bool:
        """Whether somebody stopped or killed it and has not resumed it."""
        return self._stopping

    @property
    def pid(self) -> int | None:
        """Process id, None when it does not run."""
        return self.process.pid if self.process is not None and self.alive else None

    def wait_ready(self, deadline_s: float, *, after: int = 0) -> str:
        """Wait until the log shows the `ready` text; returns that line.

        Args:
            deadline_s: longest wait.
            after: characters of the log that belong to an earlier life of the process.

        Raises:
            OrtsnetzError: the process ended or the deadline passed; quotes the end of its log.
        """
        if self.ready is None:
            self.served = True
            return ""
        end = time.monotonic() + deadline_s
        while time.monotonic() < end:
            for line in self.text()[after:].splitlines():
                if self.ready in line:
                    self.served = True
                    return line
            if not self.alive:
                code = self.process.returncode if self.process else None
                raise OrtsnetzError(f"{self.name} ended with code {code}: {self.last_words()}")
            time.sleep(0.1)
        raise OrtsnetzError(
            f"{self.name} was not ready after {deadline_s:.0f} s: {self.last_words()} "
            f"(log: {self.log})"
        )

    def text(self) -> str:
        """The log so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def last_words(self) -> str:
        """Last line of the log, for error messages."""
        lines = [line for line in self.text().splitlines() if line.strip()]
        return lines[-1] if lines else "it said nothing"

    def keep_alive(self) -> bool:
        """Start the process again if it died; returns whether that was needed now."""
        if self.alive or self._stopping or time.monotonic() < self._retry_at:
            return False
        self.start()
        self.restarts += 1
        self._retry_at = time.monotonic() + self._pause_s
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        return True

    def kill(self) -> None:
        """Kill the process on purpose; it stays dead until it is resumed."""
        self._stopping = True
        if self.process is not None and self.alive:
            self.process.kill()
            self.process.wait(STOP_DEADLINE_S)

    def resume(self, deadline_s: float | None) -> None:
        """Start a process that was stopped or killed on purpose, and wait until it serves again.

        Args:
            deadline_s: longest wait; None does not wait.

        Raises:
            OrtsnetzError: it runs already, or it does not become ready.
        """
        if self.alive:
            raise OrtsnetzError(f"{self.name} runs already")
        said = len(self.text())
        self.start()
        self._stopping = False  # not before: whoever watches must not take it for dead
        if deadline_s is not None:
            self.wait_ready(deadline_s, after=said)

    def stop(self) -> int | None:
        """Terminate and wait; kill after a deadline. Returns the exit code."""
        self._stopping = True
        if self.process is None:
            return None
        if self.alive:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_DEADLINE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(STOP_DEADLINE_S)
        return self.process.returncode
