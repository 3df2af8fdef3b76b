"""A network with its tap changers at other positions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.model import Network


def with_taps(network: Network, taps: Mapping[int, int]) -> Network:
    """The network with tap changers at stated positions.

    Args:
        network: not changed.
        taps: position by transformer id.

    Raises:
        InputError: there is no such transformer, or its tap changer has no such position.
    """
    if not taps:
        return network
    rows = {element: network.row("transformer", element) for element in taps}
    transformers = network.data["transformer"].copy()
    for element, row in rows.items():
        position = taps[element]
        ends = sorted((int(transformers["tap_min"][row]), int(transformers["tap_max"][row])))
        if not ends[0] <= position <= ends[1]:
            raise InputError(
                f"{network.label(element)}: its tap changer has the positions {ends[0]} to "
                f"{ends[1]}, not {position}"
            )
        transformers["tap_pos"][row] = position
    return replace(network, data={**network.data, "transformer": transformers})
