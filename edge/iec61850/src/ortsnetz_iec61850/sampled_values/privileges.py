"""Gives up every capability: what has been opened stays open (capabilities(7))."""

from __future__ import annotations

import ctypes
import os
import struct

_PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT, _CLEAR_ALL = 38, 47, 4
_VERSION_3 = 0x20080522


def give_up() -> None:
    """Become a process without capabilities, for good.

    Raises:
        OSError: the kernel refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    header = struct.pack("=Ii", _VERSION_3, 0)
    for done in (
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        libc.prctl(_PR_CAP_AMBIENT, _CLEAR_ALL, 0, 0, 0),
        libc.capset(header, bytes(24)),
    ):
        if done != 0:
            code = ctypes.get_errno()
            raise OSError(code, f"capabilities cannot be given up: {os.strerror(code)}")
