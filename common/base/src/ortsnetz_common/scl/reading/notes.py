"""Takes down findings while a file is read, and reads attributes of the kinds that SCL has."""

from __future__ import annotations

from collections.abc import Sequence

from ortsnetz_common.scl.findings import MOST_LINES, Finding, Unread
from ortsnetz_common.scl.reading.tree import NAMESPACE, Element

MOST_FINDINGS = 2000
_LONGEST_QUOTE = 80
_SCHEMA_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
_LARGEST = 2**63 - 1
_TRUTH = {"true": True, "1": True, "false": False, "0": False}


class Notes:
    """Findings of one file.

    Attributes:
        dropped: findings beyond `MOST_FINDINGS`.
    """

    def __init__(self) -> None:
        self._findings: list[Finding] = []
        self.dropped = 0

    def findings(self) -> tuple[Finding, ...]:
        """All of them, in the order of the file."""
        return tuple(sorted(self._findings, key=lambda found: (found.line, found.path)))

    def add(self, element: Element, words: str) -> None:
        """Take down what does not fit."""
        if len(self._findings) < MOST_FINDINGS:
            self._findings.append(Finding(element.line, element.path(), words))
        else:
            self.dropped += 1

    def required(self, element: Element, name: str) -> str:
        """An attribute that has to be there; "" and a finding where it is not."""
        text = element.get(name)
        if not text:
            self.add(element, f"'{name}' is missing")
        return text or ""

    def word(self, element: Element, name: str, known: Sequence[str], default: str) -> str:
        """One of several words; as it is written, and a finding, where it is another one."""
        text = element.get(name)
        if text is not None and text not in known:
            self.add(element, f"{name}: '{quoted(text)}' is none of {', '.join(known)}")
        return default if text is None else text

    def truth(self, element: Element, name: str, *, default: bool) -> bool | None:
        """True or false; None and a finding where it is neither."""
        text = element.get(name)
        if text is None:
            return default
        if text not in _TRUTH:
            self.add(element, f"{name}: '{quoted(text)}' is neither true nor false")
        return _TRUTH.get(text)

    def whole(self, element: Element, name: str, default: int | None = None) -> int | None:
        """A whole number, not negative; None and a finding where it is none."""
        text = element.get(name)
        return default if text is None else self.number(element, name, text)

    def number(self, element: Element, what: str, text: str, base: int = 10) -> int | None:
        """A whole number from its text."""
        digits = "0123456789abcdef"[:base]
        if text and len(text) <= 20 and all(c in digits for c in text.lower()):
            number = int(text, base)
            if number <= _LARGEST:
                return number
        form = "hexadecimal digits are" if base == 16 else "a whole number is"
        self.add(element, f"{what}: '{quoted(text)}': {form} needed")
        return None


def quoted(text: str) -> str:
    """A text of the file, not too long for a sentence."""
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}..."


def unread(root: Element) -> tuple[Unread, ...]:
    """What nobody has asked for: of elements that were not read only the outermost."""
    lines: dict[str, list[int]] = {}
    counts: dict[str, int] = {}

    def take(what: str, line: int) -> None:
        counts[what] = counts.get(what, 0) + 1
        if len(lines.setdefault(what, [])) < MOST_LINES:
            lines[what].append(line)

    pending = [root]
    while pending:
        element = pending.pop()
        if not element.is_read:
            take(_called(element), element.line)
            continue
        for name in element.attributes.keys() - element.asked:
            namespace, _, local = name.rpartition("\x1f")
            if namespace != _SCHEMA_INSTANCE:
                foreign = f"{{{namespace}}}" if namespace else ""
                take(f"{element.name}@{foreign}{quoted(local)}", element.line)
        pending.extend(reversed(element.children))
    return tuple(Unread(what, counts[what], tuple(lines[what])) for what in sorted(counts))


def _called(element: Element) -> str:
    if element.namespace != NAMESPACE:
        return f"{{{quoted(element.namespace)}}}{quoted(element.name)}"
    if element.name == "Private":
        return f"Private {quoted(element.attributes.get('type', ''))}".strip()
    return quoted(element.name)
