"""What an IED of the bench multicasts (GOOSE): a process of its own, told what changed.

The process is `ortsnetz_iec61850`'s, which is of another licence: it is started, never imported.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from ortsnetz_common.errors import MissingExtraError, OrtsnetzError
from ortsnetz_hil.servers.ied_process import DISTRIBUTION

MODULE = "ortsnetz_iec61850.goose.sending"
START_S = 20.0
END_S = 5.0
BACKLOG_BYTES = 1024 * 1024
"""What waits for the process; beyond it nothing is told until it has caught up."""


@dataclass(slots=True)
class GooseSender:
    """A running publisher of all data sets of an IED.

    Attributes:
        blocks: its control blocks, `IedFeeders/gcbdsMeas`.
        dropped: times that it could not be told anything because it did not listen.
    """

    process: asyncio.subprocess.Process
    blocks: tuple[str, ...] = ()
    dropped: int = 0
    _told: dict[str, float] = field(default_factory=dict)
    _stopped: bool = False

    def tell(self, values: Mapping[str, float], time_ns: int) -> None:
        """Say what is so now; what has not changed is left out.

        Args:
            values: by reference; qualities in the bits of `measurement.quality`.
            time_ns: UTC.
        """
        new = {name: value for name, value in values.items() if self._told.get(name) != value}
        if new and self._say({"values": new, "time_ns": time_ns}):
            self._told.update(new)

    def misbehave(self, how: str, block: str = "") -> None:
        """Do something wrong from now on (`ortsnetz_iec61850.goose.misbehaviour`); `none` ends it.

        Args:
            how: what.
            block: name of the control block; "" for all.
        """
        self._say({"block": block, "misbehaviour": how})

    def fall_silent(self, *, silent: bool) -> None:
        """Stop the process, or let it go on."""
        if self._stopped is silent or self.process.returncode is not None:
            return
        self._stopped = silent
        self.process.send_signal(signal.SIGSTOP if silent else signal.SIGCONT)

    async def end(self) -> None:
        """Kill it, as a device that loses its power."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        async with asyncio.timeout(END_S):
            await self.process.wait()

    def _say(self, words: object) -> bool:
        line = self.process.stdin
        if line is None or line.is_closing():
            raise OrtsnetzError(f"the GOOSE publisher has ended ({self.process.returncode})")
        if line.transport.get_write_buffer_size() > BACKLOG_BYTES:
            self.dropped += 1
            return False
        line.write(json.dumps(words).encode() + b"\n")
        return True


async def started(interface: str, file: Path, written: Path, first: int) -> GooseSender:
    """A publisher on an interface.

    Args:
        interface: its name.
        file: SCL file whose data sets it multicasts.
        written: where the same file is put with the control blocks in it.
        first: number of its first address and APPID.

    Raises:
        MissingExtraError: the distribution is not installed.
        OrtsnetzError: it does not start; says why.
    """
    if find_spec(DISTRIBUTION) is None:
        raise MissingExtraError("what an IED multicasts (GOOSE)", "ortsnetz-iec61850")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", MODULE, interface, str(file)),
        *("--add", str(written), "--first", str(first)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    sender = GooseSender(process)
    said = why = b""
    if process.stdout is not None and process.stderr is not None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_S):
                said = await process.stdout.readline()
                why = b"" if said else await process.stderr.read()
    if not said:
        await sender.end()
        words = why.decode(errors="replace").strip() or "it says nothing"
        raise OrtsnetzError(f"GOOSE on '{interface}': {words}")
    sender.blocks = tuple(json.loads(said)["blocks"])
    return sender
