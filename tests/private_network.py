"""A network of the test's own: a namespace that ends with it, and a cable inside (Linux, root).

What the test opens or starts while it is inside lives there: sockets, processes, tshark.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest

_CLONE_NEWNET = 0x40000000  # linux/sched.h
_OURS = "/proc/thread-self/ns/net"
NEAR, FAR = "near0", "far0"
"""The two ends of the cable."""


@contextlib.contextmanager
def private_network() -> Iterator[tuple[str, str]]:
    """Inside, this thread and what it starts are in a network of their own; skips where it cannot.

    Yields:
        Names of the two ends of a cable.
    """
    if shutil.which("ip") is None or os.geteuid() != 0:
        pytest.skip("a network namespace needs root and the command ip")
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open(_OURS, os.O_RDONLY)
    try:
        if libc.unshare(_CLONE_NEWNET) != 0:
            pytest.skip(f"a network namespace needs rights: {os.strerror(ctypes.get_errno())}")
        try:
            _cable()
            yield NEAR, FAR
        finally:
            assert libc.setns(before, _CLONE_NEWNET) == 0, "the test cannot leave its network"
    finally:
        os.close(before)


def set_up(name: str) -> None:
    """Switch an interface on."""
    _ip("link", "set", name, "up")


def set_down(name: str) -> None:
    """Switch an interface off."""
    _ip("link", "set", name, "down")


def _cable() -> None:
    _ip("link", "add", NEAR, "type", "veth", "peer", "name", FAR)
    for name in ("lo", NEAR, FAR):
        set_up(name)


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], check=False, capture_output=True, text=True, timeout=10)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"
