"""Reads scenario files: a scenario, or an error that names file, line and field."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from ortsnetz_common.errors import InputError
from ortsnetz_common.files import yaml_source
from ortsnetz_common.files.complaints import complaint, did_you_mean
from ortsnetz_common.files.yaml_source import Place, Source, spelled
from ortsnetz_hil.scenarios import checks, events, faults
from ortsnetz_hil.scenarios.schema import FORMAT, Scenario, converted

_PARTS = re.compile(r"[^.\[\]]+")


def read(path: Path) -> tuple[Scenario, Source]:
    """Read a scenario file.

    Returns:
        The scenario, and the file with the line of each value.

    Raises:
        InputError: names file, line and field, and says what is needed.
    """
    try:
        payload = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    return parse(payload, str(path), path.parent)


def parse(payload: bytes, name: str, folder: Path | None = None) -> tuple[Scenario, Source]:
    """Read a scenario from bytes.

    Args:
        payload: the file's contents.
        name: how errors call the file.
        folder: where relative paths begin; None leaves files that it names unchecked.

    Raises:
        InputError: names file, line and field, and says what is needed.
    """
    source = yaml_source.load(payload, name, folder)
    stated = source.document.get("format")
    if stated != FORMAT:
        raise source.error(("format",), f"'{FORMAT}' is needed, not '{stated}'")
    scenario = _converted(source)
    checks.check(scenario, source)
    for number, proof in enumerate(scenario.proofs):
        place: Place = ("proofs", number, "change")
        try:
            apply_change(source, proof.change)
        except InputError as error:
            words = re.sub(rf"^{re.escape(name)}:(\d+:)? ", "", str(error))
            raise source.error((*place, *_culprit(proof.change, words)), words) from error
    return scenario, source


def apply_change(source: Source, change: Mapping[str, Any]) -> Scenario:
    """The scenario with other values, without its proofs.

    Criteria may then speak of a fault that is gone; they fail, as they should.

    Args:
        source: the file, as `read` returned it.
        change: new values by path, e.g. `{"connected.parameters.mode.limiting": "off"}`. Items of
            lists are counted from 0: `faults[0].to` or `faults.0.to`.

    Raises:
        InputError: a path leads nowhere, or what comes out is no scenario.
    """
    document = copy.deepcopy(source.document)
    document.pop("proofs", None)
    for path, value in change.items():
        _put(document, path, value, source)
    changed = Source(source.name, document, source.marks, source.folder)
    scenario = _converted(changed)
    checks.check(scenario, changed, complete=False)
    return scenario


def _converted(source: Source) -> Scenario:
    document = _tagged(source)
    try:
        scenario = converted(document)
    except msgspec.ValidationError as error:
        place, words = complaint(error, Scenario, document)
        raise source.error(place, words) from error
    proofs = tuple(
        msgspec.structs.replace(proof, fails=_one_line(proof.fails)) for proof in scenario.proofs
    )
    criteria = _one_line(scenario.criteria)
    return msgspec.structs.replace(scenario, criteria=criteria, proofs=proofs)


def _one_line(sentences: tuple[str, ...]) -> tuple[str, ...]:
    """Sentences with single spaces, however the file broke them into lines."""
    return tuple(" ".join(sentence.split()) for sentence in sentences)


def _tagged(source: Source) -> dict[str, Any]:
    """The document with the kind of each event and fault written down, as msgspec needs it."""
    document = dict(source.document)
    for section, keys, what in (
        ("events", events.KEYS, "an event"),
        ("faults", faults.KEYS, "a fault"),
    ):
        items = document.get(section)
        if not isinstance(items, list):
            continue
        document[section] = [
            {**item, "kind": _kind(source, (section, i), item, keys, what)}
            if isinstance(item, dict)
            else item
            for i, item in enumerate(items)
        ]
    return document


def _kind(
    source: Source, place: Place, item: dict[str, Any], keys: tuple[str, ...], what: str
) -> str:
    found = [key for key in item if key in keys]
    if "kind" in item:
        raise source.error((*place, "kind"), "unknown field")
    if len(found) == 1:
        return found[0]
    if found:
        raise source.error((*place, found[1]), f"{what} is one thing, not {' and '.join(found)}")
    others = [key for key in item if key not in {"at", "name", "from", "to"}]
    if others:
        raise source.error((*place, others[0]), f"unknown field{did_you_mean(others[0], keys)}")
    raise source.error(place, f"nothing says what {what} this is: {', '.join(keys)}")


def _put(document: dict[str, Any], path: str, value: Any, source: Source) -> None:
    parts = _PARTS.findall(path)
    if not parts:
        raise InputError(f"{source.name}: '{path}' is no path")
    here: Any = document
    for i, part in enumerate(parts[:-1]):
        here = _into(here, part, spelled(tuple(parts[: i + 1])), source)
    last = parts[-1]
    if isinstance(here, list):
        _into(here, last, path, source)
        here[int(last)] = value
    elif isinstance(here, dict):
        here[last] = value
    else:
        raise InputError(f"{source.name}: {path}: there is nothing inside '{parts[-2]}'")


def _into(here: Any, part: str, path: str, source: Source) -> Any:
    """What is inside; a group of fields that the file leaves out is begun."""
    if isinstance(here, list):
        if not part.isdecimal() or len(part) > 6 or int(part) >= len(here):
            raise InputError(f"{source.name}: {path}: the list has {len(here)} items, from 0")
        return here[int(part)]
    if isinstance(here, dict):
        if not isinstance(here.get(part), dict | list):
            here[part] = {}
        return here[part]
    raise InputError(f"{source.name}: {path}: there is nothing inside")


def _culprit(change: Mapping[str, Any], words: str) -> tuple[str, ...]:
    """The changed path that an error speaks of, so that its line is the right one."""
    near = [path for path in change if path in words]
    return (near[0],) if near else ((next(iter(change)),) if len(change) == 1 else ())
