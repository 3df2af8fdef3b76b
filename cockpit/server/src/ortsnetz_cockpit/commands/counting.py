"""Counts of the store without a running cockpit."""

from __future__ import annotations

import json

from ortsnetz_cockpit.core.api.routes_nodes import committed_info
from ortsnetz_cockpit.core.configuration import CockpitConfiguration
from ortsnetz_cockpit.core.timeseries.history import committed
from ortsnetz_cockpit.core.timeseries.store import Store
from ortsnetz_common.errors import InputError


def counts(configuration: CockpitConfiguration) -> str:
    """One JSON object: by node, what `GET /api/v1/nodes/{node}/committed` says.

    Raises:
        InputError: there is no store yet.
        StoreError: the store is in use by a running cockpit.
    """
    path = configuration.timeseries_file
    if not path.exists():
        raise InputError(f"{path}: there is no store yet")
    store = Store.open(path)
    try:
        found = {
            node: committed_info(node, committed(store, node)).model_dump()
            for node in configuration.nodes
        }
    finally:
        store.close()
    return json.dumps(found)
