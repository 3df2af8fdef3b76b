"""What every driver gets from the agent: its clock, its profiles, its certificates."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from ortsnetz_common.errors import InputError
from ortsnetz_edge.clock import Clock, WallClock
from ortsnetz_edge.profiles.library import Library


@dataclass(frozen=True)
class Credentials:
    """Certificates for one kind of peer, as files of the node.

    Attributes:
        ca: whom to believe, PEM; for OPC UA the server's own certificate may stand in its place.
        certificate, key: the node's own.
    """

    ca: Path
    certificate: Path
    key: Path


@dataclass(frozen=True)
class Environment:
    """What every driver gets.

    Attributes:
        clock: stamps answers and counts waiting times.
        library: of device profiles.
        credentials_dir: one folder of certificates for each name that a connection may give.
        counters: what happens to drivers in a process of their own; the agent's health shows them.
        observing: somebody looks on, perhaps beside the agent: what a protocol asks of a master by
            itself (clocks, restart indications, reports) is left to whoever operates the device.
    """

    clock: Clock = field(default_factory=WallClock)
    library: Library = field(default_factory=Library)
    credentials_dir: Path = Path("credentials")
    counters: Counter[str] = field(default_factory=Counter)
    observing: bool = False

    def credentials(self, name: str) -> Credentials:
        """Certificates by the name that a connection gives.

        Raises:
            InputError: the name is none, or a file is missing; names it.
        """
        if not name or "/" in name or name.startswith("."):
            raise InputError(f"credentials '{name}': the name of a folder is needed")
        folder = self.credentials_dir / name
        found = Credentials(folder / "ca.pem", folder / "certificate.pem", folder / "key.pem")
        for path in (found.ca, found.certificate, found.key):
            if not path.is_file():
                raise InputError(f"credentials '{name}': {path} is missing")
        return found
