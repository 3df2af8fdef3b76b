"""What msgspec complains about, in words for people and with the place in the document."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

import msgspec
from msgspec import inspect

from ortsnetz_common.files.yaml_source import Place

_PLACE = re.compile(r"^(?P<what>.*?)(?: - at `(?P<place>\$?[^`]*)`)?$", re.DOTALL)
_PART = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|(\[\.\.\.\])")
_TYPES = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "a group of fields",
    "null": "nothing",
    "datetime": "a date with time and zone such as 2016-07-25T17:00:00Z",
}
_FORMS = {"[01]": "a time of day such as 18:00", "[a-z0-9]": "a name of a-z, 0-9 and single -"}


def complaint(error: msgspec.ValidationError, kind: Any, document: Any) -> tuple[Place, str]:
    """Place and words of a validation error.

    Args:
        error: what `msgspec.convert` raised.
        kind: the type it converted to.
        document: what it converted.
    """
    match = _PLACE.match(str(error))
    what, text = (match["what"], match["place"] or "$") if match else (str(error), "$")
    place = tuple(int(i) if i else name for name, i, any_ in _PART.findall(text) if not any_)
    if unknown := re.match(r"Object contains unknown field `(.*)`", what, re.DOTALL):
        name = unknown[1]
        return (*place, name), f"unknown field{did_you_mean(name, fields(kind, place, document))}"
    if missing := re.match(r"Object missing required field `(.*)`", what):
        return place, f"the field '{missing[1]}' is missing"
    if what.startswith("Invalid enum value"):
        return place, _choice(what, allowed(kind, place, document))
    return place, _expectation(what)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?`, or what is known where nothing is near."""
    names = [name for name in known if name != "kind"]
    near = get_close_matches(word, names, n=1, cutoff=0.5)
    if near:
        return f"; did you mean '{near[0]}'?"
    return f"; known: {', '.join(names)}" if names else ""


def fields(kind: Any, place: Place, document: Any) -> list[str]:
    """Names of the fields at a place, as files spell them."""
    found = _at(inspect.type_info(kind), place, document)
    return [f.encode_name for t in found if isinstance(t, inspect.StructType) for f in t.fields]


def allowed(kind: Any, place: Place, document: Any) -> list[str]:
    """The words that a place accepts."""
    found = _at(inspect.type_info(kind), place, document)
    words = [str(v) for t in found if isinstance(t, inspect.LiteralType) for v in t.values]
    enums = [t.cls for t in found if isinstance(t, inspect.EnumType)]
    return words + [str(member.value) for enum in enums for member in enum]


def _choice(what: str, words: list[str]) -> str:
    given = what.removeprefix("Invalid enum value ").strip("'")
    near = get_close_matches(given, words, n=1, cutoff=0.6)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    return f"'{given}' is none of {', '.join(words)}{hint}"


def _expectation(what: str) -> str:
    what = re.sub(r"^Expected ", "", what)
    if form := re.search(r"matching regex '\^\(?(\[[^\]]+\])", what):
        return f"{_FORMS.get(form[1], 'another form')} is needed"
    if length := re.match(r"`\w+` of length (?:>= )?(\d+)", what):
        return f"at least {length[1]} needed" if ">=" in what else f"exactly {length[1]} needed"
    if bound := re.match(r"`\w+` (>=|<=|>|<) ([-+.\de]+)", what):
        sign = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}[bound[1]]
        return f"{sign} {float(bound[2]):g} is {'possible' if '<' in bound[1] else 'needed'}"
    if "with a timezone" in what or "Invalid RFC3339" in what:
        return f"{_TYPES['datetime']} is needed"
    if types := re.match(r"`([^`]+)`, got `([^`]+)`", what):
        wanted = " or ".join(_TYPES.get(t.strip(), t.strip()) for t in types[1].split("|"))
        return f"{wanted} is needed, not {_TYPES.get(types[2], types[2])}"
    return what


def _at(info: inspect.Type, place: Place, document: Any) -> list[inspect.Type]:
    """Types that a place may have; tagged structs by the document's own tag."""
    found = _alternatives(info, document)
    for part in place:
        document = _inside(document, part)
        found = [t for outer in found for t in _alternatives(_member(outer, part), document)]
    return found


def _member(outer: inspect.Type, part: str | int) -> inspect.Type | None:
    if isinstance(outer, inspect.StructType):
        return next((f.type for f in outer.fields if f.encode_name == part), None)
    if isinstance(outer, inspect.VarTupleType):
        return outer.item_type
    return None


def _alternatives(info: inspect.Type | None, document: Any) -> list[inspect.Type]:
    if isinstance(info, inspect.Metadata):
        return _alternatives(info.type, document)
    if isinstance(info, inspect.UnionType):
        tag = document.get("kind") if isinstance(document, dict) else None
        every = [t for option in info.types for t in _alternatives(option, document)]
        if tag is None:
            return every
        return [t for t in every if getattr(t, "tag", None) == tag] or every
    return [] if info is None else [info]


def _inside(document: Any, part: str | int) -> Any:
    if isinstance(document, dict):
        return document.get(part)
    if isinstance(document, list) and isinstance(part, int) and part < len(document):
        return document[part]
    return None
