"""Where a run takes place, and what differs from the file without being another scenario."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Ports:
    """TCP ports of a run: one base, everything behind it.

    Attributes:
        base: the broker's; the others follow.
    """

    base: int

    @property
    def broker(self) -> int:
        """Of the broker itself."""
        return self.base

    @property
    def cockpit(self) -> int:
        """Of the cockpit's page."""
        return self.base + 1

    @property
    def clock(self) -> int:
        """Of the bench clock."""
        return self.base + 2

    @property
    def uplink(self) -> int:
        """Where the node reaches the broker when faults act on that wire."""
        return self.base + 3

    @property
    def devices(self) -> int:
        """The first device's."""
        return self.base + 10


@dataclass(frozen=True, slots=True)
class Options:
    """Options of a run.

    Attributes:
        directory: run directory; created, and emptied first if it is a former run.
        broker: `mosquitto`, `iotcore` or `auto`.
        start_in_s: in real time: seconds until the window begins, so that a device under test that
            is not ours can be brought up; None for the usual.
        networks: folder in which imported networks are kept for the next run; None imports anew.
    """

    directory: Path
    ports: Ports
    broker: str = "auto"
    start_in_s: float | None = None
    networks: Path | None = None
