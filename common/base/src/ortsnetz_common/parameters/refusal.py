"""What is wrong with the form of a parameter set, in words, with the name of what it is about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from ortsnetz_common.files.complaints import complaint

FILL_IN = "fill in"
"""The one field of an object that stands where people still have to say something."""


def in_words(error: msgspec.MsgspecError, payload: bytes, kind: Any) -> str:
    """A refusal of msgspec for people: `station.devices[0] 'ev-01': kind: 'wind' is none of ...`.

    Args:
        error: what decoding raised.
        payload: JSON that was decoded.
        kind: the type that it should have been.
    """
    if not isinstance(error, msgspec.ValidationError):
        return str(error)  # no JSON at all; the message has the byte
    document = msgspec.json.decode(payload)
    place, words = complaint(error, kind, document)
    path, named = "", ""
    for part in place:
        document = _inside(document, part)
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
        if isinstance(part, int) and isinstance(document, dict):
            name = document.get("name", document.get("element"))
            known = isinstance(name, str | int)
            named, path = (f"{named}{path} '{name}': ", "") if known else (named, path)
    mark = next(marks_in(document), None)
    if mark is not None and "got `object`" in str(error):
        words = f"still to be filled in: {mark}"
    return f"{named}{path}: {words}" if path else f"{named}{words}"


def marks_in(document: Any) -> Iterator[str]:
    """What people still have to say in a part of a set."""
    if isinstance(document, dict):
        if list(document) == [FILL_IN]:
            yield str(document[FILL_IN])
            return
        document = list(document.values())
    for inside in document if isinstance(document, list) else ():
        yield from marks_in(inside)


def _inside(document: Any, part: str | int) -> Any:
    if isinstance(document, dict):
        return document.get(str(part))
    if isinstance(document, list) and isinstance(part, int) and part < len(document):
        return document[part]
    return None
