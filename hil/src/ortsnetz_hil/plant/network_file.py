"""The plant's own reading of a network file; it does not share the product's network model."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from power_grid_model.errors import PowerGridError
from power_grid_model.utils import json_deserialize

from ortsnetz_common.errors import InputError

LOW_VOLTAGE_V = 1000.0
"""Nodes below this rated voltage belong to the low-voltage network (IEC 60038)."""

_NEEDED = ("node", "line", "transformer", "source", "asym_load")
_COVERED = (*_NEEDED, "asym_gen", "link", "shunt")

Document = dict[str, Any]
Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class PlantNetwork:
    """A network file: its document and power-grid-model's arrays.

    Attributes:
        document: the JSON document with all additions. Not to be changed.
        data: input data set by component name.
    """

    document: Mapping[str, Any]
    data: Mapping[str, Array]

    def array(self, component: str) -> Array | None:
        """Structured array of a component, None where the network has none."""
        found = self.data.get(component)
        return found if found is not None and found.size else None

    def elements(self, component: str) -> list[Document]:
        """Elements of a component with their additions, in the order of the file."""
        return list(self.document["data"].get(component, []))

    def ids(self, component: str) -> NDArray[np.int64]:
        """Ids of a component, in the order of the file; empty where there is none."""
        found = self.array(component)
        return np.empty(0, np.int64) if found is None else found["id"].astype(np.int64)

    def next_id(self) -> int:
        """Smallest id above all that are used."""
        return 1 + max(int(found["id"].max()) for found in self.data.values() if found.size)

    def low_voltage(self) -> NDArray[np.bool_]:
        """Which nodes belong to the low-voltage network, in the order of the file."""
        return np.asarray(self.data["node"]["u_rated"] < LOW_VOLTAGE_V)

    def busbar(self) -> set[int]:
        """Nodes of the low-voltage busbar: behind all transformers and closed links."""
        transformers = self.data["transformer"]
        found = {int(node) for node in transformers["to_node"]}
        links = self.array("link")
        closed = [
            (int(link["from_node"]), int(link["to_node"]))
            for link in ([] if links is None else links)
            if link["from_status"] and link["to_status"]
        ]
        grown = True
        while grown:
            before = len(found)
            for a, b in closed:
                if a in found or b in found:
                    found |= {a, b}
            grown = len(found) > before
        return found


def parse(text: str | bytes, source: str) -> PlantNetwork:
    """Read a network file.

    Args:
        text: contents of the file.
        source: how to name it in an error.

    Raises:
        InputError: names the source and the reason.
    """
    try:
        document = json.loads(text)
        dataset = json_deserialize(text)
    except (PowerGridError, ValueError, KeyError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{source}: not a network file: {reason}") from error
    if document.get("ortsnetz", {}).get("elements"):
        raise InputError(
            f"{source}: the plant does not cover the additions of a network file "
            "(ortsnetz.elements)"
        )
    data = {str(getattr(name, "value", name)): array for name, array in dataset.items()}
    for component, array in data.items():
        if array.size and component not in _COVERED:
            raise InputError(f"{source}: the plant does not cover the component {component}")
    for component in _NEEDED:
        if component not in data or not data[component].size:
            raise InputError(f"{source}: the network has no {component}; the plant needs one")
    return PlantNetwork(document, data)


def extended(network: PlantNetwork, additions: Mapping[str, list[Document]]) -> Document:
    """A copy of the document with more elements per component."""
    document: Document = copy.deepcopy(dict(network.document))
    for component, elements in additions.items():
        document["data"].setdefault(component, []).extend(elements)
    return document
