"""The network: power-grid-model's input data set with names and the project's additions."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from power_grid_model.errors import PowerGridError
from power_grid_model.utils import json_deserialize

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.additions import Additions
from ortsnetz_grid.network.additions_reading import read_additions

FORMAT = "ortsnetz.network/1"
Dataset = Mapping[str, NDArray[Any]]
"""power-grid-model's input data set: component name to structured array."""


@dataclass(frozen=True, slots=True)
class Network:
    """A network as it came from its file.

    Attributes:
        data: input data set by component name (`node`, `line`, ...), that library's own signs.
        document: the whole file, additions included. Not to be changed.
        components: component name of each element id.
        names: names of the elements that have one, by id.
        additions: elements that power-grid-model's format lacks. Whoever hands `data` alone to that
            library calls `library_coverage.require_library_covers` first.
    """

    data: Dataset
    document: Mapping[str, Any]
    components: Mapping[int, str]
    names: Mapping[int, str]
    additions: Additions = field(default_factory=Additions)

    @classmethod
    def from_json(cls, text: str | bytes, source: str) -> Network:
        """Read a network or a case.

        Args:
            text: contents of the file.
            source: how to name it in an error, usually its path.

        Raises:
            InputError: names the source, the element and the reason.
        """
        document = _parse(text, source)
        try:
            library = {key: value for key, value in document.items() if key != "ortsnetz"}
            dataset = json_deserialize(json.dumps(library))
        except (PowerGridError, ValueError, KeyError, RuntimeError) as error:
            reason = _in_words(str(error), document)
            raise InputError(
                f"{source}: not a power-grid-model input data set: {reason}"
            ) from error
        data = {str(getattr(name, "value", name)): array for name, array in dataset.items()}
        additions = read_additions(document, data.get("node"), source)
        return cls(
            data=data,
            document=document,
            components=_components(data, additions, source),
            names={
                **_names(document),
                **{element.id: element.name for _, element in additions if element.name},
            },
            additions=additions,
        )

    def to_json(self) -> str:
        """The file's text, additions included."""
        return json.dumps(self.document, indent=1)

    def label(self, element: int) -> str:
        """An element as people know it: `line 17 'LV2.101 Line 12'`."""
        component = self.components.get(element, "element")
        name = self.names.get(element)
        return f"{component} {element} '{name}'" if name else f"{component} {element}"

    def row(self, component: str, element: int) -> int:
        """Row of an element in its component's array.

        Raises:
            InputError: there is no such element.
        """
        if component in self.data:
            rows = np.flatnonzero(self.data[component]["id"] == element)
            if rows.size:
                return int(rows[0])
        raise InputError(f"the network has no {component} {element}")


def _parse(text: str | bytes, source: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:  # also text that is no UTF-8, and numbers of thousands of digits
        raise InputError(f"{source}: not JSON: {error}") from error
    except RecursionError as error:
        raise InputError(f"{source}: not a data set: nested too deeply") from error
    if not isinstance(document, dict) or not isinstance(document.get("data"), dict):
        raise InputError(f"{source}: a power-grid-model data set has an object 'data'")
    if document.get("type") != "input":
        raise InputError(f"{source}: type is {document.get('type')!r}, 'input' is needed")
    if document.get("is_batch"):
        raise InputError(f"{source}: a batch data set; a single one is needed")
    return document


def _in_words(message: str, document: Mapping[str, Any]) -> str:
    """The library's message on one line, its position in the file as element and attribute."""
    text = " ".join(message.split())
    place = re.search(r"\.? ?Position of error: data/(\w+)/(\d+)/(\w+)", text)
    if place is None:
        return text
    component, number, attribute = place.group(1), int(place.group(2)), place.group(3)
    try:
        element = document["data"][component][number]["id"]
    except (LookupError, TypeError):
        element = f"at place {number}"
    return f"{component} {element}: {attribute}: {text[: place.start()].lower()}"


def _components(data: Dataset, additions: Additions, source: str) -> dict[int, str]:
    found: dict[int, str] = {}

    def take(element: int, component: str) -> None:
        if element in found:
            raise InputError(
                f"{source}: the id {element} is used by {found[element]} and by {component}"
            )
        found[element] = component

    for component, array in data.items():
        nameless = np.flatnonzero(array["id"] == np.iinfo(array["id"].dtype).min)
        if nameless.size:
            raise InputError(f"{source}: {component} at place {nameless[0]} has no id")
        for element in array["id"].tolist():
            take(element, component)
    for component, addition in additions:
        take(addition.id, component)
    return found


def _names(document: Mapping[str, Any]) -> dict[int, str]:
    return {
        element["id"]: str(element["name"])
        for elements in document["data"].values()
        if isinstance(elements, list)
        for element in elements
        if isinstance(element, dict) and "id" in element and element.get("name")
    }
