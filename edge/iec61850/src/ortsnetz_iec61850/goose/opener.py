"""Opens packet sockets for others: `python -m ortsnetz_iec61850.goose.opener IFACE`.

NET_RAW is held by two services alone: the receiver of Sampled Values until its socket stands, and
the opener of GOOSE sockets, which reads no frame; no service has it while it reads frames. Who may
connect to its Unix socket (the rights of the file say who) gets a packet socket of that interface,
its filter locked to GOOSE, and the connection ends; such a socket can also send. Frames of
strangers reach processes without capabilities only.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import socket
import sys
from pathlib import Path

from ortsnetz_common.errors import OrtsnetzError
from ortsnetz_iec61850.goose.packet_socket import opener_path, packet_socket

WAITING = 16
SEND_S = 1.0


def serve(name: str, path: Path) -> None:
    """Hand sockets over until a signal comes.

    Raises:
        OrtsnetzError: the path cannot be listened at.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        try:
            path.unlink(missing_ok=True)
            listening.bind(str(path))
        except OSError as error:
            raise OrtsnetzError(f"{path}: cannot be listened at: {error.strerror}") from error
        path.chmod(0o660)
        listening.listen(WAITING)
        print(f"goose opener of {name}: {path}", flush=True)
        while True:
            line, _ = listening.accept()
            with line, contextlib.suppress(OSError):
                line.settimeout(SEND_S)
                _hand_over(line, name)


def _hand_over(line: socket.socket, name: str) -> None:
    try:
        end = packet_socket(name)
    except OSError as error:
        line.sendall((error.strerror or str(error)).encode())
        return
    with end:
        socket.send_fds(line, [b"."], [end.fileno()])


def main() -> None:
    """Hand sockets over until a signal comes."""
    parser = argparse.ArgumentParser(prog="goose.opener", description=__doc__)
    parser.add_argument("interface")
    parser.add_argument("--socket", type=Path)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        serve(given.interface, given.socket or opener_path(given.interface))
    except OrtsnetzError as error:
        sys.exit(f"goose.opener: {error}")


if __name__ == "__main__":
    main()
