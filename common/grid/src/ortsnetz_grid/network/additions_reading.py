"""Reading `ortsnetz.elements` strictly: every error names file, element and field."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.additions import (
    COMPONENTS,
    Addition,
    Additions,
    MatrixLine,
    SinglePhaseTransformer,
)

_POSITIVE = ("u1", "u2", "sn", "i_n", "i_n_neutral", "u_nominal", "tap_ratio_from", "tap_ratio_to")
_NOT_NEGATIVE = ("r_pu", "g_pu")
_LARGEST = 1e20
"""Larger numbers, in whatever unit, are a mistake that would only show as a singular matrix."""
_SMALLEST_RECIPROCAL_CONDITION = 1e-12
_ASYMMETRY = 1e-9
_LARGEST_ID = np.iinfo(np.int32).max  # power-grid-model's ids have 32 bits


def read_additions(
    document: Mapping[str, Any], nodes: NDArray[Any] | None, source: str
) -> Additions:
    """The additional elements of a file.

    Args:
        document: the whole file.
        nodes: power-grid-model's array of nodes; None where there are none.
        source: how to name the file in an error.

    Raises:
        InputError: names file, component, id and field.
    """
    ours = document.get("ortsnetz", {})
    if not isinstance(ours, Mapping):
        raise InputError(f"{source}: ortsnetz must be an object")
    elements = ours.get("elements", {})
    if not isinstance(elements, Mapping):
        raise InputError(f"{source}: ortsnetz.elements must be an object")
    rated = {} if nodes is None else dict(zip(nodes["id"].tolist(), nodes["u_rated"], strict=True))
    found: dict[str, tuple[Addition, ...]] = {}
    for component, entries in elements.items():
        if component not in COMPONENTS:
            known = ", ".join(COMPONENTS)
            raise InputError(
                f"{source}: ortsnetz.elements: there is no component '{component}' (known: {known})"
            )
        if not isinstance(entries, list):
            raise InputError(f"{source}: ortsnetz.elements.{component} must be a list")
        found[component] = tuple(
            _element(component, place, entry, rated, source) for place, entry in enumerate(entries)
        )
    return Additions(**found)  # type: ignore[arg-type]  # the component decides the type


def _element(
    component: str, place: int, entry: Any, rated: Mapping[int, float], source: str
) -> Addition:
    identity = entry.get("id") if isinstance(entry, Mapping) else None
    known = isinstance(identity, int) and not isinstance(identity, bool)
    label = f"{component} {identity}" if known else f"{component} at place {place}"
    try:
        element = msgspec.convert(entry, type=COMPONENTS[component])
    except msgspec.ValidationError as error:
        raise InputError(f"{source}: {label}: {_in_words(error)}") from error
    for field, reason in _faults(element, rated):
        raise InputError(f"{source}: {label}: {field}: {reason}")
    return element


def _in_words(error: msgspec.ValidationError) -> str:
    """The message of msgspec with the field in front: `phases: Invalid enum value 'abd'`."""
    text = str(error)
    place = re.search(r" - at `\$\.?(.*)`$", text)
    if place is None:
        return text[:1].lower() + text[1:]
    reason = text[: place.start()]
    return f"{place.group(1)}: {reason[:1].lower()}{reason[1:]}"


def _faults(element: Addition, rated: Mapping[int, float]) -> Iterator[tuple[str, str]]:
    """What is wrong, as field and reason, the most basic first."""
    if not 0 <= element.id <= _LARGEST_ID:
        yield "id", f"must lie between 0 and {_LARGEST_ID}"
    for field in element.__struct_fields__:
        yield from ((field, reason) for reason in _faults_of(field, getattr(element, field), rated))
    if isinstance(element, MatrixLine):
        yield from _line_faults(element, rated)
    elif isinstance(element, SinglePhaseTransformer) and not (element.r_pu or element.x_pu):
        yield "r_pu", "must not be zero together with x_pu"


def _faults_of(field: str, value: Any, rated: Mapping[int, float]) -> Iterator[str]:
    """What is wrong with one field, whatever the element."""
    if not all(math.isfinite(each) and abs(each) < _LARGEST for each in _numbers(value)):
        yield "must be a finite number, and no number beyond any network"
    if field in _POSITIVE and value is not None and not value > 0:
        yield "must be greater than 0"
    if field in _NOT_NEGATIVE and value < 0:
        yield "must not be negative"
    if field in ("node", "from_node", "to_node") and value not in rated:
        yield f"{value} is no node"


def _numbers(value: object) -> Iterator[float]:
    if isinstance(value, float):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from _numbers(each)


def _line_faults(line: MatrixLine, rated: Mapping[int, float]) -> Iterator[tuple[str, str]]:
    size = len(line.phases)
    for field, matrix in (("r", line.r), ("x", line.x), ("b", line.b)):
        if matrix is None:
            continue
        if len(matrix) != size or any(len(row) != size for row in matrix):
            yield field, f"must be a matrix of {size} by {size} for the phases {line.phases}"
        values = np.array(matrix)
        if np.abs(values - values.T).max() > _ASYMMETRY * max(np.abs(values).max(), 1e-300):
            yield field, "must be symmetric"
    if line.from_node == line.to_node:
        yield "to_node", "must not be the same as from_node"
    if (np.diagonal(line.r) < 0).any():
        yield "r", "must not be negative on the diagonal"
    impedance = np.array(line.r) + 1j * np.array(line.x)
    values = np.linalg.svd(impedance, compute_uv=False)
    if not values[-1] > _SMALLEST_RECIPROCAL_CONDITION * values[0]:
        yield (
            "r",
            "is singular together with x; two nodes without impedance between them are a link",
        )
    ends = rated[line.from_node], rated[line.to_node]
    if ends[0] != ends[1]:
        yield "to_node", f"the line joins nodes of {ends[0]:g} V and {ends[1]:g} V"
