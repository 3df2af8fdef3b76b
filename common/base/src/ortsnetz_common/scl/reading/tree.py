"""XML as a tree with lines, under bounds: no document type, no entities, nothing from elsewhere.

The standard library's expat, with handlers that refuse what an SCL file does not need. A document
type is where entities are declared, so that refusing it ends "billion laughs" and external entities
alike (OWASP, XML External Entity Prevention). The whole text is handed over at once: expat 2.5
takes quadratic time for one large token in many pieces (CVE-2023-52425).
"""

from __future__ import annotations

from typing import NoReturn
from xml.parsers import expat

from ortsnetz_common.errors import InputError

NAMESPACE = "http://www.iec.ch/61850/2003/SCL"
LARGEST_BYTES = 32 << 20
MOST_ELEMENTS = 400_000
DEEPEST = 40
MOST_ATTRIBUTES = 64
LONGEST_ATTRIBUTE = 16_384
LONGEST_TEXT = 65_536
_SEPARATOR = "\x1f"


class Element:
    """An element; remembers what of it was asked for, so that the rest can be listed.

    Attributes:
        name: without prefix.
        namespace: its URI.
        line: counted from 1.
        is_read: whether it was asked for.
        asked: names of the attributes that were asked for.
    """

    __slots__ = (
        "asked",
        "attributes",
        "children",
        "is_read",
        "line",
        "name",
        "namespace",
        "parent",
        "text",
    )

    def __init__(self, name: str, line: int, parent: Element | None) -> None:
        self.namespace, _, self.name = name.rpartition(_SEPARATOR)
        self.line = line
        self.parent = parent
        self.attributes: dict[str, str] = {}
        self.children: list[Element] = []
        self.text = ""
        self.is_read = False
        self.asked: set[str] = set()

    def get(self, name: str) -> str | None:
        """An attribute; None where it is not there."""
        self.asked.add(name)
        return self.attributes.get(name)

    def each(self, *names: str) -> list[Element]:
        """Children of SCL with one of these names, in the order of the file."""
        found = [c for c in self.children if c.name in names and c.namespace == NAMESPACE]
        for child in found:
            child.is_read = True
        return found

    def all(self) -> list[Element]:
        """All children of SCL, in the order of the file."""
        found = [c for c in self.children if c.namespace == NAMESPACE and c.name != "Private"]
        for child in found:
            child.is_read = True
        return found

    def path(self) -> str:
        """Where it lies: `IED[B1]/AccessPoint[AP1]`."""
        steps = []
        element: Element | None = self
        while element is not None and element.parent is not None:
            steps.append(element.step())
            element = element.parent
        return "/".join(reversed(steps)) or self.name

    def step(self) -> str:
        """Its name with what tells it from its neighbours."""
        value = self.attributes
        if self.name in ("LN", "LN0", "LNode"):
            instance = value.get("inst", value.get("lnInst", ""))
            label = f"{value.get('prefix', '')}{value.get('lnClass', '')}{instance}"
        elif self.name == "ConnectedAP":
            label = f"{value.get('iedName', '')}/{value.get('apName', '')}"
        else:
            known = ("name", "id", "inst", "cbName", "doName", "type")
            label = next((value[key] for key in known if key in value), "")
        return f"{self.name}[{label[:80]}]" if label else self.name


def parse_tree(payload: bytes, name: str) -> Element:
    """The root element of an XML file.

    Args:
        payload: the file's bytes.
        name: how errors call the file.

    Raises:
        InputError: not XML, or beyond the bounds; names the line.
    """
    if len(payload) > LARGEST_BYTES:
        raise InputError(f"{name}:1: larger than {LARGEST_BYTES >> 20} MiB")
    return _Builder(name).built(payload)


class _Builder:
    """Takes expat's events."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._parser.EntityDeclHandler = self._refuse
        self._parser.ExternalEntityRefHandler = self._refuse
        self._root: Element | None = None
        self._current: Element | None = None
        self._depth = self._count = 0

    def built(self, payload: bytes) -> Element:
        try:
            self._parser.Parse(payload, True)  # noqa: FBT003 - expat's own word for "final"
        except expat.ExpatError as error:
            words = expat.ErrorString(error.code)
            raise InputError(f"{self._name}:{error.lineno}: not XML: {words}") from error
        except (LookupError, ValueError) as error:  # an encoding that Python does not have
            raise InputError(f"{self._name}:1: save the file as UTF-8: {error}") from error
        if self._root is None:  # expat has said so before
            raise InputError(f"{self._name}:1: not XML: no element")
        return self._root

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        self._depth += 1
        if self._count > MOST_ELEMENTS:
            self._fail(f"more than {MOST_ELEMENTS} elements")
        if self._depth > DEEPEST:
            self._fail(f"deeper than {DEEPEST} elements")
        if len(attributes) > MOST_ATTRIBUTES:
            self._fail(f"an element with more than {MOST_ATTRIBUTES} attributes")
        if any(len(text) > LONGEST_ATTRIBUTE for text in attributes.values()):
            self._fail(f"an attribute longer than {LONGEST_ATTRIBUTE} characters")
        element = Element(name, self._parser.CurrentLineNumber, self._current)
        element.attributes = attributes
        if self._current is None:
            self._root = element
        else:
            self._current.children.append(element)
        self._current = element

    def _end(self, name: str) -> None:
        del name
        self._depth -= 1
        if self._current is not None:
            self._current.text = self._current.text.strip()
            self._current = self._current.parent

    def _characters(self, text: str) -> None:
        if self._current is None:
            return
        if len(self._current.text) + len(text) > LONGEST_TEXT:
            self._fail(f"a text longer than {LONGEST_TEXT} characters")
        self._current.text += text

    def _refuse(self, *_: object) -> NoReturn:
        self._fail("a document type (<!DOCTYPE ...>) or entity, which no SCL file needs: remove it")

    def _fail(self, words: str) -> NoReturn:
        raise InputError(f"{self._name}:{self._parser.CurrentLineNumber}: {words}")
