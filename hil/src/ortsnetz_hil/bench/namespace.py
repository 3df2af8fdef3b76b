"""A network namespace for the device under test: a host of its own on this machine (Linux, root).

The bench stays where it is; a pair of virtual interfaces is the cable between the two.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass

from ortsnetz_common.errors import OrtsnetzError

DEADLINE_S = 10.0
BENCH_SIDE, NODE_SIDE = "198.18.0.1", "198.18.0.2"
"""Of RFC 2544's range for benchmarks, which no real network uses; a /30 between the two."""


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace that stands.

    Attributes:
        name: as `ip netns` knows it.
        bench, node: addresses of the two ends.
    """

    name: str
    bench: str
    node: str

    def command(self, command: list[str]) -> list[str]:
        """A command line that runs inside."""
        return [_ip(), "netns", "exec", self.name, *command]

    def remove(self) -> None:
        """Remove it; its end of the cable goes with it, and so does ours."""
        _run("netns", "del", self.name)


def create() -> Namespace:
    """Make a namespace with a cable to it.

    Raises:
        OrtsnetzError: it cannot be made; says what is missing.
    """
    if os.geteuid() != 0:
        raise OrtsnetzError("a network namespace needs root: run the bench as root, or without it")
    name = f"ortsnetz-{os.getpid()}"
    ours, theirs = f"on{os.getpid()}", f"dut{os.getpid()}"
    _run("netns", "add", name)
    try:
        _run("link", "add", ours, "type", "veth", "peer", "name", theirs, "netns", name)
        _run("addr", "add", f"{BENCH_SIDE}/30", "dev", ours)
        _run("link", "set", ours, "up")
        for words in (
            ("addr", "add", f"{NODE_SIDE}/30", "dev", theirs),
            ("link", "set", theirs, "up"),
            ("link", "set", "lo", "up"),
        ):
            _run("-n", name, *words)
    except BaseException:  # an interruption too must leave nothing behind
        _run("netns", "del", name)
        raise
    return Namespace(name, BENCH_SIDE, NODE_SIDE)


def _ip() -> str:
    found = shutil.which("ip") or shutil.which("ip", path="/usr/sbin:/sbin")
    if found is None:
        raise OrtsnetzError("a network namespace needs the command 'ip' (Debian: iproute2)")
    return found


def _run(*words: str) -> None:
    try:
        done = subprocess.run(
            [_ip(), *words], capture_output=True, text=True, check=False, timeout=DEADLINE_S
        )
    except subprocess.TimeoutExpired as error:
        raise OrtsnetzError(f"'ip {' '.join(words)}' hangs") from error
    if done.returncode:
        raise OrtsnetzError(f"'ip {' '.join(words)}' failed: {done.stderr.strip()}")
