"""Counts and samples of the store without a running cockpit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict

from ortsnetz_cockpit.core.api.routes_nodes import committed_info
from ortsnetz_cockpit.core.configuration import CockpitConfiguration
from ortsnetz_cockpit.core.timeseries.history import (
    committed,
    integrity,
    last_samples,
    read_counters,
    samples_by_source,
)
from ortsnetz_cockpit.core.timeseries.store import Store
from ortsnetz_common.errors import InputError
from ortsnetz_common.measurement.point import READ_COUNT


def counts(configuration: CockpitConfiguration) -> str:
    """One JSON object: by node, what is committed, whether the log is whole, and read counters.

    Raises:
        InputError: there is no store yet.
        StoreError: the store is in use by a running cockpit.
    """
    with _opened(configuration) as store:
        found = {
            node: {
                **committed_info(node, committed(store, node)).model_dump(),
                **asdict(integrity(store, node)),
                "samples_by_source": samples_by_source(store, node),
                "read_counters": [asdict(c) for c in read_counters(store, node, READ_COUNT)],
            }
            for node in configuration.nodes
        }
    return json.dumps(found)


def last(
    configuration: CockpitConfiguration, node: str, sources: Sequence[str], count: int
) -> Iterator[str]:
    """The last samples of each point of some sources, one JSON object a line.

    Raises:
        InputError: there is no store yet, or no such node.
        StoreError: the store is in use by a running cockpit.
    """
    if node not in configuration.nodes:
        raise InputError(f"there is no node '{node}' (there are: {', '.join(configuration.nodes)})")
    with _opened(configuration) as store:
        for sample in last_samples(store, node, sources, count):
            yield json.dumps(asdict(sample))


@contextmanager
def _opened(configuration: CockpitConfiguration) -> Iterator[Store]:
    path = configuration.timeseries_file
    if not path.exists():
        raise InputError(f"{path}: there is no store yet")
    store = Store.open(path)
    try:
        yield store
    finally:
        store.close()
