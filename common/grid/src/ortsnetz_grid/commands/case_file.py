"""Files that a command reads: a case, or any other input."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from ortsnetz_common.errors import InputError
from ortsnetz_grid.network.model import Network


def read(path: Path) -> bytes:
    """Contents of a file.

    Raises:
        InputError: names the file and the reason.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def read_case(path: Path) -> Network:
    """Read a case or a network.

    Raises:
        InputError: names the file, the element and the reason.
    """
    payload = read(path)
    try:
        return Network.from_json(payload, str(path))
    except InputError as error:
        place = _not_a_number(payload)
        if place is None:
            raise
        raise InputError(f"{path}: {place}") from error


def _not_a_number(payload: bytes) -> str | None:
    """First element with a NaN or an infinity; JSON has neither, but many programs write them."""
    try:
        document = json.loads(payload)
        components = [*document["data"].items()]
        components += document.get("ortsnetz", {}).get("elements", {}).items()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    for component, elements in components:
        for element in elements if isinstance(elements, list) else []:
            for field, value in element.items() if isinstance(element, dict) else []:
                if any(not math.isfinite(number) for number in _floats(value)):
                    name = f" '{element['name']}'" if element.get("name") else ""
                    return f"{component} {element.get('id')}{name}: {field} is not a finite number"
    return None


def _floats(value: Any) -> list[float]:
    """All numbers with a fraction in a value, a list or a matrix."""
    if isinstance(value, list):
        return [number for each in value for number in _floats(each)]
    return [value] if isinstance(value, float) else []
