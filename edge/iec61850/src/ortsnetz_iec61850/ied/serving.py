"""The IED's server: one thread serves all clients, another puts values into the model.

The library's own thread sleeps a millisecond after each round, so that a client gets a thousand
answers a second at most; the rounds are made here instead.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_iec61850.ied.counting import Counting
from ortsnetz_iec61850.ied.model import Model
from ortsnetz_iec61850.library.server import (
    ConnectionHandler,
    ReportEvent,
    ReportHandler,
    functions,
)

WAIT_MS = 5
"""Longest wait of a round: reports that nobody asked for go out so much later."""
CONNECTIONS = 5
"""Most clients at a time: the library in the wheel is built for no more, whatever is asked for."""
REPORT_BUFFER = 1024 * 1024
"""Octets of reports that each buffered block keeps while nobody is there."""
ATTEMPTS = 5
START_S = 5.0


class IedServer:
    """A server; nothing listens before `start`.

    Attributes:
        handle: the library's.
    """

    def __init__(self, model: Model, counting: Counting, identity: tuple[str, str, str]) -> None:
        """Make the server of a model.

        Args:
            model: it belongs to the server from now on.
            counting: counts connections and reports.
            identity: maker, model and revision, as MMS says them.
        """
        call = functions()
        self._counting = counting
        config = call.IedServerConfig_create()
        call.IedServerConfig_setEdition(config, model.edition)
        call.IedServerConfig_setMaxMmsConnections(config, CONNECTIONS)
        call.IedServerConfig_setReportBufferSize(config, REPORT_BUFFER)
        call.IedServerConfig_enableFileService(config, 0)
        call.IedServerConfig_enableLogService(config, 0)
        self.handle: int = call.IedServer_createWithConfig(model.handle, None, config)
        call.IedServerConfig_destroy(config)
        self._kept: list[Any] = [ConnectionHandler(self._connection), ReportHandler(self._report)]
        call.IedServer_setServerIdentity(self.handle, *(text.encode() for text in identity))
        call.IedServer_setConnectionIndicationHandler(self.handle, self._kept[0], None)
        call.IedServer_setRCBEventHandler(self.handle, self._kept[1], None)
        self._ending, self._round = threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._rounds, name="ied", daemon=True)

    def keep(self, handlers: object) -> None:
        """Let handlers live as long as the server."""
        self._kept.append(handlers)

    def start(self, host: str, port: int) -> int:
        """Listen; the port, which is a free one where none is asked for.

        Raises:
            OrtsnetzError: the port cannot be had.
        """
        call = functions()
        call.IedServer_setLocalIpAddress(self.handle, host.encode())
        for _ in range(1 if port else ATTEMPTS):
            try:
                wanted = port or _free_port(host)
            except OSError:
                break
            call.IedServer_startThreadless(self.handle, wanted)
            if call.IedServer_isRunning(self.handle):
                self._thread.start()
                return wanted
        raise OrtsnetzError(f"port {port} on {host}, wanted for an IED, cannot be had")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """While values are put into the model: clients see all of them, or none.

        The library's own lock keeps reads out, but not reports whose buffer time ends meanwhile.
        """
        call = functions()
        with self._round:
            call.IedServer_lockDataModel(self.handle)
            try:
                yield
            finally:
                call.IedServer_unlockDataModel(self.handle)

    def stop(self) -> None:
        """Close all connections and the port."""
        self._ending.set()
        self._thread.join(START_S)
        if not self._thread.is_alive():
            functions().IedServer_stopThreadless(self.handle)

    def _rounds(self) -> None:
        call = functions()
        ready, serve, rest = (
            call.IedServer_waitReady,
            call.IedServer_processIncomingData,
            call.IedServer_performPeriodicTasks,
        )
        while not self._ending.is_set():
            if ready(self.handle, WAIT_MS) < 0:
                time.sleep(WAIT_MS / 1000)
            with self._round:
                serve(self.handle)
                rest(self.handle)

    def _connection(self, *what: Any) -> None:
        connected = what[2]
        self._counting.add("connections", 1 if connected else -1)
        if connected:
            self._counting.add("connected")

    def _report(self, *what: Any) -> None:
        event = what[3]
        if event == ReportEvent.REPORT_CREATED:
            self._counting.add("reports")
        elif event == ReportEvent.OVERFLOW:
            self._counting.add("overflows")


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port
