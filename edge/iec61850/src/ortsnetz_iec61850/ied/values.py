"""Values of the plant into the model: each with its quality and its time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ortsnetz_common.errors import InputError
from ortsnetz_common.link.bench_ied import INVALID, Values
from ortsnetz_iec61850.ied.model import Leaf, Model
from ortsnetz_iec61850.library.server import functions, timestamp

_INTEGERS = {"INT8", "INT16", "INT32", "Enum"}
_UNSIGNED = {"INT8U", "INT16U", "INT24U", "INT32U"}
_TEXTS = {"VisString32", "VisString64", "VisString65", "VisString129", "VisString255", "ObjRef"}
SETTLED = {"SP", "SE", "CF", "DC"}
"""Constraints of what has neither quality nor time."""
_SMALLEST_FLOAT, _LARGEST_FLOAT = -3.4028234663852886e38, 3.4028234663852886e38

Put = Callable[[int, Any], None]
"""Puts a value into an attribute of a server, by the attribute's handle."""


def put_for(server: int, basic_type: str) -> Put | None:
    """How a value of a type is put into a server; None for types that nobody sets."""
    call = functions()
    update: Any
    convert: Callable[[Any], Any] = int
    if basic_type == "BOOLEAN":
        update, convert = call.IedServer_updateBooleanAttributeValue, _flag
    elif basic_type in _INTEGERS:
        update = call.IedServer_updateInt32AttributeValue
    elif basic_type in {"INT64", "INT128"}:
        update = call.IedServer_updateInt64AttributeValue
    elif basic_type in _UNSIGNED:
        update = call.IedServer_updateUnsignedAttributeValue
    elif basic_type == "FLOAT32":
        update, convert = call.IedServer_updateFloatAttributeValue, float
    elif basic_type == "Dbpos":
        update, convert = call.IedServer_updateDbposValue, _position
    elif basic_type in _TEXTS:
        update, convert = call.IedServer_updateVisibleStringAttributeValue, _octets
    else:
        return None
    return lambda handle, value: update(server, handle, convert(value))


def _flag(value: object) -> bool:
    return value.lower() in {"true", "1"} if isinstance(value, str) else bool(value)


_POSITIONS = {"intermediate-state": 0, "off": 1, "on": 2, "bad-state": 3}
"""Of a double point (IEC 61850-7-3, table 9)."""


def _position(value: Any) -> int:
    found = _POSITIONS.get(value)
    return int(value) if found is None else found


def _octets(value: object) -> bytes:
    return str(value).encode()


@dataclass(frozen=True, slots=True)
class Point:
    """A value that the plant brings.

    Attributes:
        quality, time: handles of the attributes beside it; None for a setting.
    """

    reference: str
    leaf: Leaf
    put: Put
    quality: int | None
    time: int | None


class Points:
    """Values by their places."""

    def __init__(self, server: int, model: Model, references: Iterable[str]) -> None:
        """Find the points; what is measured is invalid until its first value.

        Raises:
            InputError: the model has no such point, or it has no quality or time.
        """
        self._server = server
        self._points = tuple(_point(server, model, reference) for reference in references)
        for point in self._points:
            if point.quality is not None:
                functions().IedServer_updateQuality(server, point.quality, INVALID)

    def show(self, values: Values) -> None:
        """Put values into the model; the model is locked.

        A value that is invalid keeps its number: none is made up.

        Raises:
            InputError: there is no such place, or a value that its type does not hold.
        """
        call, server = functions(), self._server
        stamps: dict[int, bytes] = {}
        rows = zip(values.places, values.values, values.qualities, values.times_ns, strict=True)
        for place, value, quality, time_ns in rows:
            if not 0 <= place < len(self._points):
                raise InputError(f"there is no point {place}")
            point = self._points[place]
            if point.time is not None:
                stamp = stamps.get(time_ns) or stamps.setdefault(time_ns, timestamp(time_ns))
                call.IedServer_updateTimestampAttributeValue(server, point.time, stamp)
            if point.quality is not None:
                call.IedServer_updateQuality(server, point.quality, quality)
            if quality & 3 != INVALID:
                _put(point, value)


def _put(point: Point, value: float | str) -> None:
    if isinstance(value, float) and not _SMALLEST_FLOAT <= value <= _LARGEST_FLOAT:
        raise InputError(f"{point.reference}: {value} is no value that is good")
    try:
        point.put(point.leaf.handle, value)
    except (TypeError, ValueError) as error:
        raise InputError(f"{point.reference}: '{value}' does not fit: {error}") from error


def _point(server: int, model: Model, reference: str) -> Point:
    leaf = model.leaves.get(reference)
    put = None if leaf is None else put_for(server, leaf.basic_type)
    if leaf is None or put is None:
        raise InputError(f"the IED's file has no point {reference}")
    stem, constraint = reference.rstrip("]").split("[")
    if constraint in SETTLED:
        return Point(reference, leaf, put, None, None)
    while "." in stem:
        stem = stem.rpartition(".")[0]
        quality = model.leaves.get(f"{stem}.q[{constraint}]")
        time = model.leaves.get(f"{stem}.t[{constraint}]")
        if quality is not None and time is not None:
            return Point(reference, leaf, put, quality.handle, time.handle)
    raise InputError(f"{reference} has no quality and time beside it")


def preset(server: int, model: Model) -> None:
    """Put what the file says into the model; what it does not say is invalid.

    Control models are set with their objects.

    Raises:
        InputError: a value that its type does not hold.
    """
    said: set[str] = set()
    for reference, leaf in model.leaves.items():
        put = None if leaf.preset is None else put_for(server, leaf.basic_type)
        if put is None:
            continue
        try:
            put(leaf.handle, leaf.preset)
        except ValueError:
            raise InputError(f"{reference}: '{leaf.preset}' is no {leaf.basic_type}") from None
        said.update(_objects(reference))
    for reference, leaf in model.leaves.items():
        is_quality = leaf.basic_type == "Quality" and leaf.preset is None
        if is_quality and not said.intersection(_objects(reference)[:1]):
            functions().IedServer_updateQuality(server, leaf.handle, INVALID)
    for control in model.controls.values():
        functions().IedServer_updateCtlModel(server, control.handle, control.model)


def _objects(reference: str) -> list[str]:
    """What an attribute lies in, from the inside, each with the attribute's constraint."""
    stem, constraint = reference.rstrip("]").split("[")
    parts = stem.split(".")
    return [f"{'.'.join(parts[:end])}[{constraint}]" for end in range(len(parts) - 1, 1, -1)]
