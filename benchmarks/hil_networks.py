"""Networks of the bench's benchmark: one network at several sizes, and a published feeder."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RURAL = "1-LV-rural2--0-sw"
PUBLISHED = "ieee-european-lv"
PUBLISHED_PROFILE = "H0-A"
_PER_RATING = ("sn", "pk", "p0")
"""What grows with a transformer; short-circuit voltage and no-load current are in per cent."""

Document = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A network file.

    Attributes:
        name: for people.
        path: the file.
        nodes: how many it has.
    """

    name: str
    path: Path
    nodes: int


def cases(directory: Path, copies: tuple[int, ...]) -> list[Case]:
    """The rural network with its feeders so many times, and the published feeder."""
    directory.mkdir(parents=True, exist_ok=True)
    rural = _imported(RURAL, directory)
    found = [_written(f"{RURAL} x {n}", hung(rural, n), directory / f"x{n}.json") for n in copies]
    return [*found, _written(PUBLISHED, _followed(_imported(PUBLISHED, directory)), directory)]


def hung(document: Document, copies: int) -> Document:
    """The feeders so many times at one busbar, behind a transformer so many times as large.

    Each feeder sees what it sees alone, so that size is all that changes.
    """
    data = document["data"]
    kept = {t[end] for t in data["transformer"] for end in ("from_node", "to_node")}
    found: Document = copy.deepcopy(document)
    for transformer in found["data"]["transformer"]:
        for field in _PER_RATING:
            transformer[field] *= copies
    stride = 1 + max(e["id"] for elements in data.values() for e in elements)
    for number in range(1, copies):
        for component in ("node", "line", "asym_load", "asym_gen"):
            found["data"][component] += [
                _moved(element, number, stride, kept)
                for element in data.get(component, ())
                if not (component == "node" and element["id"] in kept)
            ]
    return found


def _moved(element: Document, number: int, stride: int, kept: set[int]) -> Document:
    places = ("node", "from_node", "to_node")
    shifted = {
        key: element[key] + number * stride
        for key in ("id", *places)
        if key in element and not (key in places and element[key] in kept)
    }
    return {**element, **shifted, "name": f"{element['name']} ({number + 1})"}


def _followed(document: Document) -> Document:
    """A published feeder has no yearly profiles: its customers follow a household's."""
    for load in document["data"]["asym_load"]:
        load.setdefault("profile", PUBLISHED_PROFILE)
    return document


def _imported(source: str, directory: Path) -> Document:
    path = directory / f"{source}.imported.json"
    program = Path(sys.executable).with_name("ortsnetz")
    subprocess.run(
        [program, "network", "import", source, "-o", path], check=True, capture_output=True
    )
    return dict(json.loads(path.read_text()))


def _written(name: str, document: Document, place: Path) -> Case:
    path = place / f"{name}.json" if place.is_dir() else place
    path.write_text(json.dumps(document))
    return Case(name, path, len(document["data"]["node"]))
