"""Does what the plant's timeline asks of the connected processes; see `servers.conducting`."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_hil.bench.supervision import Child
from ortsnetz_hil.servers.conducting import Reply, Request

READY_S = 90.0
ACCEPT_S = 0.5
LONGEST_REQUEST = 4096


class Conductor:
    """Listens on a Unix socket in a thread of its own."""

    def __init__(
        self, path: Path, children: Mapping[str, Child], say: Callable[[str], None]
    ) -> None:
        self._path, self._children, self._say = path, children, say
        self._stopping = threading.Event()
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        path.unlink(missing_ok=True)
        try:
            self._server.bind(str(path))
        except OSError as error:
            raise OrtsnetzError(
                f"{path}: no socket can be made there ({error}): choose a shorter --dir"
            ) from error
        self._server.listen(1)
        self._server.settimeout(ACCEPT_S)
        self._thread = threading.Thread(target=self._serve, name="conductor", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop listening."""
        self._stopping.set()
        self._thread.join(READY_S)
        self._server.close()
        self._path.unlink(missing_ok=True)

    def _serve(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._server.accept()
            except TimeoutError:
                continue
            with connection:
                connection.settimeout(ACCEPT_S)
                with contextlib.suppress(OSError):
                    connection.sendall(msgspec.json.encode(self._answer(connection)) + b"\n")

    def _answer(self, connection: socket.socket) -> Reply:
        try:
            line = connection.makefile("rb").readline(LONGEST_REQUEST)
            request = msgspec.json.decode(line, type=Request)
        except (OSError, msgspec.MsgspecError) as error:
            return Reply(ok=False, detail=f"not a request: {error}")
        child = self._children.get(request.process)
        if child is None:
            return Reply(ok=False, detail=f"no process '{request.process}' is connected")
        try:
            detail = _do(child, request.action)
        except OrtsnetzError as error:
            return Reply(ok=False, detail=str(error))
        self._say(f"bench: {request.process}: {detail}")
        return Reply(ok=True, detail=detail)


def _do(child: Child, action: str) -> str:
    """Stop, kill or start a process; what was done, in words."""
    if action == "stop":
        code = child.stop()
        return f"stopped (exit code {code})"
    if action == "kill":
        child.kill()
        return "killed (SIGKILL)"
    if action == "start":
        # the agent says that it is ready after its first cycle, and that needs the plant, which
        # in stepped time waits for this answer
        child.resume(None if child.name == "agent" else READY_S)
        return "started"
    raise OrtsnetzError(f"'{action}' is no action: stop, kill or start")
