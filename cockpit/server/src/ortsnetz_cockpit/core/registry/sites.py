"""Sites of all nodes, read from the log when they are asked for and kept until they change."""

from __future__ import annotations

import threading

from ortsnetz_cockpit.core.registry.site import Site, read_site
from ortsnetz_cockpit.core.timeseries.history import facts
from ortsnetz_cockpit.core.timeseries.store import Store


class Sites:
    """Keeps one site a node."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._known: dict[str, Site | None] = {}

    def of(self, node: str) -> Site | None:
        """The site of a node; None before its first catalogue.

        Raises:
            InputError: what the node told cannot be read.
        """
        with self._lock:
            if node not in self._known:
                found = facts(self._store, node)
                self._known[node] = None if found is None else read_site(found)
            return self._known[node]

    def changed(self, node: str) -> None:
        """A catalogue was committed."""
        with self._lock:
            self._known.pop(node, None)
