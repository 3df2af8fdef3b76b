"""What the cockpit does for its apps: the SDK's contract on top of the core."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ortsnetz_cockpit.core.api.guard import VIEWER
from ortsnetz_cockpit.core.registry.sites import Sites
from ortsnetz_cockpit.core.timeseries.store import Store
from ortsnetz_cockpit.core.timeseries.windows import Window, windows
from ortsnetz_common.parameters.station import Station


@dataclass(frozen=True, slots=True)
class AppHost:
    """Implements `sdk.contract.Host`."""

    store: Store
    sites: Sites
    directory: Path
    send: Callable[[str, bytes], bool]

    @property
    def data_dir(self) -> Path:
        """Directory of the app's own files."""
        return self.directory

    @property
    def viewer(self) -> Callable[..., object]:
        """Lets viewers and higher roles pass."""
        return VIEWER

    def station(self, node: str) -> Station | None:
        """What is connected to a node; None until the node has told."""
        site = self.sites.of(node)
        return None if site is None else site.station

    def windows(
        self, node: str, names: tuple[str, ...], *, start_ns: int, end_ns: int, width_ns: int
    ) -> list[Window]:
        """Windowed means of points."""
        return windows(self.store, node, names, start_ns=start_ns, end_ns=end_ns, width_ns=width_ns)

    def publish(self, topic: str, payload: bytes) -> bool:
        """Hand a message to the broker."""
        return self.send(topic, payload)
