"""YAML with marks: a document of plain values, and the line of each of them.

Scalars are resolved as in YAML 1.2's core schema, not as in PyYAML's 1.1: `off` is a word, not
false, and `18:00` is a time of day, not 1080. Anchors and aliases are refused: a few lines of them
can stand for gigabytes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from yaml.error import MarkedYAMLError
from yaml.reader import ReaderError

from ortsnetz_common.errors import InputError

LARGEST_BYTES = 1 << 20
DEEPEST = 20
MOST_NODES = 50_000

Place = tuple[str | int, ...]
_INT = re.compile(r"[-+]?[0-9]{1,18}")
_HEX = re.compile(r"0x[0-9a-fA-F]{1,16}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("null", "Null", "NULL", "~", "")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_PLAIN_TAGS = {"tag:yaml.org,2002:str", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"}


@dataclass(frozen=True, slots=True)
class Source:
    """A file as it was written.

    Attributes:
        name: how errors call it, mostly its path.
        document: plain values: mappings, lists, text, numbers, booleans, None.
        marks: line of each value, counted from 1, by its path from the root.
        folder: where relative paths begin, None for a text without a file.
    """

    name: str
    document: dict[str, Any]
    marks: dict[Place, int] = field(repr=False)
    folder: Path | None = None

    def line(self, path: Place) -> int:
        """Line of a value; of what contains it where the value itself is not in the file."""
        while path and path not in self.marks:
            path = path[:-1]
        return self.marks[path]

    def error(self, path: Place, words: str) -> InputError:
        """An error about a value, with file, line and field."""
        where = spelled(path)
        return InputError(f"{self.name}:{self.line(path)}: {where + ': ' if where else ''}{words}")


def spelled(path: Place) -> str:
    """A path as people write it: `faults[0].from`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def load(payload: bytes, name: str, folder: Path | None = None) -> Source:
    """Read YAML.

    Args:
        payload: the file's bytes, UTF-8.
        name: how errors call the file.
        folder: where relative paths begin.

    Raises:
        InputError: not UTF-8, too large, not YAML, no mapping, a key twice, an anchor or a tag;
            names the line.
    """
    if len(payload) > LARGEST_BYTES:
        raise InputError(f"{name}:1: larger than {LARGEST_BYTES} bytes: no such file is that long")
    try:
        text = payload.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = 1 + payload[: error.start].count(b"\n")
        raise InputError(f"{name}:{line}: not UTF-8: save the file as UTF-8") from error
    try:
        _refuse_what_grows(text, name)
        node = yaml.compose(text, Loader=yaml.BaseLoader)
    except ReaderError as error:
        line = 1 + text[: error.position].count("\n")
        raise InputError(f"{name}:{line}: a character that YAML does not allow") from error
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 + (mark.line if mark else 0)
        raise InputError(f"{name}:{line}: not YAML: {error.problem or error.context}") from error
    except (ValueError, OverflowError) as error:  # PyYAML on escapes such as \UFFFFFFFF
        raise InputError(f"{name}:1: not YAML: {error}") from error
    if not isinstance(node, yaml.MappingNode):
        raise InputError(f"{name}:{_line(node) if node else 1}: fields with values are needed")
    reading = _Reading(name)
    document = reading.value(node, ())
    return Source(name, document, reading.marks, folder)


def _refuse_what_grows(text: str, name: str) -> None:
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=yaml.BaseLoader)):
        line = 1 + (event.start_mark.line if event.start_mark else 0)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise InputError(f"{name}:{line}: anchors (&) and aliases (*) are not allowed here")
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            depth += 1
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            depth -= 1
        if depth > DEEPEST or count > MOST_NODES:
            raise InputError(f"{name}:{line}: too deep or too long")


class _Reading:
    """Turns nodes into values and keeps their lines."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.marks: dict[Place, int] = {}

    def value(self, node: yaml.Node, path: Place) -> Any:
        self.marks.setdefault(path, _line(node))
        if node.tag not in _PLAIN_TAGS:
            raise InputError(f"{self._name}:{_line(node)}: tags such as {node.tag} are not allowed")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, i)) for i, item in enumerate(node.value)]
        return self._scalar(node) if isinstance(node, yaml.ScalarNode) else None

    def _mapping(self, node: yaml.MappingNode, path: Place) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in self._pairs(node):
            if key in found:
                first = self.marks[(*path, key)]
                words = f"{spelled((*path, key))}: this field is already in line {first}"
                raise InputError(f"{self._name}:{_line(value[0])}: {words}")
            self.marks[(*path, key)] = _line(value[0])
            found[key] = self.value(value[1], (*path, key))
        return found

    def _pairs(self, node: yaml.MappingNode) -> Iterator[tuple[str, tuple[yaml.Node, yaml.Node]]]:
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise InputError(f"{self._name}:{_line(key)}: the name of a field has to be a word")
            yield str(key.value), (key, value)

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        text = str(node.value)
        if node.style is not None:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INT.fullmatch(text):
            return int(text)
        if _HEX.fullmatch(text):
            return int(text, 16)
        if _FLOAT.fullmatch(text):
            number = float(text)
            if not math.isfinite(number):
                raise InputError(f"{self._name}:{_line(node)}: {text} is too large a number")
            return number
        return text


def _line(node: yaml.Node) -> int:
    return 1 + int(node.start_mark.line)
