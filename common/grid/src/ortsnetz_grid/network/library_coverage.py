"""Who hands a network to power-grid-model asks here first: that library knows no additions."""

from __future__ import annotations

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.model import Network


def require_library_covers(network: Network, what: str, source: str | None = None) -> None:
    """Refuse a network whose additional elements would be left out in silence.

    Args:
        network: any network.
        what: what is computed, as the subject of a sentence: `the state estimation`.
        source: the network's file, if the caller does not name it.

    Raises:
        InputError: names the first additional element, and how many more there are.
    """
    labels = [network.label(element.id) for _, element in network.additions]
    if labels:
        more = f" (and {len(labels) - 1} more such elements)" if len(labels) > 1 else ""
        place = f"{source}: " if source else ""
        raise InputError(
            f"{place}{labels[0]}{more}: {what} does not cover the additions of a network file "
            "(ortsnetz.elements); it needs power-grid-model's own components"
        )
