"""The contract between the cockpit and its apps.

An app sees nodes, their stations, windowed means of points, and a way to publish. It does not see
the store, the registry or the sessions, and the core does not see the app.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from fastapi import APIRouter

from ortsnetz_cockpit.core.timeseries.windows import Window
from ortsnetz_common.parameters.station import Station

__all__ = ["App", "Host", "Window"]


class Host(Protocol):
    """What the cockpit does for an app."""

    @property
    def data_dir(self) -> Path:
        """Directory of the app's own files; it exists."""

    @property
    def viewer(self) -> Callable[..., object]:
        """FastAPI dependency that lets viewers and higher roles pass."""

    def station(self, node: str) -> Station | None:
        """What is connected to a node; None until the node has told."""

    def windows(
        self, node: str, names: tuple[str, ...], *, start_ns: int, end_ns: int, width_ns: int
    ) -> list[Window]:
        """Windowed means; windows begin at multiples of their width, empty ones are absent."""

    def publish(self, topic: str, payload: bytes) -> bool:
        """Hand a message (QoS 1, not retained) to the broker; False when it did not take it."""


class App(Protocol):
    """What the cockpit asks of an app."""

    @property
    def router(self) -> APIRouter:
        """Its REST endpoints; each guards itself with the host's dependencies."""

    def start(self) -> None:
        """Begin to work in the background."""

    def stop(self) -> None:
        """End within a few seconds."""
