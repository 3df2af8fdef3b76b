"""How to reach the broker: shared by node and cockpit."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct


class Tls(Struct, frozen=True, forbid_unknown_fields=True):
    """Mutual TLS: files with the trust anchor, the own certificate and its key."""

    ca: Path
    certificate: Path
    key: Path


class Broker(Struct, frozen=True, forbid_unknown_fields=True):
    """Address of the broker. Without `tls` only loopback addresses are accepted."""

    host: str
    port: int
    tls: Tls | None = None

    @property
    def is_loopback(self) -> bool:
        """Whether the broker is on this machine."""
        return self.host in {"127.0.0.1", "localhost", "::1"}
