"""A node's network and station as its catalogue told them: what is drawn and listed.

Reads power-grid-model's JSON without that library: elements are objects, or lists after the columns
of `attributes`. What is not needed for drawing is left alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from ortsnetz_cockpit.core.timeseries.history import NodeFacts
from ortsnetz_common.errors import InputError
from ortsnetz_common.parameters.parameter_set import Group, Limits, ParameterSet
from ortsnetz_common.parameters.responses import Response
from ortsnetz_common.parameters.station import Station

Element = Mapping[str, Any]
_INJECTIONS = ("asym_load", "asym_gen", "sym_load", "sym_gen", "source", "shunt")


@dataclass(frozen=True, slots=True)
class Bus:
    """A node of the network; `u_rated_v` phase to phase, coordinates as the file has them."""

    id: int
    name: str
    x: float | None
    y: float | None
    u_rated_v: float


@dataclass(frozen=True, slots=True)
class Branch:
    """A line, transformer or link; `rating_a` of a transformer is at its `to` side."""

    id: int
    name: str
    kind: str
    from_node: int
    to_node: int
    rating_a: float | None


@dataclass(frozen=True, slots=True)
class Site:
    """What a node has told about itself.

    Attributes:
        places: network node of each load, generator and source, by element id.
        station: None when the node told none.
        limits: None when the node told none: unknown, not unlimited.
        groups, responses: None when the node told none.
        mode: of the whole node, off, advisory or active; None when it told none.
    """

    parameters_hash: str
    buses: tuple[Bus, ...]
    branches: tuple[Branch, ...]
    places: Mapping[int, int]
    station: Station | None
    limits: Limits | None
    groups: tuple[Group, ...] | None = None
    responses: tuple[Response, ...] | None = None
    mode: str | None = None


def read_site(facts: NodeFacts) -> Site:
    """Read the facts of a node.

    Raises:
        InputError: network or station cannot be read; says why.
    """
    buses: tuple[Bus, ...] = ()
    branches: tuple[Branch, ...] = ()
    places: dict[int, int] = {}
    if facts.network is not None:
        try:
            buses, branches, places = _network(facts.network)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"the node's network cannot be read: {error!r}") from error
    station, told = (None, None) if facts.station is None else _station(facts.station)
    return Site(
        parameters_hash=facts.parameters_hash,
        buses=buses,
        branches=branches,
        places=places,
        station=station,
        limits=None if told is None else told.limits,
        groups=None if told is None else told.groups,
        responses=None if told is None else told.responses,
        mode=None if told is None else told.mode.limiting,
    )


def _station(text: str) -> tuple[Station, ParameterSet | None]:
    """A node tells its station alone, or its whole parameter set, which has limits too."""
    try:
        return msgspec.json.decode(text, type=Station), None
    except msgspec.MsgspecError as first:
        try:
            parameters = msgspec.json.decode(text, type=ParameterSet)
        except msgspec.MsgspecError:
            raise InputError(f"the node's station cannot be read: {first}") from first
    return parameters.station, parameters


def _elements(document: Element, component: str) -> Iterator[Element]:
    columns = document.get("attributes", {}).get(component, [])
    for element in document["data"].get(component, []):
        yield dict(zip(columns, element, strict=False)) if isinstance(element, list) else element


def _network(text: str) -> tuple[tuple[Bus, ...], tuple[Branch, ...], dict[int, int]]:
    document = json.loads(text)
    buses = tuple(
        Bus(
            id=int(element["id"]),
            name=_name(element, "node"),
            x=_number(element.get("x")),
            y=_number(element.get("y")),
            u_rated_v=float(element["u_rated"]),
        )
        for element in _elements(document, "node")
    )
    branches = tuple(
        Branch(
            id=int(element["id"]),
            name=_name(element, kind),
            kind=kind,
            from_node=int(element["from_node"]),
            to_node=int(element["to_node"]),
            rating_a=_rating(element, kind),
        )
        for kind in ("line", "transformer", "link")
        for element in _elements(document, kind)
    )
    places = {
        int(element["id"]): int(element["node"])
        for component in _INJECTIONS
        for element in _elements(document, component)
    }
    return buses, branches, places


def _name(element: Element, kind: str) -> str:
    return str(element.get("name") or f"{kind} {element['id']}")


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def _rating(element: Element, kind: str) -> float | None:
    if kind == "line":
        return _number(element.get("i_n"))
    if kind == "transformer":
        apparent, voltage = _number(element.get("sn")), _number(element.get("u2"))
        if apparent is not None and voltage:
            return apparent / (math.sqrt(3) * voltage)
    return None
