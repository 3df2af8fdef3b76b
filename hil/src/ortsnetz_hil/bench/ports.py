"""Ports are checked before anything starts, so that a clash is one clear sentence."""

from __future__ import annotations

import errno
import socket

from ortsnetz_common.errors import OrtsnetzError

HOST = "127.0.0.1"


def require_free(port: int, purpose: str, option: str) -> None:
    """Make sure that nobody listens on a loopback port.

    Raises:
        OrtsnetzError: the port is taken; says for what it was wanted and how to choose another.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
                raise
            reason = (
                "is taken by another program" if error.errno == errno.EADDRINUSE else "needs root"
            )
            raise OrtsnetzError(
                f"port {port} on {HOST}, wanted for {purpose}, {reason}: stop that program or "
                f"choose another port with {option}"
            ) from error
