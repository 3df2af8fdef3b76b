"""References of the toy protocol: `voltage/1`, `limit`, `maker`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

_FORM = re.compile(r"(?P<name>[a-z]+)(/(?P<number>[0-9]{1,3}))?")


@dataclass(frozen=True, slots=True)
class ToyReference:
    """One value of a device."""

    name: str
    number: int | None = None

    def __str__(self) -> str:
        return self.name if self.number is None else f"{self.name}/{self.number}"


class ToySyntax:
    """Fulfils `profiles.references.Syntax`."""

    def parse(self, text: str) -> ToyReference:
        """A reference from its text. Raises ValueError."""
        match = _FORM.fullmatch(text)
        if match is None:
            raise ValueError(f"'{text}' is not of the form voltage/1")
        return ToyReference(match["name"], int(match["number"]) if match["number"] else None)

    def shifted(self, reference: ToyReference, by: int) -> ToyReference:
        """The same value of a bay that lies so much further. Raises ValueError."""
        if reference.number is None:
            raise ValueError(f"{reference} has no number that could be counted on")
        return replace(reference, number=reference.number + by)
