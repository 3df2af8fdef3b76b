"""Counts of the store without a running cockpit."""

from __future__ import annotations

import json
from dataclasses import asdict

from ortsnetz_cockpit.core.api.routes_nodes import committed_info
from ortsnetz_cockpit.core.configuration import CockpitConfiguration
from ortsnetz_cockpit.core.timeseries.history import committed, integrity, read_counters
from ortsnetz_cockpit.core.timeseries.store import Store
from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.point import READ_COUNT


def counts(configuration: CockpitConfiguration) -> str:
    """One JSON object: by node, what is committed, whether the log is whole, and read counters.

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
            node: {
                **committed_info(node, committed(store, node)).model_dump(),
                **asdict(integrity(store, node)),
                "read_counters": [asdict(c) for c in read_counters(store, node, READ_COUNT)],
            }
            for node in configuration.nodes
        }
    finally:
        store.close()
    return json.dumps(found)
