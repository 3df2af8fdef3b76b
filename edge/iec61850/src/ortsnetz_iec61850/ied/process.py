"""The IED in its process, between its clients and the plant."""

from __future__ import annotations

import os
import queue
import socket
import threading
from pathlib import Path

from ortsnetz_common.errors import InputError, OrtsnetzError
from ortsnetz_common.link import bench_ied
from ortsnetz_common.link.bench_ied import Answer, Begin, Listening, Refused, Shown, Values
from ortsnetz_common.scl.devices import Ied
from ortsnetz_common.scl.document import Document
from ortsnetz_common.scl.reading.document import read_scl
from ortsnetz_iec61850.ied import controls, model, values
from ortsnetz_iec61850.ied.composing import composed
from ortsnetz_iec61850.ied.counting import Counting
from ortsnetz_iec61850.ied.desk import Desk, PlantGoneError
from ortsnetz_iec61850.ied.serving import IedServer
from ortsnetz_iec61850.library.loading import LibraryMissingError

MAKER, KIND, REVISION = "Ortsnetz bench", "IED", "1"
WAITING = 64
"""Messages of values that wait for the model; the plant waits for each, so there is one."""


def serve_plant() -> int:
    """Serve the plant at the other end of the inherited socket, until it ends; the exit code."""
    line = socket.socket(fileno=int(os.environ[bench_ied.SOCKET_VARIABLE]))
    counting = Counting()
    desk = Desk(line, counting)
    try:
        begin = desk.heard()
        if not isinstance(begin, Begin) or begin.version != bench_ied.VERSION:
            desk.send(Refused("the plant speaks another version of the bench's language"))
            return 1
        try:
            _serve(desk, begin, counting)
        except (OrtsnetzError, LibraryMissingError) as error:
            desk.send(Refused(str(error)))
            return 1
    except PlantGoneError:
        return 0
    return 0


def _serve(desk: Desk, begin: Begin, counting: Counting) -> None:
    document, ied = _ied_of(begin)
    built = model.build(document, ied)
    server = IedServer(built, counting, (MAKER, KIND, REVISION))
    with server.locked():
        values.preset(server.handle, built)
        points = values.Points(server.handle, built, begin.points)
    server.keep(controls.install(server.handle, built, desk, counting, begin.settings))
    port = server.start(begin.host, begin.port)
    desk.send(Listening(bench_ied.VERSION, port))
    arriving: queue.Queue[Values | None] = queue.Queue(WAITING)
    reader = threading.Thread(target=_read, args=(desk, arriving), name="plant", daemon=True)
    reader.start()
    while (message := arriving.get()) is not None:
        with server.locked():
            points.show(message)
        desk.send(Shown(message.number, counting.counts()))
    server.stop()


def _read(desk: Desk, arriving: queue.Queue[Values | None]) -> None:
    """Hand on what the plant says; answers go straight to who waits for them."""
    try:
        while True:
            message = desk.heard()
            if isinstance(message, Answer):
                desk.settle(message)
            elif isinstance(message, Values):
                arriving.put(message)
            else:
                break
    except PlantGoneError:
        pass
    arriving.put(None)


def _ied_of(begin: Begin) -> tuple[Document, Ied]:
    """The SCL file of what is served, and the IED in it."""
    if begin.scl:
        path = Path(begin.scl)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror}") from error
        name = begin.scl
    else:
        content, name = composed(begin.ied, begin.bays), f"{begin.ied}.cid"
    if begin.written:
        Path(begin.written).write_bytes(content)
    return chosen(read_scl(content, name), begin.ied)


def chosen(document: Document, name: str) -> tuple[Document, Ied]:
    """An IED of a file by its name, or the only one. Raises InputError."""
    for ied in document.ieds:
        if ied.name == name or (not name and len(document.ieds) == 1):
            return document, ied
    known = ", ".join(ied.name for ied in document.ieds) or "none"
    raise InputError(f"{document.name} has no IED '{name}'; it has {known}")
